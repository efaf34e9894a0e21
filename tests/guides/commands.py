"""The commands of the guides, taken out of them and run as they stand.

A block marked ``sh centre`` is run in the root of the project, one marked ``sh partner`` by the partner; other blocks
are only read. What must differ is put in the place of what is written: the partner's directory, the stack's directory
and ports, and where the command ``nuanliu`` is installed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.running import ROOT, Up, nuanliu

GUIDES = ROOT / "docs/partners"
CLIENTS = GUIDES / "clients"
LANGUAGES = ("zh-CN.md", "md")
PATIENCE = 300.0
_BLOCK = re.compile(r"^```(sh centre|sh partner)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One block of commands; ``who`` runs it."""

    who: str
    commands: str


def under(guide: str, heading: str, language: str = LANGUAGES[0]) -> list[Block]:
    """The commands of one section, by the beginning of its heading."""
    (section,) = [part for part in text_of(guide, language).split("\n## ") if part.startswith(heading)]
    return _blocks(section)


def text_of(guide: str, language: str) -> str:
    return (GUIDES / f"{guide}.{language}").read_text(encoding="utf-8")


def blocks(guide: str, language: str = LANGUAGES[0]) -> list[Block]:
    """The commands of a guide, in its order."""
    return _blocks(text_of(guide, language))


def _blocks(text: str) -> list[Block]:
    found = _BLOCK.findall(text)
    return [Block(mark.removeprefix("sh "), commands) for mark, commands in found]


@dataclass(frozen=True)
class Practice:
    """A running stack, and a directory in the place of ``~/partner``."""

    up: Up
    partner: Path

    def here(self, commands: str) -> str:
        """The commands with what has to differ."""
        endpoints = self.up.endpoints
        places: Mapping[str, Any] = {
            "~/partner": self.partner,
            "var/local": self.up.directory,
            "nats://127.0.0.1:8091": endpoints["nats"],
            "http://127.0.0.1:8001": endpoints["http"]["intake"],
            "http://127.0.0.1:8003": endpoints["http"]["response"],
            ".venv/bin/nuanliu": " ".join(nuanliu()),
        }
        for written, place in places.items():
            commands = commands.replace(written, str(place))
        return commands

    def run(self, block: Block) -> str:
        """Runs it in a shell that stops at the first failure; gives what it printed. AssertionError if it fails."""
        command = ["bash", "-euo", "pipefail", "-c", self.here(block.commands)]
        try:
            ended = subprocess.run(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            printed = (error.stdout or b"").decode(errors="replace")
            raise AssertionError(f"{error}\n{printed}") from None
        return ended.stdout.decode()
