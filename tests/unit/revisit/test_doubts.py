"""Given a team that is to go back, when somebody speaks up after the "done", then they are asked too."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.revisit.domain.task import MOST_PLACES, Due, Held, Withdrawn
from shared.contracts import revisit
from shared.loop.decision import NotYet
from tests.support.revisits import (
    DONE,
    HOME,
    HOUR,
    SAMPLE,
    back,
    doubted,
    given,
    reading,
    resolved,
    ruled,
    said,
    told,
    when,
)

CONTENT = {"solved": True, "satisfaction": "satisfied"}
SIZE = SAMPLE.policy.revisit.sample.size


def test_the_team_is_sent_to_who_joined_beside_the_first() -> None:
    task, out = told(given(), [doubted()])

    [due] = out
    assert isinstance(due, revisit.RevisitDue)
    assert (due.task_id, due.attempt, due.households) == (task.task_id, 2, None)
    assert due.location.building == "9号楼"
    assert due.due_by == DONE + HOUR + SAMPLE.policy.revisit.within
    assert task.households == 2
    assert doubted().location in task.places


@pytest.mark.parametrize("joined", [1, 2])
def test_it_holds_only_when_all_of_them_are_content(joined: int) -> None:
    answers = [said(after=(2 + n) * HOUR, **CONTENT) for n in range(1 + joined)]

    half, _ = told(given(), [doubted(households=joined), *answers[:-1]])
    task, out = told(half, answers[-1:])

    assert isinstance(half, Due)
    assert isinstance(task, Held)
    [held] = out
    assert (held.asked, held.doubts) == (1 + joined, 1)


def test_who_joined_and_is_not_content_fails_it() -> None:
    _, out = told(given(), [doubted(), said(**CONTENT), said(after=3 * HOUR, solved=False)])

    assert isinstance(out[-1], revisit.VerificationFailed)


def test_an_attempt_that_was_made_for_who_joined_uses_up_no_try() -> None:
    tries = SAMPLE.policy.revisit.tries
    task, _ = told(given(), [doubted(after=(n + 1) * HOUR) for n in range(tries)])

    task, out = told(task, [said("unreachable", after=(9 + n) * HOUR) for n in range(tries + 1)])

    assert isinstance(task, Due)
    assert [type(event) for event in out] == [revisit.RevisitDue]


def test_who_urges_is_asked_anyway_where_everybody_is() -> None:
    task, out = told(given(), [doubted(households=0)])

    assert (task.households, out) == (1, [])


def test_of_a_sample_one_who_urges_is_asked_beside_it_once() -> None:
    many = given(resolved(households=40, appeals=40))

    task, out = told(many, [doubted(households=0), doubted(households=0)])

    assert task.households == many.households + 1
    assert [event.location for event in out] == [doubted().location]


def test_of_a_crowd_that_joins_a_sample_is_asked() -> None:
    task, out = told(given(), [doubted(households=1) for _ in range(40)])

    assert task.households == 1 + SIZE(40)
    assert sum(event.households or 1 for event in out) == SIZE(40)
    assert len(task.places) <= MOST_PLACES


@pytest.mark.parametrize(
    ("excuse", "ends"), [("arrears", revisit.VerificationFailed), ("trial_period", revisit.VerificationHeld)]
)
def test_an_excuse_about_one_flat_does_not_excuse_the_next(excuse: str, ends: type) -> None:
    task = given(resolved(excuse=excuse), ruled(excuses_approved=["arrears", "trial_period"]))
    assert task.excuse_approver is not None
    cold = said(after=3 * HOUR, readings=[reading(15, after=3 * HOUR)], **CONTENT)

    _, out = told(task, [doubted(), said(**CONTENT), cold])

    assert isinstance(out[-1], ends)


def test_what_overtakes_the_done_waits() -> None:
    with pytest.raises(NotYet):
        when(None, doubted())


def test_after_the_verdict_it_changes_nothing() -> None:
    task, _ = told(given(), [said(**CONTENT)])

    assert when(task, doubted()).state is task


def test_a_team_is_called_off_when_the_case_is_at_work_again() -> None:
    task, out = told(given(), [back()])

    assert isinstance(task, Withdrawn)
    assert isinstance(out[0], revisit.RevisitWithdrawn)


def test_that_it_is_at_work_again_may_overtake_the_done_of_the_round_before() -> None:
    task, out = told(None, [back(), resolved()])

    assert isinstance(task, Withdrawn)
    assert out == []


def test_rework_after_a_failed_revisit_leaves_that_as_it_is() -> None:
    task, _ = told(given(), [said(solved=False)])

    assert when(task, back()).state is task


@for_all(st.permutations([doubted(1), doubted(3), doubted(0), doubted(1, location=HOME), said(**CONTENT)]))
def test_in_whatever_order_it_is_heard_as_many_are_asked(events: list[object]) -> None:
    many = given(resolved(households=40, appeals=40))

    task, _ = told(many, events)

    assert (task.households, task.doubts, task.answers.content) == (many.households + SIZE(5) + 1, 3, 1)
