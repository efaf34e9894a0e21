"""More time: extensions and deferrals that agencies ask for. The policy sets the limits; within them it decides at
once, or leaves it to the centre's desk."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.routing.domain.case import C, Case, CaseData, Deferred, noted, with_assignment
from services.routing.domain.case_parts import Assignment, Request
from services.routing.domain.deferring import defer, not_deferrable
from shared.contracts import routing as events
from shared.contracts import routing_orders
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
    asked = Request(
        about="extension",
        assignment_id=mine.assignment_id,
        agency=mine.agency,
        at=input.at,
        until=request.until,
        reason=request.reason,
    )
    refused = _no_longer_than(case, mine, request.until, input.at, jurisdiction)
    if refused is None and jurisdiction.policy.extension.decided_by == "centre":
        return _left_to_the_centre(case, asked, input.at, jurisdiction)
    word = _Word(refused, "同意延期", mine.agency)
    return _extend(case, mine, asked, word, input.at, jurisdiction)


def deferral_requested(
    case: Case | None, request: AssignmentDeferralRequested, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """It cannot be done now: the lead may put it on the list, with a plan and a review date the policy allows. An
    emergency no policy puts off: the lead hears so at once, and a person at the centre may still defer it by hand."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == request.assignment_id), None)
    if mine is None or (mine.role == "lead" and isinstance(case, Deferred)):
        return Decision(case)
    asked = Request(
        about="deferral",
        assignment_id=mine.assignment_id,
        agency=mine.agency,
        at=input.at,
        until=request.review_at,
        reason=request.reason,
        kind=request.kind,
        plan=request.plan,
    )
    refused = _no_longer_put_off(asked, input.at, jurisdiction)
    if mine.role != "lead":
        refused = "只有主办单位可以申请缓办"
    if refused is None and jurisdiction.policy.deferral.decided_by == "centre":
        return _left_to_the_centre(case, asked, input.at, jurisdiction)
    if case.urgency == "emergency":
        refused = refused or "危急事项须先处置，确需缓办由中心人工决定"
    word = _Word(refused, "同意缓办", f"policy {jurisdiction.policy.label}")
    return _put_off(case, mine, asked, word, input.at, jurisdiction)


def decide(
    case: Case | None, word: routing_orders.DecideRequest, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre's word on a request that waits for it; one that waits no more is left alone. What the policy's limits
    have come to forbid meanwhile is not granted by hand either."""
    if case is None:
        return Decision(case)
    waits = next(
        (r for r in case.asked if (r.assignment_id, r.about) == (word.assignment_id, word.about)), None
    )
    if waits is None:
        return Decision(case)
    mine = next(a for a in case.live if a.assignment_id == word.assignment_id)
    refused = cannot_grant(case, waits, input.at, jurisdiction) if word.granted else word.reason
    answer = _extend if word.about == "extension" else _put_off
    return answer(case, mine, waits, _Word(refused, word.reason, word.by), input.at, jurisdiction)


def cannot_grant(case: CaseData, asked: Request, at: datetime, jurisdiction: Jurisdiction) -> str | None:
    """Why what waits for the centre cannot be granted any more; None where it can. The limits are those of ``at``, and
    what was asked for must still lie ahead."""
    if asked.about == "deferral":
        return _no_longer_put_off(asked, at, jurisdiction)
    mine = next(a for a in case.live if a.assignment_id == asked.assignment_id)
    return _no_longer_than(case, mine, asked.until, at, jurisdiction)


def _no_longer_put_off(asked: Request, at: datetime, jurisdiction: Jurisdiction) -> str | None:
    """Why a deferral is refused; None if it is within the limits."""
    assert asked.kind is not None  # a deferral has one
    forbidden = not_deferrable(asked.kind, asked.until, at, jurisdiction)
    return forbidden[1] if forbidden is not None else None


def _no_longer_than(
    case: CaseData, mine: Assignment, until: datetime, at: datetime, jurisdiction: Jurisdiction
) -> str | None:
    """Why more time is refused; None if it is within the limits."""
    rule = jurisdiction.policy.extension
    longest = rule.longest.get(case.urgency)
    if mine.step is not None:
        return "专班计划的时限只由专班领导调整"
    if case.extensions >= rule.limit:
        return f"同一案卷最多延期 {rule.limit} 次"
    if longest is None or until > mine.resolve_by + longest:
        return "申请的时限超过允许的最长延期"
    if until <= at:
        return "申请的时限已过"
    return None


def _left_to_the_centre(case: C, asked: Request, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """It waits for the centre; of an agency that asks again the later word holds."""
    waiting = noted(case, jurisdiction, at, f"{asked.about} asked", asked.agency, asked.reason)
    requests = [*_without(case, asked), asked]
    return Decision(case.model_copy(update={"requests": requests, "history": waiting}))


def _without(case: CaseData, asked: Request) -> list[Request]:
    """What else agencies still wait to hear."""
    about = (asked.assignment_id, asked.about)
    return [one for one in case.asked if (one.assignment_id, one.about) != about]


class _Word(NamedTuple):
    """On what was asked for. ``refused``: why not, None where it is granted; ``who`` grants it, and ``why``."""

    refused: str | None
    why: str
    who: str


def _extend(
    case: C, mine: Assignment, asked: Request, word: _Word, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """A granted one moves the deadline, and the lead's the case's promise."""
    refused, why, who = word
    granted = refused is None
    resolve_by = asked.until if granted else mine.resolve_by
    decided = events.CaseExtensionDecided(
        case_id=case.case_id,
        round=case.round,
        at=at,
        assignment_id=mine.assignment_id,
        agency=mine.agency,
        granted=granted,
        resolve_by=resolve_by,
        reason=refused or why,
    )
    moved = {"resolve_by": resolve_by, "rungs": 0, "watch_at": jurisdiction.policy.watch_at(resolve_by, 0)}
    what = "extension granted" if granted else "extension refused"
    after = case.model_copy(
        update={
            "extensions": case.extensions + int(granted),
            "requests": _without(case, asked),
            "resolve_by": max(case.resolve_by, resolve_by) if mine.role == "lead" else case.resolve_by,
            "assignments": with_assignment(case, mine.assignment_id, **(moved if granted else {})),
            "history": noted(case, jurisdiction, at, what, who, asked.reason if granted else refused or ""),
        }
    )
    return Decision(after, [Out(decided, case.case_id)])


def _put_off(
    case: C, mine: Assignment, asked: Request, word: _Word, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """A granted one puts the case on the list, with its lead as the owner."""
    refused, why, who = word
    assert asked.kind is not None  # a deferral has both
    assert asked.plan is not None
    decided = Out(
        events.CaseDeferralDecided(
            case_id=case.case_id,
            round=case.round,
            at=at,
            assignment_id=mine.assignment_id,
            granted=refused is None,
            kind=asked.kind,
            review_at=asked.until if refused is None else None,
            reason=refused or why,
        ),
        case.case_id,
    )
    case = case.model_copy(update={"requests": _without(case, asked)})
    if refused is not None:
        history = noted(case, jurisdiction, at, "deferral refused", mine.agency, refused)
        return Decision(case.model_copy(update={"history": history}), [decided])
    deferred, listed = defer(
        case, asked.kind, asked.until, asked.plan, asked.reason, mine.agency, who, [mine], at, jurisdiction
    )
    return Decision(deferred, [decided, listed])
