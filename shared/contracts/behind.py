"""What routing asks intake for the centre's desk, and is answered at once: which appeals stand behind a case.

Nothing is stored of it. Words and doors are veiled before they leave intake, and are absent where a caller must not be
known.
"""

from __future__ import annotations

from pydantic import Field

from shared.contracts.base import Instant, Part
from shared.contracts.values import Location, Place

APPEALS_ASKED = "appeals.intake"
"""By which routing asks."""

MOST_SHOWN = 100
MOST_WORDS = 200
"""So many characters of what a resident said."""


class AppealsAsked(Part):
    """The appeals of a case after ``after`` (an appeal's id), at most ``limit``; and these, whatever case is theirs."""

    case_id: str
    limit: int = MOST_SHOWN
    after: str = ""
    named: list[str] = Field(default_factory=list)


class Appellant(Part):
    """One appeal as the desk may see it."""

    appeal_id: str
    channel: str
    state: str
    case_id: str | None = None
    place: Place
    received_at: Instant
    households: int = 1
    key_household: bool = False
    confidential: bool = False
    location: Location | None = None
    text: str | None = None


class PlaceBehind(Part):
    """How many stand behind a case from one place."""

    code: str
    name: str
    appeals: int
    households: int
    key_households: int


class Behind(Part):
    """Who stands behind a case, place by place and appeal by appeal, of whom ``next`` is the last shown if there may be
    more; ``named``: those asked for by id that there are. ``unreachable``: why it cannot be said now."""

    places: list[PlaceBehind] = Field(default_factory=list)
    appeals: list[Appellant] = Field(default_factory=list)
    next: str | None = None
    named: list[Appellant] = Field(default_factory=list)
    unreachable: str | None = None
