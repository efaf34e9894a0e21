"""Published by routing: `case.*`, the whole life of a case as the other services see it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.base import Event, Instant
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Contact,
    DeferralKind,
    Location,
    Mode,
    Nature,
    Outcome,
    Place,
    Reading,
    ReworkNote,
    Role,
    Satisfaction,
    Urgency,
)


class CaseEvent(Event):
    """``round`` counts the ways to a resolution: 0 at first, one more with each rework or reopening."""

    case_id: str
    round: int = 0
    at: Instant


class CaseDispatched(CaseEvent, subject="case.dispatched.v1"):
    """The case has a lead and clocks. Published once per case, on the first dispatch."""

    case_no: str
    lead_agency: str
    assist_agencies: list[str] = Field(default_factory=list)
    mode: Mode
    urgency: Urgency
    nature: Nature
    category: CategoryRef
    place: Place
    channel: str
    key_household: bool = False
    appeals: int
    households: int
    reported_at: Instant
    resolve_by: Instant
    policy: str
    because: str = ""


class CaseRedispatched(CaseEvent, subject="case.redispatched.v1"):
    """Returned by one agency, given to another."""

    from_agency: str
    to_agency: str
    assignment_id: str
    reason: str


class CaseAssigned(CaseEvent, subject="case.assigned.v1"):
    """To response: make this assignment and send it. Everything the agency may ever see is in it; response discloses
    by ``disclose``."""

    assignment_id: str
    case_no: str
    agency: str
    role: Role
    lead_agency: str
    mode: Mode
    nature: Nature
    category: CategoryRef
    urgency: Urgency
    summary: str
    text: str | None = None
    location: Location
    place: Place
    reported_at: Instant
    indoor_temperature: float | None = None
    contact: Contact | None = None
    confidential: bool = False
    key_household: bool = False
    appeals: int
    households: int
    attachments: list[Attachment] | None = None
    accept_by: Instant
    contact_by: Instant | None = None
    arrive_by: Instant | None = None
    resolve_by: Instant
    policy: str
    disclose: Literal["at_once", "on_acceptance", "never"]
    rework: ReworkNote | None = None


class CaseUpdated(CaseEvent, subject="case.updated.v1"):
    """To one assignment: more appeals stand behind the case, residents urge, something was added."""

    assignment_id: str
    appeals: int
    households: int
    places: list[Location] | None = None
    attachments: list[Attachment] | None = None
    urged: int | None = None


class CaseResolved(CaseEvent, subject="case.resolved.v1"):
    """Lead and assistants say it is done: somebody must go back. Carries what the revisit needs."""

    case_no: str
    lead_agency: str
    category: CategoryRef
    place: Place
    location: Location
    places: list[Location] = Field(default_factory=list)
    contact: Contact | None = None
    confidential: bool = False
    appeals: int
    households: int
    key_households: int = 0
    outcome: Outcome
    reply: str
    readings: list[Reading] | None = None
    excuse: str | None = None
    excuse_until: Instant | None = None
    resolved_at: Instant


class CaseRework(CaseEvent, subject="case.rework.v1"):
    """The revisit failed: back to the same lead. ``round`` is the new round."""

    lead_agency: str
    count: int
    reason: str
    readings: list[Reading] | None = None


class CaseReopened(CaseEvent, subject="case.reopened.v1"):
    """A closed case is open again. ``round`` is the new round."""

    case_no: str
    matter: str
    lead_agency: str
    reason: str


class CaseEscalated(CaseEvent, subject="case.escalated.v1"):
    """Given to somebody who can end it (DOMAIN 3: three reworks, or three agencies that returned it)."""

    level: int
    to_agency: str
    reason: str


class CaseSupervised(CaseEvent, subject="case.supervised.v1"):
    """To one assignment: somebody above watches it now."""

    assignment_id: str
    level: int
    reason: str


class CaseDeferred(CaseEvent, subject="case.deferred.v1"):
    """It cannot be done now; on the list until ``review_at``."""

    kind: DeferralKind
    review_at: Instant
    reason: str
    plan: str


class CaseCleared(CaseEvent, subject="case.cleared.v1"):
    """A deferred case leaves the list: its review came, it was done, or another leads. ``resolve_by``: the promise from
    now on, where the lead starts anew."""

    resolve_by: Instant | None = None


class CaseExtensionDecided(CaseEvent, subject="case.extension_decided.v1"):
    """To one assignment: the centre's word on more time."""

    assignment_id: str
    agency: str
    granted: bool
    resolve_by: Instant
    reason: str


class CaseDeferralDecided(CaseEvent, subject="case.deferral_decided.v1"):
    """To one assignment: the centre's word on a deferral."""

    assignment_id: str
    granted: bool
    kind: DeferralKind
    review_at: Instant | None = None
    reason: str


class CaseAssignmentWithdrawn(CaseEvent, subject="case.assignment_withdrawn.v1"):
    """To one assignment: it is no longer wanted (case withdrawn, lead changed)."""

    assignment_id: str
    reason: str


class CaseConcluded(CaseEvent, subject="case.concluded.v1"):
    """To one assignment: what the revisit found. ``closed``: the case is over for this agency."""

    assignment_id: str
    held: bool
    closed: bool
    satisfaction: Satisfaction | None = None
    readings: list[Reading] | None = None


class CaseClosed(CaseEvent, subject="case.closed.v1"):
    """The end of a case. Counts again when a reopened case is closed again."""

    matter: str
    outcome: Literal["verified", "not_verified", "withdrawn"]
    reply: str
    solved: bool | None = None
    satisfaction: Satisfaction | None = None
    reworks: int = 0
    on_time: bool
    resolved_at: Instant | None = None


class CaseJoinRefused(CaseEvent, subject="case.join_refused.v1"):
    """The case had closed when the appeal came to it; intake registers the appeal anew. ``at`` is when it was merged,
    ``channel`` its channel: metrics takes it off the counts of that day."""

    appeal_id: str
    channel: str = ""
    matter: str


class CaseReviewDue(Event, subject="inner.routing.review_due.v1"):
    """A deferred case's review date has come."""

    case_id: str
    review_at: Instant


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


CASE_EVENTS = (
    CaseDispatched,
    CaseRedispatched,
    CaseAssigned,
    CaseUpdated,
    CaseResolved,
    CaseRework,
    CaseReopened,
    CaseEscalated,
    CaseSupervised,
    CaseDeferred,
    CaseCleared,
    CaseExtensionDecided,
    CaseDeferralDecided,
    CaseAssignmentWithdrawn,
    CaseConcluded,
    CaseClosed,
    CaseJoinRefused,
)
INNER = (CaseReviewDue, Supervise, Redispatch, Defer)
EVENTS = CASE_EVENTS + INNER
