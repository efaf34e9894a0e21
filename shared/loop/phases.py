"""Where the loop stands, for the fault tests that kill it there: one byte in a file, written only when asked for."""

from __future__ import annotations

import mmap
from enum import IntEnum
from pathlib import Path


class Phase(IntEnum):
    """The steps of a batch, in order (DESIGN 3)."""

    IDLE = 0
    LOADING = 1
    DECIDING = 2
    REPUBLISHING = 3
    WRITING = 4
    PUBLISHING = 5
    ACKING = 6


class Phases:
    """Marks phases in ``path``; without a path it does nothing."""

    def __init__(self, path: Path | None = None) -> None:
        self._map: mmap.mmap | None = None
        if path is not None:
            path.write_bytes(b"\0")
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), 1)

    def enter(self, phase: Phase) -> None:
        if self._map is not None:
            self._map[0] = phase
