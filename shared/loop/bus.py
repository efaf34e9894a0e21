"""JetStream as the loop uses it: publishes durably, acknowledges, buries, asks for the ack floor.

Outputs go as one atomic batch per stream where they are many and that is possible, singly and all at once where not
(DESIGN 4, docs/decisions/0017).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.base import CATALOGUE
from shared.contracts.streams import OURS, stream_of
from shared.loop.documents import Unreachable
from shared.loop.envelope import Outgoing

FEW = 15
"""So many go singly sooner than as a batch: the server sets up a store of its own for every batch."""

MOST = 1000
TIMEOUT = 5.0
PASSING = (408, 409, 429)
"""Refusals that waiting mends: a timeout, the same id still being stored, too much at once."""

LONGEST_REASON = 1000
MOST_HEADER_BYTES = 32_768
"""Half of what the server takes, so that a dead letter's own headers always fit beside the original ones."""

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSENDABLE = (nats.errors.MaxPayloadError, nats.errors.BadHeaderError, nats.errors.BadSubjectError)
_ATOMIC = {stream.name for stream in OURS if stream.atomic}


class NotStored(Exception):
    """JetStream refused a message for a reason that trying again will not mend."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as a consumer hands it over. ``time`` is when the stream stored it."""

    stream: str
    sequence: int
    delivered: int
    time: datetime
    subject: str
    headers: dict[str, str] | None
    data: bytes
    reply: str

    @classmethod
    def of(cls, message: Msg) -> Delivery:
        meta = message.metadata
        return cls(
            meta.stream,
            meta.sequence.stream,
            meta.num_delivered,
            meta.timestamp,
            message.subject,
            message.headers,
            message.data,
            message.reply,
        )


class Bus(Protocol):
    """What the loop needs of JetStream. Raises Unreachable."""

    async def publish(self, out: Sequence[Outgoing]) -> None:
        """Returns when every one is stored."""
        ...

    async def bury(self, letters: Sequence[tuple[Delivery, str]]) -> None:
        """Keeps messages that cannot be processed, each with the reason."""
        ...

    async def ack(self, delivery: Delivery) -> None: ...

    async def nak(self, delivery: Delivery, delay: float) -> None: ...

    async def term(self, delivery: Delivery) -> None: ...

    async def floor(self, stream: str) -> int:
        """The sequence up to which this service has acknowledged everything on ``stream``."""
        ...


class JetStreamBus:
    """The bus of one service. ``catalogue``: where outsiders find the schemas of what they are sent."""

    def __init__(self, client: Client, service: str, catalogue: str = CATALOGUE) -> None:
        self._client = client
        self._service = service
        self._catalogue = catalogue
        self._source = f"/nuanliu/{service}"

    async def ack(self, delivery: Delivery) -> None:
        await self._answer(delivery, b"+ACK")

    async def nak(self, delivery: Delivery, delay: float) -> None:
        await self._answer(delivery, b"-NAK " + orjson.dumps({"delay": int(delay * 1e9)}))

    async def term(self, delivery: Delivery) -> None:
        await self._answer(delivery, b"+TERM")

    async def _answer(self, delivery: Delivery, answer: bytes) -> None:
        try:
            await self._client.publish(delivery.reply, answer)
        except nats.errors.Error as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error

    async def floor(self, stream: str) -> int:
        try:
            info = await self._client.jetstream().consumer_info(stream, self._service)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error
        return int(info.ack_floor.stream_seq) if info.ack_floor else 0

    async def bury(self, letters: Sequence[tuple[Delivery, str]]) -> None:
        await _all(self._bury(delivery, reason) for delivery, reason in letters)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        headers = _kept(delivery.headers or {})
        headers["nuanliu-reason"] = quote(reason[:LONGEST_REASON], safe=" -._~/:;,()'\"=+?")
        headers["nuanliu-subject"] = delivery.subject
        headers["Nats-Msg-Id"] = f"{delivery.stream}:{delivery.sequence}"
        await self.single(f"dead.{self._service}.{delivery.stream}", delivery.data, headers)

    async def publish(self, out: Sequence[Outgoing]) -> None:
        """Returns when JetStream has stored every one. Raises :class:`Unreachable` or :class:`NotStored`."""
        by_stream: dict[str, dict[str, Outgoing]] = {}
        for outgoing in out:
            by_stream.setdefault(stream_of(outgoing.subject), {})[outgoing.id] = outgoing
        await _all(self._to_stream(name, list(group.values())) for name, group in by_stream.items())

    async def _to_stream(self, stream: str, group: list[Outgoing]) -> None:
        for start in range(0, len(group), MOST):
            part = group[start : start + MOST]
            if len(part) <= FEW or stream not in _ATOMIC or not await self._as_batch(part):
                await _all(self._single(outgoing) for outgoing in part)

    async def _as_batch(self, part: Sequence[Outgoing]) -> bool:
        """True when the whole batch is stored; False when it was refused and must go one by one."""
        batch = self._client._nuid.next().decode()
        last = len(part)
        for sequence, outgoing in enumerate(part, 1):
            headers = outgoing.headers(self._source, self._catalogue)
            headers["Nats-Batch-Id"] = batch
            headers["Nats-Batch-Sequence"] = str(sequence)
            if sequence == last:
                headers["Nats-Batch-Commit"] = "1"
                answer = await self._request(outgoing.subject, outgoing.body.encode(), headers)
            else:
                await self._send(outgoing.subject, outgoing.body.encode(), headers)
        error = answer.get("error")
        return error is None and answer.get("count") == last

    async def _single(self, outgoing: Outgoing) -> None:
        await self.single(
            outgoing.subject, outgoing.body.encode(), outgoing.headers(self._source, self._catalogue)
        )

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """One message, stored when this returns; storing it a second time counts as stored."""
        answer = await self._request(subject, body, headers)
        error = answer.get("error")
        if error is not None:
            if error.get("code", 500) >= 500 or error.get("code") in PASSING:
                raise Unreachable(f"{subject}: {error.get('description')}")
            raise NotStored(f"{subject}: {error.get('description')}")

    async def _send(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            await self._client.publish(subject, body, headers=headers)
        except _UNSENDABLE as error:
            raise NotStored(f"{subject}: {type(error).__name__}: {error}") from error
        except nats.errors.Error as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error

    async def _request(self, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            message = await self._client.request(subject, body, timeout=TIMEOUT, headers=headers)
        except _UNSENDABLE as error:
            raise NotStored(f"{subject}: {type(error).__name__}: {error}") from error
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {subject}: {error or type(error).__name__}") from error
        answer: dict[str, Any] = orjson.loads(message.data)
        return answer


async def _all(sent: Iterable[Awaitable[None]]) -> None:
    """Waits for every one, also when one fails: nothing is still on its way when the batch is tried again."""
    for outcome in await asyncio.gather(*sent, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _kept(original: Mapping[str, str]) -> dict[str, str]:
    """The headers of a message that may have been hostile, fit to be sent again.

    JetStream's own would act on the dead-letter stream; they are kept under another name.
    """
    kept: dict[str, str] = {}
    room = MOST_HEADER_BYTES
    for name, value in original.items():
        if not _HEADER_NAME.fullmatch(name):
            name = "nuanliu-original-" + quote(name, safe="")
        elif name.lower().startswith(("nats-", "nuanliu-")):
            name = f"nuanliu-original-{name}"
        room -= len(name) + len(value.encode()) + 4
        if room < 0:
            kept["nuanliu-headers-dropped"] = str(len(original) - len(kept))
            break
        kept[name] = value
    return kept
