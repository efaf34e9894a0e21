"""A task of going back, state by state. The data that every state carries is in :class:`TaskData`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.revisit.domain.answers import Answers
from shared.contracts.values import Contact, Location, Person, Place, Satisfaction
from shared.ids import derive

MOST_VISITS = 20
MOST_PLACES = 50


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Visit(Value):
    """What was said at one door: who asked, when, and the words."""

    at: datetime
    by: Person
    attempt: int
    outcome: Literal["reached", "unreachable", "declined"]
    solved: bool | None = None
    satisfaction: Satisfaction | None = None
    note: str | None = None


class TaskData(Value):
    """What a task carries through its states.

    ``place``: by which a team is chosen, absent in old tasks. ``households``: how many are asked. ``resolved_at``: when
    the last agency said it was done. ``excuse``: what the agency gave for a cold flat, which counts only with an
    ``excuse_approver`` and up to ``excuse_until``. ``visits`` holds the last 20, ``places`` at most 50. ``policy``: the
    version that sent a team, or settled what it found.
    ``of``: how many households stood behind the case at the "done", of which ``base`` are asked; ``doubts`` joined
    after it, of ``late`` households with ``late_keys`` key households, or ``urged``: for them the team was sent
    ``widened`` times more.
    """

    task_id: str
    case_id: str
    case_no: str
    round: int
    team: str
    kind: Literal["revisit"] = "revisit"
    category: str
    place: Place | None = None
    location: Location
    places: list[Location] = Field(default_factory=list)
    contact: Contact | None = None
    households: int
    measure: bool
    resolved_at: datetime
    excuse: str | None = None
    excuse_until: datetime | None = None
    excuse_approver: str | None = None
    due_by: datetime
    attempt: int = 1
    answers: Answers = Answers()
    visits: list[Visit] = Field(default_factory=list)
    policy: str
    of: int = 0
    base: int = 0
    doubts: int = 0
    late: int = 0
    late_keys: int = 0
    urged: bool = False
    widened: int = 0

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in TaskData.model_fields} | changes


class Due(TaskData):
    """A team is to go there. ``overdue``: told that nobody went in time; ``not_before``: of a further attempt."""

    state: Literal["due"] = "due"
    overdue: bool = False
    not_before: datetime | None = None


class Held(TaskData):
    """It held."""

    state: Literal["held"] = "held"
    settled_at: datetime


class Failed(TaskData):
    """It did not. What households of the sample say after that is still taken down; it changes nothing."""

    state: Literal["failed"] = "failed"
    settled_at: datetime
    reason: str

    @property
    def all_asked(self) -> bool:
        return self.answers.accounted >= self.households


class Unverified(TaskData):
    """Nobody answered."""

    state: Literal["unverified"] = "unverified"
    settled_at: datetime
    reason: Literal["unreachable", "declined", "silent"]


class Withdrawn(Value):
    """No longer wanted; without a ``team`` when the case was withdrawn before its task was heard of."""

    state: Literal["withdrawn"] = "withdrawn"
    task_id: str
    case_id: str
    round: int
    team: str | None = None
    withdrawn_at: datetime


Task = Annotated[Due | Held | Failed | Unverified | Withdrawn, Field(discriminator="state")]


def task_id(case_id: str, round: int) -> str:
    """Each round of a case is gone back to once."""
    return derive("revisit", case_id, round)
