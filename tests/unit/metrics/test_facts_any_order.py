"""A fact is the same whatever the order in which a case's events come, and whichever of them comes again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.counting import entries
from shared.contracts import intake, response
from shared.contracts.revisit import VerificationFailed, VerificationHeld, VerificationUnverified
from tests.support.facts import CARD, HEATING, HOTLINE, PROPERTY, ZONE, Story, counts, hours, learnt

COUNTED = (intake.AppealRegistered, intake.AppealMerged, intake.AppealWithdrawn, intake.AppealLeft)
"""Events that add one; the loop lets each of them through once."""


def long_life() -> Story:
    """Returned, redispatched, late, reworked, closed, contested and closed again."""
    return (
        Story(lead=PROPERTY)
        .registered()
        .merged(2, 0.5)
        .merged(3, 26)
        .dispatched()
        .assigned("first", 0.1, agency=HEATING)
        .returned(0.4, "first", HEATING)
        .assigned("second", 0.5)
        .assigned("helper", 0.5, agency=HEATING, role="assist")
        .overdue("accept", 1.1, "second")
        .says(response.AssignmentAccepted, 1.4, "second", on_time=False)
        .says(response.AssignmentAccepted, 1.2, "second", on_time=False)
        .says(response.AssignmentArrived, 8, "second")
        .says(response.AssignmentResolved, 9, "helper", HEATING, "assist")
        .deferred(10)
        .cleared(15)
        .deferred(20)
        .cleared(24, resolve_by=60)
        .extended(72, 16, "second")
        .says(response.AssignmentResolved, 60, "second", on_time=True)
        .resolved(60)
        .verified(VerificationFailed, 70, celsius=(14.5, 16))
        .rework(70)
        .assigned("third", 70, round=1)
        .says(response.AssignmentResolved, 80, "third", round=1)
        .resolved(80, round=1)
        .revisit_overdue(104, 105)
        .verified(VerificationUnverified, 130, round=1)
        .closed(130, round=1, outcome="not_verified", on_time=False)
        .merged(4, 131)
        .left(4, 131)
        .reopened(140, round=2)
        .assigned("fourth", 140, round=2)
        .says(response.AssignmentResolved, 150, "fourth", round=2)
        .resolved(150, round=2)
        .verified(VerificationHeld, 160, round=2, celsius=(20.5,))
        .closed(160, round=2, on_time=False)
    )


TOLD = long_life().told


@given(
    st.permutations(TOLD), st.lists(st.sampled_from([one for one in TOLD if not isinstance(one[0], COUNTED)]))
)
def test_any_order_and_any_repetition_give_the_same_fact(order: list[Any], again: list[Any]) -> None:
    assert learnt([*order, *again]) == learnt(TOLD)


@given(st.permutations(TOLD), st.integers(1, len(TOLD)))
def test_a_fact_may_begin_with_any_event_and_count_at_any_time(order: list[Any], known: int) -> None:
    assert counts(learnt(order[:known]))["opened"] == 1


def test_the_state_is_that_of_the_last_round() -> None:
    told = TOLD
    states = []
    for known in range(1, len(told) + 1):
        state = learnt(told[:known]).state
        if not states or states[-1] != state:
            states.append(state)

    assert states == [
        "registered",
        "dispatched",
        "registered",  # returned, nobody leads
        "dispatched",
        "deferred",
        "dispatched",
        "deferred",
        "dispatched",
        "resolved",
        "dispatched",  # rework
        "resolved",
        "closed",
        "dispatched",  # reopened
        "resolved",
        "closed",
    ]


def test_the_lead_is_who_was_asked_last_and_did_not_return_it() -> None:
    fact = long_life().fact

    assert fact.lead_in(0) == PROPERTY
    assert fact.lead_in(2) == PROPERTY


def test_an_appeal_that_left_does_not_count_where_it_left() -> None:
    refused = Story().registered().merged().left()
    placed_anew = Story("case-2", channel=CARD).registered()

    assert counts(refused.fact).get("appeals_merged") is None
    assert counts(refused.fact)["appeals_registered"] == 1
    assert counts(placed_anew.fact)["appeals_registered"] == 1


def test_who_left_before_it_was_heard_that_they_came_counts_the_same() -> None:
    story = Story().left().registered().merged()

    assert counts(story.fact).get("appeals_merged") is None


def test_a_refusal_that_was_stored_under_an_earlier_version_is_still_taken_off() -> None:
    fact = Story().registered().merged().fact
    merged = next(one for one in fact.appeals if one.outcome == "merged")

    before = fact.model_copy(
        update={"appeals": (*fact.appeals, merged.model_copy(update={"outcome": "refused"}))}
    )

    assert counts(before).get("appeals_merged") is None


def test_what_is_split_off_counts_at_its_new_case_on_the_day_it_came() -> None:
    days = 72
    old = Story().registered().merged(2, 1).left(2, 1)
    new = Story("case-2").registered(days, counted_at=1)

    came = {entry.day for entry in entries(new.fact, ZONE) if entry.name == "appeals_registered"}
    went = {entry.day for entry in entries(old.fact, ZONE) if entry.name == "appeals_merged"}
    assert came == went == {day_of_hour(1)}
    assert counts(old.fact)["appeals_registered"] == counts(new.fact)["appeals_registered"] == 1
    assert counts(old.fact).get("appeals_merged") is None


def day_of_hour(number: float) -> str:
    return hours(number).astimezone(ZONE).date().isoformat()


@pytest.mark.parametrize("first", [0, 1])
def test_an_earlier_time_heard_of_later_is_the_one_that_counts(first: int) -> None:
    late = Story().assigned().says(response.AssignmentAccepted, 5, on_time=False).told
    early = Story().says(response.AssignmentAccepted, 0.2).told

    fact = learnt(late + early if first else early + late)

    (assignment,) = fact.assignments
    assert assignment.accept is not None
    assert (assignment.accept.at, assignment.accept.on_time) == (hours(0.2), True)


def test_a_later_step_implies_the_earlier_ones_by_their_own_clocks() -> None:
    (assignment,) = Story().assigned(at=0).says(response.AssignmentArrived, 1).fact.assignments

    accept, contact = assignment.taken("accept"), assignment.taken("contact")
    assert accept is not None
    assert not accept.on_time
    assert contact is not None
    assert contact.on_time
    assert assignment.taken("resolve") is None


def test_the_channel_of_a_case_is_that_of_its_first_appeal() -> None:
    assert Story(channel=HOTLINE).merged().registered().fact.channel == HOTLINE
