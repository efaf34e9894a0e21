"""The HTTP front of revisit, on documents in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.revisit.api import routes
from services.revisit.handlers import handlers
from shared.access import Tokens
from shared.contracts.values import Location
from shared.loop.envelope import now
from shared.loop.loop import Loop
from shared.settings import Settings
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.http_fronts import client, running
from tests.support.messages import own
from tests.support.revisits import PLACE, SAMPLE, TEAM, resolved, task_id
from tests.support.tokens import bearer, holding


class Ingress(FakeBus):
    """The bus as an HTTP front uses it."""

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        self.put(subject, headers, body)


@dataclass
class Front:
    """The service in memory, with one task of the team."""

    client: httpx.AsyncClient
    bus: Ingress
    loop: Loop
    path: str

    async def say(self, key: str | None = None, **data: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"by": {"name": "网格员"}, "outcome": "reached"} | data
        return await self.client.post(f"{self.path}/revisited", json=body, headers=headers)

    async def settled(self) -> None:
        """What the team said is processed."""
        for sequence in self.bus.unsettled(f"FIELD_{TEAM}"):
            await self.loop.settle([self.bus.deliver(f"FIELD_{TEAM}", sequence)])


@pytest.fixture
def tokens() -> Tokens:
    return "optional"


@pytest.fixture
async def front(tmp_path: Path, tokens: Tokens) -> Front:
    bus, documents, start = Ingress(), FakeDocuments(), now()
    bus.now = start
    settings = Settings(files_dir=tmp_path, http_tokens=tokens)
    here = running(documents, bus, holding(SAMPLE), settings)
    loop = Loop(handlers, documents, bus, context=lambda _at: SAMPLE, vet=here.receipts.wrong)
    home = Location(compound=PLACE.name, building="3号楼", room="501", address="3号楼501室")
    case = resolved(at=start, resolved_at=start, location=home, places=[home])
    await loop.settle([own(bus, case, time=start)])
    return Front(client("revisit", here, routes), bus, loop, f"/api/v1/tasks/{task_id(case.case_id, 0)}")


async def test_the_same_key_is_taken_again_after_the_task_is_over(front: Front) -> None:
    at = now().isoformat()
    for _ in range(2):
        assert (await front.say("k", at=at, solved=True)).status_code == 202
        await front.settled()

    shown = (await front.client.get(front.path)).json()
    assert (shown["state"], len(shown["visits"])) == ("held", 1)
    assert front.bus.bodies(f"revisit.{TEAM}.refused.v1") == []


async def test_the_same_key_with_another_body_is_a_conflict(front: Front) -> None:
    at = now().isoformat()
    await front.say("k", at=at, outcome="unreachable")
    await front.settled()

    another = await front.say("k", at=at, solved=True)

    assert another.status_code == 409
    assert another.json()["errors"][0]["field"] == "id"


async def test_a_task_that_is_over_is_a_conflict(front: Front) -> None:
    await front.say(at=now().isoformat(), solved=True)
    await front.settled()

    answer = await front.say(at=now().isoformat(), solved=True)

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "task_id"


async def test_a_task_is_shown_without_contact_and_door(front: Front) -> None:
    shown = (await front.client.get(front.path)).json()

    assert shown["location"] == {"compound": "金桥花园", "building": "3号楼"}
    assert "501" not in json.dumps(shown)
    assert "contact" not in shown


@pytest.mark.parametrize("tokens", ["required"])
async def test_without_a_token_nothing_is_answered(front: Front) -> None:
    assert (await front.client.get(front.path)).status_code == 401
    assert (await front.client.get("/api/v1/tasks")).status_code == 401
    assert (await front.say(at=now().isoformat())).status_code == 401


@pytest.mark.parametrize("tokens", ["required", "optional"])
async def test_a_team_sees_and_says_what_is_its_own(front: Front) -> None:
    other = next(team.id for team in SAMPLE.tenants.of_kind("team") if team.id != TEAM)
    front.client.headers.update(bearer(other))
    assert (await front.client.get(front.path)).status_code == 404
    assert (await front.say(at=now().isoformat())).status_code == 404
    assert (await front.client.get("/api/v1/tasks", params={"team": TEAM})).status_code == 403

    front.client.headers.update(bearer(TEAM))
    assert (await front.client.get(front.path)).status_code == 200
    assert (await front.say(at=now().isoformat())).status_code == 202
