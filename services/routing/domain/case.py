"""A case, state by state. The data that every state carries is in :class:`CaseData`; a state adds what only it has.

What the data are made of is in case_parts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, computed_field

from services.routing.domain.case_parts import (
    Arrival,
    Assignment,
    AtPlace,
    Entry,
    Question,
    Request,
    SplitOff,
    Step,
    Struck,
    Unsaid,
    Value,
)
from shared.contracts.routing_consultations import Proceeding
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Contact,
    DeferralKind,
    Location,
    Mode,
    Nature,
    Place,
    Satisfaction,
    Urgency,
)
from shared.policy import Jurisdiction

MOST_PLACES = 20
MOST_ATTACHMENTS = 20
MOST_COMPOUNDS = 50
MOST_HISTORY = 100
MOST_SPLITS = 20
SAID_OVER_AND_OVER = {"urged", "supplemented", "deferral refused", "extension refused"}
"""Of these only the latest are kept of a case that is long: what was decided of it must not be lost behind them."""
MOST_SUPPLEMENTS = 5
MOST_WORDS = 1000


class CaseData(Value):
    """What a case carries through all its states.

    ``candidates``: agencies that may lead, best first. ``tried``: those that returned it. ``confided``: a caller of
    any of its appeals must not be known. ``round`` counts the ways to a resolution, ``level`` the steps up the
    escalation ladder, ``assigned`` all assignments ever made; ``policy`` gave the latest their clocks. ``resolve_by``
    is the promise of the first dispatch, moved only by a granted extension or deferral. ``places`` (at most 20) and
    ``history`` (the last 100 entries) are bounded. ``lead_agency`` is empty while nobody was asked yet; ``question``
    is what the desk still has to say, in a case that waits for it or is at work already. ``prior``: what was tried
    before, by law or mediation. ``recent``: the latest arrivals that may still add up to a mass incident;
    ``other_compounds`` (at most 50): where else appeals came from.
    ``plans`` counts the plans of the case, ``plans_through`` those that are through or given up; ``mode_before`` is how
    the case was worked on before its plan, ``refused_step`` the latest opening it had no use for.
    ``behind``: the ids of who stands behind it, folded into one number (behind.py); None in a case of a version that
    kept none. ``first_appeal``: the one that opened it, while it stands behind it; ``at_places`` (at most 50): how many
    are from which compound. ``splits`` (at most 20): what left it, ``split_from``: the case it left itself.
    ``supplements`` (the last 5, each of at most 1000 characters): what residents added since ``text``, veiled.
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
    lead_agency: str = ""
    assist_agencies: list[str] = Field(default_factory=list)
    candidates: list[str] = Field(default_factory=list)
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
    prior: list[Proceeding] = Field(default_factory=list)
    plans: int = 0
    plans_through: int = 0
    mode_before: Mode | None = None
    refused_step: Step | None = None
    resolve_by: datetime
    policy: str
    because: str = ""
    history: list[Entry] = Field(default_factory=list)
    question: Question | None = None
    requests: list[Request] = Field(default_factory=list)
    struck: Struck | None = None
    recent: list[Arrival] = Field(default_factory=list)
    other_compounds: list[str] = Field(default_factory=list)
    mass_incident_since: datetime | None = None
    unsaid: Unsaid | None = None
    first_appeal: str | None = None
    at_places: list[AtPlace] = Field(default_factory=list)
    splits: list[SplitOff] = Field(default_factory=list)
    split_from: str | None = None
    behind: int | None = None
    supplements: list[str] = Field(default_factory=list)

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in CaseData.model_fields} | changes

    @property
    def asked(self) -> list[Request]:
        """What agencies wait to hear; whose assignment is over waits for nothing."""
        waiting = {a.assignment_id for a in self.live}
        return [one for one in self.requests if one.assignment_id in waiting]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def asked_since(self) -> datetime | None:
        """From when the longest waiting request waits; what the centre's list is ordered by."""
        return min((one.at for one in self.asked), default=None)

    @property
    def compounds(self) -> int:
        """How many compounds its appeals came from."""
        return len({self.place.code, *self.other_compounds})

    @property
    def live(self) -> list[Assignment]:
        return [a for a in self.assignments if a.standing == "live"]

    @property
    def beside(self) -> list[Assignment]:
        """The live assignments that are no step of a plan."""
        return [a for a in self.live if a.step is None]

    @property
    def planned(self) -> bool:
        """A task force's plan goes on."""
        return self.plans > self.plans_through

    @property
    def current(self) -> list[Assignment]:
        """The assignments of this round that were not given back or taken away."""
        return [a for a in self.assignments if a.round == self.round and a.standing in ("live", "resolved")]

    @property
    def lead(self) -> Assignment | None:
        return next((a for a in reversed(self.assignments) if a.role == "lead"), None)


class _AtWork(CaseData):
    """Assignments that are late are watched; on the list of deferrals clocks stand still."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def next_watch(self) -> datetime | None:
        """The next instant at which an assignment reaches a rung of the ladder; what the sweep asks for."""
        return min((a.watch_at for a in self.live if a.watch_at is not None), default=None)


class OnDesk(_AtWork):
    """Nobody leads: the centre's desk says whose problem it is."""

    state: Literal["registered"] = "registered"
    question: Question = Field(default_factory=lambda data: _asked_before_there_was_a_clock(data))


def _asked_before_there_was_a_clock(data: dict[str, Any]) -> Question:
    """Of a case that came to the desk under a version that kept no question: it has waited long enough."""
    since = data["history"][-1].at if data["history"] else data["reported_at"]
    return Question(reasons=["nobody_left"], why="没有可再派遣的单位", since=since, due=since)


class Dispatched(_AtWork):
    """Agencies are at it."""

    state: Literal["dispatched"] = "dispatched"


class Deferred(CaseData):
    """It cannot be done now; on the list until its review. ``owner``: the agency that answers for it;
    ``stopped``: the assignments whose clocks stand still, of all that are live."""

    state: Literal["deferred"] = "deferred"
    kind: DeferralKind
    review_at: datetime
    plan: str
    reason: str = ""
    owner: str = ""
    since: datetime | None = None
    approver: str = ""
    stopped: list[str] = Field(default_factory=list)


class Resolved(CaseData):
    """Lead and assistants say it is done; somebody is going back. ``excuse_asked``: the lead's excuse for a cold flat
    that counts only if the centre approves it. ``doubts``: how many joined since."""

    state: Literal["resolved"] = "resolved"
    resolved_at: datetime
    excuse_asked: str | None = None
    doubts: int = 0


class Closed(CaseData):
    """The end, unless somebody contests it. ``joined_to``: the case that its appeals were moved to."""

    state: Literal["closed"] = "closed"
    outcome: Literal["verified", "not_verified", "withdrawn", "joined"]
    closed_at: datetime
    joined_to: str | None = None
    solved: bool | None = None
    satisfaction: Satisfaction | None = None


Case = Annotated[OnDesk | Dispatched | Deferred | Resolved | Closed, Field(discriminator="state")]
OpenCase = OnDesk | Dispatched | Deferred | Resolved
C = TypeVar("C", bound=CaseData)


def noted(
    case: CaseData, jurisdiction: Jurisdiction, at: datetime, what: str, who: str = "", why: str = ""
) -> list[Entry]:
    """The history with one entry more, under the version of the policy in force at this decision."""
    return [
        *bounded(case.history),
        Entry(at=at, what=what, who=who, why=why, policy=jurisdiction.policy.label),
    ]


def bounded(history: list[Entry]) -> list[Entry]:
    """The history with room for one entry more: what is said over and over goes first, then the oldest."""
    if len(history) < MOST_HISTORY:
        return history
    often = (place for place, entry in enumerate(history) if entry.what in SAID_OVER_AND_OVER)
    gone = next(often, 0)
    return history[:gone] + history[gone + 1 :]


def with_assignment(case: CaseData, assignment_id: str, **changes: Any) -> list[Assignment]:
    """All assignments, one of them changed."""
    return [a.model_copy(update=changes) if a.assignment_id == assignment_id else a for a in case.assignments]


def standing(case: CaseData, which: Sequence[Assignment], now: str) -> list[Assignment]:
    """All assignments, those in ``which`` standing differently."""
    ids = {a.assignment_id for a in which}
    return [a.model_copy(update={"standing": now}) if a.assignment_id in ids else a for a in case.assignments]
