"""How a case ends: somebody goes back, it held or it is rework; contested, it is open again."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.after_done import UNHEARD, back_to_work, unheard
from services.routing.domain.anew import anew
from services.routing.domain.appellants import in_their_words
from services.routing.domain.asking import ask
from services.routing.domain.asking import told as asked_of_the_desk
from services.routing.domain.case import (
    Case,
    CaseData,
    Closed,
    Dispatched,
    OnDesk,
    Resolved,
    noted,
    standing,
)
from services.routing.domain.dispatch import escalate
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.contracts.intake import AppealContested
from shared.contracts.revisit import (
    VerificationEvent,
    VerificationFailed,
    VerificationHeld,
    VerificationUnverified,
)
from shared.contracts.values import ReworkNote, Role
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

CONTESTED = "群众不认可办理结果"
EXPLAINED = ("explained", "user_side", "not_possible")


def held(case: Case | None, event: VerificationHeld, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The revisit held: closed."""
    if not isinstance(case, Resolved) or event.round != case.round:
        return _stale(case)
    if unheard(case, event):
        return back_to_work(case, case.assist_agencies, UNHEARD, input.at, jurisdiction)
    solved = None if not event.asked else event.solved > 0
    return _close(case, "verified", solved, event, input.at, jurisdiction)


def unverified(
    case: Case | None, event: VerificationUnverified, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """Nobody could or would be asked: closed, not verified, counted apart."""
    if not isinstance(case, Resolved) or event.round != case.round:
        return _stale(case)
    if unheard(case, event):
        return back_to_work(case, case.assist_agencies, UNHEARD, input.at, jurisdiction)
    return _close(case, "not_verified", None, event, input.at, jurisdiction)


def failed(
    case: Case | None, event: VerificationFailed, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The revisit failed: rework by the same lead, until the policy's number of reworks sends it up the ladder.

    Up there it must end: when somebody who can end it, or whom the desk named when nobody was left, has explained why
    no more can be done, and no valid reading is under the standard, the case is closed as not solved instead of going
    round for ever.
    """
    if not isinstance(case, Resolved) or event.round != case.round:
        return _stale(case)
    lead = case.lead
    assert lead is not None  # a resolved case has one
    if case.level and not event.cold and lead.done is not None and lead.done.outcome in EXPLAINED:
        return _close(case, "verified", False, event, input.at, jurisdiction)
    told = [_concluded(case, a.assignment_id, event, input.at, closed=False) for a in case.current]
    again = Dispatched(
        **case.carried(
            assignments=standing(case, case.current, "concluded"),
            round=case.round + 1,
            reworks=case.reworks + 1,
            history=noted(case, jurisdiction, input.at, "rework", lead.agency, event.reason),
        )
    )
    if case.reworks >= jurisdiction.policy.rework_limit:
        raised = escalate(
            again,
            f"返工 {case.reworks} 次仍未解决：{event.reason}",
            input.at,
            jurisdiction,
            lead.assignment_id,
            event.readings,
        )
        return Decision(raised.state, [*told, _rework(again, event, input.at), *raised.out])
    note = ReworkNote(
        previous=lead.assignment_id,
        count=again.reworks,
        reason=event.reason,
        readings=event.readings or None,
    )
    given = anew(again, _same(case), event.reason, input.at, jurisdiction, note)
    return Decision(given.state, [*told, _rework(again, event, input.at), *given.out])


def approve_excuse(
    case: Case | None, order: routing_orders.ApproveExcuse, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre approves the lead's excuse for a cold flat, for this round only: in the next it may hold no more."""
    if not isinstance(case, Resolved):
        return Decision(case)
    if (order.round, order.excuse) != (case.round, case.excuse_asked):
        return Decision(case)
    history = noted(case, jurisdiction, input.at, "excuse approved", order.by, order.reason)
    approved = events.CaseExcuseApproved(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        excuse=order.excuse,
        approver=order.by,
        reason=order.reason,
    )
    excused = case.model_copy(update={"excuse_asked": None, "history": history})
    return Decision(excused, [Out(approved, case.case_id)])


def contested(
    case: Case | None, event: AppealContested, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """A resident does not agree with the outcome: a closed case is open again, with the same lead, or on the centre's
    desk if it never had one.

    Nobody stands behind a case that is closed as withdrawn, so that nobody can contest it. Versions that knew counts
    only (``behind`` is None) may have closed it over somebody's head.
    """
    if case is None:
        raise NotYet("case_id", "no such case")
    if not isinstance(case, Closed) or case.outcome == "joined":
        return Decision(case)
    if case.outcome == "withdrawn" and case.behind is not None:
        return Decision(case)
    lead = case.lead
    reason = in_their_words(case, event.reason, f"{CONTESTED}。")
    carried = case.carried(
        round=case.round + 1,
        **_somebody(case),
        history=noted(case, jurisdiction, input.at, "reopened", event.channel, CONTESTED),
    )
    if lead is None:
        asked = ask(["nobody_left"], reason, case.urgency, input.at, jurisdiction.policy)
        desk = OnDesk(**carried | {"question": asked})
        given = Decision(desk, asked_of_the_desk(desk, input.at))
    else:
        note = ReworkNote(previous=lead.assignment_id, count=case.reworks, reason=reason)
        given = anew(Dispatched(**carried), _same(case), CONTESTED, input.at, jurisdiction, note)
    told = events.CaseReopened(
        case_id=case.case_id,
        round=case.round + 1,
        at=input.at,
        case_no=case.case_no,
        matter=case.matter,
        lead_agency=given.state.lead_agency,
        reason=reason,
    )
    return Decision(given.state, [Out(told, case.case_id), *given.out])


def _somebody(case: CaseData) -> dict[str, int]:
    """How many stand behind a case that is open again: at least who contests, where only counts were kept."""
    counts = {"appeals": case.appeals, "households": case.households}
    return counts if case.behind is not None else {name: max(1, count) for name, count in counts.items()}


def _same(case: CaseData) -> list[tuple[str, Role]]:
    """The lead of the round before, and its assistants."""
    return [(case.lead_agency, "lead"), *((agency, "assist") for agency in case.assist_agencies)]


def _close(
    case: Resolved,
    outcome: str,
    solved: bool | None,
    event: VerificationEvent,
    at: datetime,
    jurisdiction: Jurisdiction,
) -> Decision:
    lead = case.lead
    reply = lead.done.reply if lead is not None and lead.done is not None else ""
    over = Closed.model_validate(
        case.carried(
            assignments=standing(case, case.current, "concluded"),
            history=noted(case, jurisdiction, at, "closed", "", outcome),
        )
        | {"outcome": outcome, "closed_at": at, "solved": solved, "satisfaction": event.satisfaction}
    )
    closed = events.CaseClosed(
        case_id=case.case_id,
        round=case.round,
        at=at,
        matter=case.matter,
        outcome=over.outcome,
        reply=reply,
        solved=solved,
        satisfaction=event.satisfaction,
        reworks=case.reworks,
        on_time=case.resolved_at <= case.resolve_by,
        resolved_at=case.resolved_at,
    )
    told = [_concluded(case, a.assignment_id, event, at, closed=True) for a in case.current]
    return Decision(over, [*told, Out(closed, case.case_id)])


def _concluded(
    case: CaseData, assignment_id: str, event: VerificationEvent, at: datetime, *, closed: bool
) -> Out:
    return Out(
        events.CaseConcluded(
            case_id=case.case_id,
            round=case.round,
            at=at,
            assignment_id=assignment_id,
            held=isinstance(event, VerificationHeld),
            closed=closed,
            satisfaction=event.satisfaction,
            readings=event.readings or None,
        ),
        case.case_id,
    )


def _rework(case: CaseData, event: VerificationFailed, at: datetime) -> Out:
    return Out(
        events.CaseRework(
            case_id=case.case_id,
            round=case.round,
            at=at,
            lead_agency=case.lead_agency,
            count=case.reworks,
            reason=event.reason,
            readings=event.readings or None,
        ),
        case.case_id,
    )


def _stale(case: Case | None) -> Decision:
    """A verdict on a round that is over changes nothing."""
    if case is None:
        raise NotYet("case_id", "no such case")
    return Decision(case)
