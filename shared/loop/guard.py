"""Is what the loop stands on there, and as it must be? A service that finds otherwise refuses to start."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client

from shared.contracts.streams import Consumer, Stream
from shared.loop.documents import Unreachable
from shared.loop.inlet import Gone

NOT_FOUND = 404
AT_ONCE = 32


async def check(
    client: Client, streams: Iterable[Stream], consumers: Iterable[Consumer], most_bytes: int | None = None
) -> None:
    """Raises :class:`Gone` naming the first stream or consumer that is missing or altered, and how it differs.

    With ``most_bytes`` a stream may be bounded otherwise than was said, to so many at most.
    """
    looks = [_check_stream(client, stream, most_bytes) for stream in streams]
    looks += [_check_consumer(client, consumer) for consumer in consumers]
    for start in range(0, len(looks), AT_ONCE):
        await _all(looks[start : start + AT_ONCE])


async def _check_stream(client: Client, stream: Stream, most_bytes: int | None) -> None:
    found = await _info(client, f"STREAM.INFO.{stream.name}", f"stream {stream.name}")
    bound = found.get("max_bytes") or -1
    as_it_is = most_bytes is not None and 0 < bound <= most_bytes
    _same(
        f"stream {stream.name}",
        found,
        {
            "subjects": list(stream.subjects),
            "retention": stream.retention,
            "storage": "file",
            "discard": "new",
            "max_age": round(stream.max_age.total_seconds() * 1e9),
            "duplicate_window": round(stream.window.total_seconds() * 1e9),
            "max_bytes": bound if as_it_is else stream.max_bytes,
            "max_msg_size": stream.max_msg_size,
            "deny_delete": stream.deny_delete,
            "allow_atomic": stream.atomic,
            "allow_rollup_hdrs": False,
            "allow_msg_ttl": False,
            "allow_msg_schedules": False,
            "sealed": False,
        },
    )


async def _check_consumer(client: Client, consumer: Consumer) -> None:
    name = f"consumer {consumer.name} on stream {consumer.stream}"
    found = await _info(client, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", name)
    filters = found.get("filter_subjects") or [found.get("filter_subject")]
    _same(
        name,
        found,
        {"ack_policy": "explicit", "max_deliver": -1, "max_ack_pending": consumer.max_ack_pending},
    )
    if sorted(map(str, filters)) != sorted(consumer.filters):
        raise Gone(f"{name}: its filters are {filters}, wanted {list(consumer.filters)}")


async def _all(looks: list[Coroutine[Any, Any, None]]) -> None:
    """Waits for every one, and raises what the first in order raised."""
    for outcome in await asyncio.gather(*looks, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _same(name: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for field, value in wanted.items():
        if (found.get(field) or False) != (value or False):
            raise Gone(f"{name}: its {field} is {found.get(field)!r}, wanted {value!r}")


async def _info(client: Client, call: str, name: str) -> dict[str, Any]:
    try:
        answer = orjson.loads((await client.request(f"$JS.API.{call}", b"", timeout=5)).data)
    except (nats.errors.Error, TimeoutError) as error:
        raise Unreachable(f"nats: {call}: {error or type(error).__name__}") from error
    refusal = answer.get("error")
    if refusal and refusal.get("code") == NOT_FOUND:
        raise Gone(f"{name} is missing; run the setup step")
    if refusal:
        raise Unreachable(f"nats: {call}: {refusal.get('description')}")
    config: dict[str, Any] = answer["config"]
    return config
