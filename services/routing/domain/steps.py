"""A case under a task force's plan: the agency whose turn has come assists until its step ends (planning.py)."""

from __future__ import annotations

from services.routing.domain.assigning import SUSPENDED, assign, call_back, step_of
from services.routing.domain.case import (
    Case,
    CaseData,
    Closed,
    Deferred,
    Dispatched,
    Resolved,
    noted,
    with_assignment,
)
from services.routing.domain.case_parts import Assignment
from services.routing.domain.resolution import off_the_list, resolved_if_all
from shared.contracts import routing as events
from shared.contracts.routing_plans import (
    MoveStep,
    OpenStep,
    PlanGivenUp,
    PlanThrough,
    StepEnded,
    StepEvent,
    StepLate,
)
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

OVER = "案卷已办结或结案"
NOBODYS = "案卷尚无主办单位"


def open_step(case: Case | None, order: OpenStep, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The agency of the open step assists, by the step's date; a case that is over, or that nobody was asked to lead
    yet, says so to its plan, and so it does of an agency that was suspended or removed."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if _of(case, order) is not None or order.plan <= case.plans_through:
        return Decision(case)
    over = isinstance(case, Resolved | Closed)
    suspended = not jurisdiction.tenants.active(order.agency)
    if over or suspended or not case.lead_agency:
        ended = StepEnded(
            case_id=case.case_id,
            plan=order.plan,
            step=order.step,
            attempt=order.attempt,
            at=input.at,
            how="withdrawn",
            reason=OVER if over else NOBODYS if not case.lead_agency else SUSPENDED,
        )
        refused = case.model_copy(update={"refused_step": step_of(order)})
        return Decision(refused, [Out(ended, case.case_id)])
    taken = case.model_copy(
        update={
            "mode": "taskforce",
            "mode_before": case.mode_before if case.mode == "taskforce" else case.mode,
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
    return _nothing_waits_for_it(case, input, jurisdiction)


def plan_given_up(
    case: Case | None, event: PlanGivenUp, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The task force gave up: whoever is at a step is called back, and the case goes on as it did before the plan, or
    as a whistle if it never went on otherwise; with its lead, or where nobody leads it, on the desk."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if event.plan <= case.plans_through:
        return Decision(case)
    mine = [a for a in case.live if a.step is not None and a.step.plan == event.plan]
    free, out = call_back(case, mine, input.at, f"专班计划已终止：{event.reason}")
    mode = (case.mode_before or "whistle") if case.mode == "taskforce" else case.mode
    free = free.model_copy(
        update={
            "plans": max(case.plans, event.plan),
            "plans_through": event.plan,
            "mode": mode,
            "mode_before": None,
            "history": noted(free, jurisdiction, input.at, "plan given up", event.by, event.reason),
        }
    )
    decision = _nothing_waits_for_it(free, input, jurisdiction)
    return Decision(decision.state, [*out, *decision.out])


def _nothing_waits_for_it(case: Case, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The plan is over. A case at which nobody is any more is resolved, also where it was on the list of deferrals."""
    if isinstance(case, Dispatched) or (isinstance(case, Deferred) and not case.live):
        ended = resolved_if_all(Dispatched(**case.carried()), input.at, jurisdiction)
        return off_the_list(case, ended, input.at, jurisdiction)
    return Decision(case)


def _of(case: CaseData, event: StepEvent) -> Assignment | None:
    return next((a for a in case.assignments if a.step == step_of(event)), None)


def _opened(case: Case | None, event: StepEvent) -> Assignment | None:
    """The step's assignment. Its opening may still be on the way, unless case or plan is over, or it was refused."""
    mine = _of(case, event) if case is not None else None
    over = isinstance(case, Resolved | Closed) or (case is not None and event.plan <= case.plans_through)
    refused = case.refused_step if case is not None else None
    over = over or (refused is not None and step_of(event).place <= refused.place)
    if mine is None and not over:
        raise NotYet("step", "this step is not opened yet")
    return mine


def _named(event: StepEvent) -> str:
    return f"第 {event.step.number}/{event.step.of} 步“{event.step.task}”"
