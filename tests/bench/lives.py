"""Whole lives: from "the radiators are cold" to the notice that the case is closed, through five processes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nats.aio.client import Client
from pymongo import AsyncMongoClient

from deploy.local.up import LocalStack
from deploy.replay.stillness import Stillness
from shared.contracts.streams import SERVICES
from tests.bench.outsiders import Outsiders

COLLECTIONS = {service: import_module(f"services.{service}.store").COLLECTIONS for service in SERVICES}
INGRESS_BYTES = 400
"""About what an outsider's message takes; its queue is empty again by the time it is counted."""
CHANNELS = ("hotline-12345", "zhengzhou-app", "wechat-grid", "qr-door")


@dataclass(frozen=True)
class Written:
    """What stands in the databases and streams: documents and writes per (database, collection), messages per stream.

    A document's version counts its writes. ``messages``: how many a stream ever held, and their mean size in bytes.
    """

    documents: dict[tuple[str, str], int]
    writes: dict[tuple[str, str], int]
    messages: dict[str, tuple[int, int]]

    @property
    def total_writes(self) -> int:
        return sum(self.writes.values())


async def run(stack: LocalStack, admin: Client, bodies: list[dict[str, Any]]) -> float:
    """Seconds from the first report to the last closing notice; leaves nothing unfinished."""
    async with Outsiders(stack.endpoints) as outside:
        start = time.perf_counter()
        await outside.submit_all(CHANNELS, bodies)
        while len(outside.closed) < len(bodies):
            outside.changed.clear()
            await asyncio.wait_for(outside.changed.wait(), 120)
        seconds = time.perf_counter() - start
        await Stillness(admin).reached()
        return seconds


async def written(stack: LocalStack, admin: Client) -> Written:
    """Counts what stands there; everything must be still."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.mongo())
    documents: dict[tuple[str, str], int] = {}
    writes: dict[tuple[str, str], int] = {}
    for service in SERVICES:
        for collection in COLLECTIONS[service]:
            versions = [d["version"] async for d in client[service][collection.name].find({}, {"version": 1})]
            documents[service, collection.name] = len(versions)
            writes[service, collection.name] = sum(versions)
    await client.close()
    messages: dict[str, tuple[int, int]] = {}
    for stream in await admin.jetstream().streams_info():
        assert stream.config.name is not None
        size = stream.state.bytes // max(1, stream.state.messages)
        messages[stream.config.name] = stream.state.last_seq, size or INGRESS_BYTES
    return Written(documents, writes, messages)


def difference(after: Written, before: Written) -> Written:
    """What one run added."""
    return Written(
        {key: count - before.documents[key] for key, count in after.documents.items()},
        {key: count - before.writes[key] for key, count in after.writes.items()},
        {key: (count - before.messages[key][0], size) for key, (count, size) in after.messages.items()},
    )
