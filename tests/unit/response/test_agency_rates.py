"""An agency's own rates: what is judged, what is not yet, and what is left out."""

from __future__ import annotations

import pytest

from services.response.domain.assignment import Assignment
from services.response.domain.rates import Rate, rates
from shared.contracts.routing import CaseAssignmentWithdrawn, CaseConcluded
from tests.support.assignments import after, centre, decide, due, given, in_state, word


def counted(name: str, *assignments: Assignment, minutes: float = 20) -> tuple[int, int]:
    """Numerator and denominator of one rate, so many minutes after the assignments were made."""
    (found,) = [rate for rate in rates(assignments, after(minutes)) if rate.name == name]
    return found.numerator, found.denominator


@pytest.mark.parametrize(
    ("minutes", "expected"), [(30, (1, 1)), (31, (0, 1))], ids=["at the deadline", "after it"]
)
def test_a_step_counts_by_whether_it_was_in_time(minutes: float, expected: tuple[int, int]) -> None:
    assert counted("accept", given(word("accepted", after(minutes))), minutes=60) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"), [(30, (0, 0)), (31, (0, 1))], ids=["still awaited", "missed"]
)
def test_what_nobody_took_counts_once_its_deadline_is_past(minutes: float, expected: tuple[int, int]) -> None:
    assert counted("accept", given(), minutes=minutes) == expected


def test_a_step_without_a_deadline_is_no_part_of_a_rate() -> None:
    assert counted("arrive", given(word("arrived", after(10)), arrive_by=None)) == (0, 0)


@pytest.mark.parametrize("state", ["deferred", "returned", "withdrawn"])
def test_what_ended_or_stands_still_before_its_deadline_is_not_judged(state: str) -> None:
    one = in_state(state)
    assert one is not None

    assert counted("resolve", one, minutes=60 * 24 * 10) == (0, 0)


def test_what_ended_after_its_deadline_was_missed() -> None:
    missed = decide(given(), due("accept", after(30), overdue=True), after(31)).state
    over = decide(missed, centre(CaseAssignmentWithdrawn, reason="撤回"), after(40)).state

    assert counted("accept", over, minutes=50) == (0, 1)


@pytest.mark.parametrize(
    ("held", "closed", "expected"),
    [(True, True, (0, 1)), (False, False, (1, 1)), (False, True, (0, 1))],
    ids=["held", "rework", "closed all the same"],
)
def test_rework_is_a_revisit_that_sent_it_back(held: bool, closed: bool, expected: tuple[int, int]) -> None:
    done = given(word("resolved", after(10)), centre(CaseConcluded, held=held, closed=closed))

    assert counted("rework", done) == expected


def test_before_a_revisit_nothing_is_said_of_rework() -> None:
    assert counted("rework", given(word("resolved", after(10)))) == (0, 0)


def test_returns_are_counted_of_everything_assigned() -> None:
    back = in_state("returned")
    assert back is not None

    assert counted("return", back, given(), given()) == (1, 3)


def test_nothing_of_nothing_is_no_rate() -> None:
    assert Rate("accept", (), ()).value is None
    assert [rate.denominator for rate in rates([], after(0))] == [0] * 6
