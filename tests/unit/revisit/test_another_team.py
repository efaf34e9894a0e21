"""Given a team that was suspended or removed, when its time has passed, then another goes, and the case can end."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.revisit.domain.task import Due, Held
from services.revisit.store import TASKS
from services.revisit.sweep import sweep
from shared.contracts.revisit import RevisitDue, RevisitWithdrawn, TaskDue, VerificationOverdue
from shared.loop.decision import Refused
from shared.loop.documents import Stored
from shared.service import Running
from tests.support.cases import suspended
from tests.support.revisits import DONE, HOUR, SAMPLE, TEAM, given, said, when
from tests.support.shelf import Shelf

WITHOUT = suspended(TEAM, here=SAMPLE)
OTHER = "team-district"


def late(task: Due) -> TaskDue:
    return TaskDue(task_id=task.task_id, due_by=task.due_by)


def test_another_team_is_sent_and_the_suspended_one_called_back() -> None:
    task = given()
    at = task.due_by + HOUR

    decision = when(task, late(task), WITHOUT, at=at)

    overdue, withdrawn, due = decision.out
    assert isinstance(overdue.event, VerificationOverdue)
    assert isinstance(withdrawn.event, RevisitWithdrawn)
    assert isinstance(due.event, RevisitDue)
    assert (overdue.event.team, withdrawn.tenant, due.tenant) == (TEAM, TEAM, OTHER)
    assert due.event.due_by == at + SAMPLE.policy.revisit.within
    assert isinstance(decision.state, Due)
    assert (decision.state.team, decision.state.overdue) == (OTHER, False)


def test_the_other_team_settles_the_task() -> None:
    task = when(given(), late(given()), WITHOUT).state

    held = when(task, said(solved=True, after=30 * HOUR), WITHOUT, team=OTHER)

    assert isinstance(held.state, Held)
    with pytest.raises(Refused):
        when(task, said(solved=True, after=30 * HOUR), WITHOUT, team=TEAM)


def test_of_a_task_said_to_be_late_before_its_team_was_removed_nothing_is_said_twice() -> None:
    task = when(given(), late(given())).state

    decision = when(task, late(task), WITHOUT)

    assert [type(out.event) for out in decision.out] == [RevisitWithdrawn, RevisitDue]
    assert decision.state.team == OTHER


def test_a_task_from_before_its_place_was_kept_goes_to_whoever_serves_everywhere() -> None:
    task = given().model_copy(update={"place": None})

    assert when(task, late(task), WITHOUT).state.team == OTHER


def test_who_nobody_reached_is_not_tried_again_by_a_suspended_team() -> None:
    decision = when(given(), said("unreachable"), WITHOUT)

    (due,) = decision.out
    assert isinstance(due.event, RevisitDue)
    assert due.tenant == decision.state.team == OTHER


async def test_a_sweep_finds_what_was_late_before_its_team_was_suspended() -> None:
    documents = Shelf()
    task = when(given(), late(given())).state
    documents.put(Stored(TASKS, task.task_id, 1, task))

    async def found(here: Any, after: timedelta) -> list[Any]:
        running = cast(Running, SimpleNamespace(documents=documents, jurisdiction=here))
        return await sweep(running, DONE + after)

    assert await found(SAMPLE, 30 * HOUR) == []
    (out,) = await found(WITHOUT, 30 * HOUR)
    assert out.event == late(task)
    assert [one.id for one in await found(WITHOUT, 31 * HOUR)] == [out.id]
    assert await found(WITHOUT, 20 * HOUR) == []
