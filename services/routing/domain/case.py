"""A case, state by state. The data that every state carries is in :class:`CaseData`; a state adds what only it has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

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
    Role,
    Satisfaction,
    Urgency,
)

MOST_PLACES = 20
MOST_ATTACHMENTS = 20
MOST_HISTORY = 100


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Done(Value):
    """What an agency said when it resolved."""

    at: datetime
    outcome: Outcome
    reply: str
    readings: list[Reading] | None = None
    excuse: str | None = None
    excuse_until: datetime | None = None


class Assignment(Value):
    """One agency's part, as routing sees it. ``live`` until resolved, returned, withdrawn or concluded."""

    assignment_id: str
    agency: str
    role: Role
    round: int
    resolve_by: datetime
    standing: Literal["live", "resolved", "returned", "withdrawn", "concluded"] = "live"
    done: Done | None = None


class Entry(Value):
    """Who changed what, when, why, under which version of the policy. Anybody may read it: no words of residents."""

    at: datetime
    what: str
    who: str = ""
    why: str = ""
    policy: str = ""


class CaseData(Value):
    """What a case carries through all its states.

    ``candidates``: agencies that may lead, best first. ``tried``: those that returned it. ``confided``: a caller of
    any of its appeals must not be known. ``round`` counts the ways to a resolution, ``level`` the steps up the
    escalation ladder, ``assigned`` all assignments ever made; ``policy`` gave the latest their clocks. ``resolve_by``
    is the promise of the first dispatch, moved only by a granted extension or deferral. ``places`` (at most 20) and
    ``history`` (the last 100 entries) are bounded.
    """

    case_id: str
    case_no: str
    matter: str
    channel: str
    place: Place
    category: CategoryRef
    nature: Nature
    urgency: Urgency
    mode: Mode
    summary: str
    text: str | None = None
    location: Location
    places: list[Location] = Field(default_factory=list)
    contact: Contact | None = None
    confidential: bool = False
    confided: bool = False
    key_household: bool = False
    key_households: int = 0
    indoor_temperature: float | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    reported_at: datetime
    upstream_due: datetime | None = None
    lead_agency: str
    assist_agencies: list[str] = Field(default_factory=list)
    candidates: list[str]
    tried: list[str] = Field(default_factory=list)
    assignments: list[Assignment] = Field(default_factory=list)
    appeals: int = 1
    households: int = 1
    urged: int = 0
    round: int = 0
    reworks: int = 0
    returns: int = 0
    level: int = 0
    assigned: int = 0
    extensions: int = 0
    resolve_by: datetime
    policy: str
    because: str = ""
    history: list[Entry] = Field(default_factory=list)

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in CaseData.model_fields} | changes

    @property
    def live(self) -> list[Assignment]:
        return [a for a in self.assignments if a.standing == "live"]

    @property
    def current(self) -> list[Assignment]:
        """The assignments of this round that were not given back or taken away."""
        return [a for a in self.assignments if a.round == self.round and a.standing in ("live", "resolved")]

    @property
    def lead(self) -> Assignment | None:
        return next((a for a in reversed(self.assignments) if a.role == "lead"), None)


class OnDesk(CaseData):
    """No agency can be asked any more: the centre's desk decides by hand."""

    state: Literal["registered"] = "registered"
    why: str


class Dispatched(CaseData):
    """Agencies are at it."""

    state: Literal["dispatched"] = "dispatched"


class Deferred(CaseData):
    """It cannot be done now; on the list until its review."""

    state: Literal["deferred"] = "deferred"
    kind: DeferralKind
    review_at: datetime
    plan: str


class Resolved(CaseData):
    """Lead and assistants say it is done; somebody is going back."""

    state: Literal["resolved"] = "resolved"
    resolved_at: datetime


class Closed(CaseData):
    """The end, unless somebody contests it."""

    state: Literal["closed"] = "closed"
    outcome: Literal["verified", "not_verified", "withdrawn"]
    closed_at: datetime
    solved: bool | None = None
    satisfaction: Satisfaction | None = None


Case = Annotated[OnDesk | Dispatched | Deferred | Resolved | Closed, Field(discriminator="state")]
OpenCase = OnDesk | Dispatched | Deferred | Resolved
C = TypeVar("C", bound=CaseData)


def noted(case: CaseData, at: datetime, what: str, who: str = "", why: str = "") -> list[Entry]:
    """The history with one entry more."""
    return [
        *case.history[-(MOST_HISTORY - 1) :],
        Entry(at=at, what=what, who=who, why=why, policy=case.policy),
    ]


def with_assignment(case: CaseData, assignment_id: str, **changes: Any) -> list[Assignment]:
    """All assignments, one of them changed."""
    return [a.model_copy(update=changes) if a.assignment_id == assignment_id else a for a in case.assignments]


def standing(case: CaseData, which: Sequence[Assignment], now: str) -> list[Assignment]:
    """All assignments, those in ``which`` standing differently."""
    ids = {a.assignment_id for a in which}
    return [a.model_copy(update={"standing": now}) if a.assignment_id in ids else a for a in case.assignments]
