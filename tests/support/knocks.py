"""Refused messages in one tenant's stream, delivered to its door in any order and as often as one likes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import bson

from shared.contracts.values import FieldError
from shared.loop.decision import NotYet, Refusal
from shared.loop.documents import Stored
from shared.loop.door import DOORS, Door, Knock, Limits, answer, end, known, outcome
from shared.loop.mongo import freeze, thaw
from tests.support.fakes import START

TENANT = "heating-zy"
WRONG = [FieldError(field="word", problem="is not wanted")]


def knock(place: int = 1, minutes: float = 0, floor: int = 0, body: str = "", **more: object) -> Knock:
    """A refused message at a place of the stream; without a body of its own it is like no other."""
    cause = body or f"message {place}"
    refusal = Refusal(f"id-{place}", WRONG, TENANT, f"response.{TENANT}.said.v1", b"{", cause=cause)
    values = {"size": 100, "letter": cause, "verb": "said", "reason": "word: is not wanted"} | more
    return Knock(refusal, place, START + timedelta(minutes=minutes), floor, **values)  # type: ignore[arg-type]


def stored(door: Door) -> Door:
    """As it comes back from the database."""
    row = bson.encode(freeze(Stored(DOORS, TENANT, 1, door)))
    back: Door = thaw(DOORS, bson.decode(row, bson.CodecOptions(tz_aware=True))).state
    return back


def size(door: Door) -> int:
    return len(bson.encode(freeze(Stored(DOORS, TENANT, 1, door))))


@dataclass
class AtADoor:
    """A door, the messages that came to it, and what its tenant was told: ``notices`` when a window was over."""

    limits: Limits
    door: Door | None = None
    told: Counter[str] = field(default_factory=Counter)
    per_window: Counter[datetime] = field(default_factory=Counter)
    per_matter: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    closed: list[Refusal] = field(default_factory=list)
    notices: list[Refusal] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    waited: int = 0

    @property
    def floor(self) -> int:
        floor = 0
        while floor + 1 in self.settled:
            floor += 1
        return floor

    def take(self, message: Knock, acknowledged: bool = True) -> None:
        """One delivery, as the loop handles it."""
        place = message.sequence
        if self.door is None or not known(self.door, message):
            try:
                self.door, told = answer(self.door, message, message.stored, self.limits)
            except NotYet:
                self.waited += 1
                return
            self._hear(told, message)
            became = outcome(self.door, message)
            assert self.outcomes.get(place, became) in (became, "repeated")
            self.outcomes[place] = became
        if acknowledged:
            self.settled.add(place)

    def finish(self, until: datetime) -> None:
        self.door, told = end(self.door, until)
        self._hear(told, None)

    def _hear(self, told: list[Refusal], message: Knock | None) -> None:
        for refusal in told:
            if refusal.id is None:
                self.notices.append(refusal)
                continue
            assert message is not None
            assert self.door is not None
            assert self.door.window is not None
            self.told[refusal.cause] += 1
            self.per_window[self.door.window.until] += 1
            self.per_matter[self.door.window.until, message.matter] += 1
            if refusal.closed is not None:
                self.closed.append(refusal)

    @property
    def counted(self) -> int:
        return sum(notice.closed.unanswered for notice in self.notices if notice.closed)
