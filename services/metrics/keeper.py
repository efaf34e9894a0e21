"""Keeps the rollups true to the facts: computes marked buckets anew and takes the marks off (see `rollups`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from services.metrics.domain.facts import Fact
from services.metrics.domain.rollups import compute
from services.metrics.store import APPEAL_FACTS, CASE_FACTS, ROLLUPS
from shared.loop.documents import Collection, Stored, Unreachable
from shared.loop.envelope import now
from shared.loop.mongo import Mongo
from shared.policy import Jurisdiction
from shared.service import Running

log = structlog.get_logger()

PAUSE = 1.0
SHARE = 4.0
"""The keeper rests this many times as long as it worked, up to LONGEST_REST: nobody waits for it, and the loop needs
the machine."""

LONGEST_REST = 10.0
"""Seconds: on a machine where the work takes long, /metrics would otherwise stay old the longer for it."""

MOST_FACTS = 200
BITE = 20
"""Marks taken off at a time, and buckets are computed one by one: services that somebody waits for get their turn."""

MOST_ROUNDS = 200
FACTS = (CASE_FACTS, APPEAL_FACTS)


async def keep(running: Running) -> None:
    """Keeps on until cancelled; an engine that is away is waited for."""
    while True:
        began = time.monotonic()
        try:
            await compute_marked(running.documents, running.jurisdiction)
        except Unreachable as error:
            log.warning("rollups wait", reason=str(error))
        await asyncio.sleep(rest(time.monotonic() - began))


def rest(worked: float) -> float:
    """Seconds without work after so many seconds of it."""
    return min(max(PAUSE, SHARE * worked), LONGEST_REST)


async def settle(documents: Mongo, jurisdiction: Jurisdiction) -> None:
    """Computes until no mark is left, so that an answer holds every event applied so far. Raises Unreachable."""
    for _ in range(MOST_ROUNDS):
        if not await compute_marked(documents, jurisdiction):
            return


async def compute_marked(documents: Mongo, jurisdiction: Jurisdiction) -> int:
    """Computes the buckets that up to 200 facts mark; how many facts those were. Raises Unreachable."""
    marked = {
        collection: await documents.query(collection, {"state.dirty": {"$gt": ""}}, limit=MOST_FACTS)
        for collection in FACTS
    }
    names = sorted(
        {name for found in marked.values() for stored in found for name in stored.state.dirty or ()}
    )
    done: set[str] = set()
    for name in names:
        done |= await _compute(documents, jurisdiction, [name])
    for collection, found in marked.items():
        await clear_marks(documents, collection, [s for s in found if done.issuperset(s.state.dirty or ())])
    return sum(len(found) for found in marked.values())


async def clear_marks(documents: Mongo, collection: Collection, found: Sequence[Stored]) -> None:
    """Takes the marks off facts that are still as they were read."""
    for start in range(0, len(found), BITE):
        versions = {stored.id: stored.version for stored in found[start : start + BITE]}
        await documents.unset_if(collection, "state.dirty", versions)


async def _compute(documents: Mongo, jurisdiction: Jurisdiction, names: Sequence[str]) -> set[str]:
    """Writes these buckets; those another copy wrote meanwhile are left out of the answer and come up again."""
    before = await documents.load((ROLLUPS, name) for name in names)
    facts: list[Fact] = []
    for collection in FACTS:
        facts += [s.state for s in await documents.query(collection, {"state.buckets": {"$in": list(names)}})]
    computed = compute(names, facts, jurisdiction.policy.zone, now())
    written = []
    for name, rollup in computed.items():
        stored = before.get((ROLLUPS.name, name))
        written.append(Stored(ROLLUPS, name, stored.version + 1 if stored else 1, rollup))
    lost = await documents.save(written)
    return {name for name in names if (ROLLUPS.name, name) not in lost}
