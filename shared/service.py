"""The skeleton of a service process: FastStream's broker, the consumer loop, ticks, HTTP; one for all five."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.nats.security import NatsNKey, NatsSecurity
from prometheus_client import CollectorRegistry, Counter, ProcessCollector

from shared import http
from shared.catalogue.sheets import Sheets
from shared.contracts.base import Instant, Part
from shared.following import Following
from shared.loop.bus import JetStreamBus
from shared.loop.consume import consume
from shared.loop.decision import Input, Out
from shared.loop.documents import Collection, Unreachable
from shared.loop.door import Limits
from shared.loop.doors import due
from shared.loop.envelope import now, outgoing
from shared.loop.handlers import Handlers
from shared.loop.hostile_bytes import harden
from shared.loop.inlet import MOST, Gone, Inlet
from shared.loop.loop import Loop
from shared.loop.mongo import Mongo
from shared.loop.phases import Phases
from shared.policy import Jurisdiction, Live
from shared.policy.tenants import Tenant, TenantKind
from shared.receipts import Receipts
from shared.settings import Settings
from shared.trust import trusting

log = structlog.get_logger()

ENDING_SECONDS = 5.0
"""So long a web client that hangs on, or work beside the loop that does not hear, keeps a service from ending."""


class Tick(Part):
    """What time it is, for a sweep."""

    at: Instant


@dataclass(frozen=True)
class Running:
    """What a service's sweep, background work and HTTP front may use."""

    settings: Settings
    documents: Mongo
    bus: JetStreamBus
    broker: NatsBroker
    live: Live
    registry: CollectorRegistry

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The district as it is now: tenants come and go while a service runs, and its rules change."""
        return self.live.now

    @cached_property
    def receipts(self) -> Receipts:
        """Whose a file is that was handed in here."""
        return Receipts.of(self.settings.nats_seed, self.settings.http_tokens)

    async def publish(self, service: str, at: datetime, out: Sequence[Out]) -> None:
        """Publishes durably what has no redelivery behind it (DESIGN 3, rule 6): every ``Out`` carries its own id."""
        cause = Input("sweep", at)
        await self.bus.publish([outgoing(o, service, cause, i) for i, o in enumerate(out)])


Sweep = Callable[[Running, datetime], Awaitable[Sequence[Out]]]
Background = Callable[[Running], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Service:
    """A service as its app.py composes it. ``sweep`` finds what is due; it reads and publishes, nothing else."""

    name: str
    handlers: Handlers
    collections: tuple[Collection, ...]
    tenants: TenantKind | None = None
    sweep: Sweep | None = None
    routes: Callable[[FastAPI, Running], None] | None = None
    background: tuple[Background, ...] = ()
    most: int = MOST
    linger: float = 0.0
    loop: type[Loop] = field(default=Loop)

    @property
    def sweeps(self) -> bool:
        """Whether a tick finds anything to do: deadlines of its own, or the doors of its tenants."""
        return self.sweep is not None or self.handlers.door_due is not None


class _Server(uvicorn.Server):
    """Signals are the service's, not the web server's: the batch in hand is finished first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(service: Service) -> None:
    """Runs a service process until SIGTERM or SIGINT; exits 1 with a message when it cannot go on."""
    settings = Settings()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    try:
        import uvloop

        uvloop.run(_main(service, settings))
    except Gone as gone:
        log.error("stopping", service=service.name, reason=str(gone))
        sys.exit(1)


async def _main(service: Service, settings: Settings) -> None:
    live = Live(settings.policy, settings.registry)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    reconnected: list[Callable[[], None]] = []

    async def tell_reconnected() -> None:
        for then in reconnected:
            then()

    broker = _broker(service.name, settings, registry, tell_reconnected)
    documents = Mongo(settings.mongo_url, settings.mongo_database or service.name, settings.database_driver)
    app = FastStream(broker, logger=None)
    await _until_reached(broker.connect)
    client = broker.connection
    harden(client)
    bus = JetStreamBus(client, service.name, settings.catalogue_url)
    running = Running(settings, documents, bus, broker, live, registry)
    following = Following(live, client, service.handlers.consumers(), service.tenants)
    await _until_reached(following.check)
    await _until_reached(documents.ping)

    inlet = Inlet(client, following.consumers(), f"_INBOX.{service.name}.pull", service.most, service.linger)
    reconnected.append(inlet.pull_again)
    loop = service.loop(
        service.handlers,
        documents,
        bus,
        context=live.at,
        clock=settings.clock,
        phases=Phases(settings.phase_file),
        report=_report(registry),
        limits=lambda tenant: _limits(live.now.tenants.get(tenant)),
        vet=running.receipts.wrong,
    )
    _listen_to_ticks(service, running)
    await app.start()

    async def ready() -> str:
        try:
            await documents.ping()
            await following.check_own()
        except (Unreachable, Gone) as wrong:
            return str(wrong)
        return ""

    sheets = Sheets(service.name, service.handlers.events(), settings.catalogue_url)
    web = http.create(f"nuanliu {service.name}", ready, registry, sheets)
    if service.routes is not None:
        service.routes(web, running)
    server = _Server(
        uvicorn.Config(
            web, settings.http_host, settings.http_port, log_config=None, access_log=False, lifespan="off"
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, inlet.close)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, inlet.close)
    _collect_rarely()
    consuming = asyncio.create_task(consume(loop, inlet, bus, client, following.check, following.certain))
    beside = [
        asyncio.create_task(server.serve()),
        asyncio.create_task(following.keep(inlet.follow)),
        *(asyncio.create_task(work(running)) for work in service.background),
    ]
    if settings.tick == "internal" and service.sweeps:
        beside.append(asyncio.create_task(_tick(service.name, broker, settings.tick_seconds)))
    try:
        done, _ = await asyncio.wait([consuming, *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        inlet.close()
        await consuming
    finally:
        server.should_exit = True
        for task in beside[1:]:
            task.cancel()
        await asyncio.wait(beside, timeout=ENDING_SECONDS)
        await app.stop()
        await documents.close()


def _broker(
    name: str, settings: Settings, registry: CollectorRegistry, reconnected: Callable[[], Awaitable[None]]
) -> NatsBroker:
    return NatsBroker(
        settings.nats_url.split(","),
        security=_security(settings),
        name=f"nuanliu-{name}",
        inbox_prefix=f"_INBOX.{name}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        reconnected_cb=reconnected,
        pending_size=64 * 1024 * 1024,
        logger=None,
        middlewares=[NatsPrometheusMiddleware(registry=registry, app_name=name)],
    )


def _limits(tenant: Tenant | None) -> Limits:
    """What the registry grants a tenant's refusals."""
    if tenant is None:
        return Limits()
    quota = tenant.quota
    return Limits(quota.refusals_per_hour, quota.refusals_per_matter, quota.refused_bytes_per_hour)


def _security(settings: Settings) -> NatsSecurity:
    """The handshake comes first where TLS is wanted (shared/trust.py)."""
    trust = trusting(settings.nats_ca) if settings.nats_ca else None
    first = trust is not None
    if settings.nats_seed is None:
        return NatsSecurity(ssl_context=trust, tls_handshake_first=first)
    seed = settings.nats_seed.read_text().strip()
    return NatsNKey.from_seed(seed, ssl_context=trust, tls_handshake_first=first)


def _listen_to_ticks(service: Service, running: Running) -> None:
    """A tick guards no document: FastStream's own subscriber takes it, one copy of the service answers."""
    if not service.sweeps:
        return

    @running.broker.subscriber(f"tick.{service.name}", queue=service.name)
    async def tick(message: Tick) -> dict[str, int]:
        try:
            out = list(await service.sweep(running, message.at)) if service.sweep is not None else []
            out += await due(running.documents, service.handlers.door_due, message.at)
            await running.publish(service.name, message.at, out)
        except Exception as error:  # the broker has no logger of its own and would keep it to itself
            log.error("the sweep failed", service=service.name, exc_info=error)
            raise
        return {"published": len(out)}


async def _tick(name: str, broker: NatsBroker, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        with contextlib.suppress(Exception):  # a lost tick is made good by the next
            await broker.publish({"at": now().isoformat()}, f"tick.{name}")


def _collect_rarely() -> None:
    """What is loaded stays, and batches leave hardly a cycle: looking for some as usual took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _until_reached(attempt: Callable[[], Awaitable[Any]]) -> None:
    """Engines may come up after us; a missing stream is a reason to stop, an absent server one to wait."""
    wait = 0.1
    while True:
        try:
            await attempt()
            return
        except Gone:
            raise
        except Exception as error:
            log.warning("waiting for an engine", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(wait)
            wait = min(2 * wait, 2.0)


def _report(registry: CollectorRegistry) -> Callable[[str, str, int], None]:
    messages = Counter(
        "nuanliu_loop_messages", "Messages the loop settled", ["stream", "outcome"], registry=registry
    )
    known: dict[tuple[str, str], Any] = {}

    def report(stream: str, outcome: str, count: int) -> None:
        child = known.get((stream, outcome))
        if child is None:
            child = known[stream, outcome] = messages.labels(stream, outcome)
        child.inc(count)

    return report
