"""Copies of the sample service on real engines, within the test's own process."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import nats
import orjson
from nats.aio.client import Client

from shared.contracts.base import Event
from shared.contracts.streams import Consumer, ingress_consumer
from shared.loop.bus import JetStreamBus
from shared.loop.consume import Check, consume
from shared.loop.hostile_bytes import harden
from shared.loop.inlet import Inlet
from shared.loop.loop import Loop
from shared.loop.mongo import Driver, Mongo
from shared.loop.phases import Phases
from tests.support.messages import binary
from tests.support.sample import AGENCY, COUNTERS, OTHER_AGENCY, SERVICE, Counter, handlers

PATIENCE = 30.0
CONSUMERS: tuple[Consumer, ...] = (
    *handlers.consumers(),
    *(ingress_consumer("agency", agency) for agency in (AGENCY, OTHER_AGENCY)),
)
T = TypeVar("T")


class Reachable(Protocol):
    """Where the engines are, and how the service gets in."""

    @property
    def nats(self) -> str: ...

    def seed(self, service: str) -> Path: ...

    def mongo(self, user: str) -> str: ...


async def until(
    look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], patience: float = PATIENCE
) -> T:
    """Looks again and again until it sees what is wanted; AssertionError with the last sight after ``patience``."""
    deadline = time.monotonic() + patience
    while not wanted(seen := await look()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        await asyncio.sleep(0.02)
    return seen


@dataclass
class LiveCopy:
    """One running copy of the service."""

    client: Client
    documents: Mongo
    bus: JetStreamBus
    inlet: Inlet
    loop: Loop
    task: asyncio.Task[None]
    outcomes: Tally[str] = field(default_factory=Tally)

    async def stop(self) -> None:
        """As SIGTERM does: no new batch, the one in hand to its end, the rest given back."""
        self.inlet.close()
        await self.task

    async def total(self, id: str) -> int:
        state = await self.counter(id)
        return state.total if state else 0

    async def counter(self, id: str) -> Counter | None:
        found = await self.documents.load([(COUNTERS, id)])
        return found[COUNTERS.name, id].state if found else None


async def connect_service(engines: Reachable, reconnected: list[Callable[[], None]] | None = None) -> Client:
    """A connection as a service makes it."""

    async def tell() -> None:
        for then in reconnected or ():
            then()

    async def quiet(_error: Exception) -> None:
        pass

    client = await nats.connect(
        engines.nats,
        nkeys_seed_str=engines.seed(SERVICE).read_text().strip(),
        inbox_prefix=f"_INBOX.{SERVICE}".encode(),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        pending_size=64 * 1024 * 1024,
        reconnected_cb=tell,
        error_cb=quiet,
    )
    harden(client)
    return client


@asynccontextmanager
async def copy(
    engines: Reachable,
    make: type[Loop] = Loop,
    driver: Driver = "motor",
    consumers: tuple[Consumer, ...] = CONSUMERS,
    check: Callable[[Client], Check] | None = None,
    phases: Phases | None = None,
    certain: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[LiveCopy]:
    """A running copy, stopped in good order at the end if it still runs."""
    reconnected: list[Callable[[], None]] = []
    client = await connect_service(engines, reconnected)
    documents = Mongo(engines.mongo(SERVICE), SERVICE, driver)
    bus = JetStreamBus(client, SERVICE)
    inlet = Inlet(client, consumers, f"_INBOX.{SERVICE}.pull")
    reconnected.append(inlet.pull_again)
    outcomes: Tally[str] = Tally()

    def report(_stream: str, outcome: str, count: int) -> None:
        outcomes[outcome] += count

    loop = make(handlers, documents, bus, phases=phases, report=report)
    looks = ({"check": check(client)} if check else {}) | ({"certain": certain} if certain else {})
    task = asyncio.create_task(consume(loop, inlet, bus, client, **looks))
    running = LiveCopy(client, documents, bus, inlet, loop, task, outcomes)
    try:
        yield running
    finally:
        inlet.close()
        await asyncio.wait([task], timeout=PATIENCE)
        await client.close()
        await documents.close()


async def publish(admin: Client, event: Event, id: str = "", **headers: str) -> str:
    """An event of another service, as its loop publishes it; gives its id."""
    id = id or str(uuid4())
    time = datetime.now(UTC).isoformat()
    await admin.jetstream().publish(
        event.subject(),
        event.model_dump_json().encode(),
        headers=binary(event.type, id, time=time) | {"Nats-Msg-Id": id} | headers,
    )
    return id


async def messages(admin: Client, stream: str, subject: str = ">") -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of everything a stream holds under a subject."""
    js = admin.jetstream()
    name = f"look-{uuid4().hex}"
    create = {
        "stream_name": stream,
        "config": {
            "name": name,
            "ack_policy": "none",
            "filter_subject": subject,
            "mem_storage": True,
            "inactive_threshold": 600 * 10**9,  # a slow machine may take long between two of our requests
        },
    }
    answer = orjson.loads(
        (
            await admin.request(f"$JS.API.CONSUMER.CREATE.{stream}.{name}", orjson.dumps(create), timeout=10)
        ).data
    )
    assert "error" not in answer, answer
    pending = answer["num_pending"]
    found = []
    if pending:
        subscription = await admin.subscribe(inbox := admin.new_inbox())
        request = {"batch": pending, "expires": 120 * 10**9}
        await admin.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", json.dumps(request).encode(), reply=inbox
        )
        for _ in range(pending):
            message = await subscription.next_msg(30)
            found.append((message.headers or {}, message.data))
        await subscription.unsubscribe()
    await js.delete_consumer(stream, name)
    return found


async def repeated_ids(admin: Client) -> dict[str, int]:
    """Every ce-id that is in one of the streams the sample writes more than once."""
    found: Tally[str] = Tally()
    for stream in ("INNER", "ASSIGNMENT", "DISPATCH"):
        found.update(f"{stream} {headers.get('ce-id')}" for headers, _ in await messages(admin, stream))
    return {id: times for id, times in found.items() if times > 1}


async def standing(client: Client, stream: str, consumer: str = SERVICE) -> dict[str, Any]:
    """What the server says of a consumer."""
    answer: dict[str, Any] = orjson.loads(
        (await client.request(f"$JS.API.CONSUMER.INFO.{stream}.{consumer}", b"", timeout=10)).data
    )
    return answer


async def settled(client: Client, *streams: str) -> None:
    """Waits until a service has acknowledged everything that is for it on these streams."""
    for stream in streams or ("INNER", f"RESPONSE_{AGENCY}", f"RESPONSE_{OTHER_AGENCY}"):
        await until(
            lambda stream=stream: standing(client, stream),  # type: ignore[misc]
            lambda info: info["num_pending"] == 0 and info["num_ack_pending"] == 0,
        )
