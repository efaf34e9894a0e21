"""A receiver of webhooks that is killed for a while, and one of two copies of response killed in the same while.

    python -m tests.faults.webhook [--down SECONDS] [--cases N]

Prints figures; the exit status is 0 only if everything has arrived, in order per case, and every repeat under its id.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.support.hooks import AGENCY, World, hooked_world
from tests.support.live import until
from tests.support.receiver import LOST, firsts

CIRCUIT = f'nuanliu_webhook_circuit_open{{agency="{AGENCY}"}}'
BEFORE, DURING = 20, 10
"""Messages of each case that are sent before the kill, and while the receiver is away."""


@dataclass(frozen=True)
class Outcome:
    """``told``: seconds from the kill until /metrics said that the circuit is open. ``back``: seconds from the
    receiver's return until everything had arrived. ``repeats``: requests beyond the first of an id."""

    sent: int
    arrived: int
    in_order: bool
    repeats: int
    repeats_marked: bool
    told: float
    back: float

    @property
    def sound(self) -> bool:
        return self.arrived == self.sent and self.in_order and self.repeats_marked


async def outage(world: World, down: float, cases: int, *, kill_a_copy: bool = False) -> Outcome:
    """Lose the receiver's answers and kill it, go on sending, let it come back after ``down`` seconds."""
    await world.hook()
    names = [f"case-{uuid4()}" for _ in range(cases)]
    sending = asyncio.create_task(world.send(names, BEFORE))

    async def begun() -> int:
        return len(await world.receiver.taken())

    await until(begun, lambda number: number > cases)
    world.receiver.answer(all=LOST)

    async def unheard() -> int:
        return max(Counter(one.id for one in await world.receiver.taken()).values())

    await until(unheard, lambda number: number > 1)
    await world.receiver.kill()
    world.receiver.answer()
    killed = time.monotonic()
    sent = await sending
    more = await world.send(names, DURING)
    sent = {case: sent[case] + more[case] for case in names}
    await until(lambda: world.figure(CIRCUIT), lambda value: value == 1, 60)
    told = time.monotonic() - killed
    if kill_a_copy:
        for copy in world.copies:
            if CIRCUIT in (await copy.http.get("/metrics")).text:
                await copy.kill()
                break
    await asyncio.sleep(max(0.0, killed + down - time.monotonic()))
    await world.receiver.start()
    returned = time.monotonic()
    await world.arrived(sent, 120)
    back = time.monotonic() - returned
    taken = await world.receiver.taken()
    times = Counter(one.id for one in taken)
    ids = {id for case in sent.values() for id in case}
    again = {one.id for one in taken if one.attempt > 1}
    return Outcome(
        sent=len(ids),
        arrived=len(ids & times.keys()),
        in_order=firsts(taken) == sent,
        repeats=sum(times.values()) - len(times),
        repeats_marked={id for id, number in times.items() if number > 1} <= again & ids,
        told=told,
        back=back,
    )


async def main(down: float, cases: int) -> int:
    sound = True
    for kill_a_copy in (False, True):
        with tempfile.TemporaryDirectory() as directory:
            async with hooked_world(Path(directory), copies=2, ack_wait=30.0) as world:
                found = await outage(world, down, cases, kill_a_copy=kill_a_copy)
        killed = "receiver and delivering copy killed" if kill_a_copy else "receiver killed"
        print(f"{killed}, receiver away for {down:g} s: {found.sent} messages of {cases} cases sent")
        print(f"  arrived {found.arrived}, in order per case: {found.in_order}, repeats: {found.repeats},")
        print(
            f"  circuit told after {found.told:.1f} s, everything there {found.back:.1f} s after the return"
        )
        sound = sound and found.sound
    return 0 if sound else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.webhook", description=__doc__)
    parser.add_argument("--down", type=float, default=60.0, help="seconds")
    parser.add_argument("--cases", type=int, default=12)
    chosen = parser.parse_args()
    sys.exit(asyncio.run(main(chosen.down, chosen.cases)))
