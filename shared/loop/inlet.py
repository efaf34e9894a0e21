"""Pulls messages from durable consumers, several streams into one batch.

A pull is open on every stream all the time; a batch is whatever has arrived (DESIGN 4), so an idle system answers in
milliseconds and a busy one works in bulk. Pulling pauses while enough is waiting, and for as long as the loop asks.
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
from nats.aio.subscription import Subscription
from nats.js.errors import NotFoundError

from shared.contracts.streams import Consumer

MOST = 256
"""Messages in one batch, unless a service gathers more."""
EXPIRES = 30.0
HEARTBEAT = 5.0
ACK_PREFIX = "$JS.ACK."
PAUSE = 0.2
HEARD, EXPIRED = "100", "408"
"""Statuses of a pull: a heartbeat, and its ordinary end. Any other is a reason to look at the consumer."""


class Gone(Exception):
    """A stream or consumer this service depends on is missing or altered; the service must stop."""


class Inlet:
    """The messages of several consumers, as they come."""

    def __init__(
        self, client: Client, consumers: Sequence[Consumer], inbox: str, most: int = MOST, linger: float = 0.0
    ) -> None:
        """``most``: messages in a batch; twice as many wait at most. ``linger``: seconds to let a batch grow, for a
        service nobody waits for.
        """
        self._client = client
        self._consumers = consumers
        self._inbox = inbox
        self._most = most
        self._linger = linger
        self._waiting: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closing = asyncio.Event()
        self._paused = False
        self._pulls: list[asyncio.Task[None]] = []
        self._ended: dict[str, asyncio.Event] = {}
        self._subscriptions: list[Subscription] = []

    def start(self) -> None:
        self._pulls = [
            asyncio.create_task(self._pull(consumer), name=f"pull {consumer.stream}")
            for consumer in self._consumers
        ]
        for pull in self._pulls:
            pull.add_done_callback(lambda _: self._arrived.set())

    async def take(self) -> list[Msg]:
        """Waits for at least one message, gives a batch; gives none once closed. Raises :class:`Gone`."""
        while True:
            for pull in self._pulls:
                if pull.done():
                    pull.result()
            if self._waiting or self._closing.is_set():
                break
            self._arrived.clear()
            await self._arrived.wait()
        if self._linger and len(self._waiting) < self._most:
            await self.closed_within(self._linger)
        if self._closing.is_set():
            return []
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if not self._full and not self._paused:
            self._room.set()
        return batch

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
        self._room.clear()

    def resume(self) -> None:
        self._paused = False
        if not self._full:
            self._room.set()

    @property
    def _full(self) -> bool:
        return len(self._waiting) >= 2 * self._most

    def pull_again(self) -> None:
        """After a reconnect: pulls that were open are lost."""
        for ended in self._ended.values():
            ended.set()

    async def stop(self) -> list[Msg]:
        """Stops pulling; gives what was pulled and not taken."""
        self.close()
        for pull in self._pulls:
            pull.cancel()
        await asyncio.gather(*self._pulls, return_exceptions=True)
        for subscription in self._subscriptions:
            if not self._client.is_closed:
                await subscription.unsubscribe()
        left = list(self._waiting)
        self._waiting.clear()
        return left

    async def _pull(self, consumer: Consumer) -> None:
        inbox = f"{self._inbox}.{self._client._nuid.next().decode()}"
        ended = self._ended[consumer.stream] = asyncio.Event()
        state = _Pull()

        async def receive(message: Msg) -> None:
            state.heard = True
            if message.reply.startswith(ACK_PREFIX):
                state.left -= 1
                self._waiting.append(message)
                self._arrived.set()
                if self._full:
                    self._room.clear()
                if state.left == 0:
                    ended.set()
            elif (status := (message.headers or {}).get("Status")) and status != HEARD:
                state.status = status
                ended.set()

        self._subscriptions.append(
            await self._client.subscribe(inbox, cb=receive, pending_msgs_limit=-1, pending_bytes_limit=-1)
        )
        request = orjson.dumps(
            {"batch": self._most, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
        )
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}"
        while not self._closing.is_set():
            await self._room.wait()
            ended.clear()
            state.left, state.status = self._most, ""
            await self._client.publish(subject, request, reply=inbox)
            while not ended.is_set():
                state.heard = False
                try:  # not wait_for: it swallows a cancellation that comes together with what it waits for
                    async with asyncio.timeout(2.5 * HEARTBEAT):
                        await ended.wait()
                except TimeoutError:
                    if not state.heard:  # neither a message nor a heartbeat: the pull is lost
                        break
            if state.status not in ("", EXPIRED) or not ended.is_set():
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
    """How one open pull stands."""

    __slots__ = ("heard", "left", "status")

    def __init__(self) -> None:
        self.heard = False
        self.left = 0
        self.status = ""
