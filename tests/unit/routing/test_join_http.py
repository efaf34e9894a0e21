"""Joining over HTTP, on documents in memory: the order is durable, and what cannot be meant is refused by field."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from services.routing.app import SERVICE
from services.routing.domain.case import Closed
from services.routing.store import CASES
from shared.loop.documents import Applied, Stored
from shared.settings import Settings
from tests.support.cases import START, Life, appeal, jurisdiction
from tests.support.fakes import FakeBus
from tests.support.http_fronts import client, running
from tests.support.shelf import Shelf

WORD = {"into": "open", "reason": "同一处故障", "by": "值班长"}


class Front:
    """The service in memory: one case waits, one is at work, one is closed."""

    def __init__(self) -> None:
        self.documents, self.bus = Shelf(), FakeBus()
        front = running(self.documents, self.bus, jurisdiction(), Settings(http_tokens="optional"))
        self.client = client("routing", front, SERVICE.routes)
        self.waiting = self.put("waits", confidence=0.1)
        self.put("open", case_no="20251120-OPEN")
        over = self.put("over")
        self.documents.put(
            Stored(CASES, "over", 2, Closed(**over.carried(), outcome="verified", closed_at=START))
        )

    def put(self, id: str, **changes: Any) -> Any:
        life = Life()
        life.tell(appeal(case_id=id, **changes))
        self.documents.put(Stored(CASES, id, 1, life.case))
        return life.case

    async def join(self, id: str, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else None
        return await self.client.post(f"/api/v1/cases/{id}/join", json=WORD | changes, headers=headers)

    def published(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        return [(headers, orjson.loads(body)) for _, headers, body, _ in self.bus.streams["INNER"].messages]


@pytest.fixture
def front() -> Front:
    return Front()


async def test_the_order_is_durable_and_names_the_other_case(front: Front) -> None:
    answer = await front.join("waits")

    assert answer.status_code == 202
    ((headers, said),) = front.published()
    assert headers["ce-id"] == answer.json()["event_id"]
    assert (said["case_id"], said["into"], said["into_no"]) == ("waits", "open", "20251120-OPEN")
    assert (said["appeals"], said["reason"], said["by"]) == (1, "同一处故障", "值班长")


async def test_the_same_order_under_the_same_key_is_one_also_after_it_was_applied(front: Front) -> None:
    first, again = await front.join("waits", "k"), await front.join("waits", "k")
    id = first.json()["event_id"]
    assert again.json()["event_id"] == id
    assert len(front.published()) == 1

    over = Closed(**front.waiting.carried(), outcome="joined", closed_at=START, joined_to="open")
    front.documents.put(Stored(CASES, "waits", 2, over, {id: Applied(0)}))

    later = await front.join("waits", "k")
    assert (later.status_code, later.json()["event_id"]) == (202, id)


@pytest.mark.parametrize(
    ("id", "changes", "status", "field"),
    [
        ("open", {"into": "waits"}, 409, "case_id"),
        ("over", {}, 409, "case_id"),
        ("waits", {"into": "waits"}, 422, "into"),
        ("waits", {"into": "nothing"}, 422, "into"),
        ("waits", {"into": "over"}, 409, "into"),
        ("waits", {"into": 5}, 422, "into"),
        ("waits", {"reason": ""}, 422, "reason"),
        ("waits", {"lead": "heating-zy"}, 422, "lead"),
    ],
)
async def test_what_cannot_be_joined_is_refused_by_field(
    front: Front, id: str, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = await front.join(id, **changes)

    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not front.bus.streams


async def test_a_case_nobody_knows_yet_may_be_on_its_way(front: Front) -> None:
    answer = await front.join("not-here")

    assert answer.status_code == 404
    assert "Retry-After" in answer.headers
