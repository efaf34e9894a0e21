"""All streams and consumers of an installation, and the step that creates or updates them.

Nothing else does: a service that finds a stream or consumer missing or different refuses to start.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import Any

from nats.aio.client import Client

from deploy.nats_config import TenantLike
from shared.contracts.base import Event
from shared.contracts.streams import (
    OURS,
    SERVICES,
    Consumer,
    Stream,
    egress_consumer,
    ingress,
    ingress_consumer,
    service_consumers,
)

ACK_WAIT = timedelta(seconds=30)
_AT_ONCE = 16
_NOT_FOUND = 404


class SetupError(Exception):
    """The server refused a stream or consumer; says which and why."""


@dataclass(frozen=True)
class Topology:
    """Streams, the services' consumers and the tenants' own consumers of an installation."""

    streams: tuple[Stream, ...]
    internal: tuple[Consumer, ...]
    outer: tuple[Consumer, ...]

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        return self.internal + self.outer


def topology(
    tenants: Iterable[TenantLike],
    handled: dict[str, Sequence[type[Event]]],
    window: timedelta | None = None,
) -> Topology:
    """What a registry needs.

    ``handled``: service -> the internal events it consumes. ``window`` replaces the duplicate window of our
    own streams (fault tests make it short).
    """
    tenants = tuple(tenants)
    ours = tuple(replace(stream, window=window) for stream in OURS) if window else OURS
    return Topology(
        streams=ours + tuple(ingress(t.kind, t.id) for t in tenants),
        internal=(
            *(consumer for name, events in handled.items() for consumer in service_consumers(name, events)),
            *(ingress_consumer(t.kind, t.id) for t in tenants),
        ),
        outer=tuple(egress_consumer(t.kind, t.id) for t in tenants),
    )


def handled_events(services: Iterable[str] = SERVICES) -> dict[str, Sequence[type[Event]]]:
    """Which events each service handles, asked of the services themselves."""
    return {name: tuple(import_module(f"services.{name}.handlers").events()) for name in services}


def stream_config(stream: Stream, replicas: int = 1) -> dict[str, Any]:
    """The stream as JetStream's API takes it. Durations are nanoseconds."""
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": stream.retention,
        "storage": "file",
        "discard": "new",
        "num_replicas": replicas,
        "max_age": _nanoseconds(stream.max_age),
        "duplicate_window": _nanoseconds(stream.window),
        "max_bytes": stream.max_bytes,
        "max_msg_size": stream.max_msg_size,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "deny_delete": stream.deny_delete,
        "deny_purge": False,
        "allow_atomic": stream.atomic,
        "allow_direct": False,
        "allow_rollup_hdrs": False,
        "allow_msg_ttl": False,
        "allow_msg_schedules": False,
    }


def consumer_config(consumer: Consumer, ack_wait: timedelta = ACK_WAIT) -> dict[str, Any]:
    """The durable pull consumer as JetStream's API takes it."""
    one = len(consumer.filters) == 1
    filters = {"filter_subject": consumer.filters[0]} if one else {"filter_subjects": list(consumer.filters)}
    return {
        "name": consumer.name,
        "durable_name": consumer.name,
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_policy": "explicit",
        "ack_wait": _nanoseconds(ack_wait),
        "max_deliver": -1,
        "max_ack_pending": consumer.max_ack_pending,
        **filters,
    }


async def apply(
    nats: Client, wanted: Topology, *, ack_wait: timedelta = ACK_WAIT, replicas: int = 1
) -> list[str]:
    """Create what is missing, update what differs, leave the rest alone; returns what was done, in words.

    ``ack_wait`` is that of the services' consumers; a tenant's own is always 30 s (CONTRACTS 0).
    Raises SetupError when the server refuses.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def stream(item: Stream) -> str | None:
        async with gate:
            return await _apply_stream(nats, stream_config(item, replicas))

    async def consumer(item: Consumer, wait: timedelta) -> str | None:
        async with gate:
            return await _apply_consumer(nats, item.stream, consumer_config(item, wait))

    done = await asyncio.gather(*(stream(item) for item in wanted.streams))
    done += await asyncio.gather(
        *(consumer(item, ack_wait) for item in wanted.internal),
        *(consumer(item, ACK_WAIT) for item in wanted.outer),
    )
    return [line for line in done if line]


async def _apply_stream(nats: Client, config: dict[str, Any]) -> str | None:
    name = config["name"]
    found = await _api(nats, f"STREAM.INFO.{name}", {}, missing_ok=True)
    if found is None:
        await _api(nats, f"STREAM.CREATE.{name}", config)
        return f"stream {name} created"
    if differs(config, found["config"]):
        await _api(nats, f"STREAM.UPDATE.{name}", config)
        return f"stream {name} updated"
    return None


async def _apply_consumer(nats: Client, stream: str, config: dict[str, Any]) -> str | None:
    name = config["durable_name"]
    found = await _api(nats, f"CONSUMER.INFO.{stream}.{name}", {}, missing_ok=True)
    if found is not None and not differs(config, found["config"]):
        return None
    request = {"stream_name": stream, "config": config}
    await _api(nats, f"CONSUMER.DURABLE.CREATE.{stream}.{name}", request)
    return f"consumer {stream}/{name} {'updated' if found else 'created'}"


def differs(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Fields whose value on the server is not the wanted one; the server leaves out what is false or
    empty."""
    filters = {"filter_subject", "filter_subjects"}
    other = filters.intersection(found) - wanted.keys()
    return sorted(
        [field for field, value in wanted.items() if (found.get(field) or _EMPTY) != (value or _EMPTY)]
        + [field for field in other if found[field]]
    )


_EMPTY: Any = None


async def _api(
    nats: Client, call: str, body: dict[str, Any], missing_ok: bool = False
) -> dict[str, Any] | None:
    payload = json.dumps(body).encode() if body else b""
    message = await nats.request(f"$JS.API.{call}", payload, timeout=30)
    answer: dict[str, Any] = json.loads(message.data)
    error = answer.get("error")
    if error is None:
        return answer
    if missing_ok and error.get("code") == _NOT_FOUND:
        return None
    raise SetupError(f"{call}: {error.get('description')} (code {error.get('err_code')})")


def _nanoseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1_000_000_000)
