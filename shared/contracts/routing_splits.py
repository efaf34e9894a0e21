"""Published by routing about a case that is split: `case.split`, and the order behind it."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.base import Event, Instant


class CaseSplit(Event, subject="case.split.v1"):
    """These appeals and all from these compounds leave the case; together they are the matter ``into``.

    ``keeps``: the appeal that opened the case, which stays whatever is said. ``compounds``: codes of places; absent
    where one appeal is sent after those that left already.
    """

    case_id: str
    round: int = 0
    at: Instant
    matter: str
    into: str
    compounds: list[str] = Field(default_factory=list)
    appeal_ids: list[str] = Field(default_factory=list)
    keeps: str | None = None
    reason: str = ""
    by: str = ""


class Split(Event, subject="inner.routing.split.v1"):
    """By hand: these appeals, and all from these compounds, are another case."""

    case_id: str
    compounds: list[str] = Field(default_factory=list)
    appeal_ids: list[str] = Field(default_factory=list)
    reason: str
    by: str


EVENTS = (CaseSplit, Split)
