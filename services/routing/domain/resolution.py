"""When a case counts as resolved: its lead and all its assistants say so (DOMAIN 3)."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.assigning import assign, call_back, step_ended
from services.routing.domain.case import (
    Case,
    CaseData,
    Deferred,
    Dispatched,
    OnDesk,
    Resolved,
    noted,
    with_assignment,
)
from services.routing.domain.case_parts import Assignment, Done, Struck
from shared.contracts import routing as events
from shared.contracts.response import AssignmentResolved
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction


def resolved(
    case: Case | None, event: AssignmentResolved, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An agency says it is done; the case is resolved when its lead and all its assistants have."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == event.assignment_id), None)
    if mine is None or not isinstance(case, OnDesk | Dispatched | Deferred):
        return Decision(case)
    done = Done(
        at=event.at,
        outcome=event.outcome,
        reply=event.reply,
        readings=event.readings,
        excuse=event.excuse,
        excuse_until=event.excuse_until,
    )
    case = case.model_copy(
        update={
            "assignments": with_assignment(case, mine.assignment_id, standing="resolved", done=done),
            "history": noted(
                case, jurisdiction, input.at, f"{mine.role} resolved", mine.agency, event.outcome
            ),
        }
    )
    decision = after_last_word(case, mine, input.at, jurisdiction)
    ended = step_ended(case, mine, event.at, "resolved", event.reply, event.outcome)
    return Decision(decision.state, [*decision.out, *ended])


def after_last_word(
    case: OnDesk | Dispatched | Deferred, mine: Assignment, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """What becomes of a case when one of its agencies is done with it, resolved or returned.

    An assistant's word leaves the case as it is while others are at it, or while it waits for a lead on the desk.
    """
    if isinstance(case, OnDesk) or (mine.role == "assist" and case.live):
        return Decision(case)
    return off_the_list(
        case, resolved_if_all(Dispatched(**case.carried()), at, jurisdiction), at, jurisdiction
    )


def off_the_list(
    case: CaseData,
    decision: Decision,
    at: datetime,
    jurisdiction: Jurisdiction,
    reason: str = "",
    by: str = "",
) -> Decision:
    """With ``decision`` a deferred case leaves the list. Whose clock stood still and who goes on gets a new one; when
    that is the lead, or another leads, the promise moves to its clock. Where nobody is left who may be given a new one,
    the case is resolved if its lead is done."""
    if not isinstance(case, Deferred):
        return decision
    after: CaseData = decision.state
    stopped = [a for a in after.live if a.assignment_id in case.stopped]
    after, told = call_back(after, stopped, at, "缓办已解除，重新派遣")
    after, made = assign(after, [(a.agency, a.role) for a in stopped], at, jurisdiction)
    lead, moved = after.lead, None
    if lead is not None and lead.standing == "live" and lead not in case.assignments:
        moved = max(case.resolve_by, lead.resolve_by)
        after = after.model_copy(update={"resolve_by": moved})
    struck = Struck(kind=case.kind, plan=case.plan, since=case.since, cleared_at=at)
    after = after.model_copy(update={"struck": struck})
    cleared = events.CaseCleared(
        case_id=case.case_id, round=case.round, at=at, resolve_by=moved, reason=reason, by=by
    )
    out = [Out(cleared, case.case_id), *decision.out, *told, *made]
    done = resolved_if_all(after, at, jurisdiction) if isinstance(after, Dispatched) else Decision(after)
    return Decision(done.state, [*out, *done.out])


def resolved_if_all(case: Dispatched, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """Resolved once no assignment of the case is live any more, its lead is done and no plan goes on."""
    lead = case.lead
    if case.live or lead is None or lead.done is None or case.planned:
        return Decision(case)
    resolved_at = max(a.done.at for a in case.current if a.done is not None)
    history = noted(case, jurisdiction, at, "resolved", lead.agency)
    rule, excuse = jurisdiction.policy.revisit, lead.done.excuse
    asks = excuse not in rule.excuses_approved and rule.excusable(
        excuse, rule.asked(case.households, case.key_households)
    )
    done = Resolved(
        **case.carried(history=history, question=None),
        resolved_at=resolved_at,
        excuse_asked=excuse if asks else None,
    )
    told = events.CaseResolved(
        case_id=case.case_id,
        round=case.round,
        at=at,
        case_no=case.case_no,
        lead_agency=lead.agency,
        category=case.category,
        place=case.place,
        location=case.location,
        places=case.places,
        contact=case.contact,
        confidential=case.confidential,
        appeals=case.appeals,
        households=case.households,
        key_households=case.key_households,
        outcome=lead.done.outcome,
        reply=lead.done.reply,
        readings=lead.done.readings,
        excuse=lead.done.excuse,
        excuse_until=lead.done.excuse_until,
        resolved_at=resolved_at,
    )
    return Decision(done, [Out(told, case.case_id)])
