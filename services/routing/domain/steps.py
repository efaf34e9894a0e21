"""A case under a task force's plan: the agency whose turn has come assists until its step ends (planning.py)."""

from __future__ import annotations

from services.routing.domain.assigning import assign, step_of
from services.routing.domain.case import (
    Assignment,
    Case,
    CaseData,
    Closed,
    Dispatched,
    Resolved,
    noted,
    with_assignment,
)
from services.routing.domain.resolution import resolved_if_all
from shared.contracts import routing as events
from shared.contracts.routing_plans import MoveStep, OpenStep, PlanThrough, StepEnded, StepEvent, StepLate
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

OVER = "案卷已办结或结案"
NOBODYS = "案卷尚无主办单位"


def open_step(case: Case | None, order: OpenStep, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The agency of the open step assists, by the step's date; a case that is over, or that nobody was asked to lead
    yet, says so to its plan."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if _of(case, order) is not None:
        return Decision(case)
    over = isinstance(case, Resolved | Closed)
    if over or not case.lead_agency:
        ended = StepEnded(
            case_id=case.case_id,
            plan=order.plan,
            step=order.step,
            attempt=order.attempt,
            at=input.at,
            how="withdrawn",
            reason=OVER if over else NOBODYS,
        )
        return Decision(case, [Out(ended, case.case_id)])
    taken = case.model_copy(
        update={
            "mode": "taskforce",
            "plans": max(case.plans, order.plan),
            "history": noted(case, jurisdiction, input.at, "step opened", order.agency, _named(order)),
        }
    )
    opened, out = assign(taken, [(order.agency, "assist")], input.at, jurisdiction, opening=order)
    return Decision(opened, out)


def move_step(case: Case | None, order: MoveStep, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The leader gave the open step another date: its agency has until then."""
    mine = _opened(case, order)
    if case is None or mine is None or mine.standing != "live":
        return Decision(case)
    decided = events.CaseExtensionDecided(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        assignment_id=mine.assignment_id,
        agency=mine.agency,
        granted=True,
        resolve_by=order.due,
        reason=order.reason,
    )
    moved = case.model_copy(
        update={
            "assignments": with_assignment(case, mine.assignment_id, resolve_by=order.due),
            "history": noted(case, jurisdiction, input.at, "step re-dated", mine.agency, order.reason),
        }
    )
    return Decision(moved, [Out(decided, case.case_id)])


def step_late(case: Case | None, late: StepLate, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The step is past its date and those after it wait: its agency and the lead department are watched."""
    mine = _opened(case, late)
    if case is None or mine is None or mine.standing != "live":
        return Decision(case)
    reason = f"专班计划{_named(late)}超期"
    told = [
        events.CaseSupervised(
            case_id=case.case_id,
            round=case.round,
            at=input.at,
            assignment_id=one.assignment_id,
            level=1,
            reason=reason,
        )
        for one in case.live
        if one.role == "lead" or one == mine
    ]
    case = case.model_copy(
        update={"history": noted(case, jurisdiction, input.at, "step overdue", mine.agency, reason)}
    )
    return Decision(case, [Out(one, case.case_id) for one in told])


def plan_through(case: Case | None, event: PlanThrough, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Every step is done: nothing but its agencies' last words keeps the case open now."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if event.plan <= case.plans_through:
        return Decision(case)
    case = case.model_copy(
        update={
            "plans_through": event.plan,
            "history": noted(case, jurisdiction, input.at, "plan through", case.lead_agency),
        }
    )
    return resolved_if_all(case, input.at, jurisdiction) if isinstance(case, Dispatched) else Decision(case)


def _of(case: CaseData, event: StepEvent) -> Assignment | None:
    return next((a for a in case.assignments if a.step == step_of(event)), None)


def _opened(case: Case | None, event: StepEvent) -> Assignment | None:
    """The step's assignment. Its opening may still be on the way, unless the case is over."""
    mine = _of(case, event) if case is not None else None
    if mine is None and not isinstance(case, Resolved | Closed):
        raise NotYet("step", "this step is not opened yet")
    return mine


def _named(event: StepEvent) -> str:
    return f"第 {event.step.number}/{event.step.of} 步“{event.step.task}”"
