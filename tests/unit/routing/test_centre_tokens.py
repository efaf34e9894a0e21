"""Cases and figures are the centre's: who asks shows the token of a seat, and what it orders bears its name."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.metrics.app import SERVICE as METRICS
from services.routing.app import SERVICE as ROUTING
from services.routing.store import CASES
from shared.loop.documents import Stored
from shared.service import Service
from shared.settings import Settings
from tests.support.cases import Life, appeal, jurisdiction
from tests.support.fakes import FakeBus
from tests.support.http_fronts import application, running
from tests.support.shelf import Shelf
from tests.support.tokens import DUTY, LEADER, bearer, holding, seated

HERE = seated(holding(jurisdiction()))
AGENCY = HERE.tenants.of_kind("agency")[0].id
SUPERVISE = "/api/v1/cases/case-1/supervise"
TIMELINE = "/api/v1/cases/case-1/timeline"
OPEN = ("/health/live", "/health/ready", "/metrics", "/docs/asyncapi.json")


class Front:
    """A service in memory as production runs it, with one case."""

    def __init__(self, service: Service = ROUTING, tokens: Any = "required") -> None:
        self.documents, self.bus = Shelf(), FakeBus()
        front = running(self.documents, self.bus, HERE, Settings(http_tokens=tokens))
        self.app = application(service.name, front, service.routes)
        life = Life()
        life.tell(appeal())
        self.documents.put(Stored(CASES, "case-1", 1, life.case))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://centre")

    async def supervise(self, headers: dict[str, str], key: str | None = None, **body: Any) -> httpx.Response:
        headers = headers | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(SUPERVISE, json={"reason": "拖得太久"} | body, headers=headers)

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """(id, data) of every order that was published."""
        stream = self.bus.streams.get("INNER")
        return [(h["ce-id"], orjson.loads(b)) for _, h, b, _ in stream.messages] if stream else []


def paths(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of everything that is not open in every service."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    return [
        (method, route.path)
        for route in routes
        for method in route.methods
        if not route.path.startswith(("/health/", "/metrics", "/docs/"))
    ]


@pytest.mark.parametrize("service", [ROUTING, METRICS], ids=lambda service: service.name)
async def test_without_a_token_no_path_answers_but_those_open_everywhere(service: Service) -> None:
    front = Front(service)

    answers = {path: await front.client.request(*path, json={}) for path in paths(front.app)}
    opened = [(await front.client.get(path)).status_code for path in OPEN]

    assert answers
    for path, answer in answers.items():
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (401, "Authorization"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert opened == [200] * len(OPEN)


@pytest.mark.parametrize(
    ("shown", "method", "path", "status"),
    [
        ("Bearer nl_nobody", "GET", TIMELINE, 401),
        ("Bearer nl_gone", "GET", TIMELINE, 401),
        ("Bearer", "GET", TIMELINE, 401),
        ("", "GET", TIMELINE, 401),
        ("Basic ***", "GET", TIMELINE, 401),
        (f"Bearer nl_{AGENCY}", "GET", TIMELINE, 403),
        (f"Bearer nl_{AGENCY}", "POST", SUPERVISE, 403),
        (f"Bearer nl_{LEADER}", "POST", SUPERVISE, 403),
    ],
)
@pytest.mark.parametrize("tokens", ["required", "optional"])
async def test_a_token_that_is_not_good_here_is_refused_by_name(
    shown: str, method: str, path: str, status: int, tokens: str
) -> None:
    front = Front(tokens=tokens)

    answer = await front.client.request(method, path, json={"reason": "x"}, headers={"Authorization": shown})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, "Authorization")
    assert not front.said()


async def test_a_leader_reads_and_the_desk_reads_and_orders() -> None:
    front = Front()

    read = [(await front.client.get(TIMELINE, headers=bearer(who))).status_code for who in (LEADER, DUTY)]
    ordered = await front.supervise(bearer(DUTY))

    assert read == [200, 200]
    assert ordered.status_code == 202


@pytest.mark.parametrize("by", [{}, {"by": DUTY}, {"by": "值班席"}, {"by": "Duty desk"}])
async def test_an_order_is_signed_by_whose_token_was_shown(by: dict[str, str]) -> None:
    front = Front()

    await front.supervise(bearer(DUTY), **by)

    ((_, word),) = front.said()
    assert word["by"] == DUTY


@pytest.mark.parametrize("by", ["night", "centre", "张三"])
async def test_an_order_signed_with_another_name_is_refused_by_field(by: str) -> None:
    front = Front()

    answer = await front.supervise(bearer(DUTY), by=by)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "by")
    assert not front.said()


async def test_the_same_key_from_two_seats_is_two_orders_and_from_one_seat_one() -> None:
    front = Front()

    for who in (DUTY, DUTY, "night"):
        await front.supervise(bearer(who), key="k-1")

    assert [word["by"] for _, word in front.said()] == [DUTY, "night"]


async def test_where_no_token_is_asked_for_an_order_says_itself_who_gives_it() -> None:
    front = Front(tokens="optional")

    await front.supervise({}, by="值班长")
    await front.supervise({})
    await front.supervise(bearer(DUTY))

    assert [word["by"] for _, word in front.said()] == ["值班长", "centre", DUTY]


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{secret}".encode()).decode()}


async def test_a_browser_reads_with_the_token_as_its_password_and_orders_nothing() -> None:
    front = Front()

    asked = await front.client.get(TIMELINE)
    read = await front.client.get(TIMELINE, headers=basic(f"nl_{LEADER}"))
    ordered = await front.supervise(basic(f"nl_{DUTY}"))

    assert "Basic realm=" in asked.headers["WWW-Authenticate"]
    assert read.status_code == 200
    assert (ordered.status_code, ordered.headers["WWW-Authenticate"]) == (401, "Bearer")
