"""When a case counts as resolved: its lead and all its assistants say so (DOMAIN 3)."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.case import Case, Deferred, Dispatched, Done, Resolved, noted, with_assignment
from shared.contracts import routing as events
from shared.contracts.response import AssignmentResolved
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction


def resolved(case: Case | None, event: AssignmentResolved, input: Input, _: Jurisdiction) -> Decision:
    """An agency says it is done; the case is resolved when its lead and all its assistants have."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == event.assignment_id), None)
    if mine is None or not isinstance(case, Dispatched | Deferred):
        return Decision(case)
    done = Done(
        at=event.at, outcome=event.outcome, reply=event.reply, readings=event.readings, excuse=event.excuse
    )
    cleared = (
        [Out(events.CaseCleared(case_id=case.case_id, round=case.round, at=input.at), case.case_id)]
        if isinstance(case, Deferred)
        else []
    )
    case = Dispatched(
        **case.carried(
            assignments=with_assignment(case, mine.assignment_id, standing="resolved", done=done),
            history=noted(case, input.at, f"{mine.role} resolved", mine.agency, event.outcome),
        )
    )
    decision = resolved_if_all(case, input.at)
    return Decision(decision.state, [*cleared, *decision.out])


def resolved_if_all(case: Dispatched, at: datetime) -> Decision:
    """Resolved once no assignment of the case is live any more and its lead is done."""
    lead = case.lead
    if case.live or lead is None or lead.done is None:
        return Decision(case)
    resolved_at = max(a.done.at for a in case.current if a.done is not None)
    done = Resolved(**case.carried(history=noted(case, at, "resolved", lead.agency)), resolved_at=resolved_at)
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
        resolved_at=resolved_at,
    )
    return Decision(done, [Out(told, case.case_id)])
