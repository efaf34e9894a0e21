"""A walk through a collection, now and then, for what no index finds: documents written under other rules than today's.

It reads and publishes; the loop does the rest (DESIGN 3, rule 6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from shared.loop.bus import NotStored
from shared.loop.decision import Out
from shared.loop.documents import Collection, Stored, Unreachable
from shared.loop.envelope import now
from shared.service import Running

log = structlog.get_logger()

PAGE = 500
EVERY = 24 * 3600.0
AGAIN = 60.0
"""Seconds: between two walks, and after one that an engine ended."""


async def keep_walking(
    running: Running,
    service: str,
    collection: Collection,
    query: Mapping[str, Any],
    look: Callable[[Stored], Iterable[Out]],
) -> None:
    """Walks when a copy of the service begins and once a day from then on; runs until cancelled."""
    while True:
        try:
            await walk(running, service, collection, query, look)
        except (Unreachable, NotStored) as away:
            log.warning("a walk was ended", collection=collection.name, reason=str(away))
            await asyncio.sleep(AGAIN)
        else:
            await asyncio.sleep(EVERY)


async def walk(
    running: Running,
    service: str,
    collection: Collection,
    query: Mapping[str, Any],
    look: Callable[[Stored], Iterable[Out]],
) -> int:
    """Publishes what ``look`` says of every document that the filter lets through; gives how much that was."""
    last, said = "", 0
    while True:
        found = await running.documents.query(
            collection, {"_id": {"$gt": last}, **query}, sort=[("_id", 1)], limit=PAGE
        )
        if not found:
            return said
        last = found[-1].id
        if out := [one for stored in found for one in look(stored)]:
            await running.publish(service, now(), out)
            said += len(out)
