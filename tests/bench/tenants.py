"""`python -m tests.bench.tenants [N]`: hundreds of tenants (500 unless told otherwise): what each step takes.

Mostly property companies, beside them the sample district's own. Everything is as it ships: the configuration that
`python -m deploy.render` describes, `nuanliu tenant add` for one more, the response service taking it up.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import nats
from nats.aio.client import Client
from rich.console import Console
from rich.table import Table

from deploy import SAMPLE
from deploy.keys import new_seed, public_key
from deploy.local.engines import NATS, program
from deploy.local.supervisor import Supervisor
from deploy.registry.installation import Installation
from deploy.topology import handled_events, topology
from services.metrics.backlog import backlog
from shared.loop.envelope import now
from shared.policy import load
from shared.policy.tenants import Key, Tenant, TenantKind, Tenants
from shared.trust import over_tls
from tests.attacks.installed import install, server_part
from tests.support.around import service_part, start_database
from tests.support.engines import free_ports

MANY = 500
IDLE_SECONDS = 10.0
NEWCOMER = "property-new"
WATCHED = ("response", "metrics")
SERVED_WITHIN = 10.0
"""Seconds in which a running service serves a newcomer (CONTRACTS 0 builds on it)."""

_PATIENCE = 120.0


@dataclass(frozen=True)
class Figures:
    """Seconds, and per cent of one processor, and MB. ``served``: from the end of `nuanliu tenant add` until the
    newcomer has its first answer; ``look``: one look of metrics at everybody's backlog."""

    tenants: int
    streams: int
    consumers: int
    saved: float
    read: float
    generated: float
    config_kb: float
    first_start: float
    created: float
    checked: float
    loaded: float
    ready: dict[str, float]
    added: float
    reloaded: float
    served: float
    look: float
    cpu: dict[str, float]
    memory: dict[str, float]

    @property
    def as_promised(self) -> bool:
        return self.served < SERVED_WITHIN


def many(count: int) -> tuple[Tenants, dict[str, str]]:
    """The sample district's tenants and as many more as make ``count``: of ten, eight property companies, one channel,
    one field team. Gives their seeds too."""
    district = load(SAMPLE)
    compounds = [place.code for place in district.places.compounds]
    seeds: dict[str, str] = {}
    found: list[Tenant] = []
    for tenant in district.tenants.tenants:
        seeds[tenant.id] = new_seed()
        found.append(tenant.model_copy(update={"keys": (_key(seeds[tenant.id]),)}))
    for number in range(count - len(found)):
        kind: TenantKind = "channel" if number % 10 == 8 else "team" if number % 10 == 9 else "agency"
        id = f"{'property' if kind == 'agency' else kind}-{number:04}"
        seeds[id] = new_seed()
        serves = (compounds[number % len(compounds)],) if kind == "agency" else ()
        found.append(
            Tenant(
                id=id,
                kind=kind,
                name_zh=f"第{number}物业",
                name_en=f"Property company {number}",
                agency_kind="property" if kind == "agency" else None,
                serves=serves,
                keys=(_key(seeds[id]),),
            )
        )
    return Tenants(district=district.tenants.district, tenants=tuple(found)), seeds


async def measure(
    directory: Path, count: int, tell: Callable[[str], None] = lambda _: None, idle: float = IDLE_SECONDS
) -> Figures:
    """All steps, one after the other. Raises when somebody is not served at all."""
    port, monitor, *http = free_ports(2 + len(WATCHED))
    installation = install(directory, port, monitor)
    tenants, seeds = many(count)
    wanted = topology(tenants.tenants, handled_events())
    tell("configuration")
    saved = _timed(lambda: installation.save(tenants))
    read = _timed(installation.district)
    generated = _timed(lambda: installation.write_config(tenants))
    config = directory / installation.shape.config
    async with _supervised() as supervisor:
        clock = _Clock()
        await supervisor.start(server_part(installation, port))
        await supervisor.until_ready([NATS], _PATIENCE)
        first_start = clock.lap()
        tell("streams and consumers")
        await installation.prepare(tenants)
        created = clock.lap()
        await installation.prepare(tenants)
        checked = clock.lap()
        tell("server once more")
        await supervisor.stop([NATS])
        clock.lap()
        await supervisor.start(server_part(installation, port))
        await supervisor.until_ready([NATS], _PATIENCE)
        await _answers(installation)
        loaded = clock.lap()
        tell("services")
        mongo = await start_database(supervisor, installation, WATCHED)
        ready = {}
        for name, http_port in zip(WATCHED, http, strict=True):
            clock.lap()
            await supervisor.start(service_part(installation, name, mongo, http_port))
            await supervisor.until_ready([name], _PATIENCE)
            ready[name] = clock.lap()
        tell("one more")
        clock.lap()
        seed = await _add(directory)
        added = clock.lap()
        served = await _until_served(installation, NEWCOMER, seed)
        for id in (agency.id for agency in tenants.of_kind("agency")[:: max(1, count // 10)]):
            await _until_served(installation, id, seeds[id])
        clock.lap()
        await installation.admit(installation.district().tenants)
        reloaded = clock.lap()
        look = await _look(installation)
        tell("idle")
        pids = {name: supervisor.pids[name] for name in (NATS, *WATCHED)}
        before = {name: _cpu(pid) for name, pid in pids.items()}
        await asyncio.sleep(idle)
        cpu = {name: (_cpu(pid) - before[name]) / (idle or 1) * 100 for name, pid in pids.items()}
        memory = {name: _memory(pid) for name, pid in pids.items()}
    return Figures(
        tenants=len(tenants.tenants),
        streams=len(wanted.streams),
        consumers=len(wanted.consumers),
        saved=saved,
        read=read,
        generated=generated,
        config_kb=config.stat().st_size / 1024,
        first_start=first_start,
        created=created,
        checked=checked,
        loaded=loaded,
        ready=ready,
        added=added,
        reloaded=reloaded,
        served=served,
        look=look,
        cpu=cpu,
        memory=memory,
    )


def table(figures: Figures) -> Table:
    """For people."""
    shown = Table(
        title=f"租户 {figures.tenants} tenants: {figures.streams} streams, {figures.consumers} consumers"
    )
    shown.add_column("what")
    shown.add_column("figure", justify="right")
    for what, seconds in (
        ("registry written", figures.saved),
        ("registry read", figures.read),
        (f"configuration generated ({figures.config_kb:.0f} KB)", figures.generated),
        ("server started, nothing in it yet", figures.first_start),
        ("streams and consumers created", figures.created),
        ("the same, nothing left to do", figures.checked),
        ("server started again, all of it loaded", figures.loaded),
        *((f"{name} started", seconds) for name, seconds in figures.ready.items()),
        ("`nuanliu tenant add`: one more", figures.added),
        ("of this: configuration generated, server reloaded", figures.reloaded),
        (f"until the newcomer has an answer (at most {SERVED_WITHIN:.0f})", figures.served),
        ("one look of metrics at every backlog", figures.look),
    ):
        shown.add_row(what, f"{seconds:.2f} s")
    for name, share in figures.cpu.items():
        shown.add_row(f"idle, {name}", f"{share:.1f} % CPU, {figures.memory[name]:.0f} MB")
    return shown


async def _add(directory: Path) -> str:
    """One more property company, as an operator adds it; gives its seed."""
    described = ("--kind", "agency", "--agency-kind", "property", "--name-zh", "新物业", "--name-en", "New")
    process = await asyncio.create_subprocess_exec(
        program("nuanliu"),
        "tenant",
        "add",
        NEWCOMER,
        *described,
        "--dir",
        str(directory),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    if process.returncode:
        raise RuntimeError(error.decode())
    return out.decode().strip()


async def _until_served(installation: Installation, id: str, seed: str) -> float:
    """Says something that will be refused; seconds until the refusal is there."""
    began = time.monotonic()
    client = await _enter(installation, id, seed)
    try:
        await client.jetstream().publish(f"response.{id}.accepted.v1", b"{", headers={"ce-id": "first"})
        orders = await client.jetstream().pull_subscribe_bind(
            consumer=id, stream="DISPATCH", inbox_prefix=f"_INBOX.{id}.".encode()
        )
        await orders.fetch(1, timeout=_PATIENCE)
    finally:
        await client.close()
    return time.monotonic() - began


async def _enter(installation: Installation, id: str, seed: str) -> Client:
    """A tenant's connection; once more when we were late with our handshake and the server spoke first."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return await nats.connect(
                installation.shape.nats_url,
                nkeys_seed_str=seed,
                inbox_prefix=f"_INBOX.{id}".encode(),
                allow_reconnect=False,
                **over_tls(installation.ca),
            )
        except ssl.SSLError:
            if time.monotonic() > deadline:
                raise


async def _answers(installation: Installation) -> None:
    """Returns when the server speaks of its streams."""
    client = await installation.connect()
    try:
        await client.request("$JS.API.STREAM.NAMES", b"", timeout=_PATIENCE)
    finally:
        await client.close()


async def _look(installation: Installation) -> float:
    client: Client = await installation.connect()
    try:
        clock = _Clock()
        await backlog(client, installation.district())
        return clock.lap()
    finally:
        await client.close()


class _Clock:
    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        """Seconds since it was asked last."""
        before, self._at = self._at, time.monotonic()
        return self._at - before


def _timed(step: Callable[[], object]) -> float:
    clock = _Clock()
    step()
    return clock.lap()


@asynccontextmanager
async def _supervised() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        await supervisor.kill_all()


def _key(seed: str) -> Key:
    return Key(public=public_key(seed), since=now())


def _cpu(pid: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> int:
    """Exit status 1 when the newcomer waited too long."""
    console = Console()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with tempfile.TemporaryDirectory(prefix="nuanliu-tenants-") as directory, console.status("") as status:
        figures = asyncio.run(measure(Path(directory), count, status.update))
    console.print(table(figures))
    result = Path("var/tenants.json")
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps(asdict(figures), indent=1) + "\n")
    return 0 if figures.as_promised else 1


if __name__ == "__main__":
    sys.exit(main())
