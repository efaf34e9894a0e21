"""An installation on disk, and how its registry reaches the servers.

    DIR/installation.json   where NATS is, how its configuration is made, where the district's rules lie
    DIR/tenants.yaml        the registry
    DIR/audit.jsonl         who changed it, when, how
    DIR/<keys>/             seeds and passwords of our own parts
    DIR/tls/                certificates, where it uses TLS (deploy/certificates.py)

A change goes outwards in this order: streams and consumers, the registry, the configuration, the servers. Wherever it
stops, what is there works, and rolling out once more completes it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client

from deploy.keys import ADMIN, SYSTEM, KeyRing, write_secret
from deploy.nats_config import CLUSTER, Cluster, Tls, server_config
from deploy.registry.changes import RegistryError
from deploy.registry.file import write
from deploy.registry.servers import NotRolledOut, reload
from deploy.topology import ACK_WAIT, apply, clear_away, handled_events, topology, waiting
from shared.outward import url_problem
from shared.policy import Jurisdiction, Live, PolicyError
from shared.policy.jurisdiction import misfits
from shared.policy.tenants import Tenant, Tenants
from shared.trust import over_tls

DESCRIPTION = "installation.json"
AUDIT = "audit.jsonl"

TRIES = 4
"""On a busy machine a connection may break off before it stands; NATS waits 50 ms for a handshake, then speaks first
and in the clear."""
_PAUSE = 0.5


@dataclass(frozen=True)
class Shape:
    """What differs between installations. Paths are relative to the installation's directory where not absolute.

    ``store`` is JetStream's directory as the server sees it; ``listen`` and ``monitor`` are host:port. ``window`` and
    ``ack_wait`` in seconds replace the usual ones (fault tests). ``webhook_http``, ``webhook_private``: as response's
    settings of these names. With ``certificate``, certificate and key as the
    server sees them, NATS speaks TLS only; ``ca`` is whom its clients trust then.

    ``cluster``: the hosts of several servers, which listen for each other on ``routes`` and trust ``trust``, as they
    see it; `{host}` stands for each of them in what they do not share. ``nats_url`` names them all, with commas.
    """

    district: str
    nats_url: str
    listen: str
    store: str
    monitor: str = ""
    sync: str = "always"
    config: str = "nats.conf"
    registry: str = "tenants.yaml"
    keys: str = "keys"
    replicas: int = 1
    webhook_http: bool = False
    webhook_private: tuple[str, ...] = ()
    window: float | None = None
    ack_wait: float = ACK_WAIT.total_seconds()
    certificate: str = ""
    ca: str = ""
    cluster: Sequence[str] = ()
    routes: str = ""
    trust: str = ""


class Installation:
    """One installation. Raises RegistryError when there is none in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        try:
            described = json.loads((self.directory / DESCRIPTION).read_text(encoding="utf-8"))
            self.shape = Shape(**described)
        except FileNotFoundError:
            why = "没有安装，先运行 make run 或 python -m deploy.render (no installation here)"
            raise RegistryError("dir", f"{directory}: {why}") from None
        except (TypeError, ValueError) as error:
            raise RegistryError("dir", f"{directory}/{DESCRIPTION}: {error}") from None
        self.keys = KeyRing(self.directory / self.shape.keys)
        self.registry = self.directory / self.shape.registry
        self.audit = self.directory / AUDIT
        self.ca = self.directory / self.shape.ca if self.shape.ca else None

    @classmethod
    def describe(cls, directory: Path, shape: Shape) -> Installation:
        """Write down what an installation is like; what it holds stays."""
        directory.mkdir(parents=True, exist_ok=True)
        draft = directory / f".{DESCRIPTION}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(shape), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        draft.replace(directory / DESCRIPTION)
        return cls(directory)

    def district(self) -> Jurisdiction:
        """The district under the rules of this moment, with this installation's registry. Raises PolicyError."""
        return Live(self.shape.district, self.registry).now

    def check(self, tenants: Tenants) -> None:
        """Raises PolicyError when a registry does not fit the district, as it is or as it is going to be."""
        for version in Live(self.shape.district, self.registry if self.registry.exists() else None).versions:
            district = version.jurisdiction
            if found := list(misfits(tenants, district.places, district.policy)):
                raise PolicyError(
                    str(self.registry), [f"{district.policy.label}: {one.what}" for one in found]
                )

    def save(self, tenants: Tenants) -> None:
        """Replace the registry; services take it within seconds. Raises PolicyError when it does not fit."""
        self.check(tenants)
        write(self.registry, tenants)

    def write_config(self, tenants: Tenants) -> Path:
        """Make the NATS configuration anew, of a cluster that of every server; returns the (first) path."""
        paths = [self._write_config(tenants, host) for host in self.shape.cluster or ("",)]
        return paths[0]

    def _write_config(self, tenants: Tenants, host: str) -> Path:
        shape = self.shape
        path = self.directory / shape.config.replace("{host}", host)
        listen = shape.listen.replace("{host}", host)
        certificate, trust = shape.certificate.replace("{host}", host), shape.trust.replace("{host}", host)
        text = server_config(
            tenants.tenants,
            self.keys.public,
            listen=listen,
            store=shape.store.replace("{host}", host),
            monitor=shape.monitor.replace("{host}", host) or None,
            sync=shape.sync,
            name=host or CLUSTER,
            tls=Tls(certificate, trust) if certificate else None,
            cluster=self._cluster(host) if host else None,
            before=path.read_text(encoding="utf-8") if path.exists() else "",
        )
        write_secret(path, text.rstrip())  # in a cluster it holds the password of the servers
        return path

    def _cluster(self, host: str) -> Cluster:
        routes = self.shape.routes.replace("{host}", host)
        return Cluster(
            host=host,
            others=tuple(other for other in self.shape.cluster if other != host),
            listen=routes,
            port=int(routes.rpartition(":")[2]),
            password=self.keys.password("nats/routes"),
        )

    def webhook_problem(self, url: str) -> str:
        """What is the matter with the address of a webhook; empty when nothing is."""
        networks = tuple(ip_network(network) for network in self.shape.webhook_private)
        return url_problem(url, http=self.shape.webhook_http, networks=networks)

    async def connect(self, user: str = ADMIN) -> Client:
        """A connection as our administrator, or in the account in which servers take orders. One that breaks is tried
        again a few times. Raises NotRolledOut."""
        left = TRIES
        while True:
            try:
                return await self._connect(user)
            except (nats.errors.Error, OSError, TimeoutError, ValueError) as error:
                left -= 1
                if _lasting(error) or not left:
                    why = (
                        f"NATS {self.shape.nats_url} 连接不上 (not reached): {error or type(error).__name__}"
                    )
                    raise NotRolledOut(why) from None
            await asyncio.sleep(_PAUSE)

    async def _connect(self, user: str) -> Client:
        servers = self.shape.nats_url.split(",")
        return await nats.connect(
            servers,
            nkeys_seed_str=self.keys.seed(user),
            inbox_prefix=f"_INBOX.{user}".encode(),
            name=f"nuanliu-{user}",
            error_cb=_untold,
            allow_reconnect=len(servers) > 1,  # nats-py tries a second server only so
            max_reconnect_attempts=1,
            reconnect_time_wait=0.2,
            connect_timeout=5,
            **over_tls(self.ca),
        )

    async def prepare(self, tenants: Tenants) -> list[str]:
        """Streams and consumers of everybody in ``tenants``; what is right is left alone. Says what was done."""
        window = timedelta(seconds=self.shape.window) if self.shape.window else None
        client = await self.connect()
        try:
            return await apply(
                client,
                topology(tenants.tenants, handled_events(), window),
                ack_wait=timedelta(seconds=self.shape.ack_wait),
                replicas=self.shape.replicas,
            )
        finally:
            await client.close()

    async def admit(self, tenants: Tenants) -> list[str]:
        """Make the configuration anew and have every server read it. Raises NotRolledOut naming who did not."""
        self.write_config(tenants)
        client = await self.connect(SYSTEM)
        try:
            return [f"server {name} reloaded" for name in await reload(client, self.shape.cluster)]
        finally:
            await client.close()

    async def clear_away(self, tenants: Iterable[Tenant]) -> list[str]:
        """Delete what these no longer need. Says what was done. Raises SetupError while a service still reads it."""
        client = await self.connect()
        try:
            return await clear_away(client, tenants)
        finally:
            await client.close()

    async def unheard(self, tenant: Tenant) -> int:
        """How many messages of a tenant wait to be worked off."""
        client = await self.connect()
        try:
            return await waiting(client, tenant)
        finally:
            await client.close()


def _lasting(error: Exception) -> bool:
    """Whether the next try would come to the same: who is refused, or does not trust the server."""
    return isinstance(error, ValueError) or "authorization" in str(error).lower()


async def _untold(_: Exception) -> None:
    """The library would print what is raised, and told, as well."""
