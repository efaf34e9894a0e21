"""SIGKILL in every phase of the loop, over two copies: nothing is lost or done twice. Broken loops lose."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from shared.loop.bus import JetStreamBus
from shared.loop.decision import Input, Out
from shared.loop.envelope import outgoing
from shared.loop.mongo import Mongo
from shared.loop.phases import Phase
from tests.support.engines import Engines, engines
from tests.support.live import messages, settled
from tests.support.sample import COUNTERS, SERVICE, Added, Counted, Told, handlers

COUNTERS_TOUCHED = 40
PATIENCE = 60
PHASES = [phase for phase in Phase if phase != Phase.IDLE]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("kills")
    handled = {SERVICE: handlers.events()}
    wait = timedelta(seconds=1)
    async with engines(directory, handled=handled, stores={SERVICE: [COUNTERS]}, ack_wait=wait) as started:
        yield started


@asynccontextmanager
async def process(running: Engines, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = os.environ | {
        "NUANLIU_NATS_URL": running.nats,
        "NUANLIU_NATS_SEED": str(running.seed(SERVICE)),
        "NUANLIU_MONGO_URL": running.mongo(SERVICE),
    }
    command = [sys.executable, "-m", "tests.support.worker_process", *words]
    child = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def killed_in(running: Engines, loop: str, phase: Phase) -> None:
    """Lets a copy run until it gets there, where SIGKILL waits for it."""
    async with process(running, loop, phase.name) as child:
        assert await asyncio.wait_for(child.wait(), PATIENCE) == -signal.SIGKILL


async def wrong_after(running: Engines, loop: str, phases: Sequence[tuple[Phase, ...]]) -> list[str]:
    """What is wrong when copies were killed in these phases, some at a time, and two more have settled the rest."""
    admin = await running.connect()
    bus = JetStreamBus(admin, "intake")
    counters = [str(uuid4()) for _ in range(COUNTERS_TOUCHED)]
    for number, pair in enumerate(phases):
        added = [Out(Added(counter=c, tell=1), key=c) for c in counters]
        cause = Input(f"{counters[0]}-{number}", datetime.now(UTC))
        await bus.publish([outgoing(out, "intake", cause, 0) for out in added])
        await asyncio.gather(*(killed_in(running, loop, phase) for phase in pair))
    async with process(running, loop), process(running, loop):
        await settled(admin, "INNER")
    wrong = await _totals(running, counters, len(phases))
    for stream, event in (("INNER", Counted), ("ASSIGNMENT", Told)):
        ids: dict[str, set[str]] = {counter: set() for counter in counters}
        for headers, body in await messages(admin, stream, event.subject()):
            if (counter := json.loads(body)["counter"]) in ids:
                ids[counter].add(headers["ce-id"])
        wrong += [
            f"{event.__name__}: {len(i)} of {len(phases)}" for i in ids.values() if len(i) != len(phases)
        ]
    await admin.close()
    return wrong


async def _totals(running: Engines, counters: Sequence[str], expected: int) -> list[str]:
    documents = Mongo(running.mongo(SERVICE), SERVICE)
    found = await documents.load([(COUNTERS, counter) for counter in counters])
    await documents.close()
    totals = [found[COUNTERS.name, c].state.total if (COUNTERS.name, c) in found else 0 for c in counters]
    return [f"total {total} of {expected}" for total in totals if total != expected]


async def test_killed_in_every_phase_it_loses_nothing_and_does_nothing_twice(running: Engines) -> None:
    assert await wrong_after(running, "whole", [*pairwise(PHASES), (PHASES[-1], PHASES[0])]) == []


@pytest.mark.parametrize("loop", ["ack_first", "no_outbox"])
async def test_a_broken_loop_does_not(running: Engines, loop: str) -> None:
    assert await wrong_after(running, loop, [(Phase.PUBLISHING,)]) != []
