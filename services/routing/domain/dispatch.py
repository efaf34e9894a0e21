"""Whose problem it is and by when: dispatch, return and redispatch, escalation (DOMAIN 3, 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.assigning import assign, call_back, promise
from services.routing.domain.case import (
    MOST_ATTACHMENTS,
    Case,
    CaseData,
    Deferred,
    Dispatched,
    OnDesk,
    noted,
    with_assignment,
)
from services.routing.domain.resolution import after_last_word, off_the_list
from services.routing.judge import judge
from shared.contracts import routing as events
from shared.contracts.intake import AppealRegistered
from shared.contracts.response import AssignmentReturned
from shared.contracts.values import Reading, ReworkNote, Role
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.veil import without_room

SUMMARY = 60
SENTENCE_ENDS = "。！？!?\n"


def register(
    case: Case | None, appeal: AppealRegistered, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An appeal opens its case: lead and assistants, mode, urgency and clocks by the policy; dispatched at once."""
    if case is not None:
        return Decision(case)
    policy = jurisdiction.policy
    verdict = judge(
        category=appeal.category.code,
        nature=appeal.nature,
        text=appeal.text,
        place=appeal.place,
        indoor_temperature=appeal.indoor_temperature,
        jurisdiction=jurisdiction,
        on=input.at.astimezone(policy.zone).date(),
    )
    urgency = "urgent" if appeal.key_household and verdict.urgency == "normal" else verdict.urgency
    spans = policy.deadlines(appeal.category.code, urgency, appeal.nature)
    location = without_room(appeal.location) if appeal.confidential else appeal.location
    opened = Dispatched(
        case_id=appeal.case_id,
        case_no=appeal.case_no,
        matter=appeal.matter,
        channel=appeal.channel,
        place=appeal.place,
        category=appeal.category,
        nature=appeal.nature,
        urgency=urgency,
        mode=verdict.mode,
        summary=_summary(appeal),
        text=None if appeal.confidential else appeal.text,
        location=location,
        places=[location],
        contact=None if appeal.confidential else appeal.contact,
        confidential=appeal.confidential,
        confided=appeal.confidential,
        key_household=appeal.key_household,
        key_households=int(appeal.key_household),
        indoor_temperature=appeal.indoor_temperature,
        attachments=(appeal.attachments or [])[:MOST_ATTACHMENTS],
        reported_at=appeal.reported_at,
        upstream_due=appeal.upstream_due,
        lead_agency=verdict.lead_agency,
        assist_agencies=list(verdict.assist_agencies),
        candidates=list(verdict.candidates),
        households=appeal.households,
        resolve_by=promise(input.at + spans.resolve, appeal.upstream_due, input.at),
        policy=policy.label,
        because=verdict.because,
    )
    asked: list[tuple[str, Role]] = [
        (verdict.lead_agency, "lead"),
        *((a, "assist") for a in verdict.assist_agencies),
    ]
    opened, out = assign(opened, asked, input.at, jurisdiction)
    opened = opened.model_copy(
        update={"history": noted(opened, input.at, "dispatched", verdict.lead_agency, verdict.because)}
    )
    dispatched = events.CaseDispatched(
        case_id=opened.case_id,
        at=input.at,
        case_no=opened.case_no,
        lead_agency=opened.lead_agency,
        assist_agencies=opened.assist_agencies,
        mode=opened.mode,
        urgency=opened.urgency,
        nature=opened.nature,
        category=opened.category,
        place=opened.place,
        channel=opened.channel,
        key_household=opened.key_household,
        appeals=opened.appeals,
        households=opened.households,
        reported_at=opened.reported_at,
        resolve_by=opened.resolve_by,
        policy=opened.policy,
        because=opened.because,
    )
    return Decision(opened, [*out, Out(dispatched, opened.case_id)])


def returned(
    case: Case | None, event: AssignmentReturned, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An agency gives its assignment back: the next one leads; too many returns go up the ladder.

    First agency asked leads (首接负责): it returns to the centre with a reason, it cannot pass the case on itself;
    whom it suggests is asked next if it can be.
    """
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == event.assignment_id), None)
    if mine is None or not isinstance(case, OnDesk | Dispatched | Deferred):
        return Decision(case)
    if mine.role == "assist":
        left = case.model_copy(
            update={
                "assignments": with_assignment(case, mine.assignment_id, standing="returned"),
                "assist_agencies": [a for a in case.assist_agencies if a != mine.agency],
                "history": noted(case, input.at, "assist returned", mine.agency, event.reason),
            }
        )
        return after_last_word(left, mine, input.at)
    free = Dispatched(
        **case.carried(
            assignments=with_assignment(case, mine.assignment_id, standing="returned"),
            tried=[*case.tried, mine.agency],
            returns=case.returns + 1,
            history=noted(case, input.at, "returned", mine.agency, f"{event.reason_code}: {event.reason}"),
        )
    )
    to = next_lead(free, event.suggested_agency, jurisdiction)
    if free.returns >= jurisdiction.policy.return_limit:
        decision = escalate(free, f"{free.returns} 家单位退单：{event.reason}", input.at, jurisdiction)
    elif to is None:
        decision = escalate(free, f"没有可再派遣的单位：{event.reason}", input.at, jurisdiction)
    else:
        decision = redispatch(free, to, mine.agency, event.reason, input.at, jurisdiction)
    return off_the_list(case, decision, input.at)


def next_lead(case: CaseData, suggested: str | None, jurisdiction: Jurisdiction) -> str | None:
    """The agency to ask next: the one suggested if it is an agency and was not asked, else the next candidate."""
    tenant = jurisdiction.tenants.get(suggested) if suggested else None
    ahead = [suggested] if suggested and tenant is not None and tenant.kind == "agency" else []
    return next((a for a in [*ahead, *case.candidates] if a not in case.tried), None)


def redispatch(
    case: CaseData, to: str, from_agency: str, reason: str, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """Gives the case to another lead; its assistants go on."""
    case, out = _led_by(case, to, at, jurisdiction)
    told = events.CaseRedispatched(
        case_id=case.case_id,
        round=case.round,
        at=at,
        from_agency=from_agency,
        to_agency=to,
        assignment_id=case.assignments[-1].assignment_id,
        reason=reason,
    )
    case = case.model_copy(update={"history": noted(case, at, "redispatched", to, reason)})
    return Decision(case, [*out, Out(told, case.case_id)])


def _led_by(
    case: CaseData, to: str, at: datetime, jurisdiction: Jurisdiction, rework: ReworkNote | None = None
) -> tuple[Dispatched, list[Out]]:
    """The case with another lead, which assists no longer if it did; the other assistants go on."""
    assisting = [a for a in case.live if a.agency == to and a.role == "assist"]
    case, withdrawn = call_back(case, assisting, at, "改由本单位主办")
    assistants = [a for a in case.assist_agencies if a != to]
    case = Dispatched(**case.carried(lead_agency=to, assist_agencies=assistants))
    case, out = assign(case, [(to, "lead")], at, jurisdiction, rework)
    return case, [*withdrawn, *out]


def escalate(
    case: CaseData,
    reason: str,
    at: datetime,
    jurisdiction: Jurisdiction,
    previous: str = "",
    readings: Sequence[Reading] | None = None,
) -> Decision:
    """Up the ladder, to somebody who can end it and did not return it; past its last step the centre's desk decides."""
    level, to = next_step(case, jurisdiction)
    if to is None:
        desk = OnDesk(**case.carried(history=noted(case, at, "on the desk", "", reason)), why=reason)
        return Decision(desk, [Out(_escalated(desk, desk.lead_agency, reason, at), case.case_id)])
    rework = (
        ReworkNote(
            previous=previous,
            count=case.reworks,
            reason=reason,
            readings=list(readings) if readings else None,
        )
        if previous
        else None
    )
    raised, out = _led_by(case, to, at, jurisdiction, rework)
    raised = raised.model_copy(update={"level": level, "history": noted(raised, at, "escalated", to, reason)})
    return Decision(raised, [*out, Out(_escalated(raised, to, reason, at), case.case_id)])


def next_step(case: CaseData, jurisdiction: Jurisdiction) -> tuple[int, str | None]:
    """The next step of the ladder with an agency for the case's place that did not return it, and that agency."""
    kinds = jurisdiction.policy.escalation
    for level in range(case.level + 1, len(kinds) + 1):
        agency = next(iter(jurisdiction.tenants.agencies_for(kinds[level - 1], case.place)), None)
        if agency is not None and agency not in case.tried:
            return level, agency
    return case.level, None


def _escalated(case: CaseData, to: str, reason: str, at: datetime) -> events.CaseEscalated:
    return events.CaseEscalated(
        case_id=case.case_id, round=case.round, at=at, level=case.level, to_agency=to, reason=reason
    )


def by_hand(
    case: Case | None, order: events.Redispatch, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre's desk gives the case to another lead, while it is not resolved."""
    if not isinstance(case, OnDesk | Dispatched | Deferred):
        return Decision(case)
    leads = [a for a in case.live if a.role == "lead"]
    free, withdrawn = call_back(case, leads, input.at, order.reason)
    decision = redispatch(free, order.agency, case.lead_agency, order.reason, input.at, jurisdiction)
    return off_the_list(case, Decision(decision.state, [*withdrawn, *decision.out]), input.at)


def _summary(appeal: AppealRegistered) -> str:
    """One line for a list; of a confidential appeal only what and where."""
    what = appeal.category.path[-1] if appeal.category.path else appeal.category.code
    if appeal.confidential:
        return f"{what}（{appeal.place.name}）"
    text = appeal.text.strip()
    end = min((i for i in (text.find(c) for c in SENTENCE_ENDS) if i > 0), default=len(text))
    return f"{what}（{appeal.place.name}）：{text[: min(end, SUMMARY)]}"
