"""Drives the clock through a season: in every step channels speak, the desk decides, agencies act, teams go back, then
services sweep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client

from deploy.local.engines import connect
from deploy.local.up import LocalStack
from deploy.replay.outside import KINDS, Outside
from deploy.replay.season import Line, Season, lines, read_words, write
from deploy.replay.stillness import Stillness

STEP = timedelta(hours=1)
SWEEPERS = ("intake", "routing", "response", "revisit")
Progress = Callable[[int, int, datetime], None]
"""(step, of how many, the time it is)"""

TICK_SECONDS = 2.0


class Replayed:
    """What a replay leaves behind for the balance: the script and the outsiders' diaries."""

    def __init__(self, script: Sequence[Line], diaries: dict[str, dict[str, Any]], until: datetime) -> None:
        self.script = script
        self.diaries = diaries
        self.until = until


async def replay(
    stack: LocalStack,
    season: Season,
    progress: Progress = lambda _step, _of, _now: None,
    settle_days: int = 2,
    before: Callable[[int], Awaitable[None]] | None = None,
    patience: float = 300.0,
) -> Replayed:
    """Lives through the season on a running stack whose clock is the replay's.

    ``settle_days`` more are lived through without new appeals, so that what was begun can be finished.
    ``before`` is awaited before each step, with its number. Raises TimeoutError when something does not come to rest
    within ``patience`` seconds.
    """
    words = read_words()
    start = datetime.fromisoformat(words["start"])
    script = lines(season, words, stack.jurisdiction)
    path = stack.directory / "season.jsonl"
    write(path, script)
    admin = await connect(
        stack.nats, stack.admin_seed, "admin", max_reconnect_attempts=-1, reconnect_time_wait=0.2
    )
    still = Stillness(admin, unheeded=("metrics",))  # facts take events in any order, at leisure
    steps = int(timedelta(days=season.days + settle_days) / STEP)
    endpoints: Path = stack.directory / "endpoints.json"
    try:
        async with Outside(endpoints, path, start, season.days, stack.directory / "logs") as outside:
            now = start
            for step in range(1, steps + 1):
                now = start + STEP * step
                if before is not None:
                    await before(step)
                for kind in KINDS:
                    while await outside.tell([kind], now):
                        await still.reached(patience)
                if await _sweep(admin, now, patience):
                    await still.reached(patience)
                progress(step, steps, now)
            await Stillness(admin).reached(patience)
            return Replayed(script, await outside.diaries(), now)
    finally:
        await admin.close()


async def _sweep(admin: Client, now: datetime, patience: float) -> bool:
    """Whether anything was due."""
    swept = await asyncio.gather(*(_tick(admin, service, now, patience) for service in SWEEPERS))
    return any(swept)


async def _tick(admin: Client, service: str, now: datetime, patience: float) -> bool:
    """One copy of the service sweeps and says whether anything was due; one that does not answer has perhaps published
    some of it, and another is asked again."""
    body = json.dumps({"at": now.isoformat()}).encode()
    headers = {"content-type": "application/json"}
    deadline = asyncio.get_running_loop().time() + patience
    asked_again = False
    while True:
        try:
            answer = await admin.request(f"tick.{service}", body, timeout=TICK_SECONDS, headers=headers)
            return bool(json.loads(answer.data)["published"]) or asked_again
        except (nats.errors.Error, TimeoutError, ValueError, KeyError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{service} does not sweep: {error!r}") from error
            asked_again = True
            await asyncio.sleep(0.05)
