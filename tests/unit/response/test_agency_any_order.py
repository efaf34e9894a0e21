"""Messages of an agency come in any order and more than once: what is known in the end is the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.response.domain.assignment import STEPS, Assignment
from shared.contracts.agency import AgencyEvent
from tests.support.assignments import START, after, hear, word
from tests.support.assignments import given as assignment_after

VERB_OF = {"accepted": "accept", "contacted": "contact", "arrived": "arrive", "resolved": "resolve"}
Message = tuple[AgencyEvent, datetime]


def messages(verbs: tuple[str, ...] = tuple(VERB_OF)) -> st.SearchStrategy[list[Message]]:
    """Words with the time they speak of and the time they were received, around the deadlines."""
    one = st.tuples(st.sampled_from(verbs), st.integers(-5, 200), st.integers(-3, 20))
    return st.lists(
        one.map(lambda t: (word(t[0], after(t[1])), after(max(0, t[1] + t[2])))), min_size=1, max_size=8
    )


def told(state: Assignment, heard: list[Message]) -> tuple[Assignment, dict[str, datetime]]:
    """The state in the end, and the last time published per step."""
    published: dict[str, datetime] = {}
    for message, receipt in heard:
        decision = hear(state, message, receipt)
        for out in decision.out:
            if not out.tenant:
                verb = out.event.pattern.split(".")[1]
                assert verb not in published or out.event.at < published[verb], "only an earlier time is told"
                published[verb] = out.event.at
        state = decision.state
    return state, published


@settings(max_examples=100, deadline=None)
@given(messages(), st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_repetition_end_alike(heard: list[Message], random, twice: bool) -> None:  # type: ignore[no-untyped-def]
    shuffled = heard * (2 if twice else 1)
    random.shuffle(shuffled)

    first, first_told = told(assignment_after(), heard)
    second, second_told = told(assignment_after(), shuffled)

    assert first.state == second.state
    assert {s: (t.at, t.on_time) for s, t in first.taken.items()} == {
        s: (t.at, t.on_time) for s, t in second.taken.items()
    }
    assert (
        first_told
        == second_told
        == {verb: first.taken[step].at for verb, step in VERB_OF.items() if step in first.taken}
    )


@settings(max_examples=100, deadline=None)
@given(messages())
def test_the_earliest_judged_time_of_a_step_or_a_later_one_counts(heard: list[Message]) -> None:
    state, _ = told(assignment_after(), heard)

    for place, step in enumerate(STEPS):
        implying = [
            max(START, min(m.at, at) if at - m.at <= timedelta(minutes=10) else at)
            for m, at in heard
            if STEPS.index(VERB_OF[m.pattern.split(".")[2]]) >= place
        ]
        if implying:
            assert state.taken[step].at == min(implying)
            assert state.taken[step].on_time is (min(implying) <= state.clocks[step].due)
        else:
            assert step not in state.taken


@settings(max_examples=100, deadline=None)
@given(messages())
def test_steps_without_a_deadline_never_contradict_the_others(heard: list[Message]) -> None:
    state, _ = told(assignment_after(contact_by=None, arrive_by=None), heard)

    known = [state.taken[step].at for step in STEPS if step in state.taken]
    assert known == sorted(known)
    assert state.state == (
        "resolved"
        if any(m.pattern.split(".")[2] == "resolved" for m, _ in heard)
        else "arrived"
        if "arrive" in state.taken
        else "accepted"
    )
