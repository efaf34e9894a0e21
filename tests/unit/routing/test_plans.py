"""A task force's plan: a step blocks the next, what comes back goes to the leader, the case waits for all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.routing.domain.case import Dispatched, Resolved
from services.routing.domain.plan import Ahead, GivenUp, Open, Running, Through, WithLeader
from shared.contracts import routing, routing_orders
from shared.contracts.routing_plans import StepEnded
from tests.support.cases import START, appeal, category, leak
from tests.support.plans import TASKS, TaskForce


def test_the_first_step_opens_and_its_agency_assists_by_the_steps_date() -> None:
    force = TaskForce()

    force.make()

    assert force.stages() == [("made", 1), ("opened", 1)]
    (mine,) = force.steps
    assert (mine.agency, mine.role, mine.resolve_by) == (
        "city-management-zy",
        "assist",
        START + timedelta(days=1),
    )
    assert force.life.case.mode == "taskforce"
    order = next(e for e in reversed(force.said) if isinstance(e, routing.CaseAssigned))
    assert order.step is not None
    assert (order.step.number, order.step.of, order.step.task) == (1, 5, "核对户号清单")
    assert (order.summary, order.contact_by, order.arrive_by) == ("核对户号清单", None, None)


def test_a_step_done_opens_the_next_and_the_last_one_ends_the_plan() -> None:
    force = TaskForce()
    force.make()

    for number, (agency, _) in enumerate(TASKS, 1):
        assert [(a.agency, a.step.step.number) for a in force.steps if a.step] == [(agency, number)]
        force.resolve_step()

    assert isinstance(force.plan, Through)
    assert [step.on_time for step in force.plan.done] == [True] * 5
    assert isinstance(force.life.case, Dispatched)
    force.resolve_lead()
    assert isinstance(force.life.case, Resolved)


def test_the_desks_word_on_a_case_at_work_leaves_the_step_that_is_open() -> None:
    force = TaskForce(appeal=leak(category=category("gas.leak"), text="楼道里一股煤气味", confidence=0.1))
    force.make()
    (step,) = force.steps

    force.desk_says(lead="heating-zy")

    assert force.life.case.question is None
    assert force.life.case.lead_agency == "heating-zy"
    assert force.steps == [step]
    assert isinstance(force.plan.current, Open)


def test_a_step_of_a_case_that_nobody_was_asked_to_lead_waits_with_the_leader() -> None:
    force = TaskForce(appeal=appeal(confidence=0.1))
    force.make()

    assert isinstance(force.plan.current, WithLeader)
    assert (force.life.case.mode, force.life.case.assigned) == ("whistle", 0)

    force.desk_says(lead="heating-zy")
    assert "CaseDispatched" in force.life.kinds()
    force.reassign(1, "city-management-zy", 1)

    assert [a.agency for a in force.steps] == ["city-management-zy"]


def test_a_new_date_for_an_opening_that_the_case_refused_waits_for_nothing() -> None:
    force = TaskForce(promptly=False, appeal=appeal(confidence=0.1))
    force.make(TASKS[:1])
    while force.waiting and not isinstance(force.waiting[0], StepEnded):
        force.read(0)
    force.redate(1, days=3)  # before the leader hears that it came back
    force.read(1)
    force.desk_says(lead="heating-zy")

    force.drain()

    assert isinstance(force.plan.current, WithLeader)
    assert force.steps == []


def test_an_ending_heard_of_again_ends_no_other_step() -> None:
    force = TaskForce()
    force.make()
    force.resolve_step()
    (ended,) = [event for event in force.said if isinstance(event, StepEnded)]

    force.order(ended)

    assert (force.plan.current.number, len(force.plan.done)) == (2, 1)


def test_a_case_is_not_resolved_while_its_plan_goes_on() -> None:
    force = TaskForce()
    force.make()
    force.resolve_lead()

    for _ in TASKS[:-1]:
        force.resolve_step()
        assert isinstance(force.life.case, Dispatched)
    force.resolve_step()

    assert isinstance(force.life.case, Resolved)


def test_a_step_that_came_back_waits_for_the_leader_and_blocks_the_rest() -> None:
    force = TaskForce()
    force.make()
    force.resolve_step()

    force.return_step()

    assert isinstance(force.plan.current, WithLeader)
    assert (force.plan.current.number, force.plan.current.reason) == (2, "不属于我单位职责")
    assert force.steps == []
    assert force.stages()[-1] == ("with_leader", 2)
    force.reassign(2, "water-zy", days=3)
    (mine,) = force.steps
    assert mine.agency == "water-zy"
    assert mine.step is not None
    assert (mine.step.step.number, mine.step.attempt) == (2, 2)


def test_what_an_agency_calls_impossible_is_the_leaders_not_silently_done() -> None:
    force = TaskForce()
    force.make()

    force.resolve_step(outcome="not_possible", reply="现有条件下无法验收")

    assert isinstance(force.plan.current, WithLeader)
    assert (force.plan.current.how, force.plan.done) == ("not_possible", ())


def test_a_new_date_moves_the_agencys_clock_and_stays_in_the_history() -> None:
    force = TaskForce()
    force.make()

    force.redate(1, days=2)

    assert force.steps[0].resolve_by == force.plan.current.due == START + timedelta(days=2)
    decided = next(e for e in reversed(force.said) if isinstance(e, routing.CaseExtensionDecided))
    assert (decided.granted, decided.resolve_by) == (True, START + timedelta(days=2))
    assert "等材料（批准：区专班）" in force.plan.history[-1].why


def test_a_date_out_of_the_timetables_order_changes_nothing() -> None:
    force = TaskForce()
    force.make()
    before = force.plan

    force.redate(1, days=4)
    force.redate(3, days=1)

    assert force.plan == before


def test_the_date_of_a_step_ahead_holds_when_it_opens() -> None:
    force = TaskForce()
    force.make()
    force.redate(2, days=3)

    force.resolve_step()

    assert force.steps[0].resolve_by == START + timedelta(days=3)


def test_an_agency_cannot_move_the_timetable_by_itself() -> None:
    force = TaskForce()
    force.make()
    (mine,) = force.steps

    force.life.ask_for_time("assist", assignment_id=mine.assignment_id)

    assert force.life.only(routing.CaseExtensionDecided).granted is False


def test_a_late_step_is_told_once_to_its_agency_and_to_the_lead_department() -> None:
    force = TaskForce()
    force.make()

    force.late()
    force.late()

    assert force.stages().count(("overdue", 1)) == 1
    watched = [e.assignment_id for e in force.said if isinstance(e, routing.CaseSupervised)]
    assert sorted(watched) == sorted(a.assignment_id for a in force.life.case.live)
    assert force.plan.current.overdue
    assert force.plan.next_due is None


def test_another_lead_leaves_the_open_step_as_it_is() -> None:
    force = TaskForce()
    force.make()

    force.life.redispatch("city-management-zy")

    assert [a.agency for a in force.steps] == ["city-management-zy"]


def test_a_review_of_a_deferral_assigns_no_step_anew() -> None:
    force = TaskForce()
    force.make()
    force.life.ask_for_deferral()
    (step,) = force.steps

    force.life.tell(routing_orders.CaseReviewDue(case_id="case-1", review_at=force.life.case.review_at))

    assert force.steps == [step]


def test_when_residents_take_everything_back_the_open_step_is_the_leaders() -> None:
    force = TaskForce()
    force.make()

    force.withdraw()

    assert isinstance(force.plan.current, WithLeader)
    assert force.plan.current.how == "withdrawn"


def test_a_case_that_was_resolved_meanwhile_gives_the_step_back_to_the_leader() -> None:
    force = TaskForce()
    force.resolve_lead()

    force.make()

    assert isinstance(force.life.case, Resolved)
    assert isinstance(force.plan.current, WithLeader)


def test_a_plan_with_a_gap_cannot_be_built() -> None:
    step = {"agency": "heating-zy", "task": "开通", "due": START}
    with pytest.raises(ValidationError, match="are no plan"):
        Running(
            case_id="case-1",
            number=1,
            leader="主任",
            lead_agency="heating-zy",
            made_at=START,
            current=Open(number=1, opened_at=START, **step),
            ahead=(Ahead(number=3, **step),),
        )


OFTEN = ("read", "read_twice", "resolve") * 3
DOES = (*OFTEN, "give_back", "impossible", "reassign", "redate", "late", "lead", "defer", "review", "give_up")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DOES), st.integers(0, 5)), max_size=60))
def test_whatever_comes_when_no_step_is_open_while_one_before_is_not_done(
    does: list[tuple[str, int]],
) -> None:
    force = TaskForce(promptly=False)
    force.make()
    for what, number in does:
        _do(force, what, number)
        _whole(force)

    force.drain()
    force.review()
    force.drain()
    for _ in range(10):
        if not isinstance(force.plan, Running):
            break
        if isinstance(force.plan.current, WithLeader):
            force.reassign(
                force.plan.current.number, "heating-zy", days=(force.plan.current.due - START).days
            )
        else:
            force.resolve_step()
        force.drain()
        _whole(force)
    if force.life.assignment("lead").standing == "live":
        force.resolve_lead()
        force.drain()
    assert isinstance(force.life.case, Resolved)
    done, left = force.plan.done, force.plan.left if isinstance(force.plan, GivenUp) else ()
    assert [step.number for step in (*done, *left)] == [1, 2, 3, 4, 5]
    assert left or isinstance(force.plan, Through)


def _do(force: TaskForce, what: str, number: int) -> None:
    current = force.plan.current if isinstance(force.plan, Running) else None
    if what.startswith("read") and force.waiting:
        force.read(number, again=what == "read_twice")
    elif what == "resolve" and force.steps:
        force.resolve_step()
    elif what == "impossible" and force.steps:
        force.resolve_step(outcome="not_possible")
    elif what == "give_back" and force.steps:
        force.return_step()
    elif what == "reassign" and isinstance(current, WithLeader):
        force.reassign(current.number, "water-zy", days=number)
    elif what == "redate" and current is not None:
        force.redate(number, days=number)
    elif what == "late" and isinstance(current, Open):
        force.late()
    elif what == "give_up" and number == 5:
        force.give_up()
    elif what == "defer":
        force.defer()
    elif what == "review":
        force.review()
    elif what == "lead" and force.life.case.planned and force.life.assignment("lead").standing == "live":
        force.resolve_lead()


def _whole(force: TaskForce) -> None:
    """At most one step is open; those before it are done; nobody ends a case whose plan goes on."""
    assert len(force.steps) <= 1
    for mine in force.steps:
        assert mine.step is not None
        assert len(force.plan.done) == mine.step.step.number - 1
    opened = [a.step for a in force.life.case.assignments if a.step is not None]
    assert len(opened) == len(set(opened))
    if isinstance(force.life.case, Resolved):
        assert isinstance(force.plan, Through | GivenUp)
    if isinstance(force.life.case, Dispatched):
        assert force.life.case.live or force.life.case.planned
