"""Given a cold flat with an excuse, when the centre approves it for the round, then the flat does not fail for it."""

from __future__ import annotations

from typing import Any

import pytest

from services.revisit.domain import going
from services.revisit.domain.task import Due, Failed, Held
from shared.contracts.revisit import VerificationHeld
from shared.contracts.routing import CaseExcuseApproved
from shared.loop.decision import Decision, Input, NotYet
from tests.support.revisits import DONE, HOUR, SAMPLE, closed, given, reading, resolved, said, when


def approved(**changes: Any) -> CaseExcuseApproved:
    values = {"case_id": "case-1", "at": DONE + HOUR, "excuse": "user_alteration", "approver": "值班长"}
    return CaseExcuseApproved(**values | {"reason": "入户核实"} | changes)


def hears(task: Any, event: CaseExcuseApproved) -> Decision:
    return going.excused(task, event, Input("x", event.at), SAMPLE)


COLD = said(solved=True, satisfaction="satisfied", readings=[reading(15.0)])


@pytest.mark.parametrize("excuse", ["user_alteration", "not_a_dwelling", "other"])
def test_a_cold_flat_whose_excuse_was_approved_holds_and_is_listed(excuse: str) -> None:
    task = given(resolved(excuse=excuse))
    assert isinstance(when(task, COLD).state, Failed)

    task = hears(task, approved(excuse=excuse)).state
    held = when(task, COLD)

    assert isinstance(held.state, Held)
    (told,) = (out.event for out in held.out)
    assert isinstance(told, VerificationHeld)
    assert (told.excuse, told.excuse_approver) == (excuse, "值班长")
    assert [one.celsius for one in told.readings_excused] == [15.0]
    assert told.readings_valid == 0


def test_another_excuse_or_one_of_several_households_is_not_approved() -> None:
    task = given(resolved(excuse="not_a_dwelling"))
    assert hears(task, approved()).state is task

    several = given(resolved(excuse="user_alteration", households=2))
    assert hears(several, approved()).state is several


def test_what_the_policy_approved_stays_its_own() -> None:
    task = given(resolved(excuse="arrears"))

    assert hears(task, approved(excuse="arrears")).state is task


def test_an_approval_that_overtakes_its_task_waits_for_it() -> None:
    with pytest.raises(NotYet):
        hears(None, approved())


def test_an_approval_that_comes_after_the_verdict_changes_nothing() -> None:
    failed = when(given(resolved(excuse="user_alteration")), COLD).state
    assert hears(failed, approved()).state is failed
    withdrawn = when(given(), closed()).state
    assert hears(withdrawn, approved()).state is withdrawn
    assert isinstance(given(), Due)
