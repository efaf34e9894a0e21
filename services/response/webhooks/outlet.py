"""The consumer of one agency's messages, which one copy of the service reads at a time.

The server pins whoever is the first to get something, and gives everything to that one until it has not pulled for ten
seconds; a pull with a pin that is over is answered 423. So every copy pulls all the time, and the next takes over when
one dies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.streams import HOOK_GROUP, HOOK_IN_HAND, Consumer
from shared.loop.bus import Delivery
from shared.loop.documents import Unreachable
from shared.loop.guard import NOT_FOUND

PULL_SECONDS = 1.5
"""Short, for every pull that is answered proves the pin anew, and may be answered only when it ends."""

TRUSTED_SECONDS = 3.5
"""So long after a pull that was answered the pin is certainly ours: much shorter than the server keeps it (10 s), and
shorter than a cluster takes to find another leader, who knows no pin."""

ACK_PREFIX = "$JS.ACK."
PIN, PINNED_BY_ANOTHER, EXPIRED = "Nats-Pin-Id", "423", "408"
_PAUSE = 1.0
_ANSWER_SECONDS = 5.0


class Outlet:
    """``arrived`` is called with each message, and which it is of all that the consumer ever delivered; ``lost`` when
    the pin is another's or the consumer is not there."""

    def __init__(
        self,
        client: Client,
        consumer: Consumer,
        inbox: str,
        arrived: Callable[[Delivery, int], None],
        lost: Callable[[], None],
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._inboxes = inbox
        self._arrived = arrived
        self._lost = lost
        self._ended = asyncio.Event()
        self._status = ""
        self._left = 0
        self._pulled, self._pulled_by = 0.0, 0
        self._proved = 0.0
        self._connection = 0
        self.pin = ""

    @property
    def sure(self) -> bool:
        """Whether the pin is certainly ours still: the server has answered a pull that was sent recently enough, by the
        connection that we have now. A server that was started anew knows no pin."""
        return (
            bool(self.pin)
            and self._client.is_connected
            and self._connection == self._client.stats["reconnects"]
            and time.monotonic() < self._proved + TRUSTED_SECONDS
        )

    async def keep_pulling(self) -> None:
        """Pulls until cancelled. After a pull that nobody ended another inbox is used, so that a late answer to that
        one proves nothing."""
        while True:
            inbox = f"{self._inboxes}.{self._client._nuid.next().decode()}"
            subscription = await self._client.subscribe(
                inbox, cb=self._receive, pending_msgs_limit=-1, pending_bytes_limit=-1
            )
            try:
                while await self._pull(inbox):
                    pass
            finally:
                if not self._client.is_closed:
                    await subscription.unsubscribe()
            await asyncio.sleep(_PAUSE)

    async def _pull(self, inbox: str) -> bool:
        """Whether it came to an end in good order."""
        wanted: dict[str, Any] = {
            "batch": HOOK_IN_HAND,
            "expires": int(PULL_SECONDS * 1e9),
            "group": HOOK_GROUP,
        }
        if self.pin:
            wanted["id"] = self.pin
        self._ended.clear()
        self._status, self._left = "", HOOK_IN_HAND
        self._pulled, self._pulled_by = time.monotonic(), self._client.stats["reconnects"]
        try:
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._consumer.stream}.{self._consumer.name}",
                orjson.dumps(wanted),
                reply=inbox,
            )
            async with asyncio.timeout(2 * PULL_SECONDS):
                await self._ended.wait()
        except (nats.errors.Error, TimeoutError):
            return False
        return self._status in ("", EXPIRED, PINNED_BY_ANOTHER)

    async def _receive(self, message: Msg) -> None:
        headers = message.headers or {}
        if message.reply.startswith(ACK_PREFIX):
            if (pin := headers.get(PIN, "")) != self.pin:
                self._give_up()
                self.pin = pin
            self._prove()
            self._left -= 1
            self._arrived(Delivery.of(message), message.metadata.sequence.consumer)
            if self._left == 0:
                self._ended.set()
        elif status := headers.get("Status"):
            if status == EXPIRED:
                self._prove()
            else:
                self._give_up()
            self._status = status
            self._ended.set()

    def _prove(self) -> None:
        self._proved, self._connection = self._pulled, self._pulled_by

    def _give_up(self) -> None:
        """Without the pin nothing in hand is ours to send or acknowledge."""
        had, self.pin = self.pin, ""
        if had:
            self._lost()

    async def standing(self) -> dict[str, Any] | None:
        """What the server says of the consumer, None when there is none. Raises Unreachable."""
        return await standing(self._client, self._consumer)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Returns when the server knows. Raises Unreachable."""
        try:
            await self._client.request(delivery.reply, b"+ACK", timeout=_ANSWER_SECONDS)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error

    async def still_at_it(self, delivery: Delivery) -> None:
        """So that the server does not take the message for lost. Raises Unreachable."""
        await self._say(delivery, b"+WPI")

    async def give_back(self, delivery: Delivery) -> None:
        """So that another copy has it soon. Raises Unreachable."""
        await self._say(delivery, b"-NAK")

    async def _say(self, delivery: Delivery, word: bytes) -> None:
        try:
            await self._client.publish(delivery.reply, word)
        except nats.errors.Error as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error


async def standing(client: Client, consumer: Consumer) -> dict[str, Any] | None:
    """What the server says of a consumer, None when there is none. Raises Unreachable."""
    call = f"$JS.API.CONSUMER.INFO.{consumer.stream}.{consumer.name}"
    try:
        answer: dict[str, Any] = orjson.loads((await client.request(call, b"", timeout=_ANSWER_SECONDS)).data)
    except (nats.errors.Error, TimeoutError) as error:
        raise Unreachable(f"nats: {error or type(error).__name__}") from error
    if refusal := answer.get("error"):
        if refusal.get("code") == NOT_FOUND:
            return None
        raise Unreachable(f"nats: {call}: {refusal.get('description')}")
    return answer
