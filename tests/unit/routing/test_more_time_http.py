"""The list of deferrals, requests for the centre and its word on them over HTTP, on documents in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from services.routing.app import SERVICE
from services.routing.store import CASES
from shared.contracts import routing_orders
from shared.contracts.values import Contact
from shared.loop.documents import Stored
from shared.loop.envelope import now
from shared.policy import Jurisdiction
from shared.settings import Settings
from tests.support.cases import Life, appeal, deferring_only, jurisdiction, left_to_the_centre
from tests.support.fakes import FakeBus
from tests.support.http_fronts import client, running
from tests.support.shelf import Shelf

CONTACT = Contact(phone="13812345678", phone_masked="138****5678")
ORDER = {"reason": "经核实", "by": "值班长"}


class Front:
    """The service in memory, with the cases it is given."""

    def __init__(self, here: Jurisdiction) -> None:
        self.documents, self.bus = Shelf(), FakeBus()
        front = running(self.documents, self.bus, here, Settings(http_tokens="optional"))
        self.client = client("routing", front, SERVICE.routes)

    def keep(self, life: Life) -> None:
        self.documents.put(Stored(CASES, life.case.case_id, 1, life.case))

    def deferred(self, id: str, days: int, **changes: Any) -> Life:
        """A case on the list, to be looked at again in so many days from now."""
        life = Life()
        life.tell(appeal(case_id=id, contact=CONTACT))
        life.at = now()
        life.ask_for_deferral(**{"review_at": now() + timedelta(days=days)} | changes)
        self.keep(life)
        return life

    def asking(self, id: str) -> Life:
        """A case whose lead waits for the centre."""
        life = Life()
        life.jurisdiction = left_to_the_centre()
        life.at = now()
        life.tell(appeal(case_id=id))
        life.ask_for_time()
        self.keep(life)
        return life

    async def get(self, path: str) -> list[dict[str, Any]]:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=ORDER | body)

    def published(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, _, body, _ in self.bus.streams["INNER"].messages]


@pytest.fixture
def front() -> Front:
    return Front(jurisdiction())


async def test_the_list_says_kind_owner_plan_review_and_who_approved_it(front: Front) -> None:
    life = front.deferred("case-1", 60, plan="停暖后更换立管，联系13812345678")

    (one,) = await front.get("/api/v1/deferrals")

    assert (one["kind"], one["owner"], one["overdue"]) == ("engineering", life.case.lead_agency, False)
    assert one["approver"] == f"policy {jurisdiction().policy.label}"
    assert one["reason"] == "供暖期不能施工"
    assert one["plan"] == "停暖后更换立管，联系138****5678"
    assert {"since", "review_at", "case_no"} <= one.keys()


async def test_the_list_is_asked_by_kind_by_owner_and_by_what_is_overdue(front: Front) -> None:
    front.deferred("later", 60)
    front.deferred("sooner", 20, kind="funding")
    past = front.deferred("past", 5)
    past.case = past.case.model_copy(update={"review_at": now() - timedelta(days=1), "owner": "housing-zy"})
    front.keep(past)

    async def ids(query: str = "") -> list[str]:
        return [one["case_id"] for one in await front.get(f"/api/v1/deferrals{query}")]

    assert await ids() == ["past", "sooner", "later"]
    assert await ids("?kind=funding") == ["sooner"]
    assert await ids("?owner=housing-zy") == ["past"]
    assert await ids("?overdue=true") == ["past"]
    assert await ids("?overdue=false") == ["sooner", "later"]


async def test_the_list_is_read_page_by_page(front: Front) -> None:
    for number in range(3):
        front.deferred(f"case-{number}", 10 + number)
    path: str | None = "/api/v1/deferrals?limit=1"
    read: list[str] = []
    while path:
        answer = await front.client.get(path)
        read += [one["case_id"] for one in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None

    assert read == ["case-0", "case-1", "case-2"]


async def test_an_unknown_kind_is_refused_by_name(front: Front) -> None:
    answer = await front.client.get("/api/v1/deferrals?kind=weather")

    assert answer.status_code == 422
    assert "kind" in answer.text


async def test_what_was_struck_off_stands_on_a_list_of_its_own(front: Front) -> None:
    life = front.deferred("case-1", 60)
    assert await front.get("/api/v1/deferrals/cleared") == []
    life.tell(routing_orders.Clear(case_id="case-1", reason="已换", by="centre"))
    front.keep(life)

    (one,) = await front.get("/api/v1/deferrals/cleared")

    assert (one["kind"], one["plan"], one["state"]) == ("engineering", "停暖后更换立管", "dispatched")
    assert one["cleared_at"]
    assert await front.get("/api/v1/deferrals") == []


async def test_a_case_is_struck_off_by_an_order(front: Front) -> None:
    front.deferred("case-1", 60)

    answer = await front.post("/api/v1/cases/case-1/clear")

    assert answer.status_code == 202
    assert front.published() == [{"case_id": "case-1"} | ORDER]


async def test_what_agencies_wait_to_hear_is_listed_and_decided(front: Front) -> None:
    life = front.asking("case-1")

    (one,) = await front.get("/api/v1/requests")
    path = f"/api/v1/cases/case-1/requests/{one['assignment_id']}"
    answer = await front.post(path, about="extension", granted=True)

    assert (one["about"], one["agency"], one["reason"]) == ("extension", life.case.lead_agency, "等备件")
    assert answer.status_code == 202
    (order,) = front.published()
    assert (order["assignment_id"], order["granted"]) == (one["assignment_id"], True)
    life.resolve_all()
    front.keep(life)
    assert await front.get("/api/v1/requests") == []


async def test_what_nobody_asked_is_not_decided(front: Front) -> None:
    life = front.asking("case-1")
    path = f"/api/v1/cases/case-1/requests/{life.assignment().assignment_id}"

    answer = await front.post(path, about="deferral", granted=True)

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == ["assignment_id"]


@pytest.mark.parametrize(
    ("about", "ask"), [("extension", Life.ask_for_time), ("deferral", Life.ask_for_deferral)]
)
async def test_what_the_limits_forbid_is_not_granted_and_the_centre_hears_why(
    front: Front, about: str, ask: Any
) -> None:
    life = Life()
    life.jurisdiction = left_to_the_centre()
    life.tell(appeal())
    ask(life)
    front.keep(life)
    path = f"/api/v1/cases/case-1/requests/{life.assignment().assignment_id}"

    granted = await front.post(path, about=about, granted=True)  # what it asked for has passed long since
    refused = await front.post(path, about=about, granted=False)

    assert granted.status_code == 422
    assert [error["field"] for error in granted.json()["errors"]] == ["granted"]
    assert refused.status_code == 202


@pytest.mark.parametrize(
    ("beyond", "field"),
    [({"days": 4000}, "review_at"), ({"days": -1}, "review_at"), ({"kind": "other"}, "kind")],
)
async def test_no_case_is_deferred_by_hand_beyond_the_limits(beyond: dict[str, Any], field: str) -> None:
    front = Front(deferring_only("season", "funding"))
    front.asking("case-1")
    review = (now() + timedelta(days=beyond.get("days", 30))).isoformat()

    answer = await front.post(
        "/api/v1/cases/case-1/defer", kind=beyond.get("kind", "funding"), plan="到位后", review_at=review
    )

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_excuse_that_waits_for_an_approver_is_listed_until_it_is_approved(front: Front) -> None:
    life = Life()
    life.tell(appeal(case_id="case-1", contact=CONTACT))
    front.keep(life)
    assert (await front.post("/api/v1/cases/case-1/excuse")).status_code == 409
    life.resolve_all(excuse="user_alteration", reply="用户自行拆改，已告知13812345678")
    front.keep(life)

    (one,) = await front.get("/api/v1/excuses")
    answer = await front.post("/api/v1/cases/case-1/excuse")

    assert (one["excuse"], one["agency"]) == ("user_alteration", life.case.lead_agency)
    assert one["reply"] == "用户自行拆改，已告知138****5678"
    assert answer.status_code == 202
    (order,) = front.published()
    assert order == ORDER | {"case_id": "case-1", "round": 0, "excuse": "user_alteration"}
    life.tell(routing_orders.ApproveExcuse(**order))
    front.keep(life)
    assert await front.get("/api/v1/excuses") == []
    assert (await front.post("/api/v1/cases/case-1/excuse")).status_code == 409


@pytest.mark.parametrize(("verb", "status"), [("clear", 409), ("escalate", 202)])
async def test_a_dispatched_case_is_escalated_but_is_on_no_list(front: Front, verb: str, status: int) -> None:
    front.asking("case-1")

    assert (await front.post(f"/api/v1/cases/case-1/{verb}")).status_code == status


async def test_past_the_last_step_of_the_ladder_nobody_escalates(front: Front) -> None:
    life = front.asking("case-1")
    for _ in jurisdiction().policy.escalation:
        life.tell(routing_orders.Escalate(case_id="case-1", reason="r", by="centre"))
    front.keep(life)

    answer = await front.post("/api/v1/cases/case-1/escalate")

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == ["case_id"]


async def test_a_resolved_case_is_not_escalated(front: Front) -> None:
    life = front.asking("case-1")
    life.resolve_all()
    front.keep(life)

    assert (await front.post("/api/v1/cases/case-1/escalate")).status_code == 409
