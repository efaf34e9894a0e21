"""One copy of the sample service on fakes, or several on the same fakes."""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

from shared.loop.bus import Delivery
from shared.loop.documents import Unreachable
from shared.loop.loop import Loop
from tests.support.fakes import START, FakeBus, FakeDocuments
from tests.support.sample import AGENCY, COUNTERS, Counted, Counter, NotApplied, handlers


class Worker:
    """A copy of the service: its own memory, the engines it shares with others."""

    def __init__(self, bus: FakeBus, documents: FakeDocuments, make: Callable[..., Loop] = Loop) -> None:
        self.bus = bus
        self.documents = documents
        self.outcomes: Tally[str] = Tally()
        self.loop = make(handlers, documents, bus, report=self._report)

    def _report(self, _stream: str, outcome: str, count: int) -> None:
        self.outcomes[outcome] += count

    async def settle(self, *deliveries: Delivery) -> None:
        """As the service does: what is in hand is tried again until the engines answer."""
        for _ in range(20):
            try:
                await self.loop.settle(deliveries)
                return
            except Unreachable:
                continue
        raise AssertionError("the engines never answered")

    def counter(self, id: str) -> Counter | None:
        state: Counter | None = self.documents.state(COUNTERS, id)
        return state


def worker(make: Callable[..., Loop] = Loop) -> Worker:
    """The only copy, on engines of its own."""
    return Worker(FakeBus(), FakeDocuments(), make)


def total(w: Worker, id: str) -> int:
    counter = w.counter(id)
    return counter.total if counter else 0


def counted(w: Worker) -> list[int]:
    return [json.loads(body)["total"] for body in w.bus.bodies(Counted.subject())]


def refusals(w: Worker, tenant: str = AGENCY) -> list[dict[str, Any]]:
    return [json.loads(body) for body in w.bus.bodies(NotApplied.subject(tenant))]


def saying(**more: Any) -> dict[str, Any]:
    return {"counter": "a", "at": START.isoformat()} | more
