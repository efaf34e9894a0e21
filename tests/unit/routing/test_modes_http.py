"""The HTTP front of plans and consultations, on documents in memory: what is wrong is answered by field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.routing import consultation_api, plan_api
from services.routing.domain.consultation import Closed, Counts, Open
from services.routing.store import CASES, CONSULTATIONS, PLANS
from shared.contracts.routing_consultations import Ballot, Party, Ratio
from shared.loop.documents import Applied, Collection, Stored
from tests.support.cases import START, appeal, jurisdiction
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.http_fronts import client, running
from tests.support.plans import TaskForce

CASE = "/api/v1/cases/case-1"
HALF = Ratio(numerator=1, denominator=2)
TABLE = {"question": "是否改造", "reason": "意见不一", "parties": [{"role": "committee", "name": "居委会"}]}
BALLOT = {"households": 240, "quorum": HALF.model_dump(), "threshold": HALF.model_dump(), "of": "cast"}


def day(number: int) -> str:
    return (datetime.now(UTC) + timedelta(days=number)).isoformat()


def steps(**changes: Any) -> dict[str, Any]:
    """A plan of two steps; ``changes`` go into the second."""
    first = {"agency": "city-management-zy", "task": "核对户号", "due": day(1)}
    second = {"agency": "housing-zy", "task": "管网验收", "due": day(2)}
    return {"leader": "主任", "reason": "一小区一方案", "steps": [first, second | changes]}


class Front:
    """The service in memory, with one case."""

    def __init__(self) -> None:
        self.documents, self.bus, self.force = FakeDocuments(), FakeBus(), TaskForce()
        front = running(self.documents, self.bus, jurisdiction())
        self.client = client("routing", front, plan_api.routes, consultation_api.routes)

    def keep(self, collection: Collection, state: Any) -> None:
        self.documents.put(Stored(collection, "case-1", 1, state))

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        self.keep(CASES, self.force.life.case)
        if self.force.plan is not None:
            self.keep(PLANS, self.force.plan)
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(f"{CASE}/{path}", json=body, headers=headers)

    async def wrong(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """(status, the field that is named)."""
        answer = await self.post(path, body)
        (error,) = answer.json()["errors"]
        assert error["problem"]
        assert not self.bus.streams
        return answer.status_code, error["field"]


@pytest.fixture
def front() -> Front:
    return Front()


async def test_a_plan_is_taken(front: Front) -> None:
    assert (await front.post("plan", steps())).status_code == 202
    assert front.bus.streams


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agency": "nobody"}, "steps.1.agency"),
        ({"due": day(-1)}, "steps.1.due"),
        ({"due": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, "steps.1.due"),
        ({"task": ""}, "steps.1.task"),
        ({"deadline": day(2)}, "steps.1.deadline"),
    ],
)
async def test_a_step_that_cannot_be_is_named(front: Front, changes: dict[str, Any], field: str) -> None:
    assert await front.wrong("plan", steps(**changes)) == (422, field)


async def test_a_case_that_nobody_leads_yet_takes_no_plan(front: Front) -> None:
    front.force = TaskForce(appeal=appeal(confidence=0.1))

    assert await front.wrong("plan", steps()) == (409, "case_id")


async def test_a_case_has_one_plan_at_a_time(front: Front) -> None:
    front.force.make()

    assert await front.wrong("plan", steps()) == (409, "case_id")


async def test_a_resolved_case_gets_no_plan(front: Front) -> None:
    front.force.resolve_lead()

    assert await front.wrong("plan", steps()) == (409, "case_id")


@pytest.mark.parametrize(
    ("path", "due", "wrong"),
    [
        ("plan/steps/9/redate", START + timedelta(days=1), (409, "step")),
        ("plan/steps/1/redate", START + timedelta(days=4), (422, "due")),
        ("plan/steps/1/redate", START + timedelta(days=1), (422, "due")),
        ("plan/steps/1/reassign", START + timedelta(days=1), (409, "step")),
    ],
)
async def test_a_date_or_step_that_cannot_be_is_named(
    front: Front, path: str, due: datetime, wrong: tuple[int, str]
) -> None:
    front.force.make()
    body = {"due": due.isoformat(), "reason": "等材料", "approver": "区专班"}
    if path.endswith("reassign"):
        body["agency"] = "housing-zy"

    assert await front.wrong(path, body) == wrong


async def test_a_new_date_needs_an_approver(front: Front) -> None:
    front.force.make()

    assert await front.wrong("plan/steps/1/redate", {"due": day(1), "reason": "等材料"}) == (422, "approver")


async def test_a_plan_that_goes_on_is_given_up(front: Front) -> None:
    front.force.make()

    taken = await front.post("plan/give_up", {"reason": "改走市政接入", "by": "街道办事处主任"})

    assert taken.status_code == 202
    assert taken.json()["status_url"] == f"{CASE}/plan"
    assert front.bus.streams


async def test_who_gives_a_plan_up_and_why_must_be_said(front: Front) -> None:
    front.force.make()

    assert await front.wrong("plan/give_up", {"reason": "改走市政接入"}) == (422, "by")
    assert await front.wrong("plan/give_up", {"by": "主任"}) == (422, "reason")


async def test_a_plan_that_does_not_go_on_is_not_given_up(front: Front) -> None:
    assert (await front.post("plan/give_up", {"reason": "r", "by": "b"})).status_code == 404
    front.force.make()
    front.force.give_up()

    assert await front.wrong("plan/give_up", {"reason": "再次", "by": "主任"}) == (409, "case_id")


async def test_given_up_again_under_its_key_it_is_the_same_order_and_no_conflict(front: Front) -> None:
    front.force.make()
    body = {"reason": "改走市政接入", "by": "街道办事处主任"}
    first = (await front.post("plan/give_up", body, key="k")).json()["event_id"]
    front.force.give_up()
    front.documents.put(Stored(PLANS, "case-1", 2, front.force.plan, {first: Applied(0)}))

    again = await front.client.post(f"{CASE}/plan/give_up", json=body, headers={"Idempotency-Key": "k"})

    assert (again.status_code, again.json()["event_id"]) == (202, first)


async def test_what_is_not_there_may_still_come(front: Front) -> None:
    answer = await front.client.get(f"{CASE}/plan")

    assert (answer.status_code, answer.headers["Retry-After"]) == (404, "1")


def table(**changes: Any) -> Open:
    values: dict[str, Any] = {
        "case_id": "case-1",
        "question": "是否改造",
        "parties": (Party(role="committee", name="居委会"),),
        "ballot": Ballot(households=2, quorum=HALF, threshold=HALF, of="cast"),
        "opened_at": START,
    }
    return Open(**values | changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"parties": []}, "parties"),
        ({"ballot": BALLOT | {"quorum": {"numerator": 1, "denominator": 0}}}, "ballot.quorum.denominator"),
        ({"ballot": BALLOT | {"of": "people"}}, "ballot.of"),
        ({"prior": [{"kind": "lawsuit", "outcome": "撤诉", "on": "去年"}]}, "prior.0.on"),
    ],
)
async def test_a_consultation_that_cannot_be_is_named(
    front: Front, changes: dict[str, Any], field: str
) -> None:
    assert await front.wrong("consultation", TABLE | changes) == (422, field)


async def test_a_case_has_one_consultation_only(front: Front) -> None:
    front.keep(CONSULTATIONS, table())

    assert await front.wrong("consultation", TABLE) == (409, "case_id")


@pytest.mark.parametrize(
    ("state", "wrong"),
    [
        (table(ballot=None), (409, "case_id")),
        (table(counts=Counts(yes=2)), (422, "household")),
        (Closed(**table().carried(), closed_at=START), (409, "case_id")),
    ],
)
async def test_a_vote_that_cannot_count_is_answered(front: Front, state: Any, wrong: tuple[int, str]) -> None:
    front.keep(CONSULTATIONS, state)

    assert await front.wrong("consultation/votes", {"household": "3-2-401", "choice": "yes"}) == wrong


async def test_one_key_for_two_households_loses_neither(front: Front) -> None:
    front.keep(CONSULTATIONS, table())

    said = [
        await front.post("consultation/votes", {"household": door, "choice": "yes"}, key="k")
        for door in ("1-101", "1-102", "1-101")
    ]

    first, second, again = (answer.json()["event_id"] for answer in said)
    assert first == again != second


async def test_a_plan_said_again_under_its_key_is_the_same_plan_and_no_conflict(front: Front) -> None:
    body = steps()
    first = (await front.post("plan", body, key="k")).json()["event_id"]
    front.force.make()
    applied = {first: Applied(0)}
    front.documents.put(Stored(PLANS, "case-1", 1, front.force.plan, applied))
    front.keep(CASES, front.force.life.case)

    again = await front.client.post(f"{CASE}/plan", json=body, headers={"Idempotency-Key": "k"})

    assert (again.status_code, again.json()["event_id"]) == (202, first)


async def test_minutes_are_of_a_meeting_that_was_called(front: Front) -> None:
    front.keep(CONSULTATIONS, table())
    minutes = {"present": [{"role": "lawyer", "name": "法律顾问"}], "agreed": "分期施工"}

    assert await front.wrong("consultation/meetings/1/minutes", minutes) == (404, "number")


async def test_an_agency_called_to_a_meeting_is_one(front: Front) -> None:
    front.keep(CONSULTATIONS, table())
    meeting = {"when": day(1), "where": "换热站", "agenda": "看现场", "agencies": ["heating-zy", "nobody"]}

    assert await front.wrong("consultation/meetings", meeting) == (422, "agencies.1")
