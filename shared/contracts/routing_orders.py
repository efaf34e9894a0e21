"""From routing to itself about a case, `inner.routing.*`: what its sweeps find due, then orders by hand.

Those about a plan, a consultation or a split stand with what they bring about, in modules of their own.
"""

from __future__ import annotations

from typing import Literal

from shared.contracts.base import Event, Instant
from shared.contracts.values import CategoryRef, DeferralKind, Mode, Place, Urgency


class CaseReviewDue(Event, subject="inner.routing.review_due.v1"):
    """A deferred case's review date has come."""

    case_id: str
    review_at: Instant


class CaseWatchDue(Event, subject="inner.routing.watch_due.v1"):
    """A tick found an assignment past its deadline by as much as the next rung of the policy's ladder asks."""

    case_id: str
    assignment_id: str
    due: Instant


class CaseDeskDue(Event, subject="inner.routing.desk_due.v1"):
    """A tick found that the desk has not decided by ``due``."""

    case_id: str
    due: Instant


class CaseSumDue(Event, subject="inner.routing.sum_due.v1"):
    """A tick found that by ``due`` the agencies of a mass incident should know how many stand behind it."""

    case_id: str
    due: Instant


class Dispatch(Event, subject="inner.routing.dispatch.v1"):
    """By hand: the desk says whose problem a case is. What it leaves out stays as it was proposed; with another
    category or place it is judged anew."""

    case_id: str
    lead: str
    assistants: list[str] | None = None
    mode: Mode | None = None
    urgency: Urgency | None = None
    category: CategoryRef | None = None
    place: Place | None = None
    reason: str
    by: str


class Join(Event, subject="inner.routing.join.v1"):
    """By hand: the desk says that a case that waits for it is about the problem of another, ``into``. ``appeals``: how
    many stand behind that one."""

    case_id: str
    into: str
    into_no: str
    appeals: int
    reason: str
    by: str


class Supervise(Event, subject="inner.routing.supervise.v1"):
    """By hand: supervise a case."""

    case_id: str
    level: int = 1
    reason: str
    by: str


class Redispatch(Event, subject="inner.routing.redispatch.v1"):
    """By hand: give the case to another lead."""

    case_id: str
    agency: str
    reason: str
    by: str


class Defer(Event, subject="inner.routing.defer.v1"):
    """By hand: defer a case."""

    case_id: str
    kind: DeferralKind
    reason: str
    plan: str
    review_at: Instant
    by: str


class Escalate(Event, subject="inner.routing.escalate.v1"):
    """By hand: give the case to the next step of the ladder."""

    case_id: str
    reason: str
    by: str


class Clear(Event, subject="inner.routing.clear.v1"):
    """By hand: strike a deferred case off the list (销号); its agencies start anew."""

    case_id: str
    reason: str
    by: str


class DecideRequest(Event, subject="inner.routing.decide_request.v1"):
    """By hand: the centre's word on what an agency asked for, where the policy leaves it to the centre."""

    case_id: str
    assignment_id: str
    about: Literal["extension", "deferral"]
    granted: bool
    reason: str
    by: str


class ApproveExcuse(Event, subject="inner.routing.approve_excuse.v1"):
    """By hand: approve the lead's excuse for a cold flat, for one round."""

    case_id: str
    round: int
    excuse: str
    reason: str
    by: str


EVENTS = (
    CaseReviewDue,
    CaseWatchDue,
    CaseDeskDue,
    CaseSumDue,
    Dispatch,
    Join,
    Supervise,
    Escalate,
    Redispatch,
    Defer,
    Clear,
    DecideRequest,
    ApproveExcuse,
)
