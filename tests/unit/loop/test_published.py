"""Rule 5: an outbox is overwritten, or its input acknowledged again, only when what is in it is known published."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.loop import published
from shared.loop.documents import Outbox, Stored
from shared.loop.envelope import Outgoing
from shared.loop.published import Published
from tests.support.broken import NoFloor
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.messages import own
from tests.support.sample import COUNTERS, Added, Counted
from tests.support.workers import Worker

OUT = Outgoing("id", "inner.response.counted.v1", "t", "", "", "{}")


def stored(version: int = 1, *inputs: tuple[str, int]) -> Stored:
    return Stored(COUNTERS, "a", version, outbox=Outbox(inputs or (("INNER", 5),), (OUT,)))


class Floors:
    """An ack floor that tests move, and how often it was asked."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.asked = 0
        self.now = 0.0

    async def __call__(self, stream: str) -> int:
        self.asked += 1
        return self.at.get(stream, 0)

    def memory(self) -> Published:
        return Published(self, clock=lambda: self.now)


async def test_what_this_process_published_is_known_without_asking() -> None:
    floors = Floors()
    memory = floors.memory()
    memory.remember(stored(3))
    assert await memory.known(stored(3))
    assert floors.asked == 0
    assert not await memory.known(stored(4))
    assert not await memory.known(stored(2))


async def test_what_is_at_or_below_the_floor_is_known() -> None:
    floors = Floors()
    floors.at = {"INNER": 5, "CASE": 1}
    memory = floors.memory()
    assert await memory.known(stored(1, ("INNER", 5)))
    assert await memory.known(stored(1, ("INNER", 4), ("CASE", 1)))
    assert not await memory.known(stored(1, ("INNER", 6)))
    assert not await memory.known(stored(1, ("INNER", 5), ("CASE", 2)))


async def test_an_empty_outbox_needs_no_proof() -> None:
    floors = Floors()
    assert await floors.memory().known(Stored(COUNTERS, "a", 1, outbox=Outbox((("INNER", 9),), ())))
    assert floors.asked == 0


async def test_the_floor_is_asked_at_most_once_a_second_and_only_when_needed() -> None:
    floors = Floors()
    memory = floors.memory()
    for _ in range(10):
        assert not await memory.known(stored())
    assert floors.asked == 1
    floors.at["INNER"] = 5
    floors.now = 0.99
    assert not await memory.known(stored())
    floors.now = 1.0
    assert await memory.known(stored())
    floors.now = 9.0
    assert await memory.known(stored())
    assert floors.asked == 2


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "REMEMBERED", 2)
    memory = Floors().memory()
    documents = [Stored(COUNTERS, name, 1, outbox=Outbox((("INNER", 5),), (OUT,))) for name in "abc"]
    for document in documents:
        memory.remember(document)
    assert [await memory.known(document) for document in documents] == [False, True, True]


# --- the loop with it ---------------------------------------------------------------------------------------


def pair(bus: FakeBus, make: type = Worker) -> tuple[Worker, Worker]:
    documents = FakeDocuments()
    return Worker(bus, documents), Worker(bus, documents)


async def test_an_outbox_left_by_a_dead_copy_is_published_before_it_is_overwritten() -> None:
    bus = FakeBus()
    dead, alive = pair(bus)
    bus.trouble.unanswered["publish"] = 1
    first = own(bus, Added(counter="a"))
    with pytest.raises(Exception, match="publish"):
        await dead.loop.settle([first])
    assert bus.bodies(Counted.subject()) == []
    await alive.settle(own(bus, Added(counter="a")))
    assert len(bus.bodies(Counted.subject())) == 2
    await alive.settle(bus.again(first))
    assert len(bus.bodies(Counted.subject())) == 2
    assert alive.counter("a").total == 2  # type: ignore[union-attr]


async def test_two_copies_in_turns_publish_nothing_twice_even_without_a_window() -> None:
    bus = FakeBus(window=timedelta(0))
    documents = FakeDocuments()
    copies = Worker(bus, documents), Worker(bus, documents)
    for turn in range(6):
        for copy in copies:  # a floor asked less than a second ago is old news
            copy.loop._published._floors.clear()
        await copies[turn % 2].settle(own(bus, Added(counter="a")))
    assert len(set(bus.ids("INNER"))) == len(bus.ids("INNER")) == 12


async def test_without_the_floor_they_do() -> None:
    bus = FakeBus(window=timedelta(0))
    documents = FakeDocuments()
    copies = Worker(bus, documents, NoFloor), Worker(bus, documents, NoFloor)
    for turn in range(6):
        await copies[turn % 2].settle(own(bus, Added(counter="a")))
    assert len(set(bus.ids("INNER"))) < len(bus.ids("INNER"))


async def test_a_repeat_whose_outputs_are_known_published_publishes_nothing() -> None:
    bus = FakeBus(window=timedelta(0))
    one, other = pair(bus)
    delivery = own(bus, Added(counter="a"))
    await one.settle(delivery)
    await one.settle(bus.again(delivery))
    await other.settle(bus.again(delivery))
    assert len(bus.bodies(Counted.subject())) == 1
