"""One replay on a stack of its own, disturbed or not, with the loop as it is or with a flaw."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deploy.local.up import LocalStack, StackOptions
from deploy.replay.drive import STEP, replay
from deploy.replay.season import Season
from shared.contracts.streams import SERVICES
from shared.loop.phases import Phase
from tests.faults.killer import EVERYWHERE, Killer, Tally
from tests.faults.result import Result, result
from tests.faults.warm import Nursery
from tests.support.engines import free_port_base

COPIES = 2
ACK_WAIT = timedelta(seconds=2)
ENGINES = 4
"""How often each engine is killed in a disturbed run."""


@dataclass(frozen=True)
class Run:
    """A replay that has ended. ``stuck``: it did not come to rest, in words."""

    result: Result
    tally: Tally
    seconds: float
    stuck: str = ""


@asynccontextmanager
async def nursery(directory: Path) -> AsyncIterator[Nursery]:
    """The process that all service processes of a test are forked from."""
    made = Nursery(str(directory / "nursery"))
    modules = [f"services.{service}.app" for service in SERVICES] + ["tests.support.broken", "uvloop"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.warm", "serve", made.path, *modules,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()


def waking_steps(days: int) -> list[int]:
    """The steps of a replay in which people say and do things: six to ten o'clock."""
    morning, night = timedelta(hours=6), timedelta(hours=22)
    steps = range(1, timedelta(days=days) // STEP + 1)
    return [step for step in steps if morning < STEP * step % timedelta(days=1) <= night]


async def run(
    directory: Path,
    nursery: Nursery,
    season: Season,
    settle_days: int,
    *,
    kills: int = 0,
    engines: int = 0,
    targets: Set[tuple[str, Phase]] = EVERYWHERE,
    loop: str = "",
    patience: float = 120.0,
) -> Run:
    """Replays the season on a fresh stack; ``loop`` names one of tests.support.broken."""

    def command(service: str) -> list[str]:
        if loop:
            return nursery.command("tests.support.broken", loop, f"services.{service}")
        return nursery.command(f"services.{service}")

    options = StackOptions(
        directory,
        free_port_base(),
        copies=COPIES if kills else 1,
        clock="replay",
        tick="external",
        ack_wait=ACK_WAIT,
        service_command=command,
        phase_files=True,
        log_level="WARNING",
    )
    async with LocalStack(options) as stack:
        began = time.monotonic()
        if not kills:
            replayed = await replay(stack, season, settle_days=settle_days)
            return Run(await result(stack, replayed), Tally(), time.monotonic() - began)
        killer = Killer(stack, nursery, kills, engines, waking_steps(season.days + 1), targets)
        killing = asyncio.create_task(killer.work(), name="killer")
        try:
            replayed = await replay(
                stack, season, settle_days=settle_days, before=killer.before, patience=patience
            )
            await killing
        except TimeoutError as stuck:
            why = f"{stuck}; {stack.failed.result()}" if stack.failed.done() else str(stuck)
            return Run(Result(), killer.tally, time.monotonic() - began, why)
        finally:
            killing.cancel()
            await asyncio.wait([killing])
        return Run(await result(stack, replayed), killer.tally, time.monotonic() - began)
