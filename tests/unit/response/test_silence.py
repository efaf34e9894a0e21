"""Given an agency that does not answer, when a sweep finds it late by a rung of the policy's ladder, then one silence
is told once for each level; any step taken ends it, and what is still late then is another lateness."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st

from services.response.domain.assignment import Assigned
from services.response.domain.silence import late_at, silent_at
from services.response.store import ASSIGNMENTS
from services.response.sweep import deadlines
from services.response.unwatched import unwatched
from shared.contracts.response import AssignmentLate, AssignmentReportInMissed, LateDue
from shared.loop.documents import Stored
from shared.policy.rules import Rung
from shared.service import Running
from tests.support.assignments import ID, SAMPLE, after, decide, given, hear, in_state, kinds, word
from tests.support.shelf import Shelf

RUNGS = {step: SAMPLE.policy.rungs(step) for step in ("accept", "contact")}
ACCEPT, CONTACT = 30, 120
"""Minutes from the order of the tests to these deadlines."""


def minutes(rung: Rung) -> int:
    return rung.overdue_by // timedelta(minutes=1)


def swept(state: Any, at: datetime) -> tuple[Any, list[AssignmentLate]]:
    """The state after a tick, and what routing was told."""
    said: list[AssignmentLate] = []
    for due in (*silent_at(state, at), *late_at(state, at)):
        decision = decide(state, due, at)
        state = decision.state
        said += [out.event for out in decision.out if isinstance(out.event, AssignmentLate)]
    return state, said


def test_who_does_not_accept_is_late_by_one_rung_after_the_other() -> None:
    state = given()
    first, second = (ACCEPT + minutes(rung) for rung in RUNGS["accept"])

    assert swept(state, after(first))[1] == []
    state, one = swept(state, after(first + 1))
    state, again = swept(state, after(first + 2))
    state, two = swept(state, after(second + 1))

    assert [(said.deadline, said.due, said.level) for said in (*one, *again, *two)] == [
        ("accept", after(ACCEPT), 1),
        ("accept", after(ACCEPT), 2),
    ]


def test_of_deadlines_nobody_swept_only_the_highest_is_told() -> None:
    _, said = swept(given(), after(40 * 60))

    assert [(one.deadline, one.level) for one in said] == [("accept", 2)]


def test_a_deadline_that_passes_in_the_same_silence_is_not_told_again() -> None:
    state, _ = swept(given(), after(ACCEPT + minutes(RUNGS["accept"][0]) + 1))

    state, said = swept(state, after(CONTACT + minutes(RUNGS["contact"][0]) + 1))

    assert said == []
    assert state.clocks["contact"].rungs == 1


def test_who_accepts_and_then_does_not_speak_to_the_resident_is_told_of_that() -> None:
    late = CONTACT + minutes(RUNGS["contact"][0])
    state, _ = swept(given(), after(late + 1))
    state = hear(state, word("accepted", after(late + 2))).state

    state, said = swept(state, after(late + 3))

    assert [(one.deadline, one.due, one.level) for one in said] == [("contact", after(CONTACT), 1)]
    assert swept(state, after(late + 4))[1] == []


def test_who_answers_in_time_is_never_late() -> None:
    state = given(word("contacted", after(10)))

    assert swept(state, after(23 * 60)) == (state, [])


def test_a_whistle_unheard_and_an_order_not_accepted_are_one_silence() -> None:
    state, said = swept(given(report_in_by=after(20)), after(21))
    assert said == []

    state, at_level_one = swept(state, after(ACCEPT + minutes(RUNGS["accept"][0]) + 1))
    state, at_level_two = swept(state, after(ACCEPT + minutes(RUNGS["accept"][1]) + 1))

    assert (at_level_one, [one.level for one in at_level_two]) == ([], [2])


def test_a_whistle_unheard_after_that_is_written_down_but_no_second_word() -> None:
    state, _ = swept(given(report_in_by=after(200)), after(ACCEPT + minutes(RUNGS["accept"][0]) + 1))
    (due,) = silent_at(state, after(201))

    (missed,) = (out.event for out in decide(state, due, after(201)).out)

    assert isinstance(missed, AssignmentReportInMissed)
    assert missed.watched


@pytest.mark.parametrize("rung", [0, 1])
def test_a_sweep_that_comes_late_says_one_message_of_a_whistle_unheard_and_a_rung_reached(rung: int) -> None:
    state, at = given(report_in_by=after(20)), after(ACCEPT + minutes(RUNGS["accept"][rung]) + 1)

    (due,) = (*silent_at(state, at), *late_at(state, at))
    decision = decide(state, due, at)

    assert kinds(decision) == ["report_in_missed", "late"][: 1 + rung]
    assert decision.out[0].event.watched == (rung > 0)
    assert (*silent_at(decision.state, at), *late_at(decision.state, at)) == ()


@pytest.mark.parametrize("name", ["deferred", "resolved", "returned", "withdrawn", "concluded"])
def test_whose_clocks_stand_still_is_not_late(name: str) -> None:
    state = in_state(name)
    assert state is not None
    assert list(late_at(state, after(50 * 60))) == []
    overtaken = LateDue(assignment_id=ID, due=after(60))
    assert decide(state, overtaken, after(50 * 60)).state is state


async def test_a_sweep_finds_what_is_late_and_says_it_under_one_id() -> None:
    documents = Shelf()
    state, _ = swept(given(), after(ACCEPT + 1))
    documents.put(Stored(ASSIGNMENTS, ID, 1, state))
    running = cast(Running, SimpleNamespace(documents=documents))

    found = [one for one in await deadlines(running, after(61)) if isinstance(one.event, LateDue)]
    again = [one for one in await deadlines(running, after(62)) if isinstance(one.event, LateDue)]

    assert [one.event.due for one in found] == [after(60)]
    assert [one.id for one in found] == [one.id for one in again]


def from_before_the_ladder(state: Any) -> Assigned:
    """As a version without it stored the same."""
    document = ASSIGNMENTS.states.dump_python(state, exclude_none=True)
    document.pop("silence")
    for clock in document["clocks"].values():
        del clock["rungs"]
        clock.pop("watch_at", None)
    read: Assigned = ASSIGNMENTS.states.validate_python(document)
    return read


def test_what_was_stored_before_there_was_a_ladder_is_looked_for_and_then_watched() -> None:
    old = from_before_the_ladder(given())
    assert list(late_at(old, after(40 * 60))) == []

    (found,) = unwatched(Stored(ASSIGNMENTS, ID, 3, old), SAMPLE.policy)
    early = decide(old, found.event, after(10)).state
    late = decide(old, found.event, after(40 * 60))

    assert early.clocks == given().clocks
    assert list(unwatched(Stored(ASSIGNMENTS, ID, 4, early), SAMPLE.policy)) == []
    assert kinds(late) == ["late"]
    assert list(unwatched(Stored(ASSIGNMENTS, ID, 4, late.state), SAMPLE.policy)) == []


HAPPENS = st.lists(
    st.tuples(
        st.integers(1, 3000), st.sampled_from(["tick", "tick", "tick", "accepted", "contacted", "progressed"])
    ),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@whatever(HAPPENS, st.none() | st.integers(1, 300))
def test_every_silence_is_told_up_to_its_level_and_no_level_twice(
    happens: list[tuple[int, str]], report_in: int | None
) -> None:
    """By a slow reading: between two steps taken, the levels told rise, and the last tick leaves none out."""
    state: Any = given(report_in_by=after(report_in) if report_in else None)
    told: list[int] = []
    for minute, what in sorted(happens):
        at = after(minute)
        if what != "tick":
            before = set(state.taken)
            state = hear(state, word(what, at)).state
            told = told if set(state.taken) == before else []
            continue
        missed = state.silent and state.report_in_by < at
        state, said = swept(state, at)
        told += [1] if missed and not told else []
        told += [one.level for one in said]
        owed = [
            rung.level
            for step, ladder in RUNGS.items()
            for rung in ladder
            if step not in state.taken and state.clocks[step].due + rung.overdue_by < at
        ]
        assert told == sorted(set(told))
        assert max(told, default=0) >= max(owed, default=0)
