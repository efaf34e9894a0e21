"""`nuanliu up` as somebody at a terminal runs it: a program that is started, tells where it is, and is told to stop."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.support.waiting import until

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


def nuanliu(*arguments: str) -> list[str]:
    """The command line of the installed command, or of its entry point where the project is not installed."""
    installed = shutil.which("nuanliu", path=str(Path(sys.executable).parent))
    command = [installed] if installed else [sys.executable, "-c", "from deploy.cli import main; main()"]
    return [*command, *arguments]


class Up:
    """A stack as a program of its own, started when entered and made to end when left."""

    def __init__(self, directory: Path, port_base: int, *more: str) -> None:
        self.directory = directory
        self.file = directory / "endpoints.json"
        self._log = directory.with_suffix(".out")
        self._command = nuanliu("up", "--dir", str(directory), "--port-base", str(port_base), *more)
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Up:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            until("endpoints.json", self._has_told, 180)
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def endpoints(self) -> dict[str, Any]:
        """What endpoints.json says now."""
        told: dict[str, Any] = json.loads(self.file.read_text())
        return told

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self, signum: signal.Signals = signal.SIGINT) -> int:
        """Tells it to stop and waits; gives its exit status."""
        self.process.send_signal(signum)
        return self.process.wait(60)

    def _has_told(self) -> bool:
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.said}"
        return self.file.exists()
