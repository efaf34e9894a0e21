"""The HTTP front of response, and its sweep, on documents in memory."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.response.handlers import handlers
from services.response.speaking import VERBS
from services.response.store import COLLECTIONS
from services.response.sweep import deadlines
from shared.contracts.response import AssignmentDue
from shared.loop.decision import Input
from shared.loop.envelope import now, outgoing
from tests.support.assignments import AGENCY, OTHER
from tests.support.response_front import Front


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(tmp_path)


async def test_what_is_said_is_durable_when_it_is_answered(front: Front) -> None:
    await front.ordered("a-1")

    answer = await front.say("a-1", "accepted", key="reply 1", note="马上到")

    assert answer.status_code == 202
    assert answer.json() == {"event_id": "reply 1", "status_url": "/api/v1/assignments/a-1"}
    ((subject, _, body, _),) = front.bus.streams[f"RESPONSE_{AGENCY}"].messages
    assert subject == f"response.{AGENCY}.accepted.v1"
    assert json.loads(body)["note"] == "马上到"
    await front.settled()
    shown = (await front.client.get(answer.json()["status_url"])).json()
    assert (shown["state"], shown["contact"]["phone"]) == ("accepted", "13812345678")


async def test_the_same_key_says_the_same_once(front: Front) -> None:
    await front.ordered("a-1")
    at = now().isoformat()
    for _ in range(2):
        assert (await front.say("a-1", "accepted", key="k", at=at)).status_code == 202
        await front.settled()

    another = await front.say("a-1", "accepted", key="k", at=at, note="另一份")

    assert another.status_code == 409
    assert another.json()["errors"][0]["field"] == "id"
    assert front.bus.bodies(f"dispatch.{AGENCY}.refused.v1") == []


@pytest.mark.parametrize(
    ("verb", "data", "status", "field"),
    [
        ("accepted", {"colour": "red"}, 422, "colour"),
        ("accepted", {"at": "2026-11-20T08:00:00"}, 422, "at"),
        ("accepted", {"assignment_id": "a-2"}, 422, "assignment_id"),
        ("resolved", {"outcome": "done", "measures": "x", "reply": "y"}, 422, "outcome"),
        (
            "returned",
            {"reason_code": "other", "reason": "x", "suggested_agency": "x"},
            422,
            "suggested_agency",
        ),
        ("extension_requested", {"until": "2020-01-01T00:00:00Z", "reason": "x"}, 422, "until"),
        ("accepted", {"note": "x" * 70_000}, 413, "data"),
    ],
)
async def test_bad_fields_are_answered_at_once(
    front: Front, verb: str, data: dict[str, Any], status: int, field: str
) -> None:
    await front.ordered("a-1")

    answer = await front.say("a-1", verb, **data)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert f"RESPONSE_{AGENCY}" not in front.bus.streams


async def test_what_is_not_there_yet_may_be_asked_for_again(front: Front) -> None:
    unknown = await front.client.get("/api/v1/assignments/nowhere")
    spoken = await front.say("nowhere", "accepted")
    await front.ordered("a-1")
    no_verb = await front.say("a-1", "finished")

    assert (unknown.status_code, unknown.headers["retry-after"]) == (404, "1")
    assert (spoken.status_code, spoken.headers["retry-after"]) == (404, "1")
    assert no_verb.status_code == 404
    assert "retry-after" not in no_verb.headers


async def test_a_key_is_used_for_one_assignment_only(front: Front) -> None:
    await front.ordered("a-1")
    await front.ordered("a-2")
    assert (await front.say("a-1", "accepted", key="k")).status_code == 202
    await front.settled()

    again = await front.say("a-2", "accepted", key="k")

    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "id")


async def test_what_is_over_is_a_conflict(front: Front) -> None:
    await front.ordered("a-1")
    await front.say("a-1", "returned", reason_code="not_ours", reason="不在供热范围")
    await front.settled()

    answer = await front.say("a-1", "accepted")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "assignment_id"


async def test_an_engine_that_is_away_is_said(front: Front) -> None:
    await front.ordered("a-1")
    front.bus.away = True

    answer = await front.say("a-1", "accepted")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_assignments_are_listed_by_agency_and_state_a_page_at_a_time(front: Front) -> None:
    for id in ("a-1", "a-2", "a-3"):
        await front.ordered(id)
    await front.ordered("b-1", agency=OTHER)
    await front.say("a-2", "accepted")
    await front.settled()

    async def listed(query: str) -> list[str]:
        answer = await front.client.get(f"/api/v1/assignments{query}")
        assert answer.status_code == 200
        return [one["assignment_id"] for one in answer.json()]

    assert await listed("") == ["a-1", "a-2", "a-3", "b-1"]
    assert await listed(f"?agency={AGENCY}") == ["a-1", "a-2", "a-3"]
    assert await listed(f"?agency={AGENCY}&state=accepted") == ["a-2"]
    assert await listed("?state=assigned&limit=2&after=a-1") == ["a-3", "b-1"]
    page = await front.client.get(f"/api/v1/assignments?agency={AGENCY}&limit=2")
    link = page.headers["link"]
    assert link == f'</api/v1/assignments?agency={AGENCY}&limit=2&after=a-2>; rel="next"'
    for query in ("?state=finished", "?limit=0", "?limit=201"):
        assert (await front.client.get(f"/api/v1/assignments{query}")).status_code == 422


async def test_all_agencies_together_are_listed_without_a_contact_or_a_door(front: Front) -> None:
    """There is no authentication yet; an agency's own list shows what the agency was sent."""
    await front.ordered("a-1")
    await front.ordered("a-2", disclose="at_once")
    await front.say("a-1", "resolved", outcome="solved", measures="502室换阀", reply="王秀英家已热")
    await front.settled()

    of_all = (await front.client.get("/api/v1/assignments")).json()
    own = (await front.client.get(f"/api/v1/assignments?agency={AGENCY}")).json()

    assert [(one["assignment_id"], one["state"]) for one in of_all] == [
        ("a-1", "resolved"),
        ("a-2", "assigned"),
    ]
    assert [one["location"]["building"] for one in of_all] == ["3", "3"]
    for private in ("13812345678", "王秀英", "502"):
        assert private not in json.dumps(of_all, ensure_ascii=False)
        assert private in json.dumps(own, ensure_ascii=False)


async def test_files_can_be_handed_in(front: Front) -> None:
    answer = await front.client.post("/api/v1/files", files={"file": ("阀门.jpg", b"photo", "image/jpeg")})

    assert answer.status_code < 300
    assert answer.json().keys() == {"id", "media_type", "sha256"}


def test_every_verb_of_the_contract_can_be_said() -> None:
    assert len(VERBS) == 8


async def test_the_sweep_says_once_what_is_due(front: Front) -> None:
    await front.ordered("a-1")
    start = now()

    assert await deadlines(front.running, start) == []
    near = await deadlines(front.running, start + timedelta(minutes=29))
    past, again = [await deadlines(front.running, start + timedelta(minutes=31)) for _ in range(2)]

    assert [(o.event.deadline, o.event.overdue) for o in near if isinstance(o.event, AssignmentDue)] == [
        ("accept", False)
    ]
    assert [out.id for out in past] == [out.id for out in again]
    assert {out.id for out in past}.isdisjoint(out.id for out in near)

    await front.loop.settle([_tick(front, out, start + timedelta(minutes=31)) for out in past])

    assert len(front.bus.bodies(f"dispatch.{AGENCY}.reminded.v1")) == 1
    assert await deadlines(front.running, start + timedelta(minutes=32)) == []


def _tick(front: Front, out: Any, at: datetime) -> Any:
    sent = outgoing(out, "response", Input("sweep", at), 0)
    return front.bus.put(sent.subject, sent.headers("/nuanliu/response"), sent.body.encode())


def test_the_collection_is_the_one_the_loop_writes() -> None:
    assert {handler.collection for handler in handlers.by_type.values()} == set(COLLECTIONS)
