"""What moves a task force's plan: made, a step ended, re-dated, given out again, past its date, given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.routing.domain.case import MOST_HISTORY
from services.routing.domain.case_parts import Entry
from services.routing.domain.plan import (
    Ahead,
    Done,
    GivenUp,
    Open,
    Plan,
    PlanData,
    Running,
    StepData,
    Through,
    WithLeader,
)
from shared.contracts import routing_plans as events
from shared.contracts.base import Event
from shared.contracts.values import PlanStep
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction


def make(plan: Plan | None, order: events.MakePlan, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The plan is made and its first step opens; while one goes on, no other is made."""
    if isinstance(plan, Running):
        return Decision(plan)
    first, *ahead = (
        Ahead(number=number, agency=step.agency, task=step.task, due=step.due)
        for number, step in enumerate(order.steps, 1)
    )
    made = Running(
        case_id=order.case_id,
        number=plan.number + 1 if plan else 1,
        leader=order.leader,
        lead_agency=order.lead_agency,
        made_at=input.at,
        history=_noted(plan, input.at, "made", order.by, order.reason, jurisdiction),
        current=_opened(first, input.at),
        ahead=tuple(ahead),
    )
    return Decision(made, [_told(made, "made", input.at, order.reason), *_opening(made, input.at)])


def ended(plan: Plan | None, event: events.StepEnded, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The open step ended: done, and the next opens; or it came back, and the leader decides."""
    if plan is None:
        raise NotYet("case_id", "no such plan")
    step = _open(plan, event.plan, event.step.number, event.attempt)
    if step is None or not isinstance(plan, Running):
        return Decision(plan)
    if event.how != "resolved" or event.outcome is None or event.outcome == "not_possible":
        how = "not_possible" if event.how == "resolved" else event.how
        back = WithLeader(**_step(step), back_at=event.at, how=how, reason=event.reason)
        history = _noted(plan, input.at, how, step.agency, event.reason, jurisdiction)
        after = plan.model_copy(update={"current": back, "history": history})
        return Decision(after, [_told(after, "with_leader", input.at, event.reason)])
    done = Done(
        **_step(step),
        done_at=event.at,
        outcome=event.outcome,
        reply=event.reason,
        on_time=event.at <= step.due,
    )
    told = _told(plan, "done", input.at)
    history = _noted(plan, input.at, "done", step.agency, event.outcome, jurisdiction)
    carried = plan.carried(done=(*plan.done, done), history=history)
    if not plan.ahead:
        through = events.PlanThrough(case_id=plan.case_id, plan=plan.number)
        over = Through(**carried, through_at=event.at)
        return Decision(over, [told, _told(plan, "through", input.at), Out(through, plan.case_id)])
    following, *ahead = plan.ahead
    onward = Running(**carried, current=_opened(following, input.at), ahead=tuple(ahead))
    return Decision(onward, [told, *_opening(onward, input.at)])


def redate(plan: Plan | None, order: events.RedateStep, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Another date for a step that is open or ahead, with reason and approver; the timetable stays in order."""
    if plan is None:
        raise NotYet("case_id", "no such plan")
    if cannot_redate(plan, order.step, order.due):
        return Decision(plan)
    assert isinstance(plan, Running)
    why = f"{order.due.isoformat()}：{order.reason}（批准：{order.approver}）"
    plan = plan.model_copy(
        update={"history": _noted(plan, input.at, f"step {order.step} re-dated", order.by, why, jurisdiction)}
    )
    if order.step != plan.current.number:
        ahead = tuple(
            step.model_copy(update={"due": order.due}) if step.number == order.step else step
            for step in plan.ahead
        )
        after = plan.model_copy(update={"ahead": ahead})
        return Decision(after, [_told(after, "redated", input.at, order.reason, order.step)])
    after = plan.model_copy(
        update={"current": plan.current.model_copy(update={"due": order.due, "overdue": False})}
    )
    moved = events.MoveStep(**_of_current(after), due=order.due, reason=order.reason)
    return Decision(after, [_told(after, "redated", input.at, order.reason), Out(moved, after.case_id)])


def reassign(
    plan: Plan | None, order: events.ReassignStep, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The leader gives a step that came back to an agency again."""
    if plan is None:
        raise NotYet("case_id", "no such plan")
    if not isinstance(plan, Running) or not isinstance(plan.current, WithLeader):
        return Decision(plan)
    if plan.current.number != order.step or _out_of_order(plan, order.step, order.due):
        return Decision(plan)
    given = plan.current.model_copy(update={"agency": order.agency, "due": order.due})
    why = f"{order.agency}：{order.reason}（批准：{order.approver}）"
    again = plan.model_copy(
        update={
            "current": _opened(given, input.at),
            "history": _noted(plan, input.at, f"step {order.step} given out", order.by, why, jurisdiction),
        }
    )
    return Decision(again, _opening(again, input.at))


def give_up(
    plan: Plan | None, order: events.GiveUpPlan, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The task force gives up: nothing is opened any more, and the case hears that it need not wait."""
    if plan is None:
        raise NotYet("case_id", "no such plan")
    if not isinstance(plan, Running):
        return Decision(plan)
    left = [StepData(**_step(step)) for step in (plan.current, *plan.ahead)]
    over = GivenUp(
        **plan.carried(history=_noted(plan, input.at, "given up", order.by, order.reason, jurisdiction)),
        given_up_at=input.at,
        by=order.by,
        reason=order.reason,
        left=tuple(left),
    )
    told = events.PlanGivenUp(case_id=plan.case_id, plan=plan.number, reason=order.reason, by=order.by)
    return Decision(over, [_told(plan, "given_up", input.at, order.reason), Out(told, plan.case_id)])


def due(plan: Plan | None, event: events.StepDue, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The sweep found the open step past its date: the leader is told once per date, nobody is passed over."""
    step = _open(plan, event.plan, event.step, event.attempt)
    if step is None or step.overdue or step.due != event.due or not isinstance(plan, Running):
        return Decision(plan)
    late = plan.model_copy(
        update={
            "current": step.model_copy(update={"overdue": True}),
            "history": _noted(plan, input.at, "overdue", step.agency, "", jurisdiction),
        }
    )
    told = events.StepLate(**_of_current(late), due=event.due)
    return Decision(late, [_told(late, "overdue", input.at), Out(told, late.case_id)])


def cannot_redate(plan: Plan, number: int, due: datetime) -> tuple[str, str] | None:
    """(field, problem) where a step cannot have this date; None where it can."""
    if not isinstance(plan, Running) or not plan.current.number <= number <= plan.size:
        return "step", "计划中没有这个未完成的步骤 (no step of the plan that is not done)"
    if number == plan.current.number and isinstance(plan.current, WithLeader):
        return "step", "该步骤已退回专班领导，请重新指派 (with the leader; give it out again)"
    return _out_of_order(plan, number, due)


def _out_of_order(plan: Running, number: int, due: datetime) -> tuple[str, str] | None:
    timetable: Sequence[StepData] = (plan.current, *plan.ahead)
    if any(step.due > due for step in timetable if step.number < number):
        return "due", "早于前一步骤的时限 (before the date of an earlier step)"
    if any(step.due < due for step in timetable if step.number > number):
        return "due", "晚于后一步骤的时限 (after the date of a later step)"
    return None


def cannot_reassign(plan: Plan, number: int, due: datetime) -> tuple[str, str] | None:
    """(field, problem) where a step cannot be given out again; None where it can."""
    if not isinstance(plan, Running) or plan.current.number != number or isinstance(plan.current, Open):
        return "step", "该步骤没有退回专班领导 (this step is not with the leader)"
    return _out_of_order(plan, number, due)


def _open(plan: Plan | None, number: int, step: int, attempt: int) -> Open | None:
    """The open step, if it is this opening of this step that the plan waits for."""
    if not isinstance(plan, Running) or not isinstance(plan.current, Open):
        return None
    waits_for = (plan.number, plan.current.number, plan.current.attempt)
    return plan.current if waits_for == (number, step, attempt) else None


def _opened(step: StepData, at: datetime) -> Open:
    return Open(**_step(step) | {"attempt": step.attempt + 1}, opened_at=at)


def _opening(plan: Running, at: datetime) -> list[Out]:
    order = events.OpenStep(**_of_current(plan), agency=plan.current.agency, due=plan.current.due)
    return [_told(plan, "opened", at), Out(order, plan.case_id)]


def _step(step: StepData) -> dict[str, Any]:
    return {name: getattr(step, name) for name in StepData.model_fields}


def _of_current(plan: Running) -> dict[str, Any]:
    step = PlanStep(number=plan.current.number, of=plan.size, task=plan.current.task)
    return {"case_id": plan.case_id, "plan": plan.number, "step": step, "attempt": plan.current.attempt}


def _told(
    plan: Running, stage: events.PlanStage, at: datetime, reason: str = "", number: int | None = None
) -> Out:
    steps: Sequence[StepData] = (plan.current, *plan.ahead)
    step = next(step for step in steps if number in (None, step.number))
    told: Event = events.CasePlanProgressed(
        case_id=plan.case_id,
        at=at,
        plan=plan.number,
        stage=stage,
        step=step.number,
        steps=plan.size,
        agency=step.agency,
        due=step.due,
        leader=plan.leader,
        reason=reason,
    )
    return Out(told, plan.case_id)


def _noted(
    plan: PlanData | None, at: datetime, what: str, who: str, why: str, jurisdiction: Jurisdiction
) -> list[Entry]:
    before = plan.history[-(MOST_HISTORY - 1) :] if plan is not None else []
    return [*before, Entry(at=at, what=what, who=who, why=why, policy=jurisdiction.policy.label)]
