"""Both engines for a test, on free ports and fresh files, with streams, consumers and users as the shipped
setup makes them."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nats.aio.client import Client

from deploy import SAMPLE
from deploy.keys import ADMIN, KeyRing, service_key, tenant_key
from deploy.local.engines import (
    MONGO,
    NATS,
    connect,
    mongo_part,
    mongo_url,
    nats_installation,
    nats_part,
    nats_url,
    port_taken,
    provision_mongo,
)
from deploy.local.supervisor import Supervisor
from deploy.mongo_users import CollectionLike, create_indexes
from deploy.registry.changes import with_kept_keys
from deploy.registry.installation import Installation
from deploy.topology import ACK_WAIT, apply, topology
from shared.contracts.base import Event
from shared.loop.envelope import now
from shared.policy.tenants import Tenant, TenantKind, Tenants


def outsider(id: str, kind: TenantKind) -> Tenant:
    """A registry entry as small as a test needs it."""
    agency_kind = "heating" if kind == "agency" else None
    return Tenant(id=id, kind=kind, name_zh=id, name_en=id, agency_kind=agency_kind, serves=())


OUTSIDERS = (
    outsider("hotline-12345", "channel"),
    outsider("heating-zy", "agency"),
    outsider("housing-zy", "agency"),
    outsider("team-east", "team"),
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
    tenants: Sequence[Tenant] = OUTSIDERS,
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
        configure_nats(directory, nats_port, monitor_port, tenants, keys)
        await supervisor.start(nats_part(directory, nats_port))
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


def configure_nats(
    directory: Path, port: int, monitor: int, tenants: Iterable[Tenant], keys: KeyRing
) -> Installation:
    """The shipped configuration for these tenants, with keys whose seeds are kept."""
    installation = nats_installation(directory, port, monitor, SAMPLE)
    everybody = with_kept_keys(tenants, keys, now())
    installation.write_config(Tenants.model_construct(district="nh", tenants=everybody))
    return installation


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now and this process has given to nobody else."""
    return [next(_single) for _ in range(count)]


def free_port_base() -> int:
    """A base from which a whole stack finds its ports free: base + 1 to base + 92."""
    return next(base for base in _bases if not any(port_taken(base + offset) for offset in range(1, 93)))


def _hundreds() -> Iterator[int]:
    """Bases of a hundred ports each, below those that the system gives to outgoing connections. Programs that run side
    by side, as the workers of one test run, have different ones."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = [100 * hundred for hundred in range(180 + worker, 320, workers)]
    random.Random().shuffle(mine)
    return itertools.cycle(mine)


_bases = _hundreds()
_single = (port for base in _bases for port in range(base, base + 100) if not port_taken(port))
