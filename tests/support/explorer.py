"""Copies of the service on one database and one server, stopped at every call to an engine and set going in any order.

A schedule is a list of numbers; each picks one of what may happen next: a call of a copy is answered, a copy dies with
all it knew, a copy takes messages (any that are not acknowledged, so also such as another copy has in hand). The same
schedule gives the same run, so a run that breaks the guarantee can be told, and looked at, by its schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar

from shared.loop.documents import Collection
from shared.loop.loop import Loop
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.messages import own
from tests.support.sample import COUNTERS, Added, Counted, handlers

MOST_STEPS = 600


class Turns:
    """Holds a coroutine at every call to an engine until it is told to go on."""

    async def __call__(self, call: str) -> None:
        await _Stop(call)


class _Stop:
    def __init__(self, call: str) -> None:
        self.call = call

    def __await__(self) -> Iterator[str]:
        yield self.call


@dataclass
class Copy:
    """One copy of the service: what it knows, and the batch it is at."""

    loop: Loop
    running: Coroutine[Any, Any, None] | None = None
    at: str = ""
    heard: tuple[Any, ...] = ()
    """What it took and what it was answered since, so where it stands."""


@dataclass
class World:
    """Two copies and what they share. ``inputs``: how many, all of one document, in ``stream``."""

    stream: ClassVar[str] = "INNER"
    document: ClassVar[tuple[Collection, str]] = (COUNTERS, "a")

    make: Callable[..., Loop]
    inputs: int
    bus: FakeBus = field(init=False)
    documents: FakeDocuments = field(init=False)
    copies: list[Copy] = field(init=False)
    crashes: int = 0

    def __post_init__(self) -> None:
        turns = Turns()
        self.bus = FakeBus(turns, window=timedelta(0))
        self.documents = FakeDocuments(turns)
        self.copies = [Copy(self._loop()), Copy(self._loop())]
        for number in range(self.inputs):
            self.put(number)

    def put(self, number: int) -> None:
        own(self.bus, Added(counter="a", amount=10**number), id=f"i{number}")

    def _loop(self) -> Loop:
        loop = self.make(handlers, self.documents, self.bus)
        seconds = count()
        loop._published._clock = lambda: float(next(seconds))
        return loop

    def moves(self, most_crashes: int) -> list[Callable[[], None]]:
        """What may happen next."""
        found: list[Callable[[], None]] = []
        left = self.bus.unsettled(self.stream)
        for copy in self.copies:
            if copy.running is not None:
                found.append(lambda copy=copy: self._go_on(copy))
                if self.crashes < most_crashes:
                    found.append(lambda copy=copy: self._crash(copy))
            elif left:
                found += [lambda copy=copy, batch=batch: self._take(copy, batch) for batch in _batches(left)]
        return found

    def _take(self, copy: Copy, batch: Sequence[int]) -> None:
        deliveries = [self.bus.deliver(self.stream, sequence, delivered=1) for sequence in batch]
        copy.running = copy.loop.settle(deliveries)
        copy.at, copy.heard = "", (tuple(batch),)
        self._go_on(copy)

    def _go_on(self, copy: Copy) -> None:
        assert copy.running is not None
        try:
            copy.heard += (self._answer(copy.at),)
            copy.at = copy.running.send(None)
        except StopIteration:
            copy.running, copy.heard = None, ()

    def _answer(self, call: str) -> Any:
        """As much of an engine's answer as can make a difference."""
        match call:
            case "load" | "save":
                return self.documents.rows.get(self._name)
            case "floor":
                return self.bus.streams[self.stream].floor
            case _:
                return call

    def _crash(self, copy: Copy) -> None:
        assert copy.running is not None
        self.crashes += 1
        running, copy.running, copy.heard = copy.running, None, ()
        copy.loop = self._loop()
        running.close()

    def wrong(self) -> str:
        """What of the guarantee does not hold now, empty when all does."""
        stored = self.documents.stored(COUNTERS, "a")
        total = stored.state.total if stored.state else 0
        applied = set(stored.applied)
        expected = sum(10 ** int(key[1:]) for key in applied)
        if total != expected:
            return f"{sorted(applied)} applied, but the total is {total}"
        published = {self.bus.streams[self.stream].messages[s][1]["ce-id"]: s for s in self._outputs()}
        acked = {f"i{sequence - 1}" for sequence in self.bus.streams[self.stream].settled}
        if lost := acked - applied:
            return f"{sorted(lost)} acknowledged, not applied"
        if len(published) < len(acked):
            return f"{len(acked)} acknowledged, {len(published)} outputs published"
        recorded = {out.id for out in stored.outbox.out} | published.keys()
        if len(recorded) != len(applied):
            return f"{len(applied)} applied, {len(recorded)} outputs published or recorded"
        return ""

    def lost(self) -> str:
        """At the end: what of the inputs had no effect, or more than one, empty when all is well."""
        state = self.documents.state(COUNTERS, "a")
        told = len({self.bus.streams[self.stream].messages[s][1]["ce-id"] for s in self._outputs()})
        total, wanted = (state.total if state else 0), sum(10**n for n in range(self.inputs))
        return "" if (total, told) == (wanted, self.inputs) else f"total {total} of {wanted}, {told} outputs"

    def stands(self) -> tuple[Any, ...]:
        """Equal for two runs from which the same can follow."""
        return (
            self._shared(),
            self.crashes,
            *((copy.heard, tuple(copy.loop._published._versions.items())) for copy in self.copies),
        )

    def _shared(self) -> tuple[Any, ...]:
        settled = self.bus.streams[self.stream].settled
        ids = frozenset(id for name in self.bus.streams for id in self.bus.ids(name))
        return self.documents.rows.get(self._name, b""), ids, frozenset(settled)

    @property
    def _name(self) -> tuple[str, str]:
        return self.document[0].name, self.document[1]

    def repeated(self) -> bool:
        """Whether an output is in the stream twice."""
        ids = [self.bus.streams[self.stream].messages[s][1]["ce-id"] for s in self._outputs()]
        return len(set(ids)) < len(ids)

    def _outputs(self) -> list[int]:
        messages = self.bus.streams[self.stream].messages
        return [s for s, (subject, *_) in enumerate(messages) if subject == Counted.subject()]

    def done(self) -> bool:
        return not self.bus.unsettled(self.stream) and all(copy.running is None for copy in self.copies)

    def close(self) -> None:
        for copy in self.copies:
            if copy.running is not None:
                copy.running.close()


def _batches(left: Sequence[int]) -> list[Sequence[int]]:
    """Single messages, and all of them."""
    return [[sequence] for sequence in left] + ([left] if len(left) > 1 else [])


def run(
    choose: Callable[[int], int],
    make: Callable[..., Loop] = Loop,
    inputs: int = 3,
    crashes: int = 3,
    always: bool = True,
    world_of: type[World] = World,
) -> str:
    """Runs one schedule to its end; ``choose(n)`` picks below n. What went wrong, empty when nothing did.

    ``always``: whether the guarantee is looked at after every step, or only its effect at the end.
    """
    world = world_of(make, inputs)
    try:
        for step in range(MOST_STEPS):
            moves = world.moves(crashes if step < MOST_STEPS // 2 else 0)
            if not moves:
                return world.lost()
            moves[choose(len(moves)) if step < MOST_STEPS // 2 else 0]()
            if always and (wrong := world.wrong()):
                return wrong
        return "does not come to an end"
    finally:
        world.close()


def explore(
    inputs: int, crashes: int, make: Callable[..., Loop] = Loop, world_of: type[World] = World
) -> tuple[int, str]:
    """Goes through every state that can be reached: how many there are, and the first wrong one's fault."""
    seen: set[Any] = set()
    todo: list[list[int]] = [[]]
    while todo:
        schedule = todo.pop()
        world = world_of(make, inputs)
        try:
            for choice in schedule:
                world.moves(crashes)[choice]()
            stands = world.stands()
            if stands in seen:
                continue
            seen.add(stands)
            if wrong := world.wrong() or (world.lost() if world.done() else ""):
                return len(seen), f"{wrong} after {schedule}"
            todo += [[*schedule, choice] for choice in range(len(world.moves(crashes)))]
        finally:
            world.close()
    return len(seen), ""
