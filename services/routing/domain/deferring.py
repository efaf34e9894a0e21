"""On the list of what cannot be done now (缓办、挂账), and off it again (销号): by its review, or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.anew import anew
from services.routing.domain.assigning import call_back
from services.routing.domain.case import Case, CaseData, Deferred, Dispatched, noted
from services.routing.domain.case_parts import Assignment
from services.routing.domain.resolution import off_the_list
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.contracts.values import DeferralKind
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


def not_deferrable(
    kind: DeferralKind, review_at: datetime, at: datetime, jurisdiction: Jurisdiction
) -> tuple[str, str] | None:
    """(field, problem) where the policy's limits forbid to put a case off like this; None where they do not. They hold
    for whoever asks, grants or orders it."""
    rule = jurisdiction.policy.deferral
    if kind not in rule.kinds:
        return "kind", "该类原因不予缓办"
    if review_at <= at:
        return "review_at", "复核日期必须在将来"
    if review_at > at + rule.longest:
        return "review_at", "复核日期超过允许的最长期限"
    return None


def defer(
    case: CaseData,
    kind: DeferralKind,
    review_at: datetime,
    plan: str,
    reason: str,
    who: str,
    approver: str,
    stopped: Sequence[Assignment],
    at: datetime,
    jurisdiction: Jurisdiction,
) -> tuple[Deferred, Out]:
    """The case on the list, owned by its lead; who asked for a deferral of it has it now."""
    deferred = Deferred(
        **case.carried(
            history=noted(case, jurisdiction, at, "deferred", who, reason),
            requests=[one for one in case.asked if one.about != "deferral"],
        ),
        kind=kind,
        review_at=review_at,
        plan=plan,
        reason=reason,
        owner=case.lead_agency,
        since=at,
        approver=approver,
        stopped=[a.assignment_id for a in stopped],
    )
    listed = events.CaseDeferred(
        case_id=case.case_id,
        round=case.round,
        at=at,
        kind=kind,
        review_at=review_at,
        reason=reason,
        plan=plan,
    )
    return deferred, Out(listed, case.case_id)


def defer_by_hand(
    case: Case | None, order: routing_orders.Defer, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre puts a case on the list; what the limits have come to forbid since the order was given is not done."""
    if not isinstance(case, Dispatched):
        return Decision(case)
    forbidden = not_deferrable(order.kind, order.review_at, input.at, jurisdiction)
    if forbidden is not None:
        history = noted(case, jurisdiction, input.at, "deferral refused", order.by, forbidden[1])
        return Decision(case.model_copy(update={"history": history}))
    told = [
        Out(
            events.CaseDeferralDecided(
                case_id=case.case_id,
                round=case.round,
                at=input.at,
                assignment_id=a.assignment_id,
                granted=True,
                kind=order.kind,
                review_at=order.review_at,
                reason=order.reason,
            ),
            case.case_id,
        )
        for a in case.beside
    ]
    deferred, listed = defer(
        case,
        order.kind,
        order.review_at,
        order.plan,
        order.reason,
        order.by,
        order.by,
        case.beside,
        input.at,
        jurisdiction,
    )
    return Decision(deferred, [*told, listed])


def review_due(
    case: Case | None, due: routing_orders.CaseReviewDue, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The review date of a deferred case has come: it leaves the list and its agencies start anew."""
    if not isinstance(case, Deferred) or case.review_at != due.review_at:
        return Decision(case)
    return _start_anew(case, "缓办复核日期已到，重新派遣", "review", "", input.at, jurisdiction)


def clear(
    case: Case | None, order: routing_orders.Clear, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre strikes a case off the list before its review: nothing is in the way any more. Its agencies start
    anew, for only they can say that it is done, and only a revisit closes it."""
    if not isinstance(case, Deferred):
        return Decision(case)
    return _start_anew(case, f"缓办已销号：{order.reason}", order.reason, order.by, input.at, jurisdiction)


def _start_anew(
    case: Deferred, told_agencies: str, why: str, who: str, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    waiting = case.beside
    free, told = call_back(case, waiting, at, told_agencies)
    again = Dispatched(**free.carried(history=noted(free, jurisdiction, at, "cleared", who, why)))
    given = anew(again, [(a.agency, a.role) for a in waiting], told_agencies, at, jurisdiction)
    return off_the_list(case, Decision(given.state, [*told, *given.out]), at, jurisdiction, why, who)
