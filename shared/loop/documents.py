"""Documents as the loop sees them: a state, its version, what it has applied, its last outputs (DESIGN 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import TypeAdapter

from shared.loop.decision import Input
from shared.loop.envelope import Outgoing

SAID = "said"
"""The field under which a document of a collection with ``ids_once`` is found by an outsider's id."""

KEEP_APPLIED = timedelta(days=35)
"""Longer than a stream keeps a message, so that an old delivery is always known."""

MANY_APPLIED = 64
"""Up to this many ids nothing is forgotten at all."""


@dataclass(frozen=True)
class Collection:
    """One kind of document. ``indexes``: (fields with direction, options) as MongoDB takes them. ``remembers``: whether
    a document lists the ids of what it has applied; where it does not, its state must know. ``ids_once``: an outsider's
    id is taken for one document only; its ids are found by the field ``said``."""

    name: str
    states: TypeAdapter[Any]
    indexes: tuple[tuple[tuple[tuple[str, int], ...], dict[str, Any]], ...] = ()
    remembers: bool = True
    ids_once: bool = False

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Applied:
    """When an input was applied (days since 1970) and, for an outsider's, its fingerprint."""

    day: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outputs of a document's last write and the inputs behind them: (stream, sequence)."""

    inputs: tuple[tuple[str, int], ...] = ()
    out: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A document at one version; version 0 is not stored yet."""

    collection: Collection
    id: str
    version: int = 0
    state: Any = None
    applied: Mapping[str, Applied] = field(default_factory=dict)
    outbox: Outbox = Outbox()

    @property
    def name(self) -> tuple[str, str]:
        return self.collection.name, self.id

    def next(self, state: Any, inputs: Sequence[tuple[Input, str, int]], out: Sequence[Outgoing]) -> Stored:
        """The next version: ``inputs`` are (input, stream, sequence) applied in it, ``out`` all their outputs."""
        applied = dict(self.applied)
        if self.collection.remembers:
            applied |= {input.key: Applied(_day(input.at), input.digest) for input, _, _ in inputs}
        if len(applied) > MANY_APPLIED:
            oldest = _day(inputs[-1][0].at - KEEP_APPLIED)
            applied = {key: entry for key, entry in applied.items() if entry.day >= oldest}
        outbox = Outbox(tuple((stream, sequence) for _, stream, sequence in inputs), tuple(out))
        return Stored(self.collection, self.id, self.version + 1, state, applied, outbox)


def _day(at: datetime) -> int:
    return int(at.timestamp() // 86_400)


class Unreachable(Exception):
    """An engine does not answer; what is in hand is tried again when it does."""


class Documents(Protocol):
    """Where a service keeps its documents. Raises :class:`Unreachable`."""

    async def load(self, names: Iterable[tuple[Collection, str]]) -> dict[tuple[str, str], Stored]:
        """The documents of these names that exist, in one round trip per collection."""
        ...

    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        """Writes each if its predecessor is what is stored; gives the names of those that lost the race.

        When it returns, what was written and what was loaded before survives a power cut; without ``changed`` too.
        """
        ...

    async def find(self, collection: Collection, field: str, values: Iterable[str]) -> list[Stored]:
        """All documents whose ``field`` (a path into the document) is one of ``values``."""
        ...
