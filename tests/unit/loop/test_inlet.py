"""When messages are pulled, and what a batch is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import nats.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from shared.contracts.streams import Consumer, ingress_consumer
from shared.loop import inlet as module
from shared.loop.inlet import MOST, Gone, Inlet
from tests.support.live import until

CONSUMERS = (Consumer("CASE", "response", ("case.>",)), Consumer("INNER", "response", ("inner.>",)))


def server_reply(stream: str, number: int) -> str:
    return f"$JS.ACK.{stream}.response.1.{number}.{number}.0.0"


class FakeServer:
    """The server's side of pulls: who listens where, what was asked for, and whether the consumers are there."""

    def __init__(self) -> None:
        self.listening: dict[str, Callable[[Msg], Awaitable[None]]] = {}
        self.pulls: list[tuple[str, str]] = []
        self.asked = 0
        self.missing = self.away = self.is_closed = False
        self._names = 0

    # --- what the inlet calls ---------------------------------------------------------------------------------

    @property
    def _nuid(self) -> FakeServer:
        return self

    def next(self) -> bytes:
        self._names += 1
        return str(self._names).encode()

    async def subscribe(self, inbox: str, cb: Callable[[Msg], Awaitable[None]], **_limits: int) -> FakeServer:
        self.listening[inbox] = cb
        return self

    async def unsubscribe(self) -> None:
        pass

    async def publish(self, subject: str, _request: bytes, reply: str) -> None:
        self.pulls.append((subject.split(".")[-2], reply))

    def jetstream(self) -> FakeServer:
        return self

    async def consumer_info(self, stream: str, name: str) -> None:
        self.asked += 1
        if self.missing:
            raise NotFoundError(code=404, err_code=10014, description="consumer not found")
        if self.away:
            raise nats.errors.TimeoutError

    # --- what tests do ----------------------------------------------------------------------------------------

    async def pulled(self, stream: str, times: int) -> None:
        """Waits until a stream was pulled so often."""
        await until(self._seen(lambda: self.pulls_of(stream)), lambda pulls: pulls >= times, 5)

    @staticmethod
    def _seen(look: Callable[[], int]) -> Callable[[], Awaitable[int]]:
        async def seen() -> int:
            return look()

        return seen

    async def looked(self) -> int:
        return self.asked

    def pulls_of(self, stream: str) -> int:
        return sum(1 for pulled, _ in self.pulls if pulled == stream)

    async def deliver(self, stream: str, count: int) -> None:
        for number in range(count):
            await self.send(stream, number)

    async def send(self, stream: str, number: int) -> None:
        await self._send(stream, Msg(self, subject="s", reply=server_reply(stream, number)))  # type: ignore[arg-type]

    async def status(self, stream: str, status: str) -> None:
        await self._send(stream, Msg(self, subject="s", headers={"Status": status}))  # type: ignore[arg-type]

    async def _send(self, stream: str, message: Msg) -> None:
        inbox = next(reply for pulled, reply in reversed(self.pulls) if pulled == stream)
        await self.listening[inbox](message)


@asynccontextmanager
async def started(
    consumers: Sequence[Consumer] = CONSUMERS, **options: Any
) -> AsyncIterator[tuple[Inlet, FakeServer]]:
    server: Any = FakeServer()
    inlet = Inlet(server, consumers, "_INBOX.response.pull", **options)
    inlet.start()
    for consumer in consumers:
        await server.pulled(consumer.stream, 1)
    yield inlet, server
    inlet.close()
    await inlet.stop()


async def test_a_batch_is_what_has_arrived_from_all_streams() -> None:
    async with started() as (inlet, server):
        await server.deliver("CASE", 2)
        await server.deliver("INNER", 3)
        assert len(await inlet.take()) == 5


async def test_a_batch_is_no_larger_than_it_may_be() -> None:
    async with started(most=3) as (inlet, server):
        await server.deliver("CASE", 3)
        await server.deliver("INNER", 2)
        assert [len(await inlet.take()), len(await inlet.take())] == [3, 2]


async def test_it_waits_for_the_first_and_not_for_more() -> None:
    async with started() as (inlet, server):
        taking = asyncio.create_task(inlet.take())
        await asyncio.sleep(0)
        assert not taking.done()
        await server.deliver("CASE", 1)
        assert len(await taking) == 1


async def test_a_pull_that_is_used_up_or_expired_is_followed_by_another() -> None:
    async with started() as (_, server):
        await server.deliver("CASE", MOST)
        await server.pulled("CASE", 2)
        await server.status("CASE", "408")
        await server.pulled("CASE", 3)
        assert (server.pulls_of("INNER"), server.asked) == (1, 0)


async def test_a_heartbeat_ends_no_pull() -> None:
    async with started() as (_, server):
        await server.status("CASE", "100")
        await asyncio.sleep(0.01)
        assert server.pulls_of("CASE") == 1


async def test_nothing_more_is_pulled_while_enough_waits() -> None:
    async with started() as (inlet, server):
        for _ in range(2):
            await server.pulled("CASE", 1)
            await server.deliver("CASE", MOST)
            await asyncio.sleep(0.01)
        pulls = server.pulls_of("CASE")
        await asyncio.sleep(0.01)
        assert server.pulls_of("CASE") == pulls == 2
        await inlet.take()
        await server.pulled("CASE", pulls + 1)


async def test_nothing_more_is_pulled_while_it_pauses() -> None:
    async with started() as (inlet, server):
        inlet.pause()
        await server.deliver("CASE", MOST)
        await inlet.take()
        await asyncio.sleep(0.01)
        assert server.pulls_of("CASE") == 1
        inlet.resume()
        await server.pulled("CASE", 2)


async def test_after_a_reconnect_every_stream_is_pulled_again() -> None:
    async with started() as (inlet, server):
        inlet.pull_again()
        await server.pulled("CASE", 2)
        await server.pulled("INNER", 2)


@pytest.mark.parametrize("status", ["409", "503", "404", "400"])
async def test_another_status_makes_it_look_whether_the_consumer_is_there(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    async with started() as (inlet, server):
        server.away = True
        await server.status("CASE", status)
        await server.pulled("CASE", 2)
        server.away = False
        await server.status("CASE", status)
        await server.pulled("CASE", 3)
        assert server.asked == 2
        server.missing = True
        await server.status("CASE", status)
        with pytest.raises(Gone, match="consumer response on stream CASE is missing"):
            await inlet.take()


async def test_a_consumer_that_is_gone_is_told_even_while_others_deliver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    async with started() as (inlet, server):
        server.missing = True
        await server.status("CASE", "409")
        await until(server.looked, lambda asked: asked > 0)
        await server.deliver("INNER", 5)
        with pytest.raises(Gone):
            await inlet.take()


async def test_a_pull_of_which_nothing_is_heard_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    async with started() as (_, server):
        await server.pulled("CASE", 3)
        assert server.asked >= 2


async def test_closed_it_gives_nothing_more_and_hands_back_what_waits() -> None:
    async with started() as (inlet, server):
        await server.deliver("CASE", 4)
        inlet.close()
        assert await inlet.take() == []
        assert len(await inlet.stop()) == 4
        assert await inlet.stop() == []


async def test_closing_wakes_whoever_waits() -> None:
    async with started(linger=60) as (inlet, _):
        taking = asyncio.create_task(inlet.take())
        await asyncio.sleep(0)
        inlet.close()
        assert await asyncio.wait_for(taking, 1) == []


async def test_a_batch_may_be_given_time_to_grow() -> None:
    async with started(linger=0.05) as (inlet, server):
        taking = asyncio.create_task(inlet.take())
        await server.deliver("CASE", 1)
        await asyncio.sleep(0.01)
        await server.deliver("INNER", 2)
        assert len(await taking) == 3


FLOOD, QUIET = (ingress_consumer("agency", agency) for agency in ("flooding-agency", "quiet-agency"))


async def test_who_floods_gets_his_share_of_a_batch_and_the_others_theirs() -> None:
    async with started(consumers=(FLOOD, QUIET), most=8) as (inlet, server):
        for _ in range(4):
            await server.deliver(FLOOD.stream, 2)
            await server.pulled(FLOOD.stream, 1)
        await server.deliver(QUIET.stream, 2)

        batch = await inlet.take()

        assert sum(message.reply.startswith(f"$JS.ACK.{QUIET.stream}.") for message in batch) == 2
        assert len(batch) == 8


async def test_who_has_nothing_waiting_is_pulled_however_much_of_others_waits() -> None:
    async with started(consumers=(FLOOD, QUIET), most=8) as (inlet, server):
        for pulls in range(1, 9):
            await server.pulled(FLOOD.stream, pulls)
            await server.deliver(FLOOD.stream, 2)
        await server.status(QUIET.stream, "408")
        await server.pulled(QUIET.stream, 2)
        assert server.pulls_of(FLOOD.stream) == 8
        await inlet.take()
        await server.pulled(FLOOD.stream, 9)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_every_message_is_taken_once_and_a_streams_own_in_their_order(waiting: list[int]) -> None:
    consumers = tuple(ingress_consumer("agency", f"agency-{i}") for i in range(len(waiting)))

    async def taken() -> list[str]:
        async with started(consumers=consumers, most=4) as (inlet, server):
            for consumer, count in zip(consumers, waiting, strict=True):
                for number in range(count):
                    await server.send(consumer.stream, number)
            found = []
            while len(found) < sum(waiting):
                found += [message.reply for message in await inlet.take()]
            return found

    found = asyncio.run(taken())
    for consumer, count in zip(consumers, waiting, strict=True):
        mine = [reply for reply in found if reply.startswith(f"$JS.ACK.{consumer.stream}.")]
        assert mine == [server_reply(consumer.stream, number) for number in range(count)]


async def test_a_consumer_that_comes_is_followed_and_one_that_goes_is_worked_off() -> None:
    async with started(consumers=(FLOOD,)) as (inlet, server):
        await server.deliver(FLOOD.stream, 3)

        inlet.follow((QUIET,))
        await server.pulled(QUIET.stream, 1)
        await server.deliver(QUIET.stream, 1)

        assert len(await inlet.take()) == 4
        await server.status(QUIET.stream, "408")
        await server.pulled(QUIET.stream, 2)
        assert server.pulls_of(FLOOD.stream) == 1


async def test_a_consumer_that_goes_and_comes_again_loses_nothing() -> None:
    async with started(consumers=(FLOOD,)) as (inlet, server):
        await server.deliver(FLOOD.stream, 3)
        inlet.follow(())
        inlet.follow((FLOOD,))
        await server.pulled(FLOOD.stream, 2)
        await server.deliver(FLOOD.stream, 1)

        assert len(await inlet.take()) == 4
