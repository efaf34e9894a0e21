"""The values several publishers' events are made of (DOMAIN: location, reading, evidence, contact)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import Instant, Part

Nature = Literal["consultation", "help", "complaint", "report_of_wrongdoing", "suggestion", "praise"]
Urgency = Literal["emergency", "urgent", "normal"]
Mode = Literal["self", "joint", "whistle", "taskforce"]
Role = Literal["lead", "assist"]
Step = Literal["accept", "contact", "arrive", "resolve"]
Outcome = Literal["solved", "partly", "explained", "user_side", "not_possible"]
Satisfaction = Literal["satisfied", "basically_satisfied", "dissatisfied"]
DeferralKind = Literal["season", "engineering", "funding", "other"]
DeskReason = Literal["category_unclear", "place_unknown", "nobody_responsible", "nobody_left"]
"""Why a case waits for the centre's desk: what or where it is was not read surely enough, nobody answers for it there,
or everybody who could be asked gave it back."""
ExcuseCode = Literal[
    "stopped_by_user",
    "never_opened",
    "arrears",
    "user_alteration",
    "not_a_dwelling",
    "trial_period",
    "other",
]

ShortText = Annotated[str, StringConstraints(max_length=200)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]


class Point(Part):
    """A place on the ground in degrees; gcj02 is what Chinese maps show."""

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    crs: Literal["wgs84", "gcj02"]


class Location(Part):
    """Where: what the reporter wrote; ``compound`` may be a code or a name in residents' spelling."""

    address: ShortText | None = None
    compound: ShortText | None = None
    building: ShortText | None = None
    entrance: ShortText | None = None
    room: ShortText | None = None
    grid_code: ShortText | None = None
    point: Point | None = None


class Attachment(Part):
    """A file handed in over HTTP beforehand; the event carries only its id and digest."""

    id: Id
    media_type: ShortText
    sha256: Sha256


class Reading(Part):
    """A measured room temperature in degrees Celsius (DOMAIN 3: what makes it valid)."""

    celsius: float = Field(ge=-60, le=60, allow_inf_nan=False)
    room: Literal["living_room", "bedroom", "other"]
    at: Instant
    photo: Id | None = None
    doors_closed: bool | None = None
    signed: bool | None = None


class Reporter(Part):
    """Who speaks, as far as they want to be known."""

    name: ShortText | None = None
    phone: ShortText | None = None
    anonymous: bool | None = None
    confidential: bool | None = None
    represents_households: int | None = Field(default=None, ge=1, le=100_000)


class Person(Part):
    """Who acted on the outsider's side."""

    name: ShortText
    phone: ShortText | None = None


class Contact(Part):
    """How to reach the resident; which of it is disclosed is the policy's (CONTRACTS 2)."""

    name: str | None = None
    phone_masked: str | None = None
    phone: str | None = None


class Place(Part):
    """Where the grid says it is: codes of the registry. ``known`` is False when no place could be found."""

    code: str
    name: str
    subdistrict: str | None = None
    community: str | None = None
    grid: str | None = None
    known: bool = True


class CategoryRef(Part):
    """A category as agencies see it: its code and the names from the root down."""

    code: str
    path: list[str]


class Proposal(Part):
    """What an appeal may be about. ``likeness``: 0 to 1, how much speaks for it; ``because``: what, for people."""

    category: CategoryRef
    likeness: float
    because: str


class FieldError(Part):
    """One thing wrong with a message: which field, and what is the matter with it."""

    field: str
    problem: str


class Closed(Part):
    """A limit that ends the answering of what an outsider sends wrong (docs/decisions/0018): until ``until`` what
    cannot be applied is only counted, of this sender within the hour, or about one matter.

    ``answered``: refusals told in this window; ``unanswered``: those that were counted instead, known when it ends.
    """

    scope: Literal["hour", "matter"]
    matter: str | None = None
    until: Instant
    answered: int
    unanswered: int = 0


class ReworkNote(Part):
    """Why an assignment comes again."""

    previous: str
    count: int
    reason: str
    readings: list[Reading] | None = None


class PlanStep(Part):
    """One step of a task force's plan, the ``number``-th of ``of``, and what is to be done in it."""

    number: int = Field(ge=1)
    of: int = Field(ge=1)
    task: str


class Meeting(Part):
    """A meeting that the agency is called to, on site or at a table."""

    when: Instant
    where: str
    agenda: str


class Excuse(Part):
    """Why a cold flat is not the agency's (DOMAIN 3); counts only once somebody approved it. ``code``: stopped_by_user,
    never_opened, arrears, user_alteration, not_a_dwelling, trial_period or other, of which a policy may approve some by
    itself; or a word of one's own without blanks and digits, which only a person approves."""

    code: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\s\d]+$")]
    until: Instant | None = None
