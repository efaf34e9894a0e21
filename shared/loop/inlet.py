"""Pulls messages from durable consumers, several streams into one batch.

A pull is open on every stream all the time; a batch is whatever has arrived (DESIGN 4), so an idle system answers in
milliseconds and a busy one works in bulk. Every stream that has something waiting has its share in a batch: an outsider
who floods the system delays nobody else. Pulling pauses while enough is waiting, and for as long as the loop asks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from shared.contracts.streams import OURS, Consumer

MOST = 256
"""Messages in one batch, unless a service gathers more."""
OUTSIDERS_SHARE = 4
"""Of an outsider's ingress one pull brings the fourth part of a batch."""

EXPIRES = 30.0
HEARTBEAT = 5.0
ACK_PREFIX = "$JS.ACK."
PAUSE = 0.2
HEARD, EXPIRED = "100", "408"
"""Statuses of a pull: a heartbeat, and its ordinary end. Any other is a reason to look at the consumer."""


_OURS = frozenset(stream.name for stream in OURS)


class Gone(Exception):
    """A stream or consumer this service depends on is missing or altered; the service must stop."""


class Inlet:
    """The messages of several consumers, as they come."""

    def __init__(
        self, client: Client, consumers: Sequence[Consumer], inbox: str, most: int = MOST, linger: float = 0.0
    ) -> None:
        """``most``: messages in a batch; twice as many wait at most, and of each stream what one pull brings.
        ``linger``: seconds to let a batch grow, for a service nobody waits for.
        """
        self._client = client
        self._wanted = {consumer.stream: consumer for consumer in consumers}
        self._inbox = inbox
        self._most = most
        self._linger = linger
        self._pulls: dict[str, _Pull] = {}
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._paused = False
        self._started = False

    def start(self) -> None:
        self._started = True
        self.follow(tuple(self._wanted.values()))

    def follow(self, consumers: Sequence[Consumer]) -> None:
        """Pull from these from now on. What was pulled from one that is not among them any more comes to an end."""
        self._wanted = {consumer.stream: consumer for consumer in consumers}
        if not self._started:
            return
        for stream, pull in self._pulls.items():
            if stream not in self._wanted and pull.task is not None:
                pull.task.cancel()
        for stream, consumer in self._wanted.items():
            known = self._pulls.get(stream)
            if known is None or known.task is None or known.task.cancelling():
                self._pulls[stream] = self._begin(consumer, known.waiting if known else deque())

    def _begin(self, consumer: Consumer, waiting: deque[Msg]) -> _Pull:
        pull = _Pull(self._share_of(consumer), waiting)
        pull.task = asyncio.create_task(self._pull(consumer, pull), name=f"pull {consumer.stream}")
        pull.task.add_done_callback(lambda _: self._arrived.set())
        return pull

    def _share_of(self, consumer: Consumer) -> int:
        """Messages of one pull: outsiders may be many."""
        return self._most if consumer.stream in _OURS else max(1, self._most // OUTSIDERS_SHARE)

    async def take(self) -> list[Msg]:
        """Waits for at least one message, gives a batch; gives none once closed. Raises :class:`Gone`."""
        while True:
            for stream in [stream for stream, pull in self._pulls.items() if pull.over]:
                self._end(stream)
            if self._count or self._closing.is_set():
                break
            self._arrived.clear()
            await self._arrived.wait()
        if self._linger and self._count < self._most:
            await self.closed_within(self._linger)
        if self._closing.is_set():
            return []
        batch = self._fair_batch()
        self._make_room()
        return batch

    def _fair_batch(self) -> list[Msg]:
        """As many of each stream as of any other, as long as there are; a stream's own in their order."""
        batch: list[Msg] = []
        waiting = [pull.waiting for pull in self._pulls.values() if pull.waiting]
        while waiting and len(batch) < self._most:
            share = max(1, (self._most - len(batch)) // len(waiting))
            for queue in waiting:
                for _ in range(min(share, len(queue), self._most - len(batch))):
                    batch.append(queue.popleft())
            waiting = [queue for queue in waiting if queue]
        if waiting:  # another begins the next batch
            first = next(iter(self._pulls))
            self._pulls[first] = self._pulls.pop(first)
        return batch

    def _end(self, stream: str) -> None:
        """A pull that was given up goes when nothing of it waits any more; one that failed says why."""
        pull = self._pulls[stream]
        assert pull.task is not None
        if not pull.task.cancelled():
            pull.task.result()
        if stream in self._wanted and not self._closing.is_set():
            self._pulls[stream] = self._begin(self._wanted[stream], pull.waiting)
        elif not pull.waiting:
            del self._pulls[stream]

    @property
    def _count(self) -> int:
        return sum(len(pull.waiting) for pull in self._pulls.values())

    def _make_room(self) -> None:
        """Who has nothing waiting may always pull; who has, while not too much waits altogether."""
        room = self._count < 2 * self._most
        for pull in self._pulls.values():
            if not self._paused and (room or not pull.waiting):
                pull.room.set()
            else:
                pull.room.clear()

    def close(self) -> None:
        """No batch begins after this."""
        self._closing.set()
        self._arrived.set()

    async def closed_within(self, seconds: float) -> bool:
        """Waits so long, or until it is closed; whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        return self._closing.is_set()

    def pause(self) -> None:
        """Pull no more until :meth:`resume`."""
        self._paused = True
        self._make_room()

    def resume(self) -> None:
        self._paused = False
        self._make_room()

    def pull_again(self) -> None:
        """After a reconnect: pulls that were open are lost."""
        for pull in self._pulls.values():
            pull.ended.set()

    async def stop(self) -> list[Msg]:
        """Stops pulling; gives what was pulled and not taken."""
        self.close()
        tasks = [pull.task for pull in self._pulls.values() if pull.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = [message for pull in self._pulls.values() for message in pull.waiting]
        self._pulls.clear()
        return left

    async def _pull(self, consumer: Consumer, pull: _Pull) -> None:
        inbox = f"{self._inbox}.{self._client._nuid.next().decode()}"

        async def receive(message: Msg) -> None:
            pull.heard = True
            if message.reply.startswith(ACK_PREFIX):
                pull.left -= 1
                pull.waiting.append(message)
                self._arrived.set()
                if pull.left == 0:
                    pull.ended.set()
            elif (status := (message.headers or {}).get("Status")) and status != HEARD:
                pull.status = status
                pull.ended.set()

        subscription = await self._client.subscribe(
            inbox, cb=receive, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        try:
            await self._keep_pulling(consumer, pull, inbox)
        finally:
            if not self._client.is_closed:
                await subscription.unsubscribe()

    async def _keep_pulling(self, consumer: Consumer, pull: _Pull, inbox: str) -> None:
        request = orjson.dumps(
            {"batch": pull.share, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
        )
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}"
        while not self._closing.is_set():
            self._make_room()
            await pull.room.wait()
            pull.ended.clear()
            pull.left, pull.status = pull.share, ""
            await self._client.publish(subject, request, reply=inbox)
            while not pull.ended.is_set():
                pull.heard = False
                try:  # not wait_for: it swallows a cancellation that comes together with what it waits for
                    async with asyncio.timeout(2.5 * HEARTBEAT):
                        await pull.ended.wait()
                except TimeoutError:
                    if not pull.heard:  # neither a message nor a heartbeat: the pull is lost
                        break
            if pull.status not in ("", EXPIRED) or not pull.ended.is_set():
                await self._check(consumer)

    async def _check(self, consumer: Consumer) -> None:
        """Tells a consumer that is gone from a server that does not answer, and does not hurry."""
        await asyncio.sleep(PAUSE)
        try:
            await self._client.jetstream().consumer_info(consumer.stream, consumer.name)
        except NotFoundError as error:
            raise Gone(
                f"consumer {consumer.name} on stream {consumer.stream} is missing: {error.description}"
            ) from error
        except (nats.errors.Error, TimeoutError):  # the server is away; the pull is tried again
            return


class _Pull:
    """How the pull of one consumer stands, and what it brought that nobody has taken."""

    __slots__ = ("ended", "heard", "left", "room", "share", "status", "task", "waiting")

    def __init__(self, share: int, waiting: deque[Msg]) -> None:
        self.share = share
        self.waiting = waiting
        self.heard = False
        self.left = 0
        self.status = ""
        self.ended = asyncio.Event()
        self.room = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()
