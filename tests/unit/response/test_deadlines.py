"""Deadlines near, past and moved: told once each, and never what was met."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.response.domain.clocks import due_at
from services.response.domain.silence import late_at
from shared.contracts.response import AssignmentDue, AssignmentOverdue, DispatchReminded
from shared.contracts.routing import CaseExtensionDecided
from tests.support.assignments import (
    AGENCY,
    SAMPLE,
    after,
    centre,
    decide,
    due,
    hear,
    in_state,
    kinds,
    word,
)
from tests.support.assignments import given as assignment_after


def swept(state, at: datetime):  # type: ignore[no-untyped-def]
    """The state after a tick, and what was told: (deadline, due, overdue)."""
    told = []
    for event in (*due_at(state, at), *late_at(state, at)):
        decision = decide(state, event, at)
        state = decision.state
        told += [
            (o.event.deadline, o.event.due, o.event.overdue)
            for o in decision.out
            if isinstance(o.event, DispatchReminded)
        ]
    return state, told


def test_a_deadline_is_near_and_then_past() -> None:
    state = assignment_after()

    state, nothing = swept(state, after(22))
    state, near = swept(state, after(23))
    state, still_near = swept(state, after(30))
    state, past = swept(state, after(31))
    _, no_more = swept(state, after(60))

    assert nothing == still_near == no_more == []
    assert near == [("accept", after(30), False)]
    assert past == [("accept", after(30), True)]


def test_an_overdue_deadline_is_told_to_the_agency_and_to_everybody_else() -> None:
    decision = decide(assignment_after(), due("accept", after(30), True), after(45))

    assert kinds(decision) == [">reminded", "overdue"]
    dispatched, overdue = decision.out
    assert dispatched.tenant == AGENCY
    assert isinstance(overdue.event, AssignmentOverdue)
    assert (overdue.event.due, overdue.event.at) == (after(30), after(45))


def test_a_tick_that_comes_late_says_only_that_it_is_over() -> None:
    _, told = swept(assignment_after(), after(125))

    assert told == [("accept", after(30), True), ("contact", after(120), True)]


@pytest.mark.parametrize(
    "event",
    [
        due("accept", after(30), True),
        due("accept", after(30), False),
        due("resolve", after(47 * 60), True),
    ],
)
def test_what_was_met_or_moved_is_not_told(event: AssignmentDue) -> None:
    state = assignment_after(word("accepted", after(10)))

    decision = decide(state, event, after(60))

    assert decision.state is state
    assert decision.out == ()


def test_the_same_is_not_told_twice_nor_near_after_past() -> None:
    state = decide(assignment_after(), due("accept", after(30), True), after(31)).state

    for overdue in (True, False):
        assert decide(state, due("accept", after(30), overdue), after(40)).state is state


@pytest.mark.parametrize("name", ["deferred", "resolved", "returned", "withdrawn", "concluded"])
def test_clocks_stand_still(name: str) -> None:
    state = in_state(name)

    assert list(due_at(state, after(1_000_000))) == []
    assert getattr(state, "next_due", None) is None
    assert decide(state, due("resolve", after(48 * 60), True), after(50 * 60)).state is state


def test_a_moved_deadline_is_near_and_past_again() -> None:
    state, _ = swept(assignment_after(word("arrived", after(5))), after(49 * 60))

    state = decide(
        state,
        centre(CaseExtensionDecided, agency=AGENCY, granted=True, resolve_by=after(100 * 60), reason="同意"),
        after(50 * 60),
    ).state

    assert state.next_due == after(88 * 60)
    assert swept(state, after(101 * 60))[1] == [("resolve", after(100 * 60), True)]


def test_a_deadline_that_is_granted_as_it_was_is_not_told_again() -> None:
    state, _ = swept(assignment_after(word("arrived", after(5))), after(49 * 60))

    again = decide(
        state,
        centre(CaseExtensionDecided, agency=AGENCY, granted=True, resolve_by=after(48 * 60), reason="同意"),
        after(50 * 60),
    ).state

    assert swept(again, after(51 * 60))[1] == []


VERBS = {
    "accepted": ("accept",),
    "contacted": ("accept", "contact"),
    "arrived": ("accept", "contact", "arrive"),
}
events = st.lists(
    st.tuples(st.integers(1, 3600), st.sampled_from(["tick", "tick", "tick", *VERBS, "resolved"])),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(events, st.integers(1, 100), st.none() | st.integers(1, 500), st.none() | st.integers(1, 2000))
def test_reminders_against_a_slow_reading_of_the_rule(
    happens: list[tuple[int, str]], accept: int, contact: int | None, arrive: int | None
) -> None:
    """For each deadline on its own: the first tick in its last part says "near", the first after it "past"."""
    spans = {"accept": accept, "contact": contact, "arrive": arrive, "resolve": 2880}
    state = assignment_after(**{f"{step}_by": after(span) if span else None for step, span in spans.items()})
    happens = sorted(happens)
    heard: list[tuple[str, datetime, bool]] = []
    for minute, what in happens:
        at = after(minute)
        if what == "tick":
            due_before = getattr(state, "next_due", None)
            found = [*due_at(state, at), *late_at(state, at)]
            assert bool(found) == (due_before is not None and due_before < at), "the index finds what is due"
            state, told = swept(state, at)
            heard += told
        else:
            state = hear(state, word(what, at)).state

    expected = []
    for step, span in spans.items():
        if span is None:
            continue
        met = [minute for minute, what in happens if what == "resolved" or step in VERBS.get(what, ())]
        resolved = [minute for minute, what in happens if what == "resolved"]
        end = min([*met, *resolved], default=10_000)
        last_part = SAMPLE.policy.remind_before(timedelta(minutes=span)).total_seconds() / 60
        ticks = [m for i, (m, what) in enumerate(happens) if what == "tick" and _before(happens, i, end)]
        near = [m for m in ticks if span - last_part < m <= span]
        past = [m for m in ticks if m > span]
        expected += [(step, after(span), False)] if near else []
        expected += [(step, after(span), True)] if past else []
    assert sorted(heard) == sorted(expected)


def _before(happens: list[tuple[int, str]], index: int, end: int) -> bool:
    """Events of one minute happen in the order of their names: a tick comes after every other word of its minute."""
    minute, _ = happens[index]
    return minute < end
