"""An agency's own rates: what is judged, what is not yet, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from services.response.domain.assignment import Assignment
from services.response.domain.rates import FIELDS, Behind, Rate, Tally
from services.response.store import ASSIGNMENTS
from shared.contracts.routing import CaseAssignmentWithdrawn, CaseConcluded
from tests.support.assignments import after, centre, decide, due, given, in_state, word

STATES = ("assigned", "accepted", "arrived", "deferred", "resolved", "returned", "withdrawn", "concluded")


def stored(assignment: Assignment) -> dict[str, Any]:
    """Of an assignment what the page asks the database for, and nothing else."""
    whole = ASSIGNMENTS.states.dump_python(assignment, exclude_none=True)
    kept: dict[str, Any] = {}
    for path in FIELDS:
        _copy(whole, kept, path.split("."))
    return kept


def _copy(whole: Any, kept: dict[str, Any], path: list[str]) -> None:
    name, *below = path
    if isinstance(whole, dict) and name in whole:
        if below:
            _copy(whole[name], kept.setdefault(name, {}), below)
        else:
            kept[name] = whole[name]


def tallied(*assignments: Assignment, minutes: float = 20, most: int = 5) -> Tally:
    """All rates, so many minutes after the assignments were made."""
    tally = Tally(after(minutes), most)
    tally.add(map(stored, assignments))
    return tally


def counted(name: str, *assignments: Assignment, minutes: float = 20) -> tuple[int, int]:
    """Numerator and denominator of one rate."""
    (found,) = [rate for rate in tallied(*assignments, minutes=minutes).rates if rate.name == name]
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
    assert Rate("accept").value is None
    assert [rate.denominator for rate in tallied().rates] == [0] * 6


def test_however_many_are_counted_only_the_first_are_named() -> None:
    many = [given(assignment_id=f"a-{number}") for number in range(7)]

    (returns,) = [rate for rate in tallied(*many, most=3).rates if rate.name == "return"]

    assert (returns.numerator, returns.denominator, returns.counted) == (0, 7, [])
    assert [one.assignment_id for one in returns.others] == ["a-0", "a-1", "a-2"]
    assert isinstance(returns.others[0], Behind)


def test_in_parts_as_at_once() -> None:
    ones = [one for state in STATES if (one := in_state(state)) is not None]
    tally = Tally(after(60 * 24 * 10), 5)

    for one in ones:
        tally.add([stored(one)])

    whole = tallied(*ones, minutes=60 * 24 * 10)
    assert (tally.assigned, tally.rates) == (whole.assigned, whole.rates)
    assert tally.assigned == len(STATES)
