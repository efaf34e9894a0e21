"""One service's handlers over documents in memory, message by message; for tests that tell what happens, not how fast.

A state goes through BSON between two messages, as it does in the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import bson
from bson.codec_options import CodecOptions

from shared.contracts.base import Event
from shared.loop.decision import Input, Out
from shared.loop.documents import Collection
from shared.loop.handlers import Deciding, Handlers
from shared.policy import Jurisdiction

E = TypeVar("E", bound=Event)
_AS_STORED: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


@dataclass
class Desk:
    """Where messages arrive. ``out`` is everything that was published, in order; ``applied``: the last message changed
    or said something, so that the loop knows it when it comes again."""

    handlers: Handlers
    jurisdiction: Jurisdiction
    applied: bool = True
    out: list[Out] = field(default_factory=list)
    _documents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _collections: dict[str, Collection] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: count(1))

    def take(self, event: Event, at: datetime, tenant: str = "", id: str = "") -> list[Out]:
        """One message; gives what it makes the service publish. Raises Refused and NotYet."""
        input = Input(id or f"m-{next(self._ids)}", at, tenant)
        handler = self.handlers.by_type[event.type]
        if isinstance(handler, Deciding):
            name = handler.key(event, input) or self._look_up(handler, event, input)
            before = self.state(handler.collection, name)
            decision = handler.decide(before, event, input, self.jurisdiction)
            out = list(decision.out)
            self.applied = decision.state is not before or bool(out)
            if decision.state is not None:
                self._put(handler.collection, name, decision.state)
        else:
            value = handler.of(event, input)
            found = [state for state in self.states(handler.collection) if _at(state, handler.field) == value]
            out = list(handler.pass_on(found, event, input, self.jurisdiction))
        self.out += out
        return out

    def settle(self, event: Event, at: datetime, tenant: str = "", id: str = "") -> list[Out]:
        """One message and all the steps within the service that follow from it; gives what leaves the service."""
        left: list[Out] = []
        waiting = self.take(event, at, tenant, id)
        while waiting:
            out = waiting.pop(0)
            if out.event.type in self.handlers.by_type:
                waiting += self.take(out.event, at)
            else:
                left.append(out)
        return left

    def state(self, collection: Collection, id: str) -> Any:
        """A document as it would be read back, or None."""
        stored = self._documents.get(collection.name, {}).get(id)
        return None if stored is None else self._read(collection, stored)

    def states(self, collection: Collection) -> list[Any]:
        """All documents of a collection."""
        return [
            self._read(collection, stored) for stored in self._documents.get(collection.name, {}).values()
        ]

    def _look_up(self, handler: Deciding, event: Event, input: Input) -> str:
        lookup = handler.lookup
        if lookup is None:
            return ""
        value = lookup.of(event, input)
        found = [
            (lookup.order(state), id)
            for id, stored in self._documents.get(handler.collection.name, {}).items()
            if _at(state := self._read(handler.collection, stored), lookup.field) == value
        ]
        return max(found)[1] if found else ""

    def _put(self, collection: Collection, id: str, state: Any) -> None:
        dumped = collection.states.dump_python(state, exclude_none=True)
        self._documents.setdefault(collection.name, {})[id] = bson.encode({"state": dumped})

    def _read(self, collection: Collection, stored: bytes) -> Any:
        return collection.states.validate_python(bson.decode(stored, _AS_STORED)["state"])


def said(out: list[Out], kind: type[E]) -> list[E]:
    """The events of one kind among what was published."""
    return [one.event for one in out if isinstance(one.event, kind)]


def names(out: list[Out]) -> list[str]:
    """What was published, by short type: ``appeal.registered``."""
    return [one.event.type.removeprefix("nuanliu.").removesuffix(".v1") for one in out]


def _at(state: Any, path: str) -> Any:
    for name in path.split(".")[1:]:
        state = getattr(state, name, None)
    return state
