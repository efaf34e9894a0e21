"""Each service alone: how many messages a second it settles.

All five are started, stopped where they stand (SIGSTOP) and let go one after the other: each works off what
the others have left for it while nobody else runs but the engines.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from typing import Any

from nats.aio.client import Client

from deploy.local.up import LocalStack
from deploy.replay.stillness import Stillness
from shared.contracts.streams import SERVICES
from tests.bench.lives import CHANNELS
from tests.bench.outsiders import Outsiders

EVERY = 0.01


async def run(stack: LocalStack, admin: Client, bodies: list[dict[str, Any]]) -> dict[str, float]:
    """Messages per second of each service over whole lives, worked off stage by stage."""
    settled: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    _signal(stack, signal.SIGSTOP, SERVICES)
    try:
        async with Outsiders(stack.endpoints) as outside:
            await outside.submit_all(CHANNELS, bodies)
            while len(outside.closed) < len(bodies):
                for service in SERVICES:
                    left = await _pending(admin, service)
                    if not left:
                        continue
                    begin = time.perf_counter()
                    _signal(stack, signal.SIGCONT, (service,))
                    done = left
                    while now := await _pending(admin, service):
                        done += max(0, now - left)
                        left = now
                        await asyncio.sleep(EVERY)
                    seconds[service] += time.perf_counter() - begin
                    settled[service] += done
                    _signal(stack, signal.SIGSTOP, (service,))
                    await _outsiders_idle(admin)
            _signal(stack, signal.SIGCONT, SERVICES)
            await Stillness(admin).reached()
    finally:
        _signal(stack, signal.SIGCONT, SERVICES)
    return {service: settled[service] / seconds[service] for service in SERVICES}


def _signal(stack: LocalStack, signum: signal.Signals, services: tuple[str, ...]) -> None:
    for service in services:
        os.kill(stack.endpoints["pids"][service], signum)


async def _pending(admin: Client, service: str) -> int:
    """How many messages a service has still to settle, over all its consumers."""
    names = json.loads((await admin.request("$JS.API.STREAM.NAMES", b"{}", timeout=10)).data)["streams"]
    answers = await asyncio.gather(
        *(admin.request(f"$JS.API.CONSUMER.INFO.{name}.{service}", b"", timeout=10) for name in names)
    )
    found = [json.loads(answer.data) for answer in answers]
    return sum(info["num_pending"] + info["num_ack_pending"] for info in found if "error" not in info)


async def _outsiders_idle(admin: Client) -> None:
    """Waits until agencies, teams and channels have nothing to answer any more."""
    quiet = 0
    while quiet < 2:
        busy = 0
        for stream in ("DISPATCH", "REVISIT", "NOTICE"):
            for consumer in await admin.jetstream().consumers_info(stream):
                busy += (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
        quiet = 0 if busy else quiet + 1
        await asyncio.sleep(EVERY)
