"""From one document of intake to another, `inner.intake.*`: appeals and their matters; and what its sweep finds due."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.base import Event, Instant
from shared.contracts.doors import Due
from shared.contracts.values import Satisfaction


class PlaceAppeal(Event, subject="inner.intake.place_appeal.v1"):
    """To a matter: which case does the appeal belong to? ``not_case`` has refused it. ``place``: where it is from;
    ``via``: the matters that its place was split off from, on the way; ``declined``: the matter that had no open case
    for it."""

    matter: str
    category: str
    appeal_id: str
    households: int = 1
    not_case: str | None = None
    place: str | None = None
    via: list[str] = Field(default_factory=list)
    declined: str | None = None


class AppealPlaced(Event, subject="inner.intake.appeal_placed.v1"):
    """From the matter back to the appeal."""

    matter: str
    appeal_id: str
    case_id: str
    case_no: str
    opened: bool
    appeals: int
    declined: str | None = None


class LeaveCase(Event, subject="inner.intake.leave_case.v1"):
    """To one appeal that the desk has split off its case: it belongs to the matter ``into`` from now on."""

    appeal_id: str
    case_id: str
    into: str


class SplitMatter(Event, subject="inner.intake.split_matter.v1"):
    """To the matter: what comes from these compounds goes to ``into`` while that has an open case."""

    matter: str
    case_id: str
    into: str
    compounds: list[str] = Field(default_factory=list)


class LeaveMatter(Event, subject="inner.intake.leave_matter.v1"):
    """To the matter: an appeal has left its case."""

    matter: str
    case_id: str
    households: int = 1


class CloseAppeal(Event, subject="inner.intake.close_appeal.v1"):
    """To one appeal of a closed case. ``round``: the case's round that ended."""

    appeal_id: str
    case_id: str
    round: int = 0
    outcome: Literal["verified", "not_verified", "withdrawn"]
    reply: str
    solved: bool | None = None
    satisfaction: Satisfaction | None = None


class MoveAppeal(Event, subject="inner.intake.move_appeal.v1"):
    """To one appeal of a case that was joined to another, ``into``. ``appeals``: how many stand behind that one."""

    appeal_id: str
    case_id: str
    into: str
    into_no: str
    appeals: int


class CloseMatter(Event, subject="inner.intake.close_matter.v1"):
    """To the matter: its case takes no more appeals. ``round``: the case's round that ended."""

    matter: str
    case_id: str
    round: int = 0


class ReopenMatter(Event, subject="inner.intake.reopen_matter.v1"):
    """To the matter: its last case is open again. ``round``: the case's new round."""

    matter: str
    case_id: str
    round: int


class ReopenAppeal(Event, subject="inner.intake.reopen_appeal.v1"):
    """To one appeal of a case that is open again. ``round``: the case's new round."""

    appeal_id: str
    case_id: str
    round: int
    at: Instant


class DoorDue(Due, subject="inner.intake.door_due.v1"):
    """A tick found that the window of a tenant's door is over."""


EVENTS = (
    PlaceAppeal,
    AppealPlaced,
    MoveAppeal,
    LeaveCase,
    SplitMatter,
    LeaveMatter,
    CloseAppeal,
    CloseMatter,
    ReopenMatter,
    ReopenAppeal,
    DoorDue,
)
