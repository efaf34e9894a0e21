"""Starts the outsiders' programs and gives them the time; knows nothing of what they do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

KINDS = ("channel", "desk", "agency", "team")
LONGEST_LINE = 2**26


class Outside:
    """The programs of all channels, agencies and field teams, one process per kind, one connection per tenant; and one
    of the centre's desk."""

    def __init__(self, endpoints: Path, script: Path, start: datetime, days: int, log: Path) -> None:
        self._arguments = [str(endpoints), str(script), start.isoformat(), str(days)]
        self._log = log
        self._programs: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Outside:
        for kind in KINDS:
            with (self._log / f"outside-{kind}.log").open("wb") as log:
                self._programs[kind] = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "deploy.replay.outsiders",
                    kind,
                    *self._arguments,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    limit=LONGEST_LINE,
                )
        for kind in KINDS:
            await self._answer(kind)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs.values():
            if program.returncode is None:
                assert program.stdin is not None
                program.stdin.close()
        for program in self._programs.values():
            try:
                await asyncio.wait_for(program.wait(), 5)
            except TimeoutError:
                program.kill()
                await program.wait()

    async def tell(self, kinds: Sequence[str], now: datetime) -> int:
        """Tells them what time it is; gives how many messages they sent."""
        for kind in kinds:
            self._say(kind, now.isoformat())
        answers = [await self._answer(kind) for kind in kinds]
        return sum(answer["published"] for answer in answers)

    async def diaries(self) -> dict[str, dict[str, Any]]:
        """What each tenant sent and saw."""
        seen: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            self._say(kind, "report")
            seen |= {name: {"kind": kind, **diary} for name, diary in (await self._answer(kind)).items()}
        return seen

    def _say(self, kind: str, line: str) -> None:
        stdin = self._programs[kind].stdin
        assert stdin is not None
        stdin.write(line.encode() + b"\n")

    async def _answer(self, kind: str) -> dict[str, Any]:
        stdout = self._programs[kind].stdout
        assert stdout is not None
        line = await stdout.readline()
        if not line:
            raise RuntimeError(f"the {kind} programs ended; see {self._log}/outside-{kind}.log")
        answer: dict[str, Any] = json.loads(line)
        return answer
