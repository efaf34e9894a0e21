"""An agency's program: it takes its orders, says something about each, and acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client

from tests.attacks.wire import Door

PATIENCE = 30.0
"""Seconds for an answer, on a machine that does much else."""


@dataclass
class Agency:
    """One agency's records, whichever key its program runs with. ``got``: order id -> how often it came; ``done``:
    acknowledged; ``said``: its own ids that have a receipt."""

    id: str
    got: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    broken: int = 0


@dataclass
class Session:
    """One run of an agency's program with one key. ``hold``: so many orders it never acknowledges."""

    agency: Agency
    client: Client
    hold: int
    held: set[str] = field(default_factory=set)
    work: asyncio.Task[None] | None = None

    @classmethod
    async def begin(cls, door: Door, agency: Agency, seed: str, hold: int = 0) -> Session:
        async def lost() -> None:
            agency.broken += 1

        client = await enter(door, agency.id, seed, disconnected_cb=lost)
        session = cls(agency, client, hold)
        session.work = asyncio.create_task(session._work())
        return session

    async def _work(self) -> None:
        agency = self.agency
        orders = await self.client.jetstream().pull_subscribe_bind(
            consumer=agency.id, stream="DISPATCH", inbox_prefix=f"_INBOX.{agency.id}.".encode()
        )
        with contextlib.suppress(nats.errors.ConnectionClosedError):
            while not self.client.is_closed:
                try:
                    batch = await orders.fetch(10, timeout=0.5)
                except TimeoutError:
                    continue
                except (
                    nats.js.errors.ServiceUnavailableError
                ):  # while the server reads its configuration again
                    await asyncio.sleep(0.1)
                    continue
                for order in batch:
                    id = (order.headers or {})["ce-id"]
                    agency.got[id] += 1
                    if len(self.held) < self.hold:
                        self.held.add(id)
                        continue
                    await self._say(f"about-{id}")
                    agency.said.add(f"about-{id}")
                    await again(partial(order.ack_sync, timeout=PATIENCE))
                    agency.done.add(id)

    async def _say(self, id: str) -> None:
        """Until there is a receipt, as partners are told to."""
        subject = f"response.{self.agency.id}.accepted.v1"
        js, headers = self.client.jetstream(), {"ce-id": id}
        await again(lambda: js.publish(subject, b"{}", timeout=PATIENCE, headers=headers))

    async def end(self) -> None:
        """Of its own accord. The line is closed before the work is waited for: Python 3.11's wait_for forgets a
        cancelling that comes together with an answer, and then only a closed line ends it."""
        if self.work is not None:
            self.work.cancel()
        await self.client.close()
        if self.work is not None:
            await asyncio.gather(self.work, return_exceptions=True)


async def again(ask: Callable[[], Awaitable[object]]) -> None:
    """Until it is answered: for a moment, while the server reads its configuration again, nobody is there to do so."""
    while True:
        try:
            await ask()
            return
        except (nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
            await asyncio.sleep(0.1)


async def enter(door: Door, name: str, seed: str, **options: Any) -> Client:
    async def quiet(_: Exception) -> None: ...

    return await nats.connect(
        door.url,
        nkeys_seed_str=seed,
        inbox_prefix=f"_INBOX.{name}".encode(),
        allow_reconnect=False,
        error_cb=quiet,
        **door.options,
        **options,
    )
