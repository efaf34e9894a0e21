"""Waiting for what comes when it comes: looked for again and again, with an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 60.0


async def until_there(attempt: Callable[[], Awaitable[T | None]], patience: float = PATIENCE) -> T:
    """What ``attempt`` gives, as soon as that is something."""
    deadline = time.monotonic() + patience
    while (found := await attempt()) is None:
        assert time.monotonic() < deadline, f"nothing within {patience} s"
        await asyncio.sleep(0.02)
    return found


def until(what: str, holds: Callable[[], T], patience: float = PATIENCE) -> T:
    """What ``holds`` returns, as soon as it is true; waits in between, so not for a running event loop."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
