"""A task force's plan (专班): one leader, one lead department, one plan, one timetable (DOMAIN 2, rows 2 and 9).

Its steps are owned by different agencies, and a step blocks the next: what is done, the one step that is under way and
what lies ahead are three fields, so that a plan with two open steps cannot be built. A step that came back stays where
it is, with the leader, who gives it out again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, computed_field, model_validator

from services.routing.domain.case_parts import Entry, Value
from shared.contracts.values import Outcome


class StepData(Value):
    """What is to be done, whose it is, by when; ``attempt`` counts its openings."""

    number: int
    agency: str
    task: str
    due: datetime
    attempt: int = 0


class Ahead(StepData):
    """Waits for the steps before it."""

    state: Literal["ahead"] = "ahead"


class Open(StepData):
    """Its agency is at it."""

    state: Literal["open"] = "open"
    opened_at: datetime
    overdue: bool = False


class WithLeader(StepData):
    """It came back, or could not be done: the leader gives it out again; until then nothing goes on."""

    state: Literal["with_leader"] = "with_leader"
    back_at: datetime
    how: Literal["returned", "withdrawn", "not_possible"]
    reason: str


class Done(StepData):
    """Its agency has resolved it."""

    state: Literal["done"] = "done"
    done_at: datetime
    outcome: Outcome
    reply: str
    on_time: bool


class PlanData(Value):
    """What a plan carries through all its states. ``number`` counts the plans of a case from 1; ``history`` is
    bounded (the last 100 entries)."""

    case_id: str
    number: int
    leader: str
    lead_agency: str
    made_at: datetime
    done: tuple[Done, ...] = ()
    history: list[Entry] = Field(default_factory=list)

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in PlanData.model_fields} | changes


class Running(PlanData):
    """One step is under way, or with the leader."""

    state: Literal["running"] = "running"
    current: Annotated[Open | WithLeader, Field(discriminator="state")]
    ahead: tuple[Ahead, ...] = ()

    @property
    def size(self) -> int:
        return len(self.done) + 1 + len(self.ahead)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def next_due(self) -> datetime | None:
        """When the leader must hear if nothing happens; what the sweep asks for."""
        waiting = isinstance(self.current, Open) and not self.current.overdue
        return self.current.due if waiting else None

    @model_validator(mode="after")
    def _in_order(self) -> Running:
        numbers = [step.number for step in (*self.done, self.current, *self.ahead)]
        if numbers != list(range(1, self.size + 1)):
            raise ValueError(f"steps {numbers} are no plan")
        return self


class Through(PlanData):
    """Every step is done."""

    state: Literal["through"] = "through"
    through_at: datetime

    @property
    def size(self) -> int:
        return len(self.done)


class GivenUp(PlanData):
    """The task force gave up; ``left`` are the steps that were not done, the one under way first."""

    state: Literal["given_up"] = "given_up"
    given_up_at: datetime
    by: str
    reason: str
    left: tuple[StepData, ...]

    @property
    def size(self) -> int:
        return len(self.done) + len(self.left)


Plan = Annotated[Running | Through | GivenUp, Field(discriminator="state")]
