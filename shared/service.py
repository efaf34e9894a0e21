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
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.nats.security import NatsNKey
from prometheus_client import CollectorRegistry, Counter, ProcessCollector

from shared import http
from shared.contracts.asyncapi import catalogue
from shared.contracts.base import Instant, Part
from shared.contracts.streams import OURS, Consumer, Stream, ingress, ingress_consumer
from shared.loop.bus import JetStreamBus
from shared.loop.consume import consume
from shared.loop.decision import Input, Out
from shared.loop.documents import Collection, Unreachable
from shared.loop.envelope import now, outgoing
from shared.loop.guard import check
from shared.loop.handlers import Handlers
from shared.loop.hostile_bytes import harden
from shared.loop.inlet import MOST, Gone, Inlet
from shared.loop.loop import Loop
from shared.loop.mongo import Mongo
from shared.loop.phases import Phases
from shared.policy import Jurisdiction, load
from shared.policy.tenants import Tenant, TenantKind
from shared.settings import Settings

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
    jurisdiction: Jurisdiction
    registry: CollectorRegistry

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

    def consumers(self, jurisdiction: Jurisdiction) -> tuple[Consumer, ...]:
        """All durable consumers it pulls from: our own streams, and the ingress of each of its tenants."""
        return self.handlers.consumers() + tuple(
            ingress_consumer(t.kind, t.id) for t in self._tenants(jurisdiction)
        )

    def streams(self, jurisdiction: Jurisdiction) -> tuple[Stream, ...]:
        """All streams it reads or writes."""
        return OURS + tuple(ingress(t.kind, t.id) for t in self._tenants(jurisdiction))

    def _tenants(self, jurisdiction: Jurisdiction) -> Sequence[Tenant]:
        return jurisdiction.tenants.of_kind(self.tenants) if self.tenants else ()


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
    jurisdiction = load(settings.policy)
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
    bus = JetStreamBus(client, service.name)
    running = Running(settings, documents, bus, broker, jurisdiction, registry)
    consumers = service.consumers(jurisdiction)
    streams = service.streams(jurisdiction)
    await _until_reached(lambda: check(client, streams, consumers))
    await _until_reached(documents.ping)

    inlet = Inlet(client, consumers, f"_INBOX.{service.name}.pull", service.most, service.linger)
    reconnected.append(inlet.pull_again)
    loop = service.loop(
        service.handlers,
        documents,
        bus,
        context=lambda: jurisdiction,
        clock=settings.clock,
        phases=Phases(settings.phase_file),
        report=_report(registry),
    )
    _listen_to_ticks(service, running)
    await app.start()

    async def ready() -> str:
        try:
            await documents.ping()
            await check(client, streams, consumers)
        except (Unreachable, Gone) as wrong:
            return str(wrong)
        return ""

    web = http.create(
        f"nuanliu {service.name}", ready, registry, lambda: catalogue(service.name, service.handlers.events())
    )
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
    consuming = asyncio.create_task(
        consume(loop, inlet, bus, client, lambda: check(client, streams, consumers))
    )
    beside = [
        asyncio.create_task(server.serve()),
        *(asyncio.create_task(work(running)) for work in service.background),
    ]
    if settings.tick == "internal" and service.sweep is not None:
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
        settings.nats_url,
        security=NatsNKey.from_seed(settings.nats_seed.read_text().strip()) if settings.nats_seed else None,
        name=f"nuanliu-{name}",
        inbox_prefix=f"_INBOX.{name}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        reconnected_cb=reconnected,
        pending_size=64 * 1024 * 1024,
        logger=None,
        middlewares=[NatsPrometheusMiddleware(registry=registry, app_name=name)],
    )


def _listen_to_ticks(service: Service, running: Running) -> None:
    """A tick guards no document: FastStream's own subscriber takes it, one copy of the service answers."""
    sweep = service.sweep
    if sweep is None:
        return

    @running.broker.subscriber(f"tick.{service.name}", queue=service.name)
    async def tick(message: Tick) -> dict[str, int]:
        try:
            out = await sweep(running, message.at)
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
