"""Watched from above, and up the ladder (督办、提级): by the policy's rungs once an assignment is late, and by hand.

Both are overlays on a case, not states of it. Each assignment climbs on its own clock: by its resolve deadline here;
of a deadline of answering (accept, contact, arrive) response, which hears the agency, says when a rung is reached.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.routing.domain.assigning import call_back
from services.routing.domain.case import (
    Case,
    CaseData,
    Closed,
    Deferred,
    Dispatched,
    OnDesk,
    noted,
    with_assignment,
)
from services.routing.domain.case_parts import Assignment
from services.routing.domain.dispatch import escalate, next_step
from services.routing.domain.resolution import off_the_list
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.contracts.response import AssignmentLate
from shared.contracts.values import Step
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

ANSWER_ZH: dict[Step, str] = {"accept": "签收", "contact": "联系群众", "arrive": "到场", "resolve": "办结"}


def supervise(
    case: Case | None, order: routing_orders.Supervise, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """Somebody above watches an open case; its agencies are told."""
    if case is None or isinstance(case, Closed):
        return Decision(case)
    history = noted(case, jurisdiction, input.at, "supervised", order.by, order.reason)
    case = case.model_copy(update={"history": history})
    return Decision(case, [_watched(case, a, order.level, order.reason, input.at) for a in case.live])


def watch_due(
    case: Case | None, due: routing_orders.CaseWatchDue, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The sweep found an assignment late by a rung of the ladder: its agency is watched; the lead's case goes up where
    the rung says so and somebody is there. Of rungs passed unseen only the highest is told. If the assignment is over,
    or its deadline was moved, nothing happens. One that nobody watched yet (it was made under a version or a policy
    without a ladder) is watched from now on; on the list of deferrals that is all."""
    if not isinstance(case, OnDesk | Dispatched | Deferred):
        return Decision(case)
    mine = next((a for a in case.live if a.assignment_id == due.assignment_id), None)
    if mine is None or not (mine.watch_at == due.due or mine.unwatched):
        return Decision(case)
    on_the_list = isinstance(case, Deferred)
    if on_the_list and not mine.unwatched:
        return Decision(case)
    policy = jurisdiction.policy
    passed = [
        rung
        for rung in policy.rungs("resolve")
        if not on_the_list and mine.resolve_by + rung.overdue_by < input.at
    ]
    climbed = {"rungs": len(passed), "watch_at": policy.watch_at(mine.resolve_by, len(passed))}
    case = case.model_copy(update={"assignments": with_assignment(case, mine.assignment_id, **climbed)})
    if len(passed) <= mine.rungs:  # watched from now on, or the policy has become more patient meanwhile
        return Decision(case)
    rung = passed[-1]
    reason = f"超期{_span(input.at - mine.resolve_by)}未办结"
    if rung.escalate and mine.role == "lead" and next_step(case, jurisdiction)[1] is not None:
        return _up(case, reason, input.at, jurisdiction)
    history = noted(case, jurisdiction, input.at, "supervised", mine.agency, reason)
    case = case.model_copy(update={"history": history})
    return Decision(case, [_watched(case, mine, rung.level, reason, input.at)])


def not_answered(
    case: Case | None, event: AssignmentLate, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An agency is late with accepting, contacting or arriving by a rung of the ladder: it is watched."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == event.assignment_id), None)
    if mine is None or (isinstance(case, Deferred) and mine.assignment_id in case.stopped):
        return Decision(case)
    reason = f"超期{_span(event.at - event.due)}未{ANSWER_ZH[event.deadline]}"
    history = noted(case, jurisdiction, input.at, "supervised", mine.agency, reason)
    case = case.model_copy(update={"history": history})
    return Decision(case, [_watched(case, mine, event.level, reason, input.at)])


def escalate_by_hand(
    case: Case | None, order: routing_orders.Escalate, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre gives a case to the next step of the ladder; where there is none it stays with whom it is."""
    if not isinstance(case, Dispatched | Deferred) or next_step(case, jurisdiction)[1] is None:
        return Decision(case)
    history = noted(case, jurisdiction, input.at, "escalation ordered", order.by, order.reason)
    ordered = case.model_copy(update={"history": history})
    return off_the_list(case, _up(ordered, order.reason, input.at, jurisdiction), input.at, jurisdiction)


def _span(late: timedelta) -> str:
    """As people say it: whole hours, or minutes within the first."""
    hours, rest = divmod(late, timedelta(hours=1))
    return f" {hours} 小时" if hours else f" {rest // timedelta(minutes=1)} 分钟"


def _up(case: CaseData, reason: str, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """Whoever leads now hands over."""
    free, withdrawn = call_back(case, [a for a in case.live if a.role == "lead"], at, f"提级办理：{reason}")
    raised = escalate(free, reason, at, jurisdiction)
    return Decision(raised.state, [*withdrawn, *raised.out])


def _watched(case: CaseData, mine: Assignment, level: int, reason: str, at: datetime) -> Out:
    supervised = events.CaseSupervised(
        case_id=case.case_id,
        round=case.round,
        at=at,
        assignment_id=mine.assignment_id,
        level=level,
        reason=reason,
    )
    return Out(supervised, case.case_id)
