"""Both engines for a test, on free ports and fresh files, with streams, consumers and users as the shipped
setup makes them."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nats.aio.client import Client

from deploy.keys import ADMIN, KeyRing, service_key, tenant_key
from deploy.local.engines import (
    MONGO,
    NATS,
    connect,
    mongo_part,
    mongo_url,
    nats_part,
    nats_url,
    port_taken,
    provision_mongo,
)
from deploy.local.supervisor import Supervisor
from deploy.mongo_users import CollectionLike, create_indexes
from deploy.nats_config import TenantLike
from deploy.topology import ACK_WAIT, apply, topology
from shared.contracts.base import Event


@dataclass(frozen=True)
class Outsider:
    """A registry entry as small as a test needs it."""

    id: str
    kind: str


OUTSIDERS = (
    Outsider("hotline-12345", "channel"),
    Outsider("heating-zy", "agency"),
    Outsider("housing-zy", "agency"),
    Outsider("team-east", "team"),
)


@dataclass(frozen=True)
class Engines:
    """Running engines. ``supervisor`` restarts one that a test kills."""

    directory: Path
    nats: str
    mongo_port: int
    keys: KeyRing
    supervisor: Supervisor

    def seed(self, service: str) -> Path:
        """The seed file of a service."""
        return self.keys.seed_path(service_key(service))

    def tenant_seed(self, tenant: str) -> Path:
        return self.keys.seed_path(tenant_key(tenant))

    def mongo(self, user: str = ADMIN) -> str:
        """The database URL of a service, or of the administrator."""
        return mongo_url(self.mongo_port, user, self.keys)

    async def connect(self, user: str = ADMIN) -> Client:
        """A NATS connection of the administrator or a service."""
        return await connect(self.nats, self.keys.seed(ADMIN if user == ADMIN else service_key(user)), user)

    async def connect_tenant(self, tenant: str) -> Client:
        return await connect(self.nats, self.keys.seed(tenant_key(tenant)), tenant)

    async def kill(self, part: str) -> None:
        """SIGKILL an engine (``nats`` or ``mongo``) and wait until it is back."""
        await self.supervisor.until_restarted(part, self.supervisor.kill(part))


@asynccontextmanager
async def engines(
    directory: Path,
    *,
    tenants: Sequence[TenantLike] = OUTSIDERS,
    handled: Mapping[str, Sequence[type[Event]]] | None = None,
    stores: Mapping[str, Iterable[CollectionLike]] | None = None,
    window: timedelta | None = None,
    ack_wait: timedelta = ACK_WAIT,
    mongo: bool = True,
) -> AsyncIterator[Engines]:
    """Start both engines and set them up; ends them afterwards.

    ``handled``: service -> internal events it consumes (its consumers are made of them); ``stores``: service
    -> the collections whose indexes are wanted; ``window``: duplicate window of our own streams.
    """
    nats_port, monitor_port, mongo_port = free_ports(3)
    keys = KeyRing(directory / "keys")
    supervisor = Supervisor()
    running = Engines(directory, nats_url(nats_port), mongo_port, keys, supervisor)
    try:
        await supervisor.start(nats_part(directory, nats_port, monitor_port, tenants, keys))
        if mongo:
            await provision_mongo(directory, mongo_port, keys)
            await supervisor.start(mongo_part(directory, mongo_port))
        await supervisor.until_ready([NATS], 20)
        admin = await running.connect()
        try:
            await apply(admin, topology(tenants, dict(handled or {}), window), ack_wait=ack_wait)
        finally:
            await admin.close()
        if mongo:
            await supervisor.until_ready([MONGO], 20)
            await create_indexes(running.mongo(), stores or {})
        yield running
    finally:
        await supervisor.kill_all()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, below those that the system gives to outgoing connections."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(18_000, 32_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)


def free_port_base() -> int:
    """A base from which a whole stack finds its ports free: base + 1 to base + 92."""
    while True:
        base = random.randrange(180, 320) * 100
        if not any(port_taken(base + offset) for offset in range(1, 93)):
            return base
