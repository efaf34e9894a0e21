"""A copy of the sample service as a process, to be killed: ``python -m tests.support.worker_process LOOP [PHASE]``.

Configured by NUANLIU_NATS_URL, NUANLIU_NATS_SEED and NUANLIU_MONGO_URL. LOOP is `whole` or a broken one; with PHASE it
gets SIGKILL the moment it enters that phase.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from shared.loop.loop import Loop
from shared.loop.phases import Phase, Phases
from shared.settings import Settings
from tests.support.broken import BROKEN
from tests.support.live import copy


@dataclass(frozen=True)
class Reached:
    """The engines as this process knows them."""

    settings: Settings

    @property
    def nats(self) -> str:
        return self.settings.nats_url

    def seed(self, _service: str) -> Path:
        assert self.settings.nats_seed is not None
        return self.settings.nats_seed

    def mongo(self, _service: str) -> str:
        return self.settings.mongo_url


class Doom(Phases):
    """Ends the process where it would go on."""

    def __init__(self, phase: str) -> None:
        super().__init__()
        self._phase = Phase[phase]

    def enter(self, phase: Phase) -> None:
        if phase == self._phase:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(name: str, doom: str = "") -> None:
    reached = Reached(Settings())
    async with copy(reached, BROKEN.get(name, Loop), phases=Doom(doom) if doom else None) as running:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.inlet.close)
        await running.task


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
