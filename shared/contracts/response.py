"""Published by response: `assignment.*` for the other services, CONTRACTS 2's dispatches for agencies."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.agency import ReturnReason
from shared.contracts.base import Event, Instant
from shared.contracts.doors import Due
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Closed,
    Contact,
    DeferralKind,
    FieldError,
    Location,
    Meeting,
    Mode,
    Nature,
    Outcome,
    PlanStep,
    Reading,
    ReworkNote,
    Role,
    Satisfaction,
    Step,
    Urgency,
)

# --- assignment.*: to routing, intake (progress for residents) and metrics -------------------------------------


class AssignmentEvent(Event):
    """``on_time``: by the clock of this step of this agency."""

    assignment_id: str
    case_id: str
    agency: str
    role: Role
    round: int = 0
    at: Instant


class AssignmentAccepted(AssignmentEvent, subject="assignment.accepted.v1"):
    """The agency took it. Comes again with an earlier ``at`` when an earlier one was heard of later."""

    on_time: bool


class AssignmentContacted(AssignmentEvent, subject="assignment.contacted.v1"):
    """The agency spoke to the resident."""

    on_time: bool


class AssignmentArrived(AssignmentEvent, subject="assignment.arrived.v1"):
    """The agency is on site."""

    on_time: bool


class AssignmentReturned(AssignmentEvent, subject="assignment.returned.v1"):
    """Not ours, with a reason."""

    reason_code: ReturnReason
    reason: str
    suggested_agency: str | None = None


class AssignmentExtensionRequested(AssignmentEvent, subject="assignment.extension_requested.v1"):
    """More time asked for; the centre decides."""

    until: Instant
    reason: str
    resolve_by: Instant


class AssignmentDeferralRequested(AssignmentEvent, subject="assignment.deferral_requested.v1"):
    """Cannot be done now; the centre decides."""

    kind: DeferralKind
    reason: str
    plan: str
    review_at: Instant


class AssignmentResolved(AssignmentEvent, subject="assignment.resolved.v1"):
    """The agency says it is done. ``excuse``: why a cold flat is not its own, until ``excuse_until`` if it ends."""

    outcome: Outcome
    measures: str
    reply: str
    readings: list[Reading] | None = None
    excuse: str | None = None
    excuse_until: Instant | None = None
    on_time: bool


class AssignmentOverdue(AssignmentEvent, subject="assignment.overdue.v1"):
    """A deadline passed unanswered."""

    deadline: Step
    due: Instant


class AssignmentReportInMissed(AssignmentEvent, subject="assignment.report_in_missed.v1"):
    """A whistle was blown and this agency did not report in by ``due``. ``watched``: it is, for the same silence."""

    due: Instant
    watched: bool = False


class AssignmentLate(AssignmentEvent, subject="assignment.late.v1"):
    """Nothing was heard of a step of answering (accept, contact, arrive) for so long after it was ``due`` that the
    policy has the agency watched at this level. Said once for one silence and level."""

    deadline: Step
    due: Instant
    level: int


class ReportInDue(Event, subject="inner.response.report_in_due.v1"):
    """From the sweep to one assignment: a whistled agency should have reported in by ``due``."""

    assignment_id: str
    due: Instant


class LateDue(Event, subject="inner.response.late_due.v1"):
    """From the sweep to one assignment: what it has not answered is late by a rung of the policy's ladder."""

    assignment_id: str
    due: Instant


class AssignmentDue(Event, subject="inner.response.assignment_due.v1"):
    """From the sweep to one assignment: this deadline is near or past."""

    assignment_id: str
    deadline: Step
    due: Instant
    overdue: bool


# --- dispatch.<agency>.*: to agencies (CONTRACTS 2) -------------------------------------------------------------


class DispatchAssigned(Event, subject="dispatch.{tenant}.assigned.v1"):
    """What one agency must do for one case, and by when."""

    assignment_id: str
    case_id: str
    case_no: str
    role: Role
    lead_agency: str
    mode: Mode
    nature: Nature
    category: CategoryRef
    urgency: Urgency
    summary: str
    text: str | None = None
    location: Location
    reported_at: Instant
    indoor_temperature: float | None = None
    contact: Contact | None = None
    confidential: bool
    key_household: bool
    appeals: int
    households: int
    attachments: list[Attachment] | None = None
    accept_by: Instant
    contact_by: Instant | None = None
    arrive_by: Instant | None = None
    report_in_by: Instant | None = None
    resolve_by: Instant
    policy: str
    rework: ReworkNote | None = None
    step: PlanStep | None = None
    supplements: list[str] | None = None


class DispatchUpdated(Event, subject="dispatch.{tenant}.updated.v1"):
    """The assignment as it stands now: counts, places, and what may be disclosed by now."""

    assignment_id: str
    appeals: int
    households: int
    places: list[Location] | None = None
    contact: Contact | None = None
    attachments: list[Attachment] | None = None
    urged: int | None = None
    meeting: Meeting | None = None
    compounds: int | None = None
    key_household: bool | None = None
    mass_incident: bool | None = None
    urgency: Urgency | None = None
    text: str | None = None


class DispatchReminded(Event, subject="dispatch.{tenant}.reminded.v1"):
    """A deadline is near (``overdue`` false) or past."""

    assignment_id: str
    deadline: Step
    due: Instant
    overdue: bool


class DispatchSupervised(Event, subject="dispatch.{tenant}.supervised.v1"):
    """Somebody above watches this assignment."""

    assignment_id: str
    level: int
    reason: str


class DispatchWithdrawn(Event, subject="dispatch.{tenant}.withdrawn.v1"):
    """No longer wanted."""

    assignment_id: str
    reason: str


class DispatchExtensionDecided(Event, subject="dispatch.{tenant}.extension_decided.v1"):
    """The centre's word on more time; ``resolve_by`` is what holds now."""

    assignment_id: str
    granted: bool
    resolve_by: Instant
    reason: str


class DispatchDeferralDecided(Event, subject="dispatch.{tenant}.deferral_decided.v1"):
    """The centre's word on a deferral."""

    assignment_id: str
    granted: bool
    kind: DeferralKind
    review_at: Instant | None = None
    reason: str


class DispatchVerified(Event, subject="dispatch.{tenant}.verified.v1"):
    """What the revisit found."""

    assignment_id: str
    held: bool
    satisfaction: Satisfaction | None = None
    readings: list[Reading] | None = None


class DispatchRefused(Event, subject="dispatch.{tenant}.refused.v1"):
    """Your event was not applied, and why."""

    in_reply_to: str | None = Field(default=None)
    errors: list[FieldError]
    closed: Closed | None = None


class DoorDue(Due, subject="inner.response.door_due.v1"):
    """A tick found that the window of a tenant's door is over."""


class RefusalNoted(Event, subject="inner.response.refusal_noted.v1"):
    """What an agency was refused, for the list of its latest: as much of it as somebody looks at."""

    agency: str
    verb: str
    assignment_id: str | None = None
    in_reply_to: str | None = None
    errors: list[FieldError]
    closed: Closed | None = None


Disclosure = Literal["at_once", "on_acceptance", "never"]

ASSIGNMENT_EVENTS = (
    AssignmentAccepted,
    AssignmentContacted,
    AssignmentArrived,
    AssignmentReturned,
    AssignmentExtensionRequested,
    AssignmentDeferralRequested,
    AssignmentResolved,
    AssignmentOverdue,
    AssignmentReportInMissed,
    AssignmentLate,
)
DISPATCHES = (
    DispatchAssigned,
    DispatchUpdated,
    DispatchReminded,
    DispatchSupervised,
    DispatchWithdrawn,
    DispatchExtensionDecided,
    DispatchDeferralDecided,
    DispatchVerified,
    DispatchRefused,
)
INNER = (AssignmentDue, ReportInDue, LateDue, DoorDue, RefusalNoted)
EVENTS = ASSIGNMENT_EVENTS + DISPATCHES + INNER
