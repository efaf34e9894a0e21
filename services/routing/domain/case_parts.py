"""What a case is made of: an agency's part in it, what was asked, what was decided, what came and what left.

Each is a value, kept in a list or a field of :class:`services.routing.domain.case.CaseData`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.values import DeferralKind, DeskReason, Outcome, PlanStep, Proposal, Reading, Role


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


class Step(Value):
    """Which opening of which step of which plan of the case; attempts and plans count from 1."""

    plan: int
    step: PlanStep
    attempt: int

    @property
    def place(self) -> tuple[int, int, int]:
        """Openings of a case come in this order."""
        return self.plan, self.step.number, self.attempt


class Assignment(Value):
    """One agency's part, as routing sees it. ``live`` until resolved, returned, withdrawn or concluded; ``step``: it is
    a step of a task force's plan, and ends with that. ``rungs`` of the ladder it has reached by being late, the next at
    ``watch_at``; the plan watches its steps itself."""

    assignment_id: str
    agency: str
    role: Role
    round: int
    resolve_by: datetime
    standing: Literal["live", "resolved", "returned", "withdrawn", "concluded"] = "live"
    done: Done | None = None
    step: Step | None = None
    rungs: int = 0
    watch_at: datetime | None = None

    @property
    def unwatched(self) -> bool:
        """Nobody looks when it is late: it was made where there was no ladder."""
        return self.watch_at is None and not self.rungs and self.step is None


class Request(Value):
    """What an agency asked for and the centre must decide: more time, or a deferral. ``until``: the later deadline, or
    the review; ``reason``: the agency's."""

    about: Literal["extension", "deferral"]
    assignment_id: str
    agency: str
    at: datetime
    until: datetime
    reason: str
    kind: DeferralKind | None = None
    plan: str | None = None


class Struck(Value):
    """A deferral that left the list: what it was, since when, and when it was struck off."""

    kind: DeferralKind
    plan: str
    since: datetime | None
    cleared_at: datetime


class Entry(Value):
    """Who changed what, when, why, under which version of the policy. Anybody may read it: no words of residents."""

    at: datetime
    what: str
    who: str = ""
    why: str = ""
    policy: str = ""


class Question(Value):
    """What the centre's desk is asked about a case: whose problem it is.

    ``why``: in words for the desk. ``lead`` and ``assistants``: what is proposed, nothing where nobody answers for it.
    ``proposals``: what it may be about, by likeness. ``due``: by when the desk decides; ``overdue``: that it did not
    was said.
    """

    reasons: list[DeskReason]
    why: str
    since: datetime
    due: datetime
    lead: str = ""
    assistants: list[str] = Field(default_factory=list)
    proposals: list[Proposal] = Field(default_factory=list)
    overdue: bool = False


class Arrival(Value):
    """When an appeal came to the case, and the code of its place."""

    at: datetime
    place: str


class Unsaid(Value):
    """Appeals have come that the agencies were not told of; by ``due`` they are told the sum."""

    due: datetime


class AtPlace(Value):
    """How many of its appeals came from one place, by its code."""

    place: str
    appeals: int


class SplitOff(Value):
    """What left the case at the desk's word: the matter it is now, and the codes of compounds that went whole."""

    at: datetime
    into: str
    compounds: list[str]
