"""Parts of a stack as child processes: started, watched, started again when they die, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEATHS = 5
WINDOW_SECONDS = 60.0
"""So many deaths of one part in so many seconds end the whole."""

RESTART_DELAY = 0.2
_POLL = 0.02
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Part:
    """One process of the stack.

    ``lacks`` asks it what it is still waiting for; None when it is ready. ``grace``: seconds between SIGTERM and
    SIGKILL when the stack ends.
    """

    name: str
    command: list[str]
    log: Path
    lacks: Callable[[], Awaitable[str | None]]
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0


class PartFailed(Exception):
    """A part died for good or did not become ready. ``part`` names it, ``why`` ends with its last words."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part}: {why}")
        self.part = part
        self.why = why


class Process:
    """One life of a part."""

    def __init__(self, part: Part, child: asyncio.subprocess.Process, log_start: int) -> None:
        self.part = part
        self._child = child
        self._log_start = log_start

    @classmethod
    async def start(cls, part: Part) -> Process:
        """Start the part's command; its output goes to its log. The child dies with this process, however it
        dies."""
        part.log.parent.mkdir(parents=True, exist_ok=True)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUANLIU_")}
        parent = os.getpid()
        log = os.open(part.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            log_start = os.lseek(log, 0, os.SEEK_END)
            child = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**inherited, "PYTHONUNBUFFERED": "1", **part.env},
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )
        finally:
            os.close(log)
        return cls(part, child, log_start)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._child.returncode

    async def wait(self) -> int:
        return await self._child.wait()

    async def until_ready(self, seconds: float) -> None:
        """Return when the part answers. PartFailed when it ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while lacking := await self.part.lacks():
            if self.exit_code is not None:
                raise PartFailed(self.part.name, self.last_words())
            if time.monotonic() > deadline:
                raise self.late(seconds, lacking)
            await asyncio.sleep(_POLL)

    async def stop(self) -> None:
        """Ask it to end; after its grace it is made to."""
        if self.exit_code is None:
            self.send(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.wait(), self.part.grace)
            except TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.wait()

    def send(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(signum)

    def last_words(self) -> str:
        """How it ended and the end of its log, for the person who has to find out why."""
        code = self.exit_code or 0
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{how}\n{self.tail()}"

    def late(self, seconds: float, lacking: str) -> PartFailed:
        """The error for a part that lives and does not become ready."""
        return PartFailed(self.part.name, f"not ready after {seconds:.0f} s: {lacking}\n{self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The last lines that this life of the part wrote to its log."""
        try:
            with open(self.part.log, "rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - 16_384))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(it said nothing)"


class Supervisor:
    """Keeps parts alive until it is told to stop or one of them keeps dying.

    ``changed`` is called after every start, with the pids up to date. ``failed`` is done, with a PartFailed,
    when a part has died five times in a minute.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._lives: dict[str, Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._deaths: dict[str, deque[float]] = {}
        self._asked_for: set[int] = set()
        self.restarts: dict[str, int] = {}
        self.failed: asyncio.Future[PartFailed] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> dict[str, int]:
        """Part -> pid of its present life, in the order in which the parts were started."""
        return {name: life.pid for name, life in self._lives.items()}

    def life(self, name: str) -> Process:
        """The present life of a part."""
        return self._lives[name]

    async def start(self, part: Part) -> None:
        """Start a part and keep it alive from now on."""
        self._lives[part.name] = await Process.start(part)
        self._deaths[part.name] = deque()
        self.restarts[part.name] = 0
        self._watchers[part.name] = asyncio.create_task(self._watch(part), name=f"watch {part.name}")
        self._changed()

    async def until_ready(self, names: Iterable[str], seconds: float) -> None:
        """Return when these parts answer. PartFailed when one dies for good or the time is up."""
        deadline = time.monotonic() + seconds
        waiting = list(names)
        while waiting:
            if self.failed.done():
                raise self.failed.result()
            answers = await asyncio.gather(*(self._lives[name].part.lacks() for name in waiting))
            lacking = {name: answer for name, answer in zip(waiting, answers, strict=True) if answer}
            waiting = list(lacking)
            if waiting and time.monotonic() > deadline:
                raise self._lives[waiting[0]].late(seconds, lacking[waiting[0]])
            if waiting:
                await asyncio.sleep(_POLL)

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> int:
        """Kill a part on purpose: it is started again, and the death is not held against it. Returns the old
        pid."""
        life = self._lives[name]
        self._asked_for.add(life.pid)
        life.send(signum)
        return life.pid

    async def until_restarted(self, name: str, old: int, seconds: float = 30.0) -> None:
        """Return when the part lives under another pid than ``old`` and answers."""
        deadline = time.monotonic() + seconds
        while self._lives[name].pid == old:
            if self.failed.done():
                raise self.failed.result()
            if time.monotonic() > deadline:
                raise PartFailed(name, f"not started again within {seconds:g} s")
            await asyncio.sleep(_POLL)
        await self.until_ready([name], deadline - time.monotonic())

    async def stop(self, names: Collection[str] | None = None) -> None:
        """End these parts (all of them by default) side by side and stop watching them."""
        await self._end([name for name in self._lives if names is None or name in names], Process.stop)

    async def kill_all(self) -> None:
        """End everything at once by SIGKILL; for those who need no tidy files."""
        await self._end(list(self._lives), Process.kill)

    async def _end(self, names: list[str], how: Callable[[Process], Awaitable[None]]) -> None:
        watchers = [self._watchers.pop(name) for name in names]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await asyncio.gather(*(how(self._lives[name]) for name in names))
        for name in names:
            del self._lives[name]

    async def _watch(self, part: Part) -> None:
        while True:
            life = self._lives[part.name]
            await life.wait()
            if life.pid in self._asked_for:
                self._asked_for.discard(life.pid)
            elif self._too_often(part.name):
                if not self.failed.done():
                    why = (
                        f"died {DEATHS} times within {WINDOW_SECONDS:g} s, the last time: {life.last_words()}"
                    )
                    self.failed.set_result(PartFailed(part.name, why))
                return
            await asyncio.sleep(RESTART_DELAY)
            self._lives[part.name] = await Process.start(part)
            self.restarts[part.name] += 1
            self._changed()

    def _too_often(self, name: str) -> bool:
        now = time.monotonic()
        deaths = self._deaths[name]
        deaths.append(now)
        while deaths[0] < now - WINDOW_SECONDS:
            deaths.popleft()
        return len(deaths) >= DEATHS


def _die_with(parent: int) -> None:
    """Runs in the child before its program: when the parent goes, even by SIGKILL, so does the child."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
