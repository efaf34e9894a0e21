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

from shared.contracts.base import Event
from shared.contracts.streams import (
    EGRESS,
    HOOK_GROUP,
    INGRESS,
    OURS,
    SERVICES,
    UNDELIVERED,
    Consumer,
    Stream,
    egress_consumer,
    hook_consumer,
    ingress,
    ingress_consumer,
    service_consumers,
)
from shared.following import LOOK_EVERY
from shared.loop.inlet import EXPIRES
from shared.policy.tenants import Tenant

ACK_WAIT = timedelta(seconds=30)
_AT_ONCE = 16
_NOT_FOUND = 404
_NO_STORE = 10049
_NO_STORE_TRIES = 20
LET_GO = timedelta(seconds=EXPIRES + 10 * LOOK_EVERY)
"""A service looks at the registry now and then; a pull that it has given up is forgotten when it expires."""
_LOOK_AGAIN = 0.5


class SetupError(Exception):
    """The server refused a stream or consumer; says which and why. ``code``: JetStream's own, where it gave one."""

    def __init__(self, words: str, code: int | None = None) -> None:
        super().__init__(words)
        self.code = code


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
    tenants: Iterable[Tenant],
    handled: dict[str, Sequence[type[Event]]],
    window: timedelta | None = None,
) -> Topology:
    """What a registry needs.

    ``handled``: service -> the internal events it consumes. ``window`` replaces the duplicate window of our
    own streams (fault tests make it short).
    """
    present = tuple(tenant for tenant in tenants if tenant.state != "removed")
    ours: tuple[Stream, ...] = (*OURS, UNDELIVERED)
    if window:
        ours = tuple(replace(stream, window=window) for stream in ours)
    return Topology(
        streams=ours + tuple(ingress(t.kind, t.id, t.quota.bytes) for t in present),
        internal=(
            *(consumer for name, events in handled.items() for consumer in service_consumers(name, events)),
            *(ingress_consumer(t.kind, t.id) for t in present),
            *(hook_consumer(t.id) for t in present if t.hooked),
        ),
        outer=tuple(egress_consumer(t.kind, t.id) for t in present),
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
    pinned = (
        {
            "priority_policy": "pinned_client",
            "priority_groups": [HOOK_GROUP],
            "priority_timeout": _nanoseconds(consumer.pinned),
        }
        if consumer.pinned
        else {}
    )
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
        **pinned,
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


async def waiting(nats: Client, tenant: Tenant) -> int:
    """How many messages of a tenant nobody has worked off yet."""
    found = await _api(nats, f"STREAM.INFO.{_ingress_of(tenant)}", {}, missing_ok=True)
    return int(found["state"]["messages"]) if found else 0


async def clear_away(nats: Client, tenants: Iterable[Tenant]) -> list[str]:
    """Delete what these tenants no longer need: of a removed one everything, of an agency without a webhook the
    consumer of its deliveries; returns what was done, in words. Raises SetupError while a service still reads it."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def clear(tenant: Tenant) -> list[str]:
        async with gate:
            if tenant.state == "removed":
                return await _retire(nats, tenant)
            return [] if tenant.hooked or tenant.kind != "agency" else await _unhook(nats, tenant.id)

    done: list[str] = []
    for outcome in await asyncio.gather(*map(clear, tenants), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        done += outcome
    return done


async def _retire(nats: Client, tenant: Tenant) -> list[str]:
    """A removed tenant's ingress, its consumers and what could not be delivered to it, once no service pulls from the
    ingress."""
    stream, (_, _, service) = _ingress_of(tenant), INGRESS[tenant.kind]
    await _let_go(nats, stream, service)
    done = []
    if await _api(nats, f"STREAM.DELETE.{stream}", {}, missing_ok=True) is not None:
        done.append(f"stream {stream} deleted")
    outlet = EGRESS[tenant.kind].name
    if await _api(nats, f"CONSUMER.DELETE.{outlet}.{tenant.id}", {}, missing_ok=True) is not None:
        done.append(f"consumer {outlet}/{tenant.id} deleted")
    done += await _unhook(nats, tenant.id)
    undelivered = {"filter": f"undelivered.{tenant.id}.>"}
    purged = await _api(nats, f"STREAM.PURGE.{UNDELIVERED.name}", undelivered, missing_ok=True)
    if purged and purged["purged"]:
        done.append(f"{purged['purged']} messages in {UNDELIVERED.name} deleted")
    return done


async def _unhook(nats: Client, agency: str) -> list[str]:
    hook = hook_consumer(agency)
    if await _api(nats, f"CONSUMER.DELETE.{hook.stream}.{hook.name}", {}, missing_ok=True) is None:
        return []
    return [f"consumer {hook.stream}/{hook.name} deleted"]


async def _let_go(nats: Client, stream: str, service: str) -> None:
    for _ in range(round(LET_GO.total_seconds() / _LOOK_AGAIN)):
        found = await _api(nats, f"CONSUMER.INFO.{stream}.{service}", {}, missing_ok=True)
        if found is None or not found.get("num_waiting"):
            return
        await asyncio.sleep(_LOOK_AGAIN)
    raise SetupError(f"stream {stream}: {service} still reads it; does it read this registry?")


def _ingress_of(tenant: Tenant) -> str:
    prefix, _, _ = INGRESS[tenant.kind]
    return prefix + tenant.id


async def _apply_stream(nats: Client, config: dict[str, Any]) -> str | None:
    name = config["name"]
    found = await _api(nats, f"STREAM.INFO.{name}", {}, missing_ok=True)
    if found is None:
        await create_stream(nats, config)
        return f"stream {name} created"
    if differs(config, found["config"]):
        await _api(nats, f"STREAM.UPDATE.{name}", config)
        return f"stream {name} updated"
    return None


async def create_stream(nats: Client, config: dict[str, Any]) -> None:
    """A new stream. Where one of this name was deleted a moment ago, the server may still be clearing its files away:
    it is asked again. Raises SetupError when the server refuses."""
    for _ in range(_NO_STORE_TRIES):
        try:
            await _api(nats, f"STREAM.CREATE.{config['name']}", config)
        except SetupError as error:
            if error.code != _NO_STORE:
                raise
            refused = error
            await asyncio.sleep(_LOOK_AGAIN)
        else:
            return
    raise refused


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
    code = error.get("err_code")
    raise SetupError(f"{call}: {error.get('description')} (code {code})", code)


def _nanoseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1_000_000_000)
