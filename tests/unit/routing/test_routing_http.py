"""The HTTP front of routing, on documents in memory."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.routing.api import routes
from services.routing.store import CASES
from shared import http
from shared.loop.documents import Stored
from shared.service import Running
from shared.settings import Settings
from tests.support.cases import Life, appeal, jurisdiction
from tests.support.fakes import FakeBus, FakeDocuments

CASE = "/api/v1/cases/case-1"


class Front:
    """The service in memory; ``life`` is its one case."""

    def __init__(self) -> None:
        self.documents, self.bus, self.life = FakeDocuments(), FakeBus(), Life()
        registry = CollectorRegistry()
        running = Running(
            Settings(),
            cast(Any, self.documents),
            cast(Any, self.bus),
            cast(Any, None),
            jurisdiction(),
            registry,
        )
        app = http.create("routing", _ready, registry, dict)
        routes(app, running)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://routing")

    async def get(self, path: str = "") -> Any:
        self._keep()
        return (await self.client.get(CASE + path)).json()

    async def post(self, verb: str, **body: Any) -> httpx.Response:
        self._keep()
        return await self.client.post(f"{CASE}/{verb}", json={"reason": "区里指定"} | body)

    def _keep(self) -> None:
        self.documents.put(Stored(CASES, "case-1", 1, self.life.case))


async def _ready() -> str:
    return ""


@pytest.fixture
def front() -> Front:
    return Front()


async def test_a_resolved_case_is_not_redispatched(front: Front) -> None:
    front.life.tell(appeal())
    front.life.resolve_all()

    answer = await front.post("redispatch", agency="housing-zy")

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == ["case_id"]
    assert not front.bus.streams
