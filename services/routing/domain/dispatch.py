"""Whose problem it is and by when: dispatch, return and redispatch, escalation (DOMAIN 3, 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.asking import ask, doubts, in_words, told
from services.routing.domain.assigning import assign, call_back, promise, step_ended
from services.routing.domain.behind import names_a_compound, opened_by
from services.routing.domain.case import (
    MOST_ATTACHMENTS,
    C,
    Case,
    CaseData,
    Deferred,
    Dispatched,
    OnDesk,
    noted,
    with_assignment,
)
from services.routing.domain.case_parts import Arrival, AtPlace
from services.routing.domain.incident import raised
from services.routing.domain.resolution import after_last_word, off_the_list
from services.routing.judge import Judgement, judge
from shared.contracts import routing as events
from shared.contracts.intake import AppealRegistered
from shared.contracts.response import AssignmentReturned
from shared.contracts.values import CategoryRef, Place, Reading, ReworkNote
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.veil import without_door, without_room

SUMMARY = 60
SENTENCE_ENDS = "。！？!?\n"


def register(
    case: Case | None, appeal: AppealRegistered, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An appeal opens its case: lead and assistants, mode, urgency and clocks by the policy; dispatched at once.

    Where it is not sure whose problem it is, the case waits for the centre's desk; where lives may be in danger it is
    dispatched all the same, and the desk looks at it meanwhile.
    """
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
    reasons = doubts(appeal, bool(verdict.lead_agency), policy)
    opened = _opened(appeal, verdict, input.at, jurisdiction)
    if appeal.left_case is not None:
        history = noted(opened, jurisdiction, input.at, "split off", "", f"自案卷 {appeal.left_case} 拆出")
        opened = opened.model_copy(update={"history": history})
    if reasons:
        question = ask(
            reasons,
            "；".join(why for why in (_as_read(appeal), verdict.because) if why),
            opened.urgency,
            input.at,
            policy,
            verdict.lead_agency,
            verdict.assist_agencies,
            appeal.proposals or (),
        )
        why = in_words(reasons, verdict.because)  # anybody may read it: not how the resident wrote the place
        history = noted(opened, jurisdiction, input.at, "on the desk", "", why)
        opened = opened.model_copy(update={"question": question, "history": history})
        if verdict.urgency != "emergency" or not verdict.lead_agency:
            waits = OnDesk(**opened.carried())
            return Decision(waits, told(waits, input.at))
    dispatched, out = first_dispatch(
        opened, verdict.lead_agency, verdict.assist_agencies, input.at, jurisdiction
    )
    return Decision(dispatched, [*out, *told(dispatched, input.at)])


def _as_read(appeal: AppealRegistered) -> str:
    """How intake read the appeal, which quotes the place as it was written: veiled, and not at all of a caller who must
    not be known."""
    return "" if appeal.confidential else without_door(appeal.because, appeal.contact, appeal.location.room)


def _opened(
    appeal: AppealRegistered, verdict: Judgement, at: datetime, jurisdiction: Jurisdiction
) -> CaseData:
    """A case of which nobody was asked anything yet."""
    policy = jurisdiction.policy
    urgency = raised(verdict.urgency, "urgent") if appeal.key_household else verdict.urgency
    spans = policy.deadlines(appeal.category.code, urgency, appeal.nature)
    location = without_room(appeal.location) if appeal.confidential else appeal.location
    text = None if appeal.confidential else appeal.text
    counts = names_a_compound(appeal.place, jurisdiction)
    return CaseData(
        case_id=appeal.case_id,
        case_no=appeal.case_no,
        matter=appeal.matter,
        channel=appeal.channel,
        place=appeal.place,
        category=appeal.category,
        nature=appeal.nature,
        urgency=urgency,
        mode=verdict.mode,
        summary=summary(appeal.category, appeal.place, text),
        text=text,
        location=location,
        places=[location],
        contact=None if appeal.confidential else appeal.contact,
        confidential=appeal.confidential,
        confided=appeal.confidential,
        key_household=appeal.key_household,
        key_households=int(appeal.key_household),
        recent=[Arrival(at=appeal.counted_at or at, place=appeal.place.code)],
        first_appeal=appeal.appeal_id,
        behind=opened_by(appeal.appeal_id),
        at_places=[AtPlace(place=appeal.place.code, appeals=1)] if counts else [],
        split_from=appeal.left_case,
        indoor_temperature=appeal.indoor_temperature,
        attachments=(appeal.attachments or [])[:MOST_ATTACHMENTS],
        reported_at=appeal.reported_at,
        upstream_due=appeal.upstream_due,
        candidates=list(verdict.candidates),
        households=appeal.households,
        resolve_by=promise(policy.due(at, spans.resolve, spans.clock), appeal.upstream_due, at),
        policy=policy.label,
        because=verdict.because,
    )


def first_dispatch(
    case: CaseData, lead: str, assistants: Sequence[str], at: datetime, jurisdiction: Jurisdiction
) -> tuple[Dispatched, list[Out]]:
    """The case gets its lead and its clocks, which run from now, and everybody hears of it."""
    spans = jurisdiction.policy.deadlines(case.category.code, case.urgency, case.nature)
    opened = Dispatched(
        **case.carried(
            lead_agency=lead,
            assist_agencies=list(assistants),
            resolve_by=promise(
                jurisdiction.policy.due(at, spans.resolve, spans.clock), case.upstream_due, at
            ),
        )
    )
    opened, out = assign(opened, [(lead, "lead"), *((a, "assist") for a in assistants)], at, jurisdiction)
    opened = opened.model_copy(
        update={"history": noted(opened, jurisdiction, at, "dispatched", lead, opened.because)}
    )
    dispatched = events.CaseDispatched(
        case_id=opened.case_id,
        at=at,
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
    return opened, [*out, Out(dispatched, opened.case_id)]


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
                "assist_agencies": [a for a in case.assist_agencies if mine.step or a != mine.agency],
                "history": noted(case, jurisdiction, input.at, "assist returned", mine.agency, event.reason),
            }
        )
        decision = after_last_word(left, mine, input.at, jurisdiction)
        ended = step_ended(case, mine, event.at, "returned", event.reason)
        return Decision(decision.state, [*decision.out, *ended])
    free = Dispatched(
        **case.carried(
            assignments=with_assignment(case, mine.assignment_id, standing="returned"),
            tried=[*case.tried, mine.agency],
            returns=case.returns + 1,
            history=noted(
                case, jurisdiction, input.at, "returned", mine.agency, f"{event.reason_code}: {event.reason}"
            ),
        )
    )
    to = next_lead(free, event.suggested_agency, jurisdiction)
    if free.returns >= jurisdiction.policy.return_limit:
        decision = escalate(free, f"{free.returns} 家单位退单：{event.reason}", input.at, jurisdiction)
    elif to is None:
        decision = escalate(free, f"没有可再派遣的单位：{event.reason}", input.at, jurisdiction)
    else:
        decision = redispatch(free, to, mine.agency, event.reason, input.at, jurisdiction)
    return off_the_list(case, decision, input.at, jurisdiction)


def next_lead(case: CaseData, suggested: str | None, jurisdiction: Jurisdiction) -> str | None:
    """The agency to ask next: the one suggested if it is an agency and was not asked, else the next candidate. Who was
    suspended meanwhile is passed over."""
    serving = {tenant.id for tenant in jurisdiction.tenants.serving("agency")}
    ahead = [suggested] if suggested else []
    return next((a for a in [*ahead, *case.candidates] if a in serving and a not in case.tried), None)


def redispatch(
    case: CaseData,
    to: str,
    from_agency: str,
    reason: str,
    at: datetime,
    jurisdiction: Jurisdiction,
    rework: ReworkNote | None = None,
) -> Decision:
    """Gives the case to another lead; its assistants go on."""
    led, out = _led_by(case, to, at, jurisdiction, rework)
    led, said = redispatched(led, from_agency, reason, at, jurisdiction)
    return Decision(led, [*out, said])


def redispatched(
    case: C, from_agency: str, reason: str, at: datetime, jurisdiction: Jurisdiction
) -> tuple[C, Out]:
    """Written down and said that another agency leads."""
    lead = case.lead
    assert lead is not None  # it was just assigned
    word = events.CaseRedispatched(
        case_id=case.case_id,
        round=case.round,
        at=at,
        from_agency=from_agency,
        to_agency=lead.agency,
        assignment_id=lead.assignment_id,
        reason=reason,
    )
    history = noted(case, jurisdiction, at, "redispatched", lead.agency, reason)
    return case.model_copy(update={"history": history}), Out(word, case.case_id)


def _led_by(
    case: CaseData, to: str, at: datetime, jurisdiction: Jurisdiction, rework: ReworkNote | None = None
) -> tuple[Dispatched, list[Out]]:
    """The case with another lead, which assists no longer if it did; the other assistants go on."""
    assisting = [a for a in case.beside if a.agency == to and a.role == "assist"]
    case, withdrawn = call_back(case, assisting, at, "改由本单位主办")
    assistants = [a for a in case.assist_agencies if a != to]
    led = Dispatched(**case.carried(lead_agency=to, assist_agencies=assistants))
    led, out = assign(led, [(to, "lead")], at, jurisdiction, rework)
    return led, [*withdrawn, *out]


def escalate(
    case: CaseData,
    reason: str,
    at: datetime,
    jurisdiction: Jurisdiction,
    previous: str = "",
    readings: Sequence[Reading] | None = None,
) -> Decision:
    """Up the ladder, to somebody who can end it and did not return it; past its last step stands the centre's desk, and
    whom it names can end it too."""
    level, to = next_step(case, jurisdiction)
    if to is None:
        before = case.question.reasons if case.question is not None else []
        reasons = list(dict.fromkeys([*before, "nobody_left"]))
        question = ask(reasons, reason, case.urgency, at, jurisdiction.policy)
        history = noted(case, jurisdiction, at, "on the desk", "", question.why)
        above = len(jurisdiction.policy.escalation) + 1
        desk = OnDesk(**case.carried(history=history, question=question, level=above))
        up = Out(_escalated(desk, desk.lead_agency, reason, at), case.case_id)
        return Decision(desk, [up, *told(desk, at)])
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
    raised = raised.model_copy(
        update={"level": level, "history": noted(raised, jurisdiction, at, "escalated", to, reason)}
    )
    return Decision(raised, [*out, Out(_escalated(raised, to, reason, at), case.case_id)])


def next_step(case: CaseData, jurisdiction: Jurisdiction) -> tuple[int, str | None]:
    """The next step of the ladder with an agency for the case's place that neither leads it now nor returned it, and
    that agency. A case goes up, never down: the ladder begins above the step on which its lead stands."""
    kinds = jurisdiction.policy.escalation
    for level in range(max(case.level, _stands(case, jurisdiction)) + 1, len(kinds) + 1):
        for agency in jurisdiction.tenants.agencies_for(kinds[level - 1], case.place):
            if agency not in (case.lead_agency, *case.tried):
                return level, agency
    return case.level, None


def _stands(case: CaseData, jurisdiction: Jurisdiction) -> int:
    """The step of the ladder on which the case's lead stands, 0 below the first. Who gave the case back stands nowhere:
    what is not the bureau's may be the subdistrict's."""
    kinds, lead = jurisdiction.policy.escalation, jurisdiction.tenants.get(case.lead_agency)
    gave_back = case.lead is None or case.lead.standing == "returned"
    if gave_back or lead is None or lead.agency_kind not in kinds:
        return 0
    return kinds.index(lead.agency_kind) + 1


def _escalated(case: CaseData, to: str, reason: str, at: datetime) -> events.CaseEscalated:
    return events.CaseEscalated(
        case_id=case.case_id, round=case.round, at=at, level=case.level, to_agency=to, reason=reason
    )


def summary(category: CategoryRef, place: Place, text: str | None) -> str:
    """One line for a list; without the words of a confidential appeal (``text`` None) only what and where."""
    what = category.path[-1] if category.path else category.code
    if text is None:
        return f"{what}（{place.name}）"
    text = text.strip()
    end = min((i for i in (text.find(c) for c in SENTENCE_ENDS) if i > 0), default=len(text))
    return f"{what}（{place.name}）：{text[: min(end, SUMMARY)]}"
