"""Published by revisit: `verification.*` for the other services, CONTRACTS 4's tasks for field teams."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.base import Event, Instant
from shared.contracts.doors import Due
from shared.contracts.values import Closed, Contact, FieldError, Location, Reading, Satisfaction

# --- verification.*: to routing and metrics --------------------------------------------------------------------


class VerificationEvent(Event):
    """What going back showed for one round of a case.

    Counts are households. ``asked``: reached, or declined to speak; ``answered``: those of them that count in the
    rates, each ``solved`` or not (a household that only said how content it is, or was only measured, counts by
    that). ``satisfaction`` is the middle answer, of an even number the worse of the two. ``readings`` (at most 50) are
    the valid ones; ``readings_excused`` (at most 50) would be, but leave the pass rate because of ``excuse``, which
    ``excuse_approver`` approved. ``doubts``: how many had joined the case after the "done", as far as was known then.
    """

    case_id: str
    task_id: str
    round: int = 0
    at: Instant
    due_by: Instant
    asked: int = 0
    answered: int = 0
    solved: int = 0
    satisfied: int = 0
    basically_satisfied: int = 0
    dissatisfied: int = 0
    satisfaction: Satisfaction | None = None
    readings: list[Reading] = Field(default_factory=list)
    readings_valid: int = 0
    readings_passed: int = 0
    readings_excused: list[Reading] = Field(default_factory=list)
    excuse: str | None = None
    excuse_approver: str | None = None
    doubts: int = 0


class VerificationHeld(VerificationEvent, subject="verification.held.v1"):
    """It held: the case may be closed."""


class VerificationFailed(VerificationEvent, subject="verification.failed.v1"):
    """It did not: dissatisfied, not solved, or too cold. ``cold``: a valid reading under the standard, not excused."""

    reason: str
    cold: bool = False


class VerificationUnverified(VerificationEvent, subject="verification.unverified.v1"):
    """Nobody could or would be asked, or who was reached said nothing and no reading counts (``silent``); never counted
    as satisfied."""

    reason: Literal["unreachable", "declined", "silent"]


class VerificationOverdue(Event, subject="verification.overdue.v1"):
    """A revisit was not made in time."""

    case_id: str
    task_id: str
    team: str
    due_by: Instant
    at: Instant


class HazardRecorded(Event, subject="verification.hazard_recorded.v1"):
    """A hazard found before anybody complained."""

    hazard_id: str
    team: str
    location: Location
    text: str
    at: Instant


class PatrolRecorded(Event, subject="verification.patrol_recorded.v1"):
    """A patrol was walked."""

    patrol_id: str
    team: str
    grid_code: str
    findings: int
    at: Instant


class TaskDue(Event, subject="inner.revisit.task_due.v1"):
    """From the sweep to one task: its time has passed."""

    task_id: str
    due_by: Instant


# --- revisit.<team>.*: to field teams (CONTRACTS 4) -------------------------------------------------------------


class RevisitDue(Event, subject="revisit.{tenant}.due.v1"):
    """Go there, ask, measure: ``households`` of them if more than one. ``places`` lists those to choose from.

    A further ``attempt`` is about the households that nobody reached, on another day and at another hour:
    ``not_before``; or, without that, about a home that spoke up after the "done", beside those of the attempt before.
    """

    task_id: str
    case_id: str | None = None
    case_no: str | None = None
    kind: Literal["revisit", "spot_check", "visit", "recheck"]
    location: Location
    places: list[Location] | None = None
    contact: Contact | None = None
    households: int | None = None
    measure: bool
    due_by: Instant
    attempt: int
    not_before: Instant | None = None


class RevisitWithdrawn(Event, subject="revisit.{tenant}.withdrawn.v1"):
    """No longer wanted."""

    task_id: str
    reason: str


class RevisitRefused(Event, subject="revisit.{tenant}.refused.v1"):
    """Your event was not applied, and why."""

    in_reply_to: str | None = None
    errors: list[FieldError]
    closed: Closed | None = None


class DoorDue(Due, subject="inner.revisit.door_due.v1"):
    """A tick found that the window of a tenant's door is over."""


VERIFICATION_EVENTS = (
    VerificationHeld,
    VerificationFailed,
    VerificationUnverified,
    VerificationOverdue,
    HazardRecorded,
    PatrolRecorded,
)
TASKS = (RevisitDue, RevisitWithdrawn, RevisitRefused)
INNER = (TaskDue, DoorDue)
EVENTS = VERIFICATION_EVENTS + TASKS + INNER
