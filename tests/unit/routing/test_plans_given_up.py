"""A task force's plan given up: whoever is at a step is called back, and the case goes on without it."""

from __future__ import annotations

from services.routing.domain.case import Dispatched, OnDesk, Resolved
from services.routing.domain.plan import GivenUp
from shared.contracts import routing
from shared.contracts.routing_plans import OpenStep
from tests.support.cases import appeal, category
from tests.support.plans import TASKS, TaskForce


def test_a_plan_given_up_calls_its_open_step_back_and_the_case_goes_on_as_before() -> None:
    force = TaskForce()
    force.make()
    force.resolve_step()
    (step,) = force.steps

    force.give_up()

    assert isinstance(force.plan, GivenUp)
    assert [one.number for one in force.plan.left] == [2, 3, 4, 5]
    assert (force.plan.by, force.plan.reason) == ("街道办事处主任", "改走市政接入")
    assert force.stages()[-1] == ("given_up", 2)
    withdrawn = next(e for e in force.said if isinstance(e, routing.CaseAssignmentWithdrawn))
    assert (withdrawn.assignment_id, withdrawn.reason) == (step.assignment_id, "专班计划已终止：改走市政接入")
    case = force.life.case
    assert isinstance(case, Dispatched)
    assert (case.mode, case.planned, force.steps) == ("whistle", False, [])
    assert (case.history[-1].what, case.history[-1].who) == ("plan given up", "街道办事处主任")
    force.resolve_lead()
    assert isinstance(force.life.case, Resolved)


def test_it_goes_back_to_the_mode_it_had_and_a_task_force_from_the_start_is_a_whistle() -> None:
    joint = TaskForce()
    joint.life.case = joint.life.case.model_copy(update={"mode": "joint"})
    from_the_start = TaskForce(appeal=appeal(category=category("heating.not_connected"), text="一直没通暖气"))
    assert from_the_start.life.case.mode == "taskforce"

    for force, mode in ((joint, "joint"), (from_the_start, "whistle")):
        force.make()
        assert force.life.case.mode == "taskforce"
        force.give_up()
        assert force.life.case.mode == mode


def test_a_case_that_only_waited_for_its_plan_is_resolved_when_that_is_given_up() -> None:
    force = TaskForce()
    force.make()
    force.resolve_lead()

    force.give_up()

    assert isinstance(force.life.case, Resolved)


def test_so_is_one_that_was_deferred_meanwhile() -> None:
    for ends in (TaskForce.give_up, TaskForce.resolve_step):
        force = TaskForce()
        force.make(TASKS[:1])
        force.resolve_lead()
        force.defer()

        ends(force)

        assert isinstance(force.life.case, Resolved)
        assert force.life.case.struck is not None


def test_a_plan_given_up_with_the_leader_leaves_the_case_on_the_desk_where_nobody_leads_it() -> None:
    force = TaskForce(appeal=appeal(confidence=0.1))
    force.make()

    force.give_up()

    assert isinstance(force.plan, GivenUp)
    assert isinstance(force.life.case, OnDesk)
    assert force.life.case.question is not None


def test_a_step_that_opens_after_its_plan_was_given_up_is_nobodys() -> None:
    force = TaskForce(promptly=False)
    force.make()
    while not isinstance(force.waiting[0], OpenStep):
        force.read(0)
    opening = force.waiting.pop(0)
    force.redate(1, days=1)
    force.give_up()

    force.drain()
    force.order(opening)
    force.drain()

    assert force.life.case.assigned == 1
    assert not force.life.case.planned


def test_what_is_over_is_not_given_up_and_another_plan_may_follow() -> None:
    force = TaskForce()
    force.make(TASKS[:1])
    force.resolve_step()
    through = force.plan
    force.give_up()
    assert force.plan == through

    force.make()
    force.give_up()
    given_up = force.plan
    force.give_up()
    assert force.plan == given_up

    force.make()
    assert (force.plan.number, [a.agency for a in force.steps]) == (3, ["city-management-zy"])
    for _ in TASKS:
        force.resolve_step()
    force.resolve_lead()
    assert isinstance(force.life.case, Resolved)
