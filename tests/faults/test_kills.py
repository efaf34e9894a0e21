"""Nothing lost, nothing done twice, whatever dies and when (DESIGN 3): two replays of a season, one of them under fire,
end alike (DESIGN 6); with a loop that leaves out a part of the guarantee they do not.

``NUANLIU_KILLS`` sets how many service processes are killed (200).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.replay.season import Season
from shared.contracts.streams import SERVICES
from shared.loop.phases import Phase
from tests.faults.result import differences, lost
from tests.faults.runs import ENGINES, Run, nursery, run

KILLS = int(os.environ.get("NUANLIU_KILLS", "200"))
SEASON, SETTLE_DAYS = Season(days=1, appeals=500), 2
FEW_KILLS = 24
AT_WORK = frozenset(
    (service, phase)
    for service in ("intake", "routing", "response")
    for phase in (Phase.WRITING, Phase.PUBLISHING)
)
"""Where the broken loops have something to lose that the next service waits for."""
SHORT, SHORT_SETTLE_DAYS = Season(days=1, appeals=60), 1
BROKEN = ("ack_first", "no_outbox")
INTACT = "intact"
SHOWN = 30


@dataclass(frozen=True)
class Runs:
    """The season in peace and under fire; a short one in peace, and under fire with each broken loop and the intact."""

    calm: Run
    killed: Run
    short: Run
    broken: dict[str, Run]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """All of them, two or three side by side: who is under fire mostly waits for what the dead had in hand."""
    at = tmp_path_factory.mktemp("replays")
    with tempfile.TemporaryDirectory(prefix="nl") as sockets:  # a socket's path has at most 107 signs
        async with nursery(Path(sockets)) as forked:

            def small(loop: str) -> Coroutine[Any, Any, Run]:
                return run(
                    at / loop,
                    forked,
                    SHORT,
                    SHORT_SETTLE_DAYS,
                    kills=FEW_KILLS,
                    targets=AT_WORK,
                    loop=loop,
                    patience=30,
                )

            async with asyncio.TaskGroup() as side_by_side:  # when one fails, the others end with it
                under_fire = side_by_side.create_task(
                    run(at / "killed", forked, SEASON, SETTLE_DAYS, kills=KILLS, engines=ENGINES)
                )
                calm = await run(at / "calm", forked, SEASON, SETTLE_DAYS)
                short = side_by_side.create_task(run(at / "short", forked, SHORT, SHORT_SETTLE_DAYS))
                broken = {loop: side_by_side.create_task(small(loop)) for loop in (*BROKEN, INTACT)}
    return Runs(
        calm, under_fire.result(), short.result(), {loop: task.result() for loop, task in broken.items()}
    )


async def test_a_replay_under_fire_ends_as_one_in_peace(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, killed = runs.calm, runs.killed

    tally = killed.tally
    with capsys.disabled():
        print(
            f"\n{SEASON.appeals} appeals, {killed.result.messages} events in {killed.seconds:.0f} s under fire,",
            file=sys.stderr,
        )
        print(
            f"beside it {calm.seconds:.0f} s in peace. Kills per service and phase of its loop:\n{tally.table()}",
            file=sys.stderr,
        )
    assert not calm.stuck
    assert not killed.stuck
    assert not calm.result.wrong, calm.result.wrong[:SHOWN]
    assert not killed.result.wrong, killed.result.wrong[:SHOWN]
    assert not (apart := differences(calm.result, killed.result)), "\n".join(apart[:SHOWN])
    assert tally.kills == KILLS
    assert [phase.name for phase in Phase if not tally.of(phase)] == [], "phases that no kill hit"
    assert [service for service in SERVICES if not tally.of_service(service)] == []
    assert {part: times >= 3 for part, times in tally.engines.items()} == {"nats": True, "mongo": True}
    assert tally.overlapping
    assert tally.both


@pytest.mark.parametrize("loop", BROKEN)
async def test_with_a_loop_that_leaves_out_a_part_a_few_kills_lose_something(
    loop: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, broken = runs.short, runs.broken[loop]

    apart = [] if broken.stuck else differences(calm.result, broken.result)
    gone = [] if broken.stuck else lost(calm.result, broken.result)
    end = broken.stuck or f"{len(apart)} differences; beyond mending: {'; '.join(gone[:3]) or 'none'}"
    with capsys.disabled():
        print(f"\n{loop}, {broken.tally.kills} kills, {end}", file=sys.stderr)
    assert not calm.stuck
    assert not calm.result.wrong, calm.result.wrong[:SHOWN]
    assert not lost(calm.result, calm.result)
    assert broken.stuck or apart


async def test_the_same_kills_do_nothing_to_the_loop_as_it_is(runs: Runs) -> None:
    intact = runs.broken[INTACT]

    assert not intact.stuck
    assert not intact.result.wrong, intact.result.wrong[:SHOWN]
    assert not (apart := differences(runs.short.result, intact.result)), "\n".join(apart[:SHOWN])
