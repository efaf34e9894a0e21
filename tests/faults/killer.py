"""Kills parts of a stack while a replay works: seeded, over its steps, steered to where the loop was not hit yet."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.engines import MONGO, NATS
from deploy.local.up import LocalStack
from shared.contracts.streams import SERVICES
from shared.loop.phases import Phase
from tests.faults.warm import Nursery

VOLLEY = 10
"""So many are killed shortly after one another, so that most die while others are still away."""

FIRST, NEXT = 2.0, 0.2
"""So many seconds the first and each further kill of a volley waits for a wanted phase, and as long again for any but
idle; then whoever is there dies."""

LOOK_EVERY, BACK_EVERY = 0.001, 0.1
BOTH = 0.2
"""How often the second copy of a service is killed right after the first."""

MOST_DOWN = 7
STOP_SECONDS, HELD_SECONDS = 0.5, 120.0

EVERYWHERE = frozenset((service, phase) for service in SERVICES for phase in Phase)


@dataclass
class Tally:
    """``hits``: (service, phase) -> kills; ``overlapping``: kills while another part was still starting again;
    ``both``: kills after which no copy of the service was there."""

    hits: Counter[tuple[str, Phase]] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    overlapping: int = 0
    both: int = 0

    @property
    def kills(self) -> int:
        return sum(self.hits.values())

    def of(self, phase: Phase) -> int:
        return sum(n for (_, at), n in self.hits.items() if at is phase)

    def table(self) -> str:
        """Kills per service and phase of its loop."""
        head = ["", *(phase.name.lower() for phase in Phase), "all"]
        rows = [
            [service, *(str(self.hits[service, phase]) for phase in Phase), str(self.of_service(service))]
            for service in SERVICES
        ]
        rows.append(["all", *(str(self.of(phase)) for phase in Phase), str(self.kills)])
        lines = ["".join(f"{cell:>14}" for cell in row) for row in (head, *rows)]
        beside = ", ".join(f"{part} {times} times" for part, times in sorted(self.engines.items()))
        lines.append(f"beside them {beside or 'no engine'}; {self.overlapping} while another was down, "
                     f"{self.both} left no copy of a service")  # fmt: skip
        return "\n".join(lines)

    def of_service(self, service: str) -> int:
        return sum(n for (of, _), n in self.hits.items() if of == service)


class Killer:
    """Kills service processes ``kills`` times and each engine ``engines`` times within the steps of a replay."""

    def __init__(
        self,
        stack: LocalStack,
        nursery: Nursery,
        kills: int,
        engines: int,
        busy: Sequence[int],
        targets: Set[tuple[str, Phase]] = EVERYWHERE,
        seed: int = 7,
    ) -> None:
        """``busy``: the steps over which they are spread; ``targets``: where in whose loop, as far as possible."""
        self.tally = Tally()
        self._stack = stack
        self._nursery = nursery
        self._kills = kills
        self._targets = targets
        self._draw = random.Random(seed)
        volleys = -(-kills // VOLLEY)
        self._volley_at = {busy[(2 * i + 1) * len(busy) // (2 * volleys)] for i in range(volleys)}
        self._engine_at: dict[int, str] = {}
        for number in range(2 * engines):
            self._engine_at[(2 * number + 1) * kills // (4 * engines)] = NATS if number % 2 else MONGO
        self._allowed = 0
        self._parts = {part: service for service in SERVICES for part in stack.parts_of(service)}
        self._behind: dict[int, int] = {}
        self._marks: dict[str, int] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._killed: set[int] = set()
        self._done = asyncio.Condition()

    async def before(self, step: int) -> None:
        """Begins the volley of this step, when the last one is over. Raises TimeoutError when it never is."""
        if step in self._volley_at:
            async with asyncio.timeout(HELD_SECONDS), self._done:
                await self._done.wait_for(lambda: self.tally.kills >= self._allowed)
                self._allowed = min(self._kills, self._allowed + VOLLEY)
                self._done.notify_all()

    async def work(self) -> None:
        """Returns when all kills are made and everything killed is back."""
        for part in self._parts:
            self._marks[part] = os.open(self._stack.phase_file(part), os.O_RDONLY)
        try:
            engines = sorted(self._engine_at)
            while self.tally.kills < self._kills:
                async with self._done:
                    self._done.notify_all()
                    await self._done.wait_for(lambda: self._allowed > self.tally.kills)
                patience = FIRST
                while self.tally.kills < self._allowed:
                    await self._strike(patience)
                    patience = NEXT
                    if engines and self.tally.kills >= engines[0]:
                        await self._fell(self._engine_at[engines.pop(0)])
            await asyncio.gather(*self._starting.values())
        finally:
            for mark in self._marks.values():
                os.close(mark)

    async def _fell(self, engine: str) -> None:
        await self._room()
        self._note_start(engine, self._stack.kill(engine))
        self.tally.engines[engine] += 1

    async def _strike(self, patience: float) -> None:
        """One kill, or two of the same service."""
        await self._room()
        wanted = self._wanted()
        now = asyncio.get_running_loop().time
        began = now()
        while True:
            waited = (now() - began) / patience
            for part, pid in self._alive():
                if not self._suits(part, wanted, waited) or not _stopped(pid):
                    continue
                if not self._suits(part, wanted, waited):
                    os.kill(pid, signal.SIGCONT)
                    continue
                self._kill(part, pid, self._phase(part))
                if self._draw.random() < BOTH and self.tally.kills < self._allowed:
                    self._kill_sibling(part)
                return
            await asyncio.sleep(LOOK_EVERY)

    def _suits(self, part: str, wanted: Set[tuple[str, Phase]], waited: float) -> bool:
        """First only what is wanted will do, then whoever has something in hand, then anybody."""
        here = self._parts[part], self._phase(part)
        if waited > 1:
            return waited > 2 or (here in self._targets and here[1] is not Phase.IDLE)
        return here in wanted

    def _wanted(self) -> set[tuple[str, Phase]]:
        """The (service, phase) pairs hit least, among the phases that were hit least overall."""
        phases = sorted(
            {phase for _, phase in self._targets},
            key=lambda phase: (self.tally.of(phase), self._draw.random()),
        )[:3]
        pairs = [(service, phase) for service, phase in self._targets if phase in phases]
        fewest = min(self.tally.hits[pair] for pair in pairs)
        return {pair for pair in pairs if self.tally.hits[pair] <= fewest + 1}

    def _alive(self) -> list[tuple[str, int]]:
        alive = [
            (part, pid)
            for part in self._parts
            if (pid := self._process(part)) is not None and pid not in self._killed
        ]
        self._draw.shuffle(alive)
        return alive

    def _process(self, part: str) -> int | None:
        """The pid of the service process behind a part's relay."""
        relay = self._stack.supervisor.pids[part]
        if relay not in self._behind:
            pid = self._nursery.behind(relay)
            if pid is None:
                return None
            self._behind[relay] = pid
        return self._behind[relay]

    def _phase(self, part: str) -> Phase:
        marked = os.pread(self._marks[part], 1, 0)
        return Phase(marked[0]) if marked else Phase.IDLE

    def _kill_sibling(self, part: str) -> None:
        for other, pid in self._alive():
            if other != part and self._parts[other] == self._parts[part] and _stopped(pid):
                self._kill(other, pid, self._phase(other))
                return

    def _kill(self, part: str, pid: int, phase: Phase) -> None:
        if self._starting:
            self.tally.overlapping += 1
        service = self._parts[part]
        if any(self._parts.get(other) == service for other in self._starting if other != part):
            self.tally.both += 1
        os.kill(pid, signal.SIGKILL)
        self._killed.add(pid)
        self.tally.hits[service, phase] += 1
        self._note_start(part, self._stack.kill(part))

    def _note_start(self, part: str, old: int) -> None:
        before = self._starting.get(part)
        if before is not None:
            before.cancel()
        task = asyncio.create_task(self._until_back(part, old), name=f"{part} starts again")
        self._starting[part] = task
        task.add_done_callback(
            lambda done: self._starting.pop(part) if self._starting.get(part) is done else None
        )

    async def _until_back(self, part: str, old: int) -> None:
        """Returns when the part lives again and answers. Raises PartFailed when it died for good."""
        supervisor = self._stack.supervisor
        while supervisor.pids[part] == old or await supervisor.life(part).part.lacks():
            if self._stack.failed.done():
                raise self._stack.failed.result()
            await asyncio.sleep(BACK_EVERY)

    async def _room(self) -> None:
        """Overlapping, but not everything down all the time."""
        while len(self._starting) >= MOST_DOWN:
            await asyncio.wait(list(self._starting.values()), return_when=asyncio.FIRST_COMPLETED)


def _stopped(pid: int) -> bool:
    """Stops a process; false when it is gone, or goes on because it could not be stopped in time."""
    try:
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:  # it stops when it is its turn to run
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                return True
            if state in "ZX":
                return False
            os.sched_yield()
        os.kill(pid, signal.SIGCONT)
    except (ProcessLookupError, FileNotFoundError):
        pass
    return False
