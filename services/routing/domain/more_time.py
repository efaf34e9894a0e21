"""More time: extensions, deferrals and their review, supervision. Asked for or ordered, decided by the policy."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.assigning import assign, call_back
from services.routing.domain.case import (
    Case,
    CaseData,
    Closed,
    Deferred,
    Dispatched,
    noted,
    with_assignment,
)
from services.routing.domain.resolution import off_the_list
from shared.contracts import routing as events
from shared.contracts.response import AssignmentDeferralRequested, AssignmentExtensionRequested
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction


def extension_requested(
    case: Case | None, request: AssignmentExtensionRequested, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """More time, asked for with a reason: granted as often and as long as the policy allows, normally once."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == request.assignment_id), None)
    if mine is None:
        return Decision(case)
    rule = jurisdiction.policy.extension
    longest = rule.longest.get(case.urgency)
    if case.extensions >= rule.limit:
        granted, why = False, f"同一案卷最多延期 {rule.limit} 次"
    elif longest is None or request.until > mine.resolve_by + longest:
        granted, why = False, "申请的时限超过允许的最长延期"
    else:
        granted, why = True, "同意延期"
    resolve_by = request.until if granted else mine.resolve_by
    decided = events.CaseExtensionDecided(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        assignment_id=mine.assignment_id,
        agency=mine.agency,
        granted=granted,
        resolve_by=resolve_by,
        reason=why,
    )
    case = case.model_copy(
        update={
            "extensions": case.extensions + int(granted),
            "resolve_by": max(case.resolve_by, resolve_by) if mine.role == "lead" else case.resolve_by,
            "assignments": with_assignment(case, mine.assignment_id, resolve_by=resolve_by),
            "history": noted(
                case,
                input.at,
                "extension granted" if granted else "extension refused",
                mine.agency,
                request.reason,
            ),
        }
    )
    return Decision(case, [Out(decided, case.case_id)])


def deferral_requested(
    case: Case | None, request: AssignmentDeferralRequested, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """It cannot be done now: the lead may put it on the list, with a plan and a review date the policy allows."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == request.assignment_id), None)
    if mine is None or (mine.role == "lead" and isinstance(case, Deferred)):
        return Decision(case)
    rule = jurisdiction.policy.deferral
    if mine.role != "lead":
        granted, why = False, "只有主办单位可以申请缓办"
    elif request.kind not in rule.kinds:
        granted, why = False, "该类原因不予缓办"
    elif request.review_at > input.at + rule.longest:
        granted, why = False, "复核日期超过允许的最长期限"
    else:
        granted, why = True, "同意缓办"
    decided = Out(
        events.CaseDeferralDecided(
            case_id=case.case_id,
            round=case.round,
            at=input.at,
            assignment_id=mine.assignment_id,
            granted=granted,
            kind=request.kind,
            review_at=request.review_at if granted else None,
            reason=why,
        ),
        case.case_id,
    )
    if not granted:
        refused = case.model_copy(
            update={"history": noted(case, input.at, "deferral refused", mine.agency, why)}
        )
        return Decision(refused, [decided])
    deferred, listed = _defer(
        case, request.kind, request.review_at, request.plan, request.reason, mine.agency, input.at
    )
    return Decision(deferred, [decided, listed])


def defer_by_hand(case: Case | None, order: events.Defer, input: Input, _: Jurisdiction) -> Decision:
    """The centre puts a case on the list."""
    if not isinstance(case, Dispatched):
        return Decision(case)
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
        for a in case.live
    ]
    deferred, listed = _defer(case, order.kind, order.review_at, order.plan, order.reason, order.by, input.at)
    return Decision(deferred, [*told, listed])


def review_due(
    case: Case | None, due: events.CaseReviewDue, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The review date of a deferred case has come: it leaves the list and its agencies start anew."""
    if not isinstance(case, Deferred) or case.review_at != due.review_at:
        return Decision(case)
    waiting = case.live
    free, told = call_back(case, waiting, input.at, "缓办复核日期已到，重新派遣")
    again = Dispatched(**free.carried(history=noted(free, input.at, "cleared", "", "review")))
    again, out = assign(again, [(a.agency, a.role) for a in waiting], input.at, jurisdiction)
    return off_the_list(case, Decision(again, [*told, *out]), input.at)


def supervise(case: Case | None, order: events.Supervise, input: Input, _: Jurisdiction) -> Decision:
    """Somebody above watches an open case; its agencies are told."""
    if case is None or isinstance(case, Closed):
        return Decision(case)
    case = case.model_copy(update={"history": noted(case, input.at, "supervised", order.by, order.reason)})
    return Decision(
        case,
        [
            Out(
                events.CaseSupervised(
                    case_id=case.case_id,
                    round=case.round,
                    at=input.at,
                    assignment_id=a.assignment_id,
                    level=order.level,
                    reason=order.reason,
                ),
                case.case_id,
            )
            for a in case.live
        ],
    )


def _defer(
    case: CaseData, kind: str, review_at: datetime, plan: str, reason: str, who: str, at: datetime
) -> tuple[Deferred, Out]:
    deferred = Deferred.model_validate(
        case.carried(history=noted(case, at, "deferred", who, reason))
        | {"kind": kind, "review_at": review_at, "plan": plan}
    )
    listed = events.CaseDeferred(
        case_id=case.case_id,
        round=case.round,
        at=at,
        kind=deferred.kind,
        review_at=review_at,
        reason=reason,
        plan=plan,
    )
    return deferred, Out(listed, case.case_id)
