"""Loops that each leave out one thing the guarantee needs, and beside them the loop as it is.

A fault test that does not fail with them proves nothing.

``python -m tests.support.broken ack_first services.routing`` runs a real service with one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from shared.loop.bus import Bus, Delivery
from shared.loop.change import Change
from shared.loop.documents import Collection, Documents, Outbox, Stored
from shared.loop.envelope import Outgoing
from shared.loop.loop import Loop
from shared.loop.published import Published


class AckFirst(Loop):
    """Acknowledges a batch before it is processed: a crash in between loses it."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        bus = self._bus
        for delivery in deliveries:
            await bus.ack(delivery)
        self._bus = _Unacknowledging(bus)
        try:
            await super().settle(deliveries)
        finally:
            self._bus = bus


class NoOutbox(Loop):
    """Remembers which inputs were applied, but not what they led to: a crash before publishing loses the outputs."""

    def __init__(self, handlers: Any, documents: Documents, *args: Any, **options: Any) -> None:
        super().__init__(handlers, _Forgetful(documents), *args, **options)


class NoRepublish(Loop):
    """Overwrites an outbox without knowing that what is in it was published (rule 5 left out)."""

    async def _republish(self, changes: Iterable[Change]) -> None:
        pass


class NoFloor(Loop):
    """Does not ask what another copy has acknowledged: every outbox it did not publish itself is published again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._published = Published(_no_floor)


class NoGuard(Loop):
    """Writes whatever it decided, also over what another copy wrote meanwhile."""

    def __init__(self, handlers: Any, documents: Documents, *args: Any, **options: Any) -> None:
        super().__init__(handlers, _Unguarded(documents), *args, **options)


BROKEN: dict[str, type[Loop]] = {
    "intact": Loop,
    "ack_first": AckFirst,
    "no_outbox": NoOutbox,
    "no_republish": NoRepublish,
    "no_floor": NoFloor,
    "no_guard": NoGuard,
}


async def _no_floor(_stream: str) -> int:
    return 0


class _Unacknowledging:
    """A bus on which everything has been acknowledged already."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(self, out: Sequence[Outgoing]) -> None:
        await self._bus.publish(out)

    async def bury(self, letters: Sequence[tuple[Delivery, str]]) -> None:
        await self._bus.bury(letters)

    async def ack(self, delivery: Delivery) -> None:
        pass

    async def nak(self, delivery: Delivery, delay: float) -> None:
        pass

    async def term(self, delivery: Delivery) -> None:
        pass

    async def floor(self, stream: str) -> int:
        return await self._bus.floor(stream)


class _Around:
    """Documents with one thing done differently."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def load(self, names: Iterable[tuple[Collection, str]]) -> dict[tuple[str, str], Stored]:
        return await self._documents.load(names)

    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        return await self._documents.save(changed)

    async def find(self, collection: Collection, field: str, values: Iterable[str]) -> list[Stored]:
        return await self._documents.find(collection, field, values)


class _Forgetful(_Around):
    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        return await self._documents.save([replace(stored, outbox=Outbox()) for stored in changed])


class _Unguarded(_Around):
    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        left = list(changed)
        while left:
            now = await self._documents.load((stored.collection, stored.id) for stored in left)
            forced = [
                replace(stored, version=now[stored.name].version + 1 if stored.name in now else 1)
                for stored in left
            ]
            lost = await self._documents.save(forced)
            left = [stored for stored in left if stored.name in lost]
        return set()


def main() -> None:
    """Runs the service ``argv[2]`` (a package with an ``app`` that has SERVICE) with the loop ``argv[1]``."""
    from shared.service import run

    name, package = sys.argv[1:]
    service = import_module(f"{package}.app").SERVICE
    run(replace(service, loop=BROKEN[name]))


if __name__ == "__main__":
    main()
