"""An assignment, state by state. The data that every state carries is in :class:`AssignmentData`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from shared.contracts.agency import ReturnReason
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Contact,
    DeferralKind,
    Excuse,
    Location,
    Meeting,
    Mode,
    Nature,
    Outcome,
    Person,
    PlanStep,
    Reading,
    ReworkNote,
    Role,
    Satisfaction,
    Step,
    Urgency,
)

STEPS: tuple[Step, ...] = ("accept", "contact", "arrive", "resolve")
"""In the order in which they are taken; a later one implies the earlier ones."""

ANSWERS: tuple[Step, ...] = STEPS[:-1]
"""By these the agency is heard of; who is late with one of them keeps silent."""

MOST_PLACES = 50
MOST_SUPPLEMENTS = 5
MOST_WORDS = 1000
MOST_ATTACHMENTS = 50


def stored(at: datetime) -> datetime:
    """Instants are kept in whole milliseconds, the database's own grain, so that a comparison gives the same before and
    after storing."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Order(Value):
    """What is asked, as far as the agency may know it by now. ``supplements``: what residents added, the last few, each
    up to so many characters."""

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
    reported_at: datetime
    indoor_temperature: float | None = None
    contact: Contact | None = None
    confidential: bool
    key_household: bool
    policy: str
    rework: ReworkNote | None = None
    step: PlanStep | None = None
    supplements: list[str] | None = None


class Withheld(Value):
    """What the agency learns when it accepts."""

    location: Location
    contact: Contact | None = None


class Clock(Value):
    """A deadline: when it is due, from when it is near, what the agency was told about it. ``rungs`` of the policy's
    ladder that who is late with an answer has reached, the next at ``watch_at``."""

    due: datetime
    remind_at: datetime
    told: Literal["nothing", "soon", "overdue"] = "nothing"
    rungs: int = 0
    watch_at: datetime | None = None


class Taken(Value):
    """A step the agency took: when as it is judged, and whether within its deadline."""

    at: datetime
    on_time: bool
    by: Person | None = None
    how: str | None = None
    note: str | None = None


class Extension(Value):
    """More time was asked for and nothing decided yet."""

    until: datetime
    reason: str


class Deferral(Value):
    """A deferral was asked for and nothing decided yet."""

    kind: DeferralKind
    review_at: datetime
    reason: str
    plan: str


class Progress(Value):
    """How often the agency said that work goes on, and the latest of it."""

    times: int
    at: datetime
    note: str | None = None


class AssignmentData(Value):
    """What an assignment carries through all its states.

    ``rooms``: when phones and rooms are shown; ``withheld`` is there exactly while they wait for acceptance.
    ``places`` and ``attachments`` are bounded (50 each), ``counted_at`` is when the counts were taken, ``level`` the
    highest supervision so far, ``silence`` the level at which the present silence was told, ``meeting`` the latest it
    was called to, ``heard`` how many of the agency's messages changed something. A whistled agency says its first word
    by ``report_in_by``; ``report_in_missed``: all were told that it had not.
    """

    needs: ClassVar[frozenset[Step]] = frozenset()
    lacks: ClassVar[frozenset[Step]] = frozenset()

    assignment_id: str
    case_id: str
    agency: str
    round: int
    assigned_at: datetime
    order: Order
    rooms: Literal["shown", "on_acceptance", "never"]
    withheld: Withheld | None = None
    appeals: int
    households: int
    urged: int = 0
    counted_at: datetime
    places: list[Location] = Field(default_factory=list)
    attachments: list[Attachment] = Field(default_factory=list)
    level: int = 0
    silence: int = 0
    meeting: Meeting | None = None
    report_in_by: datetime | None = None
    report_in_missed: bool = False
    clocks: Mapping[Step, Clock]
    taken: Mapping[Step, Taken] = Field(default_factory=dict)
    extension: Extension | None = None
    deferral: Deferral | None = None
    progress: Progress | None = None
    heard: int = 0

    @model_validator(mode="after")
    def _can_be(self) -> AssignmentData:
        steps = self.taken.keys()
        if not self.needs <= steps or self.lacks & steps:
            raise ValueError(f"{type(self).__name__} after {sorted(steps)} cannot be")
        if not {"accept", "resolve"} <= self.clocks.keys():
            raise ValueError("every assignment has an accept and a resolve deadline")
        if (self.withheld is not None) != (self.rooms == "on_acceptance"):
            raise ValueError("what is withheld waits for acceptance, and nothing else does")
        return self

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in AssignmentData.model_fields} | changes

    def ended(self) -> dict[str, Any]:
        """What is carried into a state in which it is over; a contact nobody was shown is forgotten."""
        rooms = "never" if self.rooms == "on_acceptance" else self.rooms
        places = self.places if rooms == "shown" else []
        return self.carried(withheld=None, rooms=rooms, places=places, extension=None, deferral=None)

    def about(self, at: datetime) -> dict[str, Any]:
        """What every event about this assignment says of something that happened at ``at``."""
        return {
            "assignment_id": self.assignment_id,
            "case_id": self.case_id,
            "agency": self.agency,
            "role": self.order.role,
            "round": self.round,
            "at": at,
        }


class _Running(AssignmentData):
    """The clocks run."""

    @property
    def silent(self) -> bool:
        """A whistle was blown, the agency has not said a word, and nobody was told so yet."""
        return self.report_in_by is not None and not self.report_in_missed and "accept" not in self.taken

    @property
    def watched(self) -> dict[Step, datetime]:
        """When what is not answered yet reaches the next rung of the ladder."""
        return {
            step: clock.watch_at
            for step, clock in self.clocks.items()
            if step not in self.taken and clock.watch_at is not None
        }

    @computed_field  # type: ignore[prop-decorator]
    @property
    def next_due(self) -> datetime | None:
        """The next instant of which the agency must hear if nothing happens; what the sweep asks for."""
        instants = [
            clock.remind_at if clock.told == "nothing" else clock.due
            for step, clock in self.clocks.items()
            if step not in self.taken and clock.told != "overdue"
        ]
        instants += self.watched.values()
        if self.silent and self.report_in_by is not None:
            instants.append(self.report_in_by)
        return min(instants, default=None)


class Assigned(_Running):
    """Sent; nothing heard of a step yet."""

    lacks = frozenset(STEPS)
    state: Literal["assigned"] = "assigned"


class Accepted(_Running):
    """The agency has it in hand; it may have spoken to the resident."""

    needs = frozenset({"accept"})
    lacks = frozenset({"arrive", "resolve"})
    state: Literal["accepted"] = "accepted"


class Arrived(_Running):
    """The agency is, or was, on site."""

    needs = frozenset({"accept", "arrive"})
    lacks = frozenset({"resolve"})
    state: Literal["arrived"] = "arrived"


class Deferred(AssignmentData):
    """It cannot be done now: the clocks stand still until the review, when the centre assigns anew."""

    lacks = frozenset({"resolve"})
    state: Literal["deferred"] = "deferred"
    kind: DeferralKind
    review_at: datetime | None = None


class Resolved(AssignmentData):
    """The agency says it is done; somebody goes back."""

    needs = frozenset({"accept", "resolve"})
    state: Literal["resolved"] = "resolved"
    outcome: Outcome
    measures: str
    reply: str
    root_cause: str | None = None
    readings: list[Reading] | None = None
    evidence: list[Attachment] | None = None
    excuse: Excuse | None = None


class Returned(AssignmentData):
    """Given back with a reason: over."""

    lacks = frozenset({"resolve"})
    state: Literal["returned"] = "returned"
    returned_at: datetime
    reason_code: ReturnReason
    reason: str
    suggested_agency: str | None = None


class Withdrawn(AssignmentData):
    """No longer wanted: over."""

    state: Literal["withdrawn"] = "withdrawn"
    withdrawn_at: datetime
    reason: str


class Concluded(AssignmentData):
    """Somebody went back, and for this agency that was the end: the case closed, or rework is an assignment of its
    own. ``closed``: which of the two."""

    state: Literal["concluded"] = "concluded"
    concluded_at: datetime
    held: bool
    closed: bool = True
    satisfaction: Satisfaction | None = None
    readings: list[Reading] | None = None


Live = Assigned | Accepted | Arrived
Open = Live | Deferred | Resolved
Over = Returned | Withdrawn | Concluded
Assignment = Annotated[
    Assigned | Accepted | Arrived | Deferred | Resolved | Returned | Withdrawn | Concluded,
    Field(discriminator="state"),
]
