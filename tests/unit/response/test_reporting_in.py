"""A whistled agency reports in with its first word; silence is told once, and the agency is watched from then on."""

from __future__ import annotations

import pytest

from services.response.domain.assignment import Assigned
from services.response.domain.disclosure import as_assigned
from services.response.domain.silence import silent_at
from services.routing.domain import whistle
from services.routing.domain.assigning import assign
from shared.contracts.response import AssignmentReportInMissed, ReportInDue
from shared.contracts.routing import CaseAssigned, CaseSupervised
from shared.loop.decision import Input
from tests.support.assignments import ID, after, decide, given, kinds, word
from tests.support.cases import START, Life, jurisdiction, leak

MISSED = ReportInDue(assignment_id=ID, due=after(20))


def test_the_agency_is_told_by_when_and_the_sweep_looks_then() -> None:
    state = given(report_in_by=after(20), accept_by=after(60))

    assert as_assigned(state).report_in_by == after(20)
    assert isinstance(state, Assigned)
    assert state.next_due == after(20)
    assert list(silent_at(state, after(20))) == []
    assert list(silent_at(state, after(21))) == [MISSED]


def test_silence_is_told_once() -> None:
    state = given(report_in_by=after(20))

    first = decide(state, MISSED, after(21))
    again = decide(first.state, MISSED, after(22))

    assert kinds(first) == ["report_in_missed"]
    assert again.out == ()
    assert list(silent_at(first.state, after(30))) == []


@pytest.mark.parametrize("verb", ["accepted", "contacted", "arrived", "resolved", "returned"])
def test_whatever_the_agency_says_first_reports_it_in(verb: str) -> None:
    state = given(word(verb, after(10)), report_in_by=after(20))

    assert list(silent_at(state, after(21))) == []
    assert decide(state, MISSED, after(21)).out == ()


def test_who_was_not_whistled_for_need_not_report_in() -> None:
    assert list(silent_at(given(), after(10_000))) == []


def test_every_agency_of_a_whistled_case_has_the_policys_limit() -> None:
    life = Life()
    orders = [event for event in life.tell(leak()) if isinstance(event, CaseAssigned)]

    within = jurisdiction().policy.report_in(life.case.urgency)
    assert within is not None
    assert life.case.mode == "whistle"
    assert {order.role: order.report_in_by for order in orders} == dict.fromkeys(
        ("lead", "assist"), life.at + within
    )


def test_a_case_that_is_no_whistle_has_no_such_clock() -> None:
    life = Life()
    life.tell(leak())
    joint = life.case.model_copy(update={"mode": "joint"})

    _, (order,) = assign(joint, [("water-zy", "assist")], life.at, jurisdiction())

    assert isinstance(order.event, CaseAssigned)
    assert order.event.report_in_by is None


def test_the_case_remembers_who_was_silent_and_has_it_watched() -> None:
    life = Life()
    life.tell(leak())
    mine = life.assignment()
    missed = AssignmentReportInMissed(
        assignment_id=mine.assignment_id,
        case_id="case-1",
        agency=mine.agency,
        role="lead",
        at=START,
        due=START,
    )

    decision = whistle.not_reported(life.case, missed, Input("x", START), jurisdiction())

    (told,) = [out.event for out in decision.out]
    assert isinstance(told, CaseSupervised)
    assert (told.assignment_id, told.level) == (mine.assignment_id, 1)
    assert decision.state.history[-1].what == "not reported in"
