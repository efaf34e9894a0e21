"""What the figures say of the centre's desk, whatever the order in which its events are heard."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import intake
from tests.support.facts import SAMPLE, Story, counts, learnt

LIFT = SAMPLE.policy.category_ref("property.lift")
ELSEWHERE = SAMPLE.places.place("c020")
CORRECTED = (
    Story()
    .registered()
    .on_desk(0, ("category_unclear", "place_unknown"))
    .desk_overdue(2, 2.1)
    .desk_decided(3, category=LIFT, place=ELSEWHERE)
    .dispatched(3, category=LIFT, place=ELSEWHERE)
    .assigned("lead-0", 3, category=LIFT, place=ELSEWHERE)
)
CORRECTED_AT_WORK = (
    Story().registered().dispatched().assigned().on_desk().desk_decided(1, category=LIFT, place=ELSEWHERE)
)


def test_a_case_on_the_desk_is_counted_under_each_reason_until_it_is_decided() -> None:
    waiting = counts(Story().registered().on_desk(0, ("category_unclear", "place_unknown")).fact)
    decided = counts(CORRECTED.fact)

    assert (waiting["desk_category_unclear"], waiting["desk_place_unknown"]) == (1, 1)
    assert waiting["case_registered"] == 1
    assert not [name for name in decided if name.startswith("desk_")]
    assert decided["case_dispatched"] == 1


def test_a_case_the_desk_is_late_with_is_late_until_it_is_decided() -> None:
    late = Story().registered().on_desk().desk_overdue(2, 2.1)
    assert counts(late.fact)["desk_overdue"] == 1

    assert "desk_overdue" not in counts(late.desk_decided(3).fact)


def test_a_case_that_comes_to_the_desk_again_has_a_new_clock() -> None:
    again = Story().registered().on_desk().desk_overdue(2, 2.1).desk_decided(3).dispatched(3).on_desk(30)

    found = counts(again.fact)

    assert found["desk_category_unclear"] == 1
    assert "desk_overdue" not in found


def test_a_case_that_nobody_is_left_for_after_a_rework_waits_for_a_lead_and_an_emergency_does_not() -> None:
    begun = Story().registered().dispatched().assigned().resolved(5)
    nobody = begun.rework(6).on_desk(6, ("nobody_left",), round=1)
    emergency = Story().registered().dispatched().assigned().on_desk(dispatched=True)

    assert nobody.fact.state == "registered"
    assert nobody.desk_decided(7, round=1).assigned("again", 7, round=1).fact.state == "dispatched"
    assert emergency.fact.state == "dispatched"
    assert counts(emergency.fact)["desk_category_unclear"] == 1


def test_an_emergency_that_was_done_before_the_desk_looked_is_no_question_any_more() -> None:
    done = Story().registered().dispatched().assigned().on_desk(dispatched=True).desk_overdue(2, 2.1)
    again = done.resolved(5).rework(6).assigned("again", 6, round=1)

    assert not [name for name in counts(again.fact) if name.startswith("desk_")]


def test_a_closed_case_waits_for_nobody() -> None:
    found = counts(Story().registered().on_desk().desk_overdue(2, 2.1).closed(5, outcome="withdrawn").fact)

    assert not [name for name in found if name.startswith("desk_")]


@given(st.permutations(CORRECTED_AT_WORK.told))
def test_what_the_desk_corrected_of_a_case_at_work_counts_in_any_order(order: list[Any]) -> None:
    assert learnt(order) == CORRECTED_AT_WORK.fact
    assert CORRECTED_AT_WORK.fact.category == LIFT.code


@given(
    st.permutations(CORRECTED.told),
    st.lists(st.sampled_from([one for one in CORRECTED.told if type(one[0]) is not intake.AppealRegistered])),
)
def test_what_the_desk_corrected_is_what_counts_in_any_order(order: list[Any], again: list[Any]) -> None:
    fact = learnt([*order, *again])

    assert fact == CORRECTED.fact
    assert ELSEWHERE is not None
    assert (fact.category, fact.subdistrict) == (LIFT.code, ELSEWHERE.subdistrict)


JOINED = Story().registered().merged().on_desk().desk_overdue(2, 2.1).joined(3)


def test_a_case_that_was_joined_to_another_is_over_and_nobody_is_owed_its_end() -> None:
    found = counts(JOINED.fact)

    assert (found["case_closed"], found["closings_joined"]) == (1, 1)
    assert not [name for name in found if name.startswith("desk_") or name in ("due", "cases_closed")]


def test_an_appeal_that_was_moved_is_counted_where_it_came_first() -> None:
    other = counts(Story("case-2").registered().merged(2, 1).moved_here(3, 3).fact)

    assert (other["appeals_registered"], other["appeals_merged"]) == (1, 1)
    assert (counts(JOINED.fact)["appeals_registered"], counts(JOINED.fact)["appeals_merged"]) == (1, 1)


@given(st.permutations(JOINED.told))
def test_what_was_joined_counts_in_any_order(order: list[Any]) -> None:
    assert counts(learnt(order)) == counts(JOINED.fact)
