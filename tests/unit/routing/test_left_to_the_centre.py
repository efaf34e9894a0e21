"""Given a policy that leaves it to the centre, when an agency asks for more time, then somebody there decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest

from services.routing.domain.case import Deferred, Dispatched
from shared.contracts import routing, routing_orders
from tests.support.cases import Life, deferring_only, leak, left_to_the_centre


@pytest.fixture
def life() -> Life:
    life = Life()
    life.jurisdiction = left_to_the_centre()
    life.tell(leak())
    return life


def decide(life: Life, about: Literal["extension", "deferral"], granted: bool, **more: Any) -> None:
    values = {"assignment_id": life.assignment().assignment_id, "reason": "经核实", "by": "值班长"} | more
    life.tell(routing_orders.DecideRequest(case_id="case-1", about=about, granted=granted, **values))


def test_more_time_waits_until_the_centre_grants_it(life: Life) -> None:
    before = life.assignment().resolve_by

    assert life.ask_for_time() == []
    assert life.assignment().resolve_by == before
    (asked,) = life.case.asked

    decide(life, "extension", granted=True)

    decided = life.only(routing.CaseExtensionDecided)
    assert (decided.granted, decided.reason) == (True, "经核实")
    assert life.assignment().resolve_by == life.case.resolve_by == decided.resolve_by == asked.until
    assert life.case.asked == []
    assert life.case.history[-1].who == "值班长"


def test_a_refusal_leaves_the_deadline_and_says_why(life: Life) -> None:
    before = life.assignment().resolve_by
    life.ask_for_time()

    decide(life, "extension", granted=False, reason="备件已到货")

    decided = life.only(routing.CaseExtensionDecided)
    assert (decided.granted, decided.resolve_by, decided.reason) == (False, before, "备件已到货")
    assert life.case.extensions == 0


def test_a_request_is_decided_once(life: Life) -> None:
    life.ask_for_time()
    decide(life, "extension", granted=True)

    decide(life, "extension", granted=False)

    assert life.out == []


def test_what_the_limits_forbid_is_refused_at_once_and_no_hand_grants_it(life: Life) -> None:
    life.ask_for_time()
    life.ask_for_time("assist")
    decide(life, "extension", granted=True)

    decide(life, "extension", granted=True, assignment_id=life.assignment("assist").assignment_id)

    assert not life.only(routing.CaseExtensionDecided).granted
    life.ask_for_time("assist")
    assert not life.only(routing.CaseExtensionDecided).granted
    assert life.case.extensions == 1


def test_more_time_that_is_over_by_the_time_it_is_decided_is_not_granted(life: Life) -> None:
    life.ask_for_time()
    before = life.assignment().resolve_by
    life.at += timedelta(days=9)

    decide(life, "extension", granted=True)

    decided = life.only(routing.CaseExtensionDecided)
    assert (decided.granted, decided.resolve_by) == (False, before)
    assert life.assignment().resolve_by == before
    assert life.case.extensions == 0


def test_a_deferral_of_a_kind_the_policy_dropped_meanwhile_is_not_granted(life: Life) -> None:
    life.ask_for_deferral()
    life.jurisdiction = deferring_only("season")

    decide(life, "deferral", granted=True)

    assert not life.only(routing.CaseDeferralDecided).granted
    assert isinstance(life.case, Dispatched)


def test_a_deferral_whose_review_has_passed_is_not_granted(life: Life) -> None:
    life.ask_for_deferral()
    life.at += timedelta(days=90)

    decide(life, "deferral", granted=True)

    assert not life.only(routing.CaseDeferralDecided).granted
    assert isinstance(life.case, Dispatched)


@pytest.mark.parametrize(
    "beyond", [{"review_at": timedelta(days=4000)}, {"review_at": -timedelta(days=1)}, {"kind": "other"}]
)
def test_no_hand_defers_a_case_beyond_the_limits_and_the_timeline_says_so(
    life: Life, beyond: dict[str, Any]
) -> None:
    life.jurisdiction = deferring_only("season", "funding")
    review = life.at + beyond.get("review_at", timedelta(days=30))
    order = {
        "kind": beyond.get("kind", "funding"),
        "reason": "资金未到位",
        "plan": "到位后更换",
        "by": "值班长",
    }

    said = life.tell(routing_orders.Defer(case_id="case-1", review_at=review, **order))

    assert said == []
    assert isinstance(life.case, Dispatched)
    assert (life.case.history[-1].what, life.case.history[-1].who) == ("deferral refused", "值班长")


def test_of_two_requests_the_later_holds(life: Life) -> None:
    life.ask_for_time()
    until = life.assignment().resolve_by + timedelta(hours=2)
    life.ask_for_time(until=until)

    decide(life, "extension", granted=True)

    assert life.assignment().resolve_by == until


def test_a_deferral_waits_for_its_approver_who_stands_on_the_list(life: Life) -> None:
    assert life.ask_for_deferral() == []
    assert isinstance(life.case, Dispatched)

    decide(life, "deferral", granted=True)

    assert life.only(routing.CaseDeferralDecided).granted
    assert isinstance(life.case, Deferred)
    assert (life.case.owner, life.case.approver) == (life.case.lead_agency, "值班长")
    assert (life.case.since, life.case.plan) == (life.at, "停暖后更换立管")


def test_a_refused_deferral_leaves_the_agency_at_work(life: Life) -> None:
    life.ask_for_deferral()

    decide(life, "deferral", granted=False, reason="可用不停暖的方法")

    decided = life.only(routing.CaseDeferralDecided)
    assert (decided.granted, decided.review_at, decided.reason) == (False, None, "可用不停暖的方法")
    assert isinstance(life.case, Dispatched)


def test_whose_assignment_is_over_waits_for_nothing(life: Life) -> None:
    life.ask_for_time()
    id = life.assignment().assignment_id
    life.give_back()

    assert life.case.asked == []
    decide(life, "extension", granted=True, assignment_id=id)
    assert life.out == []


def test_a_case_deferred_by_hand_answers_the_request_for_it(life: Life) -> None:
    life.ask_for_deferral()
    review = life.at + timedelta(days=30)
    order = {"kind": "funding", "reason": "资金未到位", "plan": "到位后更换", "by": "centre"}
    life.tell(routing_orders.Defer(case_id="case-1", review_at=review, **order))

    assert life.case.asked == []
    decide(life, "deferral", granted=True)
    assert life.out == []


def test_struck_off_by_hand_its_agencies_start_anew_and_the_list_remembers(life: Life) -> None:
    life.ask_for_deferral()
    decide(life, "deferral", granted=True)
    since, old = life.at, {a.assignment_id for a in life.case.live}

    life.tell(routing_orders.Clear(case_id="case-1", reason="立管已换", by="值班长"), timedelta(days=20))

    cleared = life.only(routing.CaseCleared)
    assert (cleared.reason, cleared.by) == ("立管已换", "值班长")
    assert isinstance(life.case, Dispatched)
    assert {e.assignment_id for e in life.out if isinstance(e, routing.CaseAssignmentWithdrawn)} == old
    assert {a.role for a in life.case.live} == {"lead", "assist"}
    assert life.case.resolve_by == life.assignment().resolve_by == cleared.resolve_by
    struck = life.case.struck
    assert (struck.kind, struck.since, struck.cleared_at) == ("engineering", since, life.at)


def test_a_case_that_is_not_on_the_list_is_not_struck_off(life: Life) -> None:
    assert life.tell(routing_orders.Clear(case_id="case-1", reason="r", by="centre")) == []
