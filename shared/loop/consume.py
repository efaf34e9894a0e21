"""Keeps the loop going: takes batches, waits while an engine is away, finishes what is in hand when told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from nats.aio.client import Client

from shared.loop.bus import Bus, Delivery, NotStored
from shared.loop.documents import Unreachable
from shared.loop.inlet import Inlet
from shared.loop.loop import Loop

log = structlog.get_logger()

MOST = 256
LONGEST_WAIT = 5.0


async def consume(loop: Loop, inlet: Inlet, bus: Bus, client: Client, linger: float = 0.0) -> None:
    """Runs until ``inlet`` is closed; then gives back what was pulled and not begun. Raises Gone.

    ``linger``: seconds to let a batch grow, for a service nobody waits for.
    """
    inlet.start()
    try:
        while messages := await inlet.take(MOST, linger):
            await _settle(loop, inlet, [Delivery.of(message) for message in messages])
    finally:
        left = [Delivery.of(message) for message in await inlet.stop()]
        if client.is_connected:
            for delivery in left:
                await bus.nak(delivery, 0.0)


async def _settle(loop: Loop, inlet: Inlet, batch: Sequence[Delivery]) -> None:
    wait = 0.05
    while True:
        try:
            await loop.settle(batch)
            inlet.resume()
            return
        except (Unreachable, NotStored) as error:
            inlet.pause()
            log.warning("engine unreachable, waiting", reason=str(error), in_hand=len(batch))
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
