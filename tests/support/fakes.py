"""Documents and streams in memory, with the semantics the loop relies on, and with the troubles it must survive.

Both let a test stop a worker at every point where it waits for an engine (``turn``), and be unreachable, before or
after the engine did what it was asked (``Trouble``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson.codec_options import CodecOptions

from shared.contracts.streams import stream_of
from shared.loop.bus import Delivery
from shared.loop.documents import Collection, Stored, Unreachable
from shared.loop.envelope import Outgoing
from shared.loop.mongo import freeze, thaw

START = datetime(2026, 11, 15, 8, 0, tzinfo=UTC)
Turn = Callable[[str], Awaitable[None]]


async def at_once(_call: str) -> None:
    """The engine answers without letting anybody else in between."""


@dataclass
class Trouble:
    """Calls that go unanswered: ``unanswered`` before the engine did anything, ``unheard`` after it did."""

    unanswered: dict[str, int] = field(default_factory=dict)
    unheard: dict[str, int] = field(default_factory=dict)

    def before(self, call: str) -> None:
        self._meet(self.unanswered, call)

    def after(self, call: str) -> None:
        self._meet(self.unheard, call)

    @staticmethod
    def _meet(left: dict[str, int], call: str) -> None:
        if left.get(call, 0) > 0:
            left[call] -= 1
            raise Unreachable(f"no answer to {call}")


class FakeDocuments:
    """One service's database: each write guarded by the version of its predecessor, as an upsert would be.

    ``rows`` hold what the real one would: BSON. ``before_save`` runs once before the next save, as another copy would.
    """

    def __init__(self, turn: Turn = at_once, guarded: bool = True) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}
        self.trouble = Trouble()
        self.before_save: list[Callable[[], None]] = []
        self.writes = 0
        self._turn = turn
        self._guarded = guarded

    def shared_with(self, turn: Turn) -> FakeDocuments:
        """The same database as another copy of the service reaches it."""
        other = FakeDocuments(turn, self._guarded)
        other.rows = self.rows
        return other

    async def load(self, names: Iterable[tuple[Collection, str]]) -> dict[tuple[str, str], Stored]:
        wanted = list(names)
        await self._turn("load")
        self.trouble.before("load")
        return {
            (collection.name, id): self.stored(collection, id)
            for collection, id in wanted
            if (collection.name, id) in self.rows
        }

    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        await self._turn("save")
        self.trouble.before("save")
        if self.before_save:
            self.before_save.pop(0)()
        frozen = [(stored, bson.encode(freeze(stored))) for stored in changed]
        lost = set()
        for stored, row in frozen:
            if self._guarded and self._version(stored.name) != stored.version - 1:
                lost.add(stored.name)
            else:
                self.rows[stored.name] = row
                self.writes += 1
        self.trouble.after("save")
        return lost

    async def find(self, collection: Collection, field: str, values: Iterable[str]) -> list[Stored]:
        wanted = set(values)
        await self._turn("find")
        self.trouble.before("find")
        found = []
        for (name, id), row in list(self.rows.items()):
            if name == collection.name and wanted.intersection(_values(_decoded(row), field)):
                found.append(self.stored(collection, id))
        return found

    def put(self, stored: Stored) -> None:
        """Writes a document whatever is there, as another copy may have done meanwhile."""
        self.rows[stored.name] = bson.encode(freeze(stored))

    def stored(self, collection: Collection, id: str) -> Stored:
        """A document as it is, at version 0 when there is none."""
        if (collection.name, id) not in self.rows:
            return Stored(collection, id)
        return thaw(collection, _decoded(self.rows[collection.name, id]))

    def state(self, collection: Collection, id: str) -> Any:
        """The state of a document, None when there is none."""
        return self.stored(collection, id).state

    def _version(self, name: tuple[str, str]) -> int:
        row = self.rows.get(name)
        return int(_decoded(row)["version"]) if row is not None else 0


def _decoded(row: bytes) -> Mapping[str, Any]:
    return bson.decode(row, CodecOptions(tz_aware=True))


def _values(row: Mapping[str, Any], path: str) -> list[Any]:
    """What a query on this path is held against: a value, or each of a list."""
    value = _at(row, path)
    return value if isinstance(value, list) else [value]


def _at(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


@dataclass
class FakeStream:
    """What one stream holds; a sequence is a place in ``messages`` plus one."""

    messages: list[tuple[str, dict[str, str], bytes, datetime]] = field(default_factory=list)
    delivered: dict[int, int] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    seen: dict[str, datetime] = field(default_factory=dict)

    @property
    def floor(self) -> int:
        """Up to here everything that the consumer wants (what tests put) is acknowledged."""
        floor = 0
        for sequence in sorted(self.delivered):
            if sequence not in self.settled:
                break
            floor = sequence
        return floor


class FakeBus:
    """JetStream: streams that swallow a repeated id within ``window``, and one consumer on each for the loop."""

    def __init__(self, turn: Turn = at_once, window: timedelta = timedelta(hours=1)) -> None:
        self.streams: dict[str, FakeStream] = {}
        self.window = window
        self.now = START
        self.trouble = Trouble()
        self.acks: list[Delivery] = []
        self.naks: list[tuple[Delivery, float]] = []
        self.terms: list[Delivery] = []
        self.buried: list[tuple[Delivery, str]] = []
        self.floors_asked = 0
        self._turn = turn

    def shared_with(self, turn: Turn) -> FakeBus:
        """The same server as another copy of the service reaches it."""
        other = FakeBus(turn, self.window)
        other.streams = self.streams
        return other

    # --- what tests do ----------------------------------------------------------------------------------------

    def put(self, subject: str, headers: dict[str, str] | None, data: bytes, stream: str = "") -> Delivery:
        """Stores a message and delivers it for the first time."""
        held = self._stream(stream or stream_of(subject))
        held.messages.append((subject, dict(headers or {}), data, self.now))
        return self.deliver(stream or stream_of(subject), len(held.messages))

    def deliver(self, stream: str, sequence: int, delivered: int | None = None) -> Delivery:
        """Hands a stored message over, once more than before."""
        held = self._stream(stream)
        subject, headers, data, time = held.messages[sequence - 1]
        times = delivered or held.delivered.get(sequence, 0) + 1
        held.delivered[sequence] = times
        reply = f"$JS.ACK.{stream}.c.{times}.{sequence}.{sequence}.0.0"
        return Delivery(stream, sequence, times, time, subject, headers or None, data, reply)

    def again(self, delivery: Delivery, delivered: int | None = None) -> Delivery:
        return self.deliver(delivery.stream, delivery.sequence, delivered)

    def unsettled(self, stream: str) -> list[int]:
        """Sequences that may be delivered again."""
        held = self._stream(stream)
        return [sequence for sequence in sorted(held.delivered) if sequence not in held.settled]

    def ids(self, stream: str) -> list[str]:
        """The ce-id of every message of a stream, in its order."""
        return [headers.get("ce-id", "") for _, headers, _, _ in self._stream(stream).messages]

    def bodies(self, subject: str) -> list[bytes]:
        return [data for at, _, data, _ in self._stream(stream_of(subject)).messages if at == subject]

    def pass_time(self, by: timedelta) -> None:
        self.now += by

    # --- what the loop does -----------------------------------------------------------------------------------

    async def publish(self, out: Sequence[Outgoing]) -> None:
        groups: dict[str, list[Outgoing]] = {}
        for outgoing in out:
            groups.setdefault(stream_of(outgoing.subject), []).append(outgoing)
        for name, group in groups.items():
            await self._turn(f"publish {name}")
            self.trouble.before("publish")
            for outgoing in group:
                self._store(name, outgoing)
            self.trouble.after("publish")

    async def bury(self, letters: Sequence[tuple[Delivery, str]]) -> None:
        await self._turn("bury")
        self.trouble.before("bury")
        self.buried += letters
        self.trouble.after("bury")

    async def ack(self, delivery: Delivery) -> None:
        await self._turn("ack")
        self.trouble.before("ack")
        self._stream(delivery.stream).settled.add(delivery.sequence)
        self.acks.append(delivery)

    async def nak(self, delivery: Delivery, delay: float) -> None:
        await self._turn("nak")
        self.naks.append((delivery, delay))

    async def term(self, delivery: Delivery) -> None:
        await self._turn("term")
        self._stream(delivery.stream).settled.add(delivery.sequence)
        self.terms.append(delivery)

    async def floor(self, stream: str) -> int:
        await self._turn("floor")
        self.floors_asked += 1
        self.trouble.before("floor")
        return self._stream(stream).floor

    def _stream(self, name: str) -> FakeStream:
        return self.streams.setdefault(name, FakeStream())

    def _store(self, name: str, outgoing: Outgoing) -> None:
        held = self._stream(name)
        before = held.seen.get(outgoing.id)
        if before is not None and self.now - before < self.window:
            return
        held.seen[outgoing.id] = self.now
        held.messages.append(
            (outgoing.subject, outgoing.headers("/nuanliu/test"), outgoing.body.encode(), self.now)
        )


def later(delivery: Delivery, **changed: Any) -> Delivery:
    """The same delivery with some of its values changed."""
    return replace(delivery, **changed)
