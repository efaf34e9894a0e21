"""Published by routing: `case.*`, the whole life of a case as the other services see it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts import routing_consultations, routing_orders, routing_plans, routing_splits
from shared.contracts.base import Event, Instant
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Contact,
    DeferralKind,
    DeskReason,
    Location,
    Meeting,
    Mode,
    Nature,
    Outcome,
    Place,
    PlanStep,
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
    by ``disclose``. ``supplements``: what residents have added since the first ``text``, veiled, the latest last."""

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
    report_in_by: Instant | None = None
    resolve_by: Instant
    policy: str
    disclose: Literal["at_once", "on_acceptance", "never"]
    rework: ReworkNote | None = None
    step: PlanStep | None = None
    supplements: list[str] | None = None


class CaseUpdated(CaseEvent, subject="case.updated.v1"):
    """To one assignment: more appeals stand behind the case, residents urge, something was added. ``text``: what a
    resident has just said, veiled; absent once a caller of the case must not be known."""

    assignment_id: str
    appeals: int
    households: int
    places: list[Location] | None = None
    attachments: list[Attachment] | None = None
    urged: int | None = None
    meeting: Meeting | None = None
    compounds: int | None = None
    key_household: bool | None = None
    mass_incident: bool | None = None
    urgency: Urgency | None = None
    text: str | None = None


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


class CaseExcuseApproved(CaseEvent, subject="case.excuse_approved.v1"):
    """The centre approved the lead's excuse for a cold flat, for this round: ``approver`` and ``reason`` stand with the
    readings that it takes out of the pass rate."""

    excuse: str
    approver: str
    reason: str


class CaseDoubted(CaseEvent, subject="case.doubted.v1"):
    """To the revisit of this round: said after the "done". ``households`` join the case, or one of those behind it
    urges where that is 0; ``location``: theirs, as agencies read it."""

    location: Location
    households: int = 0
    key_household: bool = False


class CaseRework(CaseEvent, subject="case.rework.v1"):
    """The revisit failed, did not ask who joined meanwhile, or danger was heard of after the "done": back to the same
    lead. ``round`` is the new round."""

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
    """A deferred case leaves the list: its review came, it was done, struck off by hand, or another leads.
    ``resolve_by``: the promise from now on, where the lead starts anew; ``reason``, ``by``: of who struck it off."""

    resolve_by: Instant | None = None
    reason: str = ""
    by: str = ""


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
    """The case had closed when the appeal came to it; intake registers the appeal anew, and says that it has left."""

    appeal_id: str
    channel: str = ""
    matter: str


class CaseJoined(CaseEvent, subject="case.joined.v1"):
    """The desk said that the case is about the problem of another, ``into``: it is over, and its appeals go there.
    Nobody was ever asked to work on it. ``appeals``: how many stand behind the other one then, as far as was known."""

    matter: str
    into: str
    into_no: str
    appeals: int
    reason: str
    by: str


class CaseOnDesk(CaseEvent, subject="case.on_desk.v1"):
    """The centre's desk must decide by ``due`` whose problem the case is. ``dispatched``: agencies are at it meanwhile,
    as with danger to life."""

    case_no: str
    reasons: list[DeskReason]
    urgency: Urgency
    due: Instant
    dispatched: bool = False


class CaseDeskOverdue(CaseEvent, subject="case.desk_overdue.v1"):
    """The desk has not decided by ``due``. Said once for each time a case comes to the desk."""

    case_no: str
    due: Instant


class CaseDeskDecided(CaseEvent, subject="case.desk_decided.v1"):
    """The desk has decided whose problem the case is; what it decides is an example to learn from.

    ``text``: the first appeal's words, veiled; absent if its caller must not be known. ``moved``: category or place are
    not those the case had, so that its matter is another's. ``since``: from when the case waited.
    """

    matter: str
    reasons: list[DeskReason]
    since: Instant
    by: str
    reason: str
    text: str | None = None
    nature: Nature
    category: CategoryRef
    place: Place
    moved: bool = False
    lead_agency: str
    assist_agencies: list[str] = Field(default_factory=list)
    mode: Mode
    urgency: Urgency


CASE_EVENTS = (
    CaseDispatched,
    CaseRedispatched,
    CaseAssigned,
    CaseUpdated,
    CaseResolved,
    CaseExcuseApproved,
    CaseDoubted,
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
    CaseJoined,
    CaseOnDesk,
    CaseDeskOverdue,
    CaseDeskDecided,
)
EVENTS = (
    CASE_EVENTS
    + routing_orders.EVENTS
    + routing_plans.EVENTS
    + routing_consultations.EVENTS
    + routing_splits.EVENTS
)
