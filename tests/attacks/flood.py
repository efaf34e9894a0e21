"""One tenant floods its own subject over as many connections as it may have: what the others notice, at NATS itself and
through the response service.

Throughput is measured in slices, quiet and loud by turns, so that whatever else the machine does falls on both; the
ratio is that of the medians.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from operator import le
from typing import Any

import nats.errors
from nats.aio.client import Client

from tests.attacks.wire import Door
from tests.support.live import until

SLICES = 5
LEAST = 0.8
FELT = 1_000
"""Messages of a flood that have come in before anything is measured beside it."""

PATIENCE = 300.0
"""Seconds."""

_ENDLESS = 10_000_000


@dataclass(frozen=True)
class Ratio:
    """``quiet``, ``loud``: what the others get done per second, slice by slice. ``said``: what the flooder said, part
    of it to its own buffers. Not ``guarded``: past the door, to show what it is for."""

    what: str
    quiet: tuple[float, ...]
    loud: tuple[float, ...]
    said: int
    guarded: bool = True

    @property
    def value(self) -> float:
        return statistics.median(self.loud) / statistics.median(self.quiet)

    @property
    def enough(self) -> bool:
        return not self.guarded or self.value >= LEAST


@dataclass(frozen=True)
class Flooder:
    """Who floods, and with what: see `flooder`."""

    door: Door
    tenant: str
    seed: str
    subject: str
    headers: Mapping[str, str]
    bodies: Sequence[str]
    lines: int

    @asynccontextmanager
    async def loud(self, many: int = _ENDLESS) -> AsyncIterator[list[int]]:
        """Floods while the block runs; the list then has how many messages that were."""
        order: dict[str, Any] = {"host": self.door.host, "port": self.door.port, "seed": self.seed}
        order["ca"] = str(self.door.ca)
        order |= {"tenant": self.tenant, "subject": self.subject, "headers": dict(self.headers)}
        order |= {"bodies": list(self.bodies), "many": many, "lines": self.lines}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.attacks.flooder",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        said: list[int] = []
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            yield said
        finally:
            process.stdin.close()
            out, _ = await process.communicate()
            said.append(int(out or 0))


async def compare(
    what: str,
    slice_of_work: Callable[[], Awaitable[float]],
    flooder: Flooder,
    *,
    arrived: Callable[[], Awaitable[int]],
    quiet_again: Callable[[], Awaitable[None]],
    many: int = _ENDLESS,
    slices: int = SLICES,
    guarded: bool = True,
) -> Ratio:
    """``slice_of_work`` gives what the others got done per second; ``arrived`` how much of the flooder has come in
    so far; ``quiet_again`` waits until it is over. The first slice of work beside a flood is not counted: what the
    flooder's own machine does until its buffers are full, and here that machine is the others' too."""
    quiet, loud, said = [], [], 0
    await slice_of_work()
    for _ in range(slices):
        quiet.append(await slice_of_work())
        before = await arrived()
        async with flooder.loud(many) as told:
            await until(arrived, partial(le, before + FELT), PATIENCE)
            await slice_of_work()
            loud.append(await slice_of_work())
        said += told[0]
        await quiet_again()
    return Ratio(what, tuple(quiet), tuple(loud), said, guarded)


async def publishing(clients: Mapping[str, Client], seconds: float) -> float:
    """Everybody publishes on its own subject, each receipt awaited before the next: receipts per second."""
    end = time.monotonic() + seconds
    done = 0

    async def one(agency: str, client: Client) -> None:
        nonlocal done
        while time.monotonic() < end:
            await client.jetstream().publish(f"response.{agency}.accepted.v1", b"{}", timeout=10)
            done += 1

    await asyncio.gather(*(one(agency, client) for agency, client in clients.items()))
    return done / seconds


async def fetching(admin: Client, clients: Mapping[str, Client], each: int) -> float:
    """Everybody is sent so many orders, takes and acknowledges them: orders per second, the sending not counted."""
    for agency in clients:
        await asyncio.gather(
            *(
                admin.jetstream().publish(f"dispatch.{agency}.assigned.v1", b"{}", timeout=10)
                for _ in range(each)
            )
        )
    began = time.monotonic()

    async def one(agency: str, client: Client) -> None:
        orders = await client.jetstream().pull_subscribe_bind(
            consumer=agency, stream="DISPATCH", inbox_prefix=f"_INBOX.{agency}.".encode()
        )
        left = each
        while left:
            try:
                batch = await orders.fetch(min(left, 20), timeout=5)
            except (nats.errors.TimeoutError, TimeoutError):
                continue
            await asyncio.gather(*(order.ack_sync(timeout=10) for order in batch))
            left -= len(batch)
        await orders.unsubscribe()

    await asyncio.gather(*(one(agency, client) for agency, client in clients.items()))
    return each * len(clients) / (time.monotonic() - began)
