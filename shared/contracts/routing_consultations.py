"""Published by routing about consultations: `case.consultation_closed`, and what consultation, votes and case say to
each other.

Each household's vote is a document of its own; the consultation keeps counts (DESIGN 3, rule 1).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.contracts.base import Event, Instant, Part
from shared.contracts.values import Id, LongText, ShortText

PartyRole = Literal[
    "committee",
    "owners_committee",
    "building_head",
    "heating",
    "property",
    "company",
    "lawyer",
    "social_worker",
    "subdistrict",
    "department",
    "residents",
]
Choice = Literal["yes", "no", "abstain"]


def _a_day(written: str) -> str:
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError:
        raise ValueError("a day is written YYYY-MM-DD, for example 2026-03-02") from None


Day = Annotated[str, AfterValidator(_a_day)]
"""A day as text: the database knows instants only."""


class Party(Part):
    """Who sits at the table: in which role, and the body that is meant."""

    role: PartyRole
    name: ShortText


class Proceeding(Part):
    """What was tried before, and how it ended."""

    kind: Literal["property_mediation", "police_mediation", "arbitration", "lawsuit", "other"]
    outcome: LongText
    on: Day | None = None


class Ratio(Part):
    """A share as it is written down, for example 2 of 3; never rounded."""

    numerator: int = Field(ge=0, le=1000)
    denominator: int = Field(ge=1, le=1000)


class Ballot(Part):
    """How households decide: of ``households`` on the roll at least ``quorum`` must vote, and at least ``threshold`` of
    all on the roll, or of those who voted, must be for it; with ``more_than``, more than that."""

    households: int = Field(ge=1, le=100_000)
    quorum: Ratio
    threshold: Ratio
    of: Literal["households", "cast"]
    more_than: bool = False


class Result(Part):
    """What the households decided: ``consent`` is yes of ``of_all``, ``percent`` the same to one decimal. ``void``:
    more votes than households on the roll."""

    outcome: Literal["adopted", "rejected", "no_quorum", "void"]
    yes: int
    no: int
    abstain: int
    cast: int
    households: int
    consent: int
    of_all: int
    percent: str | None = None


class CaseConsultationClosed(Event, subject="case.consultation_closed.v1"):
    """A consultation is over; without a ballot there is no result. Comes again where a vote cast before the closing was
    counted after it."""

    case_id: str
    at: Instant
    question: str
    meetings: int
    result: Result | None = None


class OpenConsultation(Event, subject="inner.routing.open_consultation.v1"):
    """By hand: the parties are asked to one table about one question."""

    case_id: str
    question: str
    parties: list[Party]
    ballot: Ballot | None = None
    prior: list[Proceeding] = Field(default_factory=list)
    reason: str
    by: str


class CallMeeting(Event, subject="inner.routing.call_meeting.v1"):
    """By hand: a meeting is called, on site or at a table; the agencies named must come."""

    case_id: str
    when: Instant
    where: str
    agenda: str
    agencies: list[Id]
    by: str


class RecordMeeting(Event, subject="inner.routing.record_meeting.v1"):
    """By hand: who was present at a meeting, and what was agreed."""

    case_id: str
    meeting: int
    present: list[Party]
    agreed: str
    by: str


class CastVote(Event, subject="inner.routing.cast_vote.v1"):
    """One household's word; a later one takes the place of an earlier one."""

    case_id: str
    vote_id: str
    household: str
    choice: Choice
    how: Literal["door_to_door", "meeting", "phone", "online"]
    by: str


class VoteCounted(Event, subject="inner.routing.vote_counted.v1"):
    """From a vote to its consultation: one more, or another word in place of ``was``. ``at`` never goes back within one
    household."""

    case_id: str
    at: Instant
    was: Choice | None = None
    now: Choice


class CloseConsultation(Event, subject="inner.routing.close_consultation.v1"):
    """By hand: no more votes."""

    case_id: str
    reason: str
    by: str


class Consulted(Event, subject="inner.routing.consulted.v1"):
    """From a consultation to its case: it was opened, with what was tried before, or closed, with its result."""

    case_id: str
    question: str
    prior: list[Proceeding] = Field(default_factory=list)
    closed: bool = False
    result: Result | None = None


class MeetingCalled(Event, subject="inner.routing.meeting_called.v1"):
    """From a consultation to its case: the agencies that were called must hear of it."""

    case_id: str
    meeting: int
    when: Instant
    where: str
    agenda: str
    agencies: list[str]


EVENTS = (
    CaseConsultationClosed,
    OpenConsultation,
    CallMeeting,
    RecordMeeting,
    CastVote,
    VoteCounted,
    CloseConsultation,
    Consulted,
    MeetingCalled,
)
