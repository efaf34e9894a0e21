"""A team is sent, sent again, called back, or does not go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.revisit.domain.task import Due, Held, Unverified, Withdrawn
from shared.contracts.revisit import (
    RevisitDue,
    RevisitWithdrawn,
    TaskDue,
    VerificationHeld,
    VerificationOverdue,
    VerificationUnverified,
)
from shared.contracts.values import Location, Place
from shared.loop.decision import Refused
from tests.support.revisits import (
    DONE,
    HOME,
    HOUR,
    SAMPLE,
    TEAM,
    category,
    closed,
    given,
    reading,
    resolved,
    ruled,
    said,
    told,
    when,
)


def test_a_resolved_case_is_gone_back_to_within_24_hours() -> None:
    decision = when(None, resolved())

    (out,) = decision.out
    due = out.event
    assert isinstance(due, RevisitDue)
    assert (out.tenant, out.about) == (TEAM, "case-1")
    assert (due.kind, due.attempt, due.due_by) == ("revisit", 1, DONE + 24 * HOUR)
    assert (due.case_no, due.location, due.measure) == ("JQ-1", HOME, True)
    assert due.contact is not None
    assert due.households is None
    assert due.not_before is None


def test_every_place_has_a_team() -> None:
    nowhere = Place(code="unplaced", name="地点不明", known=False)

    assert given(resolved(place=nowhere)).team == "team-district"


def test_each_round_is_a_task_of_its_own() -> None:
    assert given(resolved(round=1)).task_id != given().task_id


def test_the_same_round_resolved_again_sends_nobody_twice() -> None:
    task = given()

    decision = when(task, resolved(at=DONE + HOUR))

    assert decision.state is task
    assert not decision.out


def test_a_confidential_caller_is_not_pointed_at() -> None:
    places = [HOME, Location(building="4", room="101")]

    task = given(resolved(confidential=True, households=2, places=places))

    assert task.contact is None
    assert task.location.room is None
    assert [place.room for place in task.places] == [None, None]


def test_no_address_tells_the_door_of_a_confidential_caller() -> None:
    flat = Location(address="幸福路12号院7号楼1单元301室")

    task = given(resolved(confidential=True, location=flat, places=[flat]))

    assert [place.address for place in (task.location, *task.places)] == ["幸福路12号院7号楼"] * 2


@pytest.mark.parametrize(
    ("code", "month", "measure"),
    [("heating.no_heat", 12, True), ("heating.no_heat", 7, False), ("heating.fees", 12, False)],
)
def test_it_is_measured_where_the_standard_holds(code: str, month: int, measure: bool) -> None:
    at = DONE.replace(month=month)

    assert given(resolved(category=category(code), at=at, resolved_at=at)).measure is measure


@pytest.mark.parametrize(
    ("households", "key_households", "asked"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (2, 0, 2),
        (5, 0, 5),
        (6, 0, 6),
        (15, 0, 6),
        (16, 0, 7),
        (35, 0, 8),
        (105, 0, 15),
        (40, 20, 20),
        (40, 60, 40),
        (100_000, 0, 500),
    ],
)
def test_of_many_households_a_sample_is_asked(households: int, key_households: int, asked: int) -> None:
    """All up to 5, then 5 and 10 % of the rest, key households always."""
    task = given(resolved(households=households, key_households=key_households))

    assert task.households == asked


def test_the_sample_and_where_to_ask_are_told() -> None:
    places = [Location(room=str(n)) for n in range(60)]

    (out,) = when(None, resolved(households=35, places=places)).out

    assert isinstance(out.event, RevisitDue)
    assert out.event.households == 8
    assert out.event.places == places[:50]


def test_a_household_nobody_reached_is_tried_on_another_day_and_at_another_hour() -> None:
    decision = when(given(), said("unreachable", after=3 * HOUR))

    (out,) = decision.out
    due = out.event
    assert isinstance(due, RevisitDue)
    assert due.attempt == 2
    assert due.not_before is not None
    zone = SAMPLE.policy.zone
    tried, then = (DONE + 3 * HOUR).astimezone(zone), due.not_before.astimezone(zone)
    assert then.date() > tried.date()
    assert then.hour != tried.hour
    assert due.due_by == due.not_before + 24 * HOUR


def test_another_day_is_another_day_also_after_midnight() -> None:
    after_midnight = timedelta(hours=14, minutes=30)  # 00:30 in the district

    task = when(given(), said("unreachable", after=after_midnight)).state

    assert task.not_before == DONE + after_midnight + 44 * HOUR


def test_after_the_last_try_nobody_is_counted_as_satisfied() -> None:
    task, out = told(given(), [said("unreachable") for _ in range(3)])

    assert isinstance(task, Unverified)
    assert [type(event) for event in out] == [RevisitDue, RevisitDue, VerificationUnverified]
    unverified = out[-1]
    assert isinstance(unverified, VerificationUnverified)
    assert unverified.reason == "unreachable"
    assert (unverified.asked, unverified.answered, unverified.solved, unverified.satisfaction) == (
        0,
        0,
        0,
        None,
    )


def test_reached_at_the_second_try() -> None:
    task, out = told(given(), [said("unreachable"), said(solved=True)])

    assert isinstance(task, Held)
    assert isinstance(out[-1], VerificationHeld)


def test_only_those_nobody_reached_are_tried_again() -> None:
    answers = [said(solved=True), said("unreachable"), said("declined"), said("unreachable")]

    task, out = told(given(resolved(households=4)), answers)

    (due,) = out
    assert isinstance(due, RevisitDue)
    assert (due.attempt, due.households) == (2, 2)
    task, out = told(task, [said("unreachable"), said(solved=True), said("unreachable")])
    assert isinstance(task, Held)
    held = out[-1]
    assert isinstance(held, VerificationHeld)
    assert (held.asked, held.answered, held.solved) == (3, 2, 2)


def test_a_withdrawn_case_calls_the_team_back() -> None:
    task = given()

    decision = when(task, closed())

    (out,) = decision.out
    assert isinstance(decision.state, Withdrawn)
    assert isinstance(out.event, RevisitWithdrawn)
    assert (out.tenant, out.event.task_id, out.event.reason) == (TEAM, task.task_id, "诉求人已撤回诉求")
    with pytest.raises(Refused, match="task_id"):
        when(decision.state, said(solved=True))


def test_a_withdrawal_that_overtakes_the_resolved_sends_nobody() -> None:
    gone = when(None, closed()).state

    decision = when(gone, resolved())

    assert isinstance(decision.state, Withdrawn)
    assert not decision.out


@pytest.mark.parametrize("outcome", ["verified", "not_verified"])
def test_a_case_closed_by_its_revisit_changes_nothing(outcome: str) -> None:
    held = when(given(), said(solved=True)).state

    assert when(held, closed(outcome=outcome)).state is held
    assert when(None, closed(outcome=outcome)).state is None


def test_a_task_nobody_went_to_is_told_once() -> None:
    task = given()
    due = TaskDue(task_id=task.task_id, due_by=task.due_by)

    late = when(task, due)

    (out,) = late.out
    assert isinstance(out.event, VerificationOverdue)
    assert (out.event.team, out.event.due_by) == (TEAM, task.due_by)
    assert when(late.state, due).state is late.state


def test_a_moved_time_makes_the_old_alarm_void() -> None:
    task = given()
    again = when(task, said("unreachable")).state
    assert isinstance(again, Due)

    decision = when(again, TaskDue(task_id=task.task_id, due_by=task.due_by))

    assert decision.state is again
    assert not decision.out


def test_answered_and_overdue_exclude_each_other() -> None:
    task = given()
    held = when(task, said(solved=True)).state

    decision = when(held, TaskDue(task_id=task.task_id, due_by=task.due_by))

    assert decision.state is held
    assert when(None, TaskDue(task_id="unknown", due_by=DONE)).state is None


def test_late_is_still_an_answer() -> None:
    task = given()
    late = when(task, TaskDue(task_id=task.task_id, due_by=task.due_by)).state

    assert isinstance(when(late, said(solved=True, after=30 * HOUR)).state, Held)


@pytest.mark.parametrize(
    ("excuse", "households", "approved"),
    [
        (None, 1, None),
        ("arrears", 1, "policy nuanhe-winter@2026.1"),
        ("arrears", 2, None),
        ("trial_period", 2, "policy nuanhe-winter@2026.1"),
        ("user_alteration", 1, None),
        ("other", 1, None),
    ],
)
def test_an_excuse_needs_an_approver(excuse: str | None, households: int, approved: str | None) -> None:
    task = given(resolved(excuse=excuse, households=households))

    assert task.excuse_approver == approved
    assert given(resolved(excuse=excuse), ruled(excuses_approved=())).excuse_approver is None


def test_a_done_dated_ahead_does_not_void_what_is_measured_after_it() -> None:
    task = given(resolved(resolved_at=DONE + 3 * HOUR))

    decision = when(task, said(readings=[reading(20.0)]))

    assert isinstance(decision.state, Held)
