"""From a report to the agency's own stream, one report at a time on an idle system."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from typing import Any

from nats.aio.client import Client

from deploy.local.up import LocalStack
from deploy.replay.stillness import Stillness
from tests.bench.outsiders import Outsiders

EVERY = 0.15


async def run(stack: LocalStack, admin: Client, bodies: list[dict[str, Any]]) -> list[float]:
    """Milliseconds from before the publish to the arrival at the lead's program, for each."""
    await asyncio.to_thread(_count_what_is_not_yet_counted, f"{stack.http('metrics')}/api/v1/indicators")
    async with Outsiders(stack.endpoints) as outside:
        outside.answering = False
        sent: dict[str, float] = {}
        for number, body in enumerate(bodies):
            body = {**body, "text": f"{body['text']}（{number}）"}
            sent[body["text"]] = time.perf_counter()
            await outside.submit("hotline-12345", body)
            await asyncio.sleep(EVERY)
        while not sent.keys() <= outside.assigned.keys():
            outside.changed.clear()
            await asyncio.wait_for(outside.changed.wait(), 30)
        await Stillness(admin).reached()
        return [(outside.assigned[text] - at) * 1000 for text, at in sent.items()]


def _count_what_is_not_yet_counted(indicators: str) -> None:
    """Metrics is behind after a benchmark; whoever asks it for figures has it catch up."""
    with urllib.request.urlopen(indicators, timeout=120):
        pass
