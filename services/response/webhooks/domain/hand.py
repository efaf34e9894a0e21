"""What one copy of the service holds of one agency's messages, and which of them is sent next.

A lane is a case. Within a lane the messages go in the order of the stream, each only when the one before is done with;
lanes go side by side, and a message that fails delays its own lane only.

That order survives a change of copies by one rule: a message is sent only if every earlier one of its case is known to
be done with, or is in this hand. The consumer numbers what it delivers; a gap in its numbers means that a message is,
or was, with somebody else. Then nothing is sent until the server has no more outstanding than is in this hand
(:meth:`Hand.outstanding`): what another copy held comes again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.outcome import Delivered, Outcome, Refused
from services.response.webhooks.domain.terms import (
    AT_ONCE,
    FIRST_DELAY,
    GIVE_UP_AFTER,
    JITTER,
    LONGEST_DELAY,
    REFUSED_TRIES,
)

Verdict = Literal["delivered", "given_up", "later"]


def delay(tries: int, luck: float) -> float:
    """Seconds to wait after so many tries that failed. ``luck``: 0 to 1."""
    return min(FIRST_DELAY * 2.0 ** min(tries - 1, 30), LONGEST_DELAY) * (1 - JITTER * luck)


@dataclass(slots=True)
class Held:
    """One message. ``stored``: when the stream took it; ``due``: when it may be tried again; ``failing``: when it first
    failed although the circuit was closed; ``elsewhere``: how many of its ``tries`` another receiver had; ``settled``:
    it is delivered or given up, and only its acknowledgement is missing."""

    sequence: int
    lane: str
    stored: datetime
    tries: int = 0
    elsewhere: int = 0
    refusals: int = 0
    due: float = 0.0
    failing: float | None = None
    busy: bool = False
    settled: bool = False


class Stand(NamedTuple):
    """How many a hand held, how many it had got rid of, and how often something was missing before what came, at one
    moment."""

    held: int
    acknowledged: int
    gaps: int


class Hand:
    """Messages by their sequence in the stream. Empty at first, and sends nothing before it is sure.

    ``began``: since when this hand has had the receiver before it; what failed earlier, and how old a message was then,
    is no reason to give it up.
    """

    def __init__(self, circuit: Circuit, began: float = 0.0) -> None:
        self.circuit = circuit
        self.sure = False
        self._began = began
        self._held: dict[int, Held] = {}
        self._lanes: dict[str, list[int]] = {}
        self._place: int | None = None
        self._acknowledged = 0
        self._gaps = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._held

    def take(self, sequence: int, place: int, lane: str, stored: datetime) -> bool:
        """A message came, ``place``-th of all that the consumer ever delivered. Whether it is new in this hand."""
        if self._place is None or place != self._place + 1:
            self.sure = False
            self._gaps += 1
        self._place = place
        if sequence in self._held:
            return False
        self._held[sequence] = Held(sequence, lane, stored)
        queue = self._lanes.setdefault(lane, [])
        queue.append(sequence)
        queue.sort()
        return True

    def stand(self) -> Stand | None:
        """How this hand stands when the server is asked; None while an acknowledgement is under way, for then nothing
        follows from the answer."""
        if any(held.settled for held in self._held.values()):
            return None
        return Stand(len(self._held), self._acknowledged, self._gaps)

    def outstanding(self, number: int, asked: Stand | None) -> None:
        """The server says how many messages are delivered and not acknowledged; ``asked``: how the hand stood when it
        was asked. All of those were among them, so if there are no more, there were no others; and none came between if
        nothing has been missing since."""
        now = self.stand()
        if asked and now and asked[1:] == now[1:] and number <= asked.held:
            self.sure = True

    def next(self, now: float) -> int | None:
        """The message to try now, marked as being tried; None when there is none."""
        busy = sum(held.busy for held in self._held.values())
        if not self.sure or busy >= AT_ONCE:
            return None
        for held in self._heads():
            if held.due <= now and self.circuit.lets(held.sequence, now, busy):
                held.busy = True
                held.tries += 1
                return held.sequence
        return None

    def wakes(self) -> float | None:
        """The earliest time at which something could become due by time alone."""
        if not self.sure:
            return None
        earliest = min((held.due for held in self._heads()), default=None)
        if earliest is None:
            return None
        return max(earliest, self.circuit.probe_at or 0.0)

    def came_out(self, sequence: int, outcome: Outcome, now: float, at: datetime, luck: float) -> Verdict:
        """What is to be done with a message after a try. ``at``: the time of day; ``luck``: 0 to 1."""
        held = self._held[sequence]
        held.busy = False
        if isinstance(outcome, Delivered):
            held.settled = True
            if self.circuit.succeeded():
                self._blame_nobody()
            return "delivered"
        was_open = self.circuit.opened is not None
        if not was_open and held.failing is None:
            held.failing = now
        self.circuit.failed(sequence, outcome, now)
        held.refusals += isinstance(outcome, Refused)
        times = held.refusals if isinstance(outcome, Refused) else max(held.tries - held.elsewhere, 1)
        held.due = now + delay(times, luck)
        if held.refusals >= REFUSED_TRIES or self._too_long(held, now, at):
            held.settled = True
            return "given_up"
        if self.circuit.opened is not None and (not was_open or not held.refusals):
            self._blame_nobody()
        return "later"

    def outdated(self, now: float, at: datetime) -> list[int]:
        """Messages that have waited too long for a receiver that is away, marked as given up. While the circuit is
        closed none is: each is tried at least once."""
        if not self.sure or self.circuit.opened is None:
            return []
        found = [held for held in self._heads() if self._too_long(held, now, at)]
        for held in found:
            held.settled = True
        return [held.sequence for held in found]

    def begin_anew(self, now: float) -> None:
        """The receiver is another one, or is called again after a pause: nothing is known of it."""
        self._began = now
        self.circuit.succeeded()
        for held in self._held.values():
            held.refusals, held.due, held.failing = 0, 0.0, None
            held.elsewhere = held.tries

    def tries(self, sequence: int) -> int:
        return self._held[sequence].tries

    def acknowledged(self, sequence: int) -> None:
        """The server knows that this one is done with."""
        self._acknowledged += 1
        held = self._held.pop(sequence)
        queue = self._lanes[held.lane]
        queue.remove(sequence)
        if not queue:
            del self._lanes[held.lane]

    def sequences(self) -> list[int]:
        """All that is held, in the order of the stream."""
        return sorted(self._held)

    def _too_long(self, held: Held, now: float, at: datetime) -> bool:
        """Whether the receiver has been away, or has failed with this very message, all the while that it waited. A
        backlog may be of any age when it meets its receiver; that alone is no failure."""
        since = [one for one in (held.failing, self.circuit.opened) if one is not None]
        if not since or at - held.stored < GIVE_UP_AFTER:
            return False
        return now - max(self._began, min(since)) >= GIVE_UP_AFTER.total_seconds()

    def _heads(self) -> Iterator[Held]:
        """The first message of each lane that can be tried; those tried least come first, so that with an open circuit
        it is another one's turn each time."""
        heads = (self._held[queue[0]] for queue in self._lanes.values())
        free = [held for held in heads if not held.busy and not held.settled]
        return iter(sorted(free, key=lambda held: (held.tries, held.sequence)))

    def _blame_nobody(self) -> None:
        """Who failed because the receiver is away waits for the circuit, not for a delay of its own."""
        for held in self._held.values():
            if not held.refusals:
                held.due = 0.0
