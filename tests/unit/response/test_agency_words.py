"""What an agency may say in which state, and what comes of it (CONTRACTS 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.response.domain.agency import DONE, MOST_HEARD, OVER, UNKNOWN
from services.response.domain.assignment import Assignment, Resolved, Returned
from shared.contracts import agency as said
from shared.contracts import routing
from shared.loop.decision import Refused
from tests.support.assignments import (
    ID,
    OTHER,
    START,
    STATES,
    after,
    centre,
    decide,
    given,
    hear,
    in_state,
    kinds,
    word,
)

STEPS = ("accepted", "contacted", "arrived", "resolved")
ANSWERS: dict[str, dict[str, str]] = {
    "assigned": {
        "accepted": "accepted",
        "contacted": "accepted",
        "arrived": "arrived",
        "progressed": "assigned",
        "returned": "returned",
        "extension_requested": "assigned",
        "deferral_requested": "assigned",
        "resolved": "resolved",
    },
    "accepted": {
        "accepted": "ignored",
        "contacted": "accepted",
        "arrived": "arrived",
        "progressed": "accepted",
        "returned": "returned",
        "extension_requested": "accepted",
        "deferral_requested": "accepted",
        "resolved": "resolved",
    },
    "arrived": {
        "accepted": "ignored",
        "contacted": "ignored",
        "arrived": "ignored",
        "progressed": "arrived",
        "returned": "returned",
        "extension_requested": "arrived",
        "deferral_requested": "arrived",
        "resolved": "resolved",
    },
    "deferred": {
        "accepted": "deferred",
        "contacted": "deferred",
        "arrived": "deferred",
        "progressed": "deferred",
        "returned": "returned",
        "extension_requested": "refused",
        "deferral_requested": "refused",
        "resolved": "resolved",
    },
    "resolved": {
        "accepted": "ignored",
        "contacted": "ignored",
        "arrived": "ignored",
        "progressed": "ignored",
        "returned": "refused",
        "extension_requested": "refused",
        "deferral_requested": "refused",
        "resolved": "ignored",
    },
}
VERBS = tuple(ANSWERS["assigned"])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_every_word_in_every_state(state: str, verb: str) -> None:
    before = in_state(state)
    answer = ANSWERS[state][verb] if state in ANSWERS else "refused"
    said_later = word(verb, after(20))

    if answer == "refused":
        with pytest.raises(Refused) as refused:
            hear(before, said_later)
        assert [error.field for error in refused.value.errors] == ["assignment_id"]
        return
    decision = hear(before, said_later)
    if answer == "ignored":
        assert decision.state is before
        assert decision.out == ()
    else:
        assert decision.state is not before
        assert decision.state.state == answer


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_learns_of_anothers_assignment(verb: str) -> None:
    """Another's, one that is over, and none at all: the same words for who does not own it."""
    problems = set()
    for state in ("absent", "assigned", "withdrawn"):
        with pytest.raises(Refused) as refused:
            decide(in_state(state), word(verb, after(5)), after(5), OTHER)
        problems |= {(error.field, error.problem) for error in refused.value.errors}

    assert problems == {("assignment_id", UNKNOWN)}


@pytest.mark.parametrize("state", ["returned", "withdrawn", "concluded"])
def test_after_the_end_the_owner_is_told_so(state: str) -> None:
    with pytest.raises(Refused) as refused:
        hear(in_state(state), word("accepted", after(30)))

    assert refused.value.errors[0].problem == OVER


REWORKED = centre(routing.CaseConcluded, held=False, closed=False)


@pytest.mark.parametrize("verb", [*STEPS, "progressed"])
def test_a_step_on_what_went_on_as_rework_changes_nothing(verb: str) -> None:
    before = given(word("resolved", after(10)), REWORKED)

    decision = hear(before, word(verb, after(8)), after(12))

    assert decision.state is before
    assert decision.out == ()


@pytest.mark.parametrize("verb", ["returned", "extension_requested", "deferral_requested"])
def test_what_went_on_as_rework_was_resolved_and_is_given_back_no_more(verb: str) -> None:
    with pytest.raises(Refused) as refused:
        hear(given(word("resolved", after(10)), REWORKED), word(verb, after(12)))

    assert refused.value.errors[0].problem == DONE


def test_a_step_is_refused_when_the_failed_revisit_closed_the_case() -> None:
    ended = centre(routing.CaseConcluded, held=False, closed=True)
    with pytest.raises(Refused) as refused:
        hear(given(word("resolved", after(10)), ended), word("accepted", after(12)))

    assert refused.value.errors[0].problem == OVER


def test_resolving_straight_away_takes_every_step_that_has_a_deadline() -> None:
    decision = hear(given(), word("resolved", after(25)))

    assert kinds(decision) == ["accepted", "contacted", "arrived", "resolved", ">updated"]
    assert all(out.event.at == after(25) and out.event.on_time for out in decision.out[:4])


def test_who_repairs_from_afar_did_not_arrive() -> None:
    """DOMAIN 1: not every case has an arrival; where nobody asked for one, none is made up."""
    decision = hear(given(arrive_by=None, contact_by=None), word("resolved", after(25)))

    assert kinds(decision) == ["accepted", "resolved", ">updated"]


def test_an_arrival_nobody_asked_for_is_kept_when_it_comes_before_the_end() -> None:
    done = given(word("resolved", after(25)), arrive_by=None)

    earlier = hear(done, word("arrived", after(20)), after(26))
    at_the_same_time, later = (hear(done, word("arrived", after(minute))) for minute in (25, 27))

    assert kinds(earlier) == ["accepted", "contacted", "arrived"]
    assert isinstance(earlier.state, Resolved)
    assert at_the_same_time.state is later.state is done


@pytest.mark.parametrize(
    ("said_at", "received", "judged", "on_time"),
    [
        (29, 29, 29, True),
        (30, 30, 30, True),
        (30.001, 30.001, 30.001, False),
        (25, 35, 25, True),
        (25, 35.001, 35.001, False),
        (34, 30, 30, True),
        (-5, 2, 0, True),
        (-5, -1, 0, True),
    ],
)
def test_a_step_is_judged_by_a_recent_report_else_by_the_receipt(
    said_at: float, received: float, judged: float, on_time: bool
) -> None:
    taken = hear(given(), word("accepted", after(said_at)), after(received)).state.taken["accept"]

    assert abs(taken.at - after(judged)) < timedelta(milliseconds=1)
    assert taken.on_time is on_time


@pytest.mark.parametrize("verb", sorted(ANSWERS["assigned"]))
@pytest.mark.parametrize("state", ["assigned", "accepted", "arrived", "resolved"])
def test_nothing_was_said_or_done_before_the_assignment_was_made(verb: str, state: str) -> None:
    before = word(verb, after(-5.1))

    with pytest.raises(Refused) as refused:
        hear(in_state(state), before, after(20))

    assert [error.field for error in refused.value.errors] == ["at"]


def test_the_earliest_word_on_a_step_counts() -> None:
    late = given((word("accepted", after(35)), after(35)))
    assert late.taken["accept"].on_time is False

    earlier = hear(late, word("accepted", after(28)), after(37))

    assert kinds(earlier) == ["accepted"]
    assert earlier.out[0].event.at == after(28)
    assert earlier.state.taken["accept"].on_time is True


def test_an_earlier_time_counts_after_the_resolution_too() -> None:
    done = given(word("resolved", after(35)))

    decision = hear(done, word("accepted", after(29)), after(36))

    assert kinds(decision) == ["accepted"]
    assert decision.out[0].event.on_time is True
    assert isinstance(decision.state, Resolved)


def test_a_second_resolution_can_only_show_that_it_was_earlier() -> None:
    done = given(word("resolved", after(35), reply="第一次"))

    decision = hear(done, word("resolved", after(33), reply="第二次"), after(36))

    assert kinds(decision) == ["accepted", "contacted", "arrived", "resolved"]
    assert decision.out[-1].event.reply == "第一次"
    assert decision.out[-1].event.at == after(33)


def test_late_is_applied_and_counted_late() -> None:
    decision = hear(given(), word("resolved", after(49 * 60)))

    assert decision.state.state == "resolved"
    assert not any(out.event.on_time for out in decision.out if not out.tenant)


@pytest.mark.parametrize("code", ["arrears", "户主自拆暖气"])
def test_an_excuse_goes_on_to_those_who_decide_about_it(code: str) -> None:
    excused = word("resolved", after(5), excuse={"code": code, "until": after(9)})

    told = hear(given(), excused).out[-2].event

    assert (told.excuse, told.excuse_until) == (code, after(9))


def test_a_return_says_why_and_ends_the_assignment() -> None:
    decision = hear(given(), word("returned", after(5), suggested_agency=OTHER))

    assert isinstance(decision.state, Returned)
    assert kinds(decision) == ["returned"]
    assert decision.out[0].event.suggested_agency == OTHER
    assert decision.state.withheld is None


@pytest.mark.parametrize("suggested", ["nobody", "hotline-12345", "heating-zy"])
def test_only_another_agency_can_be_suggested(suggested: str) -> None:
    with pytest.raises(Refused) as refused:
        hear(given(), word("returned", after(5), suggested_agency=suggested))

    assert refused.value.errors[0].field == "suggested_agency"


@pytest.mark.parametrize(
    ("verb", "field", "value"),
    [
        ("extension_requested", "until", after(48 * 60)),
        ("extension_requested", "until", after(47 * 60)),
        ("deferral_requested", "review_at", after(5)),
        ("deferral_requested", "review_at", START),
    ],
)
def test_a_request_must_look_ahead(verb: str, field: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        hear(given(), word(verb, after(5), **{field: value}))

    assert refused.value.errors[0].field == field


def test_an_overdue_assignment_cannot_be_extended_into_the_past() -> None:
    with pytest.raises(Refused) as refused:
        hear(given(), word("extension_requested", after(60 * 60), until=after(50 * 60)))

    assert refused.value.errors[0].field == "until"


@pytest.mark.parametrize(
    ("verb", "changed"),
    [
        ("extension_requested", {"until": after(80 * 60)}),
        ("deferral_requested", {"review_at": after(90 * 24 * 60)}),
    ],
)
def test_the_same_request_twice_is_asked_once(verb: str, changed: dict[str, Any]) -> None:
    asked = hear(given(), word(verb, after(5)))
    again = hear(asked.state, word(verb, after(6)))
    other = hear(asked.state, word(verb, after(6), **changed))

    assert kinds(asked) == [verb]
    assert again.state is asked.state
    assert kinds(other) == [verb]


def test_progress_is_counted_and_the_latest_note_kept() -> None:
    state = given(
        word("progressed", after(9), note="配件已到"),
        (word("progressed", after(5), note="等待配件"), after(10)),
    )

    assert state.progress is not None
    assert (state.progress.times, state.progress.note) == (2, "配件已到")
    assert hear(state, word("progressed", after(11))).out == ()


def test_one_assignment_cannot_be_made_to_grow_without_end() -> None:
    state: Assignment = given()
    for minute in range(MOST_HEARD):
        state = hear(state, word("progressed", after(minute), note=str(minute))).state

    assert hear(state, word("progressed", after(MOST_HEARD))).state is state
    assert hear(state, word("accepted", after(MOST_HEARD))).state is state
    with pytest.raises(Refused):
        hear(state, word("extension_requested", after(MOST_HEARD)))
    done = hear(state, word("resolved", after(MOST_HEARD)))
    assert kinds(done)[-2:] == ["resolved", ">updated"]
    assert hear(done.state, word("resolved", after(MOST_HEARD - 5)), after(MOST_HEARD)).state is done.state


def test_what_is_told_is_about_the_case_and_names_the_assignment() -> None:
    for out in hear(given(round=2), word("resolved", after(5))).out:
        assert out.about == "case-1"
        assert out.event.model_dump()["assignment_id"] == ID
        if not out.tenant:
            assert out.event.model_dump()["round"] == 2


def test_a_reading_of_the_table_forgets_no_verb() -> None:
    assert set(VERBS) == {event.pattern.split(".")[2] for event in said.EVENTS}
    assert centre(routing.CaseSupervised, level=1, reason="x").type == routing.CaseSupervised.type
