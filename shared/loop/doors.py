"""Brings what will not be applied to its sender's door, and finds the doors whose window is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from shared.contracts.doors import Due
from shared.ids import derive
from shared.loop.answers import Refusing
from shared.loop.bus import Delivery
from shared.loop.decision import Decision, Input, Out
from shared.loop.documents import Documents
from shared.loop.door import DOORS, Door, Knock, Limits, answer, known, outcome
from shared.loop.envelope import legible, type_of
from shared.loop.handlers import Deciding, Handlers
from shared.loop.mongo import Mongo
from shared.loop.published import Published
from shared.loop.reading import Task

LONGEST_MATTER = 128
MOST_DUE = 1000

LimitsOf = Callable[[str], Limits]
"""What a tenant's refusals may take."""


class Doors:
    """The doors of one service's tenants, as the loop sees them."""

    def __init__(self, handlers: Handlers, documents: Documents, limits: LimitsOf) -> None:
        self._handlers = handlers
        self._documents = documents
        self._limits = limits
        self._knocking = Deciding(
            Knock, DOORS, lambda knock, _: knock.refusal.tenant, self._decide, known=known, outcome=outcome
        )

    async def recall(self, tasks: Sequence[Task]) -> None:
        """Marks those of ``tasks`` that were refused before: a refusal that was told is not taken back."""
        loaded = await self._documents.load({(DOORS, task.input.tenant) for task in tasks}) if tasks else {}
        for task in tasks:
            stored = loaded.get((DOORS.name, task.input.tenant))
            if stored is not None:
                door: Door = stored.state
                task.refused = door.seen.knows(task.delivery.sequence, task.delivery.time)

    async def knocks(self, refused: Sequence[Refusing], published: Published) -> list[Task]:
        """Each as a message to its sender's door, in the order in which they were sent."""
        floors = {
            stream: await published.floor(stream) for stream in {one.delivery.stream for one in refused}
        }
        return [
            Task(
                one.delivery,
                self._knocking,
                self._knock(one, floors[one.delivery.stream]),
                Input(f"{one.delivery.stream}:{one.delivery.sequence}", one.at),
            )
            for one in sorted(refused, key=lambda one: one.delivery.sequence)
        ]

    def _knock(self, one: Refusing, floor: int) -> Knock:
        delivery = one.delivery
        fields = legible(delivery.data)
        named = [fields[name] for name in self._handlers.about if isinstance(fields.get(name), str)]
        return Knock(
            one.refusal,
            delivery.sequence,
            delivery.time,
            floor,
            _size(delivery),
            blake2b(one.refusal.cause.encode(), digest_size=9).hexdigest(),
            matter=named[0][:LONGEST_MATTER] if named else "",
            verb=_verb(delivery.subject) if type_of(delivery.subject) in self._handlers.by_type else "other",
            reason=one.reason,
            timed=one.timed,
        )

    def _decide(self, door: Door | None, knock: Knock, input: Input, _: Any) -> Decision:
        after, told = answer(door, knock, input.at, self._limits(knock.refusal.tenant))
        return Decision(after, self._handlers.told(told, input.at))


async def due(documents: Mongo, event: type[Due] | None, at: datetime) -> list[Out]:
    """An ``event`` for each door whose window is over and behind which something was counted, at most 1,000 a tick.
    Without an ``event`` there are no doors."""
    if event is None:
        return []
    found = await documents.query(DOORS, {"state.due": {"$lte": at}}, sort=[("state.due", 1)], limit=MOST_DUE)
    return [
        Out(
            event(tenant=door.tenant, until=door.due),
            id=derive("door", door.tenant, "due", door.due.isoformat()),
        )
        for stored in found
        if isinstance(door := stored.state, Door) and door.due is not None
    ]


def _verb(subject: str) -> str:
    return subject.split(".")[2]


def _size(delivery: Delivery) -> int:
    """What keeping it takes, the lines of its headers included."""
    headers = delivery.headers or {}
    return len(delivery.data) + sum(len(name) + len(value.encode()) + 4 for name, value in headers.items())
