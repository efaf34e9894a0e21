"""What a case counts for, by the day it is about."""

from __future__ import annotations

import pytest

from services.metrics.domain.counting import entries
from services.metrics.domain.indicators import Ratio, ratios
from services.metrics.domain.rollups import total
from shared.contracts.base import Event
from shared.contracts.response import AssignmentAccepted, AssignmentContacted, AssignmentResolved
from shared.contracts.revisit import VerificationFailed, VerificationHeld, VerificationUnverified
from tests.support.facts import HEATING, PROPERTY, ZONE, Story, cells, counts, hours


def due(case: int, closed: bool, on_time: bool) -> Story:
    story = Story(f"case-{case}").done()
    return story.closed(31, on_time=on_time) if closed else story.revisit_overdue(44, 49)


def test_the_published_figures_come_out_of_facts() -> None:
    """972 due, 911 closed, 737 of them in time (DOMAIN 5)."""
    facts = [due(n, closed=n < 911, on_time=n < 737).fact for n in range(972)]

    found = ratios(total(cells(*facts)).counts)

    assert (found["closing_rate"].numerator, found["closing_rate"].denominator) == (911, 972)
    assert f"{found['closing_rate'].value:.2%}" == "93.72%"
    assert f"{found['on_time_closing_rate'].value:.2%}" == "75.82%"


def test_a_deferred_case_leaves_the_rates_but_not_the_urgent_ones() -> None:
    found = counts(Story().registered().dispatched().assigned().deferred(10).overdue("resolve", 49).fact)

    assert "due" not in found
    assert found["urgent_due"] == 1
    assert found["case_deferred"] == 1


def test_a_case_is_not_due_before_its_deadline_is_known_to_have_passed() -> None:
    assert "due" not in counts(Story().done().fact)
    assert counts(Story().done().revisit_overdue(44, 49).fact)["due"] == 1
    assert counts(Story().done().closed(31).fact)["due"] == 1


def test_an_extension_of_the_lead_moves_the_case_s_due_day() -> None:
    story = Story().registered().dispatched().assigned().extended(96).overdue("resolve", 97)

    days = {entry.day for entry in entries(story.fact, ZONE) if entry.name == "due"}
    assert days == {hours(96).astimezone(ZONE).date().isoformat()}


def test_a_deferral_that_ended_moves_the_case_s_due_day() -> None:
    fact = Story().registered().dispatched().assigned().deferred(10).cleared(2000, resolve_by=2048).fact

    assert fact.due == hours(2048)


def test_a_refused_extension_moves_nothing() -> None:
    fact = Story().registered().dispatched().assigned().extended(96, granted=False).fact

    assert fact.due == hours(48)
    assert "extended" not in counts(fact)


def test_a_reopened_case_closes_again_and_counts_again() -> None:
    once = Story().done().closed(31)
    assert counts(once.fact)["closings_verified"] == 1
    assert counts(once.fact)["first_time"] == 1

    twice = once.reopened(60).resolved(70, round=1).closed(80, round=1)

    found = counts(twice.fact)
    assert found["closings_verified"] == 2
    assert found["cases_closed"] == 1
    assert "first_time" not in found
    assert found["case_closed"] == 1


def test_a_case_withdrawn_as_a_whole_is_owed_to_nobody() -> None:
    found = counts(Story().done().closed(31, outcome="withdrawn").fact)

    assert not found.keys() & {"due", "closed_of_due", "on_time_of_due", "urgent_due", "urgent_closed_of_due"}
    assert "rounds_judged" not in found
    assert found["closings_withdrawn"] == 1


def test_rework_counts_against_the_agency_that_had_said_done() -> None:
    story = (
        Story().done().verified(VerificationFailed, celsius=(15,)).rework(30).assigned("again", 30, round=1)
    )

    found = counts(story.fact)

    assert (found["rounds_judged"], found["rounds_reworked"], found["reworks"]) == (1, 1, 1)
    assert {e.agency for e in entries(story.fact, ZONE) if e.name == "reworks"} == {HEATING}


def test_nobody_reached_is_nobody_satisfied() -> None:
    found = counts(Story().done().verified(VerificationUnverified).closed(outcome="not_verified").fact)

    assert "answered" not in found
    assert "content" not in found
    assert found["closings_not_verified"] == 1
    assert "first_time" not in found


def test_suggestions_and_praise_stay_out_of_the_solved_rate() -> None:
    story = Story().registered().dispatched(nature="praise").assigned().verified(VerificationHeld)

    assert "answered" not in counts(story.fact)
    assert counts(story.fact)["revisits_held"] == 1


def test_a_step_counts_once_it_is_taken_or_known_to_be_late() -> None:
    fresh = Story().registered().dispatched().assigned()
    assert "accept_judged" not in counts(fresh.fact)

    late = fresh.overdue("accept", 1)
    assert counts(late.fact)["accept_judged"] == 1
    assert counts(late.fact)["overdue_accept"] == 1

    done = late.says(AssignmentAccepted, 2, on_time=False)
    assert counts(done.fact)["accept_judged"] == 1
    assert "accept_in_time" not in counts(done.fact)
    assert "overdue_accept" not in counts(done.fact)


def test_nothing_is_overdue_once_the_case_is_closed() -> None:
    late = Story().registered().dispatched().assigned().overdue("resolve", 49)
    assert counts(late.fact)["overdue_resolve"] == 1

    assert "overdue_resolve" not in counts(late.closed(50, outcome="withdrawn").fact)


def test_contact_is_a_share_of_all_that_was_assigned() -> None:
    """DOMAIN 5: contacted in time / assigned; who was not spoken to yet, or gave it back, is in it."""
    told = (
        Story()
        .registered()
        .dispatched()
        .assigned("returned")
        .returned(1, "returned")
        .assigned("waiting")
        .assigned("spoken")
        .says(AssignmentContacted, 1, "spoken")
    )

    assert ratios(counts(told.fact))["contact_rate"] == Ratio(1, 3)


@pytest.mark.parametrize(
    ("words", "in_time"), [([], 0), ([AssignmentContacted], 1), ([AssignmentResolved], 1)]
)
def test_a_contact_without_a_deadline_is_never_late(words: list[type[Event]], in_time: int) -> None:
    story = Story().registered().dispatched().assigned(contact_by=None)
    for kind in words:
        story = story.says(kind, 47)

    assert ratios(counts(story.fact))["contact_rate"] == Ratio(in_time, 1)


def test_satisfaction_is_a_share_of_all_that_answered() -> None:
    """DOMAIN 5: who answered without a word on how content it is, is in it."""
    story = Story().done().verified(VerificationHeld, asked=4, answered=3, solved=3, satisfied=2)

    assert ratios(counts(story.fact))["satisfaction_rate"] == Ratio(2, 3)


def test_each_assistant_is_rated_on_its_own_clock() -> None:
    story = (
        Story()
        .registered()
        .dispatched()
        .assigned()
        .assigned("helper", agency=PROPERTY, role="assist")
        .says(AssignmentContacted, 1)
        .overdue("contact", 3, "helper", agency=PROPERTY, role="assist")
    )

    judged = [(e.agency, e.name) for e in entries(story.fact, ZONE) if e.name.startswith("contact")]
    assert (HEATING, "contact_in_time") in judged
    assert (PROPERTY, "contact_judged") in judged
    assert (PROPERTY, "contact_in_time") not in judged


def test_returned_work_is_not_owed() -> None:
    found = counts(Story().registered().dispatched().assigned().returned(1).overdue("resolve", 49).fact)

    assert "assigned_due" not in found
    assert "overdue_resolve" not in found
    assert found["returned"] == 1


@pytest.mark.parametrize(
    ("celsius", "bound", "band"),
    [(17.99, "18", 2), (18.0, "18", 3), (18.01, "19", 3), (-3.5, "10", 0), (35, "inf", 6)],
)
def test_a_reading_falls_into_its_bucket_and_its_band(celsius: float, bound: str, band: int) -> None:
    found = counts(Story().done().verified(VerificationHeld, celsius=(celsius,)).fact)

    assert found[f"celsius_{bound}"] == 1
    assert found[f"band_{band}"] == 1
    assert found["celsius_hundredths"] == round(celsius * 100)


def test_a_revisit_is_overdue_until_somebody_went() -> None:
    late = Story().done().revisit_overdue(44, 45)
    assert counts(late.fact)["revisit_overdue"] == 1

    assert "revisit_overdue" not in counts(late.verified(VerificationHeld, 50).fact)


def test_days_are_those_of_the_jurisdiction() -> None:
    """Half past five in the afternoon in UTC is the next day in the morning here."""
    late_evening = Story().registered(at=16.5)

    assert {entry.day for entry in entries(late_evening.fact, ZONE)} == {"2026-11-17"}
