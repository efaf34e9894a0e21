"""Given an agency that was suspended, when its case is given out again, then to somebody who may be given work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain.case import Deferred, Dispatched, OnDesk, Resolved
from services.routing.domain.plan import WithLeader
from shared.contracts import intake, routing, routing_orders
from tests.support.cases import Life, leak, suspended
from tests.support.plans import TASKS, TaskForce

BY = {"case_id": "case-1", "reason": "立管已换", "by": "值班长"}


@pytest.fixture
def life() -> Life:
    """A case with a lead and an assistant."""
    life = Life()
    life.tell(leak())
    return life


def put_off(life: Life) -> None:
    review = life.at + timedelta(days=60)
    life.tell(routing_orders.Defer(**BY, kind="engineering", plan="停暖后更换", review_at=review))
    assert isinstance(life.case, Deferred)


def failed(life: Life) -> None:
    life.resolve_all()
    life.fail(reason="群众反映仍未解决")


def reopened(life: Life) -> None:
    life.resolve_all()
    life.hold()
    life.tell(intake.AppealContested(appeal_id="a1", channel="c", case_id="case-1", reason="又不热了"))


def reviewed(life: Life) -> None:
    put_off(life)
    life.tell(
        routing_orders.CaseReviewDue(case_id="case-1", review_at=life.case.review_at), timedelta(days=60)
    )


def struck_off(life: Life) -> None:
    put_off(life)
    life.tell(routing_orders.Clear(**BY))


AGAIN = pytest.mark.parametrize("again", [failed, reopened, reviewed, struck_off])


def ordered(life: Life) -> dict[str, str]:
    """Who got an assignment last, and as what."""
    return {event.agency: event.role for event in life.out if isinstance(event, routing.CaseAssigned)}


@AGAIN
def test_another_leads_in_the_place_of_a_suspended_lead(life: Life, again: Any) -> None:
    old, assistant = life.case.lead_agency, life.case.assist_agencies[0]
    life.jurisdiction = suspended(old)

    again(life)

    moved = life.only(routing.CaseRedispatched)
    assert isinstance(life.case, Dispatched)
    assert moved.from_agency == old
    assert ordered(life) == {moved.to_agency: "lead", assistant: "assist"}
    assert life.case.lead_agency == moved.to_agency != old
    assert "停用" in moved.reason


@AGAIN
def test_a_suspended_assistant_is_left_out(life: Life, again: Any) -> None:
    lead, assistant = life.case.lead_agency, life.case.assist_agencies[0]
    life.jurisdiction = suspended(assistant)

    again(life)

    assert ordered(life) == {lead: "lead"}
    assert life.case.assist_agencies == []
    assert ("assist left out", assistant) in {(e.what, e.who) for e in life.case.history}


@AGAIN
def test_where_nobody_is_left_the_desk_decides(life: Life, again: Any) -> None:
    life.jurisdiction = suspended()

    again(life)

    assert isinstance(life.case, OnDesk)
    assert ordered(life) == {}
    assert life.only(routing.CaseOnDesk).reasons == ["nobody_left"]


def test_the_next_lead_hears_that_it_is_rework_and_why(life: Life) -> None:
    previous = life.assignment()
    life.jurisdiction = suspended(previous.agency)

    failed(life)

    assert life.only(routing.CaseRework).lead_agency == previous.agency
    orders = [event for event in life.out if isinstance(event, routing.CaseAssigned)]
    notes = [event.rework for event in orders if event.rework is not None]
    assert {(note.previous, note.reason) for note in notes} == {(previous.assignment_id, "群众反映仍未解决")}
    assert len(notes) == len(orders) == 2


def test_a_reopening_names_who_leads_from_now_on(life: Life) -> None:
    life.jurisdiction = suspended(life.case.lead_agency)

    reopened(life)

    assert life.only(routing.CaseReopened).lead_agency == life.case.lead_agency
    told = [event for event in life.out if isinstance(event, routing.CaseAssigned)]
    assert all(event.rework is not None and "又不热了" in event.rework.reason for event in told)
    assert all("又不热了" not in entry.why for entry in life.case.history)


def test_a_case_off_the_list_waits_for_no_suspended_assistant(life: Life) -> None:
    put_off(life)
    life.jurisdiction = suspended(life.case.assist_agencies[0])

    life.resolve("lead")

    assert life.only(routing.CaseCleared)
    assert isinstance(life.case, Resolved)
    assert life.case.live == []


def test_a_step_of_a_suspended_agency_comes_back_to_the_leader() -> None:
    force = TaskForce()
    force.life.jurisdiction = suspended(TASKS[0][0])

    force.make()

    assert isinstance(force.plan.current, WithLeader)
    assert "停用" in force.plan.current.reason
    assert TASKS[0][0] not in {mine.agency for mine in force.life.case.live}
