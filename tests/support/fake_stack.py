"""`python -m tests.support.fake_stack DIR PORT_BASE`: what `nuanliu up` does, with stand-ins for the five services."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from deploy.cli import main, until_told
from deploy.local.up import StackOptions

FAKE = [sys.executable, "-m", "tests.support.fake_service"]


def options(
    directory: Path, port_base: int, copies: int = 1, ready_seconds: float = 60, **fake: str
) -> StackOptions:
    """A stack of stand-ins; ``fake`` are the settings of tests.support.fake_service."""
    return StackOptions(
        directory=directory,
        port_base=port_base,
        copies=copies,
        ready_seconds=ready_seconds,
        service_command=lambda _: FAKE,
        env=fake,
    )


if __name__ == "__main__":
    directory, port_base = Path(sys.argv[1]), int(sys.argv[2])
    fake = {key: value for key, value in os.environ.items() if key.startswith("FAKE_")}
    main(lambda: asyncio.run(until_told(options(directory, port_base, **fake))))
