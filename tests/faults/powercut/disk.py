"""The lossy disk mounted for a test, with the files of both engines on it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from tests.faults.powercut.lossy import POWER, REPORT

_DEVICE = Path("/dev/fuse")
_MOUNT_SECONDS = 10.0


def lacking() -> str | None:
    """Why no file system of our own can be mounted here; None when it can."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"{_DEVICE} is not here, or not for this user: the power cut needs a file system of its own"
    if not (find_library("fuse") or find_library("fuse3")):
        return "libfuse is missing: apt-get install fuse libfuse2"
    return None


@dataclass(frozen=True)
class Disk:
    """A mounted lossy disk."""

    mountpoint: Path

    def cut_power(self) -> str:
        """Forget what nobody asked to keep; nobody may be writing. Returns what that cost, in words."""
        os.setxattr(self.mountpoint, POWER.encode(), b"off")
        return os.getxattr(self.mountpoint, REPORT.encode()).decode()


@contextmanager
def lossy_disk(directory: Path, *, below: tuple[str, ...]) -> Iterator[Disk]:
    """Mount a lossy disk so that the directories ``below`` ``directory`` lie on it.

    RuntimeError, with the reason, when it cannot be mounted.
    """
    mountpoint = directory / "disk"
    mountpoint.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.faults.powercut.lossy", str(mountpoint)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + _MOUNT_SECONDS
        while not os.path.ismount(mountpoint):
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                raise RuntimeError(f"the lossy disk cannot be mounted: {server.communicate()[1].strip()}")
            time.sleep(0.02)
        for name in below:
            (mountpoint / name).mkdir()
            (directory / name).symlink_to(mountpoint / name)
        yield Disk(mountpoint)
    finally:
        server.terminate()
        server.communicate()
        if os.path.ismount(mountpoint):
            subprocess.run(["fusermount", "-u", "-z", mountpoint], check=True)
