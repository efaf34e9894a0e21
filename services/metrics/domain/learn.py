"""What each event adds to a fact. Pure merges: any order, any repetition of a case's events gives the same fact."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.metrics.domain.facts import (
    AppealFact,
    AppealOutcome,
    AssignmentFact,
    CaseFact,
    Closing,
    Count,
    Round,
    Taken,
    Verdict,
    Verification,
    earliest,
    latest,
    sooner,
)
from shared.contracts import intake, response, revisit, routing
from shared.contracts.base import Event
from shared.contracts.values import CategoryRef, Place, Step

CASE_EVENTS: tuple[type[Event], ...] = (
    intake.AppealRegistered,
    intake.AppealMerged,
    intake.AppealWithdrawn,
    intake.AppealLeft,
    routing.CaseDispatched,
    routing.CaseAssigned,
    routing.CaseResolved,
    routing.CaseRework,
    routing.CaseReopened,
    routing.CaseDeferred,
    routing.CaseCleared,
    routing.CaseExtensionDecided,
    routing.CaseAssignmentWithdrawn,
    routing.CaseClosed,
    routing.CaseJoined,
    routing.CaseOnDesk,
    routing.CaseDeskOverdue,
    routing.CaseDeskDecided,
    response.AssignmentAccepted,
    response.AssignmentContacted,
    response.AssignmentArrived,
    response.AssignmentReturned,
    response.AssignmentResolved,
    response.AssignmentOverdue,
    revisit.VerificationHeld,
    revisit.VerificationFailed,
    revisit.VerificationUnverified,
    revisit.VerificationOverdue,
)
"""Everything a case's fact is made of; each names its case as ``case_id``."""

_STEP_OF: dict[type[Event], Step] = {
    response.AssignmentAccepted: "accept",
    response.AssignmentContacted: "contact",
    response.AssignmentArrived: "arrive",
    response.AssignmentResolved: "resolve",
}
_Step = (
    response.AssignmentAccepted
    | response.AssignmentContacted
    | response.AssignmentArrived
    | response.AssignmentResolved
)
_VERDICT_OF: dict[type[Event], Verdict] = {
    revisit.VerificationHeld: "held",
    revisit.VerificationFailed: "failed",
    revisit.VerificationUnverified: "unverified",
}


def case_of(event: Any) -> str:
    """The case that an event is counted in: one that has left where the desk had moved it counts off where it came
    first."""
    return str(getattr(event, "counted_in", None) or event.case_id)


def told_of_case(fact: CaseFact | None, event: Any, at: datetime, zone: ZoneInfo) -> CaseFact:
    """The fact after ``event``, which was decided at ``at``; any event of a case may be the first one heard of."""
    case = fact or CaseFact(id=case_of(event), first_at=at, last_at=at)
    case = _changed(case, first_at=earliest(case.first_at, at), last_at=latest(case.last_at, at))
    match event:
        case intake.AppealMerged(moved_from=str()):
            pass  # counted where it came first
        case intake.AppealRegistered() | intake.AppealMerged():
            outcome: AppealOutcome = "registered" if isinstance(event, intake.AppealRegistered) else "merged"
            counted_at = event.counted_at or at
            case = _counted(
                _placed(case, event.place, event.category), counted_at, zone, event.channel, outcome
            )
            if case.dispatched_at is None and outcome == "registered":
                case = _changed(case, channel=earliest(case.channel, event.channel))
        case intake.AppealWithdrawn():
            case = _counted(case, at, zone, event.channel, "withdrawn")
        case intake.AppealLeft():
            how: AppealOutcome = "left_merged" if event.counted_as == "merged" else "left_registered"
            case = _counted(case, event.counted_at, zone, event.channel, how)
        case routing.CaseDispatched():
            case = _changed(
                _settled(case, event.place, event.category) if case.desk_decided_at is None else case,
                channel=event.channel,
                nature=event.nature,
                urgency=event.urgency,
                lead=event.lead_agency,
                dispatched_at=earliest(case.dispatched_at, event.at),
                resolve_by=event.resolve_by,
            )
        case routing.CaseAssigned():
            case = _assigned(_placed(case, event.place, event.category), event)
        case routing.CaseResolved():
            now = case.in_round(event.round)
            case = _in_round(case, event.round, resolved_at=earliest(now.resolved_at, event.resolved_at))
        case routing.CaseRework():
            now = case.in_round(event.round)
            case = _in_round(
                case,
                event.round,
                reworked_at=earliest(now.reworked_at, event.at),
                rework_agency=earliest(now.rework_agency, event.lead_agency),
            )
        case routing.CaseReopened():
            now = case.in_round(event.round)
            case = _in_round(case, event.round, reopened_at=earliest(now.reopened_at, event.at))
        case routing.CaseDeferred():
            now = case.in_round(event.round)
            case = _in_round(case, event.round, deferred_at=latest(now.deferred_at, event.at))
        case routing.CaseCleared():
            now = case.in_round(event.round)
            case = _in_round(case, event.round, cleared_at=latest(now.cleared_at, event.at))
            case = case.model_copy(update={"promised_anew": latest(case.promised_anew, event.resolve_by)})
        case routing.CaseClosed():
            case = _closed(case, event)
        case routing.CaseJoined():
            closing = Closing(at=event.at, outcome="joined", on_time=True)
            case = _changed(
                _in_round(case, event.round, closing=closing),
                desk_decided_at=latest(case.desk_decided_at, event.at),
            )
        case routing.CaseOnDesk():
            case = _asked(case, event)
        case routing.CaseDeskOverdue():
            case = _changed(case, desk_overdue_at=latest(case.desk_overdue_at, event.due))
        case routing.CaseDeskDecided():
            if case.desk_decided_at is None or event.at > case.desk_decided_at:
                case = _settled(case, event.place, event.category)
            case = _changed(case, desk_decided_at=latest(case.desk_decided_at, event.at))
        case routing.CaseExtensionDecided():
            mine = _assignment(case, event.assignment_id)
            moved = event.resolve_by if event.granted else None
            case = _with(case, mine, agency=event.agency, extended_to=latest(mine.extended_to, moved))
        case routing.CaseAssignmentWithdrawn():
            mine = _assignment(case, event.assignment_id)
            case = _with(case, mine, withdrawn_at=earliest(mine.withdrawn_at, event.at))
        case response.AssignmentEvent():
            case = _said(case, event)
        case revisit.VerificationOverdue():
            case = _changed(case, revisit_overdue_at=latest(case.revisit_overdue_at, event.due_by))
        case revisit.VerificationEvent():
            case = _verified(case, event)
    return fact if fact is not None and case == fact else case


def told_of_appeal(fact: AppealFact | None, event: Any, at: datetime) -> AppealFact:
    """An appeal that became no case, or more of them rejected in their channel and minute."""
    match event:
        case intake.AppealRejected():
            times = event.times or 1
            if fact is None:
                return AppealFact(
                    id=rejected_id(event.channel, at),
                    outcome="rejected",
                    channel=event.channel,
                    count=times,
                    first_at=at,
                    last_at=at,
                )
            return fact.model_copy(
                update={
                    "count": fact.count + times,
                    "first_at": min(fact.first_at, at),
                    "last_at": max(fact.last_at, at),
                }
            )
        case intake.AppealAnswered():
            return fact or AppealFact(
                id=event.appeal_id,
                outcome="answered",
                channel=event.channel,
                category=event.category.code,
                first_at=at,
                last_at=at,
            )
        case _:
            return fact or AppealFact(
                id=event.appeal_id, outcome="not_accepted", channel=event.channel, first_at=at, last_at=at
            )


def rejected_id(channel: str, at: datetime) -> str:
    """Rejected messages are counted by channel and minute, so that no document grows with an outsider's mistakes."""
    return f"rejected:{channel}:{at:%Y-%m-%dT%H:%M}"


def _changed(case: CaseFact, **changes: Any) -> CaseFact:
    return case.model_copy(update=changes)


def _placed(case: CaseFact, place: Place, category: CategoryRef) -> CaseFact:
    """Where and what by an appeal or an assignment: as long as nothing better is known."""
    if case.dispatched_at is not None or case.desk_decided_at is not None:
        return case
    return case.model_copy(
        update={
            "subdistrict": earliest(case.subdistrict, place.subdistrict),
            "community": earliest(case.community, place.community),
            "category": earliest(case.category, category.code),
        }
    )


def _settled(case: CaseFact, place: Place, category: CategoryRef) -> CaseFact:
    """Where and what by the dispatch, and before that by the desk's latest word: it may correct what was read."""
    return _changed(case, subdistrict=place.subdistrict, community=place.community, category=category.code)


def _asked(case: CaseFact, event: routing.CaseOnDesk) -> CaseFact:
    reasons = tuple(sorted(event.reasons))
    if case.desk_at is not None and (case.desk_at, case.desk_reasons) >= (event.at, reasons):
        return case
    return _changed(
        case,
        desk_at=event.at,
        desk_reasons=reasons,
        desk_round=event.round,
        desk_waits=not event.dispatched,
    )


def _counted(case: CaseFact, at: datetime, zone: ZoneInfo, channel: str, outcome: AppealOutcome) -> CaseFact:
    key = (at.astimezone(zone).date().isoformat(), channel, outcome)
    counts = {(c.day, c.channel, c.outcome): c.count for c in case.appeals}
    counts[key] = counts.get(key, 0) + 1
    appeals = tuple(
        Count(day=day, channel=name, outcome=how, count=count)
        for (day, name, how), count in sorted(counts.items())
    )
    return case.model_copy(update={"appeals": appeals})


def _in_round(case: CaseFact, number: int, **changes: Any) -> CaseFact:
    now = case.in_round(number).model_copy(update=changes)
    others = [r for r in case.rounds if r.round != number]
    return case.model_copy(update={"rounds": tuple(sorted([*others, now], key=lambda r: r.round))})


def _closed(case: CaseFact, event: routing.CaseClosed) -> CaseFact:
    before = case.in_round(event.round).closing
    closing = Closing(at=event.at, outcome=event.outcome, on_time=event.on_time, solved=event.solved)
    if before is not None:
        closing = min(before, closing, key=lambda c: (c.at, c.outcome, not c.on_time))
    return _in_round(case, event.round, closing=closing)


def _assignment(case: CaseFact, id: str) -> AssignmentFact:
    return next((a for a in case.assignments if a.id == id), AssignmentFact(id=id))


def _with(case: CaseFact, mine: AssignmentFact, **changes: Any) -> CaseFact:
    others = [a for a in case.assignments if a.id != mine.id]
    changed = mine.model_copy(update=changes)
    return case.model_copy(update={"assignments": tuple(sorted([*others, changed], key=lambda a: a.id))})


def _assigned(case: CaseFact, event: routing.CaseAssigned) -> CaseFact:
    return _with(
        case,
        _assignment(case, event.assignment_id),
        agency=event.agency,
        role=event.role,
        round=event.round,
        assigned_at=event.at,
        accept_by=event.accept_by,
        contact_by=event.contact_by,
        arrive_by=event.arrive_by,
        resolve_by=event.resolve_by,
    )


def _said(case: CaseFact, event: response.AssignmentEvent) -> CaseFact:
    mine = _assignment(case, event.assignment_id).model_copy(
        update={"agency": event.agency, "role": event.role, "round": event.round}
    )
    if isinstance(event, response.AssignmentReturned):
        return _with(case, mine, returned_at=earliest(mine.returned_at, event.at))
    if isinstance(event, response.AssignmentOverdue):
        return _with(case, mine, overdue=tuple(sorted({*mine.overdue, event.deadline})))
    if not isinstance(event, _Step):
        return case
    step = _STEP_OF[type(event)]
    taken = Taken(at=event.at, on_time=event.on_time)
    return _with(case, mine, **{step: sooner(getattr(mine, step), taken)})


def _verified(case: CaseFact, event: revisit.VerificationEvent) -> CaseFact:
    seen = Verification(
        task_id=event.task_id,
        verdict=_VERDICT_OF[type(event)],
        at=event.at,
        asked=event.asked,
        answered=event.answered,
        solved=event.solved,
        satisfied=event.satisfied,
        basically_satisfied=event.basically_satisfied,
        dissatisfied=event.dissatisfied,
        readings_valid=event.readings_valid,
        readings_passed=event.readings_passed,
        celsius=tuple(sorted(round(reading.celsius * 100) for reading in event.readings)),
        excused=len(event.readings_excused),
        excuse=event.excuse,
    )
    now: Round = case.in_round(event.round)
    found = {v.task_id: v for v in now.verifications}
    before = found.get(seen.task_id)
    if before is None or (seen.at, seen.asked, seen.verdict) > (before.at, before.asked, before.verdict):
        found[seen.task_id] = seen
    ordered = tuple(sorted(found.values(), key=lambda v: v.task_id))
    return _in_round(case, event.round, verifications=ordered)
