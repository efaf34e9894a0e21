"""What was given up: the dead-letter list of each agency, to be looked at, sent again or deleted.

An entry is the original message, bytes and ``ce-*`` headers, under ``undelivered.<agency>.<kind>``, and beside them why
and when it was given up, after how many tries, and where it came from.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote, unquote

import nats.errors
import orjson
from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from services.response.webhooks.domain.terms import MOST_ANSWER_BYTES
from shared.contracts.streams import UNDELIVERED
from shared.loop.bus import Delivery, JetStreamBus
from shared.loop.documents import Unreachable
from shared.loop.envelope import now

REASON, SINCE, TRIES, SOURCE = (
    "nuanliu-reason",
    "nuanliu-given-up-at",
    "nuanliu-attempts",
    "nuanliu-subject",
)
_STORED = "nuanliu-sent-at"


@dataclass(frozen=True)
class Entry:
    """One message that was given up. ``headers``: the original CloudEvents ones; ``subject``: where it was from."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    reason: str
    attempts: int
    sent_at: str
    given_up_at: str

    @property
    def event_id(self) -> str:
        return unquote(self.headers.get("ce-id", ""))

    def shown(self) -> dict[str, Any]:
        """As HTTP gives it; ``data`` are JSON values, or base64 of bytes that are none."""
        try:
            data = {"data": orjson.loads(self.body)}
        except orjson.JSONDecodeError:
            data = {"data_base64": base64.b64encode(self.body).decode()}
        return {
            "seq": self.sequence,
            "subject": self.subject,
            "event_id": self.event_id,
            "case_id": unquote(self.headers.get("ce-subject", "")),
            "reason": self.reason,
            "attempts": self.attempts,
            "sent_at": self.sent_at,
            "given_up_at": self.given_up_at,
            "headers": dict(self.headers),
            **data,
        }


def event_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a stored message's headers those that are the event's own."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower().startswith("ce-") or name.lower() == "content-type"
    }


def subject_of(agency: str, kind: str) -> str:
    return f"undelivered.{agency}.{kind}"


class Undelivered:
    """The list as NATS keeps it. Raises Unreachable throughout."""

    def __init__(self, client: Client, bus: JetStreamBus) -> None:
        self._client = client
        self._bus = bus

    async def add(self, agency: str, delivery: Delivery, reason: str, attempts: int) -> None:
        """Keeps a message; when this returns it is durable, and doing it again changes nothing."""
        headers = event_headers(delivery.headers or {}) | {
            REASON: quote(reason[: 2 * MOST_ANSWER_BYTES], safe=" -._~/:;,()'\"=+?"),
            SINCE: now().isoformat(),
            TRIES: str(attempts),
            SOURCE: delivery.subject,
            _STORED: delivery.time.astimezone(UTC).isoformat(),
            "Nats-Msg-Id": f"{delivery.stream}:{delivery.sequence}",
        }
        kind = delivery.subject.split(".")[2]
        await self._bus.single(subject_of(agency, kind), delivery.data, headers)

    async def page(self, agency: str, after: int, limit: int) -> list[Entry]:
        """The next entries of an agency, the oldest first."""
        found: list[Entry] = []
        while len(found) < limit:
            entry = await self._get(seq=after + 1, subject=f"undelivered.{agency}.>", next=True)
            if entry is None:
                break
            found.append(entry)
            after = entry.sequence
        return found

    async def one(self, agency: str, sequence: int) -> Entry | None:
        """An agency's entry of this number; None when there is none, or it is another's."""
        entry = await self._get(seq=sequence)
        return entry if entry and entry.subject.split(".")[1] == agency else None

    async def again(self, entry: Entry) -> None:
        """Sends the original once more, by the way it came, under its own id; then takes it off the list."""
        headers = dict(entry.headers) | {"Nats-Msg-Id": f"{UNDELIVERED.name}:{entry.sequence}"}
        await self._bus.single(entry.subject, entry.body, headers)
        await self.delete(entry.sequence)

    async def delete(self, sequence: int) -> None:
        """Takes it off the list; that it is not there any more is as good."""
        try:
            await self._client.jetstream().delete_msg(UNDELIVERED.name, sequence)
        except NotFoundError:
            return
        except APIError as error:
            if error.err_code != _NO_MESSAGE:
                raise Unreachable(f"nats: {error.description}") from error
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error

    async def count(self, agency: str) -> int:
        """How many there are of an agency."""
        try:
            info = await self._client.jetstream().stream_info(
                UNDELIVERED.name, subjects_filter=f"undelivered.{agency}.>"
            )
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error
        return sum((info.state.subjects or {}).values())

    async def _get(self, **which: Any) -> Entry | None:
        try:
            return _entry(await self._client.jetstream().get_msg(UNDELIVERED.name, **which))
        except NotFoundError:
            return None
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(f"nats: {error or type(error).__name__}") from error


_NO_MESSAGE = 10057
"""JetStream's code for deleting what is not there."""


def _entry(message: RawStreamMsg) -> Entry:
    headers = message.headers or {}
    return Entry(
        sequence=message.seq or 0,
        subject=headers.get(SOURCE, ""),
        headers=event_headers(headers),
        body=message.data or b"",
        reason=unquote(headers.get(REASON, "")),
        attempts=int(headers.get(TRIES, 0)),
        sent_at=headers.get(_STORED, ""),
        given_up_at=headers.get(SINCE, ""),
    )
