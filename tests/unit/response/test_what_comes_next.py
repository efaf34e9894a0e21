"""What an agency must do next, as its page has it: the nearest deadline that is awaited, overdue first."""

from __future__ import annotations

import pytest

from services.response.domain.assignment import Assignment
from services.response.workbench.view import Lens, by_deadline, countdown, due, may_see, places
from shared.contracts.routing import CaseUpdated
from shared.contracts.values import Attachment, Location, Reading, ReworkNote
from tests.support.assignments import SAMPLE, START, after, centre, given, in_state, word

FILE = Attachment(id="f-1", media_type="image/jpeg", sha256="0" * 64)


def named(id: str, **ordered: object) -> Assignment:
    return given(assignment_id=id, **ordered)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0.5, "还剩 0 分钟"),
        (59, "还剩 59 分钟"),
        (60, "还剩 1 小时 0 分"),
        (25 * 60 + 5, "还剩 1 天 1 小时"),
        (48 * 60, "还剩 2 天"),
        (-35, "已超 35 分钟"),
        (-24 * 60 - 1, "已超 1 天"),
    ],
)
def test_a_deadline_is_counted_down_and_then_up(minutes: float, text: str) -> None:
    assert countdown(after(minutes), START) == text


def test_the_next_deadline_is_the_nearest_step_not_taken() -> None:
    states = [given(), given(word("accepted", after(5))), given(word("contacted", after(5)))]

    found = [due(one, after(10)) for one in states]

    assert [one.what for one in found if one] == ["签收", "联系群众", "到场"]


@pytest.mark.parametrize(("minutes", "overdue"), [(30, False), (31, True)])
def test_a_deadline_is_overdue_only_after_it(minutes: float, overdue: bool) -> None:
    found = due(given(), after(minutes))

    assert found is not None
    assert (found.overdue, found.near) == (overdue, True)


def test_that_a_key_household_joined_and_how_urgent_it_is_is_kept_with_the_order() -> None:
    told = centre(
        CaseUpdated,
        appeals=9,
        households=9,
        key_household=True,
        urgency="emergency",
        mass_incident=True,
        compounds=2,
    )
    state = given(told)
    assert (state.order.key_household, state.order.urgency) == (True, "emergency")


@pytest.mark.parametrize("state", ["resolved", "returned", "withdrawn", "concluded"])
def test_nothing_is_awaited_of_what_is_done_or_over(state: str) -> None:
    one = in_state(state)
    assert one is not None
    assert due(one, after(60 * 24 * 30)) is None


def test_overdue_comes_first_then_what_is_due_next_then_the_rest() -> None:
    late = named("late", accept_by=after(-5))
    later = named("later", accept_by=after(90))
    soon = named("soon", accept_by=after(20))
    done = given(word("resolved", after(1), assignment_id="done"), assignment_id="done")

    order = by_deadline([done, later, late, soon], after(10))

    assert [one.assignment_id for one in order] == ["late", "soon", "later", "done"]


def test_a_place_is_named_as_people_say_it_and_without_the_door_before_acceptance() -> None:
    other = Location(compound="nh-01-03", building="五", room="602")
    more = centre(CaseUpdated, appeals=2, households=2, places=[other])
    lens = Lens(SAMPLE, START)

    before = places(given(more), lens)
    accepted = places(given(more, word("accepted", after(5))), lens)

    assert [("502" in place, "602" in place) for place in before] == [(False, False)] * len(before)
    assert any(place.endswith("3号楼2单元502室") for place in accepted)
    assert any("五" in place and "602" in place for place in accepted)


def test_only_the_files_of_an_assignment_are_its_agencys_to_see() -> None:
    reading = Reading(celsius=12, room="bedroom", at=START, photo="f-2")
    rework = ReworkNote(previous="a-0", count=1, reason="仍然不热", readings=[reading])
    one = given(centre(CaseUpdated, appeals=1, households=1, attachments=[FILE]), rework=rework)

    assert [may_see(one, id) for id in ("f-1", "f-2", "f-3", "")] == [True, True, False, False]
