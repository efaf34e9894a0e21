"""Keeps the loop going: takes batches, waits while an engine is away, finishes what is in hand when told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from nats.aio.client import Client

from shared.loop.bus import Bus, Delivery
from shared.loop.documents import Unreachable
from shared.loop.inlet import Gone, Inlet
from shared.loop.loop import Loop

log = structlog.get_logger()

LONGEST_WAIT = 5.0
LOOK_EVERY = 30.0

Check = Callable[[], Awaitable[None]]
"""Raises Gone when what the loop stands on is missing or altered."""


async def _unchecked() -> None:
    pass


async def consume(
    loop: Loop,
    inlet: Inlet,
    bus: Bus,
    client: Client,
    check: Check = _unchecked,
    certain: Callable[[], Awaitable[None]] = _unchecked,
) -> None:
    """Runs until ``inlet`` is closed; then gives back what was pulled and not begun. Raises Gone.

    ``check`` is asked now and then, and whenever an engine does not answer: a stream that is gone looks like a server
    that is away. ``certain`` returns when the rules are known under which a batch that is there now is decided.
    """
    inlet.start()
    watching = asyncio.create_task(_watch(inlet, check))
    try:
        while messages := await inlet.take():
            await _settle(loop, inlet, [Delivery.of(message) for message in messages], check, certain)
        if watching.done():
            watching.result()
    finally:
        watching.cancel()
        left = [Delivery.of(message) for message in await inlet.stop()]
        with suppress(Unreachable):  # then they come again by themselves, after their ack wait
            if client.is_connected:
                for delivery in left:
                    await bus.nak(delivery, 0.0)


async def _settle(
    loop: Loop,
    inlet: Inlet,
    batch: Sequence[Delivery],
    check: Check,
    certain: Callable[[], Awaitable[None]],
) -> None:
    wait = 0.05
    while True:
        await certain()
        try:
            await loop.settle(batch)
            inlet.resume()
            return
        except Unreachable as error:
            inlet.pause()
            log.warning("engine unreachable, waiting", reason=str(error), in_hand=len(batch))
            await _look(check)
            if await inlet.closed_within(wait):
                log.warning("stopping without an engine; what is in hand comes again", in_hand=len(batch))
                return
            wait = min(2 * wait, LONGEST_WAIT)


async def _watch(inlet: Inlet, check: Check) -> None:
    while not await inlet.closed_within(LOOK_EVERY):
        try:
            await _look(check)
        except Gone:
            inlet.close()
            raise


async def _look(check: Check) -> None:
    try:
        await check()
    except Unreachable as away:
        log.info("cannot be checked", reason=str(away))
