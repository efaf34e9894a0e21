"""The local stack as a whole: both engines, the setup step and the five services, each part kept alive."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from deploy import SAMPLE
from deploy.certificates import CA
from deploy.examples import examples
from deploy.keys import ADMIN, KeyRing, service_key
from deploy.local import endpoints
from deploy.local.engines import (
    HOST,
    LOCAL_NETWORKS,
    MONGO,
    NATS,
    certify_engines,
    check_mongo_users,
    healthy,
    mongo_part,
    mongo_url,
    nats_installation,
    nats_part,
    nats_url,
    port_taken,
    provision_mongo,
)
from deploy.local.supervisor import Part, PartFailed, Supervisor
from deploy.registry.changes import checked, extended, with_kept_keys
from deploy.registry.installation import Installation, Shape
from deploy.setup import set_up
from deploy.topology import ACK_WAIT
from shared.contracts.streams import SERVICES
from shared.loop.envelope import now
from shared.policy import Jurisdiction, load

COPY_STEP = 10
MOST_COPIES = 8
_MONGO_OFFSET, _NATS_OFFSET, _MONITOR_OFFSET = 90, 91, 92


def module_command(service: str) -> list[str]:
    """How a service is normally started."""
    return [sys.executable, "-m", f"services.{service}"]


@dataclass(frozen=True)
class StackOptions:
    """What may differ between stacks.

    Copy ``c`` of the i-th service (intake is 1) listens on ``port_base + i + 10 * c``; the database on base + 90,
    NATS on base + 91, its monitoring on base + 92. ``window`` replaces the duplicate window of our own streams.
    ``service_command`` starts another program in a service's place (fault tests start a loop with a flaw).
    ``phase_files`` gives every service copy a file in which it notes where its loop is. ``tls``: NATS and the database
    speak nothing else.
    """

    directory: Path = Path("var/local")
    port_base: int = 8000
    copies: int = 1
    jurisdiction: Path = SAMPLE
    clock: Literal["wall", "replay"] = "wall"
    tick: Literal["internal", "external"] = "internal"
    ack_wait: timedelta = ACK_WAIT
    window: timedelta | None = None
    service_command: Callable[[str], list[str]] = module_command
    env: Mapping[str, str] = field(default_factory=dict)
    phase_files: bool = False
    tls: bool = False
    sync: str = "always"
    http_tokens: Literal["required", "optional"] = "optional"
    log_level: str = "INFO"
    ready_seconds: float = 90.0


class DirectoryInUse(Exception):
    """Another stack runs on the same directory."""


class DirectoryUnusable(Exception):
    """The directory cannot be made, or nothing can be written there."""


class PortTaken(Exception):
    """Somebody else listens on a port this stack needs."""


class LocalStack:
    """A running stack, as an async context: entered when every part is ready, left when all have ended.

    ``failed`` is done, with a PartFailed, when a part has died for good.
    """

    def __init__(self, options: StackOptions) -> None:
        if not 1 <= options.copies <= MOST_COPIES:
            raise ValueError(f"copies: 1 to {MOST_COPIES}, for the ports of more would collide")
        self.options = options
        self.directory = options.directory.absolute()
        self.keys = KeyRing(self.directory / "keys")
        self.ca = self.directory / CA if options.tls else None
        self.jurisdiction: Jurisdiction = load(options.jurisdiction)
        self.installation: Installation
        self.supervisor: Supervisor
        self._described: dict[str, Any] | None = None
        self._lock: int | None = None

    @property
    def endpoints(self) -> dict[str, Any]:
        """What endpoints.json says now."""
        return {**(self._described or {}), "pids": self.supervisor.pids}

    @property
    def nats(self) -> str:
        return nats_url(self.options.port_base + _NATS_OFFSET, self.options.tls)

    @property
    def admin_seed(self) -> str:
        """The seed of the core account's administrator, who may publish anything and ask JetStream anything."""
        return self.keys.seed(ADMIN)

    @property
    def failed(self) -> asyncio.Future[PartFailed]:
        return self.supervisor.failed

    def mongo(self, user: str = ADMIN) -> str:
        """The database URL of a service, or of the administrator."""
        return mongo_url(self.options.port_base + _MONGO_OFFSET, user, self.keys, self.ca)

    def http(self, service: str, copy: int = 0) -> str:
        """The base URL of one copy of a service."""
        return f"http://{HOST}:{self._http_port(service, copy)}"

    def parts_of(self, service: str) -> list[str]:
        """The part names of a service's copies: ``intake``, ``intake-2``, ..."""
        return [_part_name(service, copy) for copy in range(self.options.copies)]

    def kill(self, part: str) -> int:
        """SIGKILL a part on purpose; it is started again and the death does not count. Returns the pid it had."""
        return self.supervisor.kill(part)

    async def restart(self, part: str) -> None:
        """SIGKILL a part and return when it is back and ready."""
        await self.supervisor.until_restarted(part, self.kill(part), self.options.ready_seconds)

    async def until_ready(self) -> None:
        """Return when every part answers."""
        await self.supervisor.until_ready(list(self.supervisor.pids), self.options.ready_seconds)

    def phase_file(self, part: str) -> Path:
        return self.directory / "phases" / part

    async def __aenter__(self) -> LocalStack:
        self._take_directory()
        self.supervisor = Supervisor(self._pids_changed)
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _start(self) -> None:
        self._endpoints_file.unlink(missing_ok=True)
        self._check_ports()
        self._know_everybody()
        await self._start_engines()
        await set_up(
            self.jurisdiction.tenants.tenants,
            nats_url=self.nats,
            admin_seed=self.admin_seed,
            ca=self.ca,
            mongo_url=self.mongo(),
            ack_wait=self.options.ack_wait,
            window=self.options.window,
        )
        for service in SERVICES:
            for copy in range(self.options.copies):
                await self.supervisor.start(self._service_part(service, copy))
        await self.until_ready()
        self._described = endpoints.describe(
            nats=self.nats,
            mongo=self.mongo(),
            http={service: self.http(service) for service in SERVICES},
            tenants=self.jurisdiction.tenants.tenants,
            keys=self.keys,
            ca=self.ca,
            examples=examples(self.jurisdiction),
        )
        self._pids_changed()

    def _know_everybody(self) -> None:
        """The registry of this stack: what it was the last time, and whom the district has named since. This stack
        plays everybody outside too, so it keeps a seed for each."""
        base, window = self.options.port_base, self.options.window
        self.installation = nats_installation(
            self.directory,
            base + _NATS_OFFSET,
            base + _MONITOR_OFFSET,
            self.options.jurisdiction,
            tls=self.options.tls,
            sync=self.options.sync,
            ack_wait=self.options.ack_wait.total_seconds(),
            window=window.total_seconds() if window else None,
        )
        named = self.jurisdiction.tenants
        known = (
            extended(self.installation.district().tenants, named)
            if self.installation.registry.exists()
            else named
        )
        self.installation.save(checked(known, with_kept_keys(known.tenants, self.keys, now())))
        self.jurisdiction = self.installation.district()

    async def _start_engines(self) -> None:
        base = self.options.port_base
        nats_port, mongo_port = base + _NATS_OFFSET, base + _MONGO_OFFSET
        if self.options.tls:
            certify_engines(self.directory)
        self.installation.write_config(self.jurisdiction.tenants)
        await self.supervisor.start(nats_part(self.directory, nats_port))
        await provision_mongo(self.directory, mongo_port, self.keys)
        await self.supervisor.start(mongo_part(self.directory, mongo_port, tls=self.options.tls))
        await self.supervisor.until_ready([NATS, MONGO], self.options.ready_seconds)
        await check_mongo_users(mongo_port, self.keys, self.ca)

    def _service_part(self, service: str, copy: int) -> Part:
        name = _part_name(service, copy)
        port = self._http_port(service, copy)
        env = {
            "NUANLIU_NATS_URL": self.nats,
            "NUANLIU_NATS_SEED": str(self.keys.seed_path(service_key(service))),
            "NUANLIU_MONGO_URL": self.mongo(service),
            "NUANLIU_MONGO_DATABASE": service,
            "NUANLIU_HTTP_HOST": HOST,
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_HTTP_TOKENS": self.options.http_tokens,
            "NUANLIU_POLICY": str(self.options.jurisdiction.absolute()),
            "NUANLIU_REGISTRY": str(self.directory / Shape.registry),
            "NUANLIU_CLOCK": self.options.clock,
            "NUANLIU_TICK": self.options.tick,
            "NUANLIU_FILES_DIR": str(self.directory / "files"),
            "NUANLIU_LOG_LEVEL": self.options.log_level,
            "NUANLIU_CATALOGUE_URL": f"{self.http('intake')}/docs/schemas",
        }
        if self.ca:
            env["NUANLIU_NATS_CA"] = str(self.ca)
        if service == "response":
            env |= {
                "NUANLIU_WEBHOOK_KEY": str(self.keys.webhook_key_path()),
                "NUANLIU_WEBHOOK_HTTP": "true",
                "NUANLIU_WEBHOOK_PRIVATE": ",".join(LOCAL_NETWORKS),
            }
        if self.options.phase_files:
            phases = self.phase_file(name)
            phases.parent.mkdir(exist_ok=True)
            phases.write_bytes(b"\0")
            env["NUANLIU_PHASE_FILE"] = str(phases)
        return Part(
            name,
            self.options.service_command(service),
            log=self._log(name),
            lacks=healthy(port),
            env={**env, **self.options.env},
        )

    async def _end(self) -> None:
        """Services first, so that they finish the batch in hand; then what they stood on."""
        self._described = None
        self._endpoints_file.unlink(missing_ok=True)
        await self.supervisor.stop([part for part in self.supervisor.pids if part not in (NATS, MONGO)])
        await self.supervisor.stop()
        self._endpoints_file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_directory(self) -> None:
        """Two stacks on the same files would ruin them."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.directory / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DirectoryUnusable(
                f"{self.directory}: 不能用作目录 (cannot be used as the directory): {error.strerror}"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise DirectoryInUse(f"another stack runs on {self.directory}") from None

    def _check_ports(self) -> None:
        base = self.options.port_base
        wanted = {base + _MONGO_OFFSET: MONGO, base + _NATS_OFFSET: NATS, base + _MONITOR_OFFSET: NATS}
        for service in SERVICES:
            for copy in range(self.options.copies):
                wanted[self._http_port(service, copy)] = _part_name(service, copy)
        for port, part in wanted.items():
            if port_taken(port):
                raise PortTaken(f"port {port}, which {part} needs, is in use; choose another --port-base")

    def _pids_changed(self) -> None:
        if self._described is not None:
            endpoints.write(self._endpoints_file, self._described, self.supervisor.pids)

    def _http_port(self, service: str, copy: int) -> int:
        return self.options.port_base + SERVICES.index(service) + 1 + COPY_STEP * copy

    def _log(self, part: str) -> Path:
        return self.directory / "logs" / f"{part}.log"

    @property
    def _endpoints_file(self) -> Path:
        return self.directory / "endpoints.json"


def _part_name(service: str, copy: int) -> str:
    return service if copy == 0 else f"{service}-{copy + 1}"
