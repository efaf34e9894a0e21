"""`make powercut`: cut the power under the shipped configuration and under each careless one; a table of what was left.

Exit status 0 if nothing acknowledged was lost as shipped, and something was by each careless way.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.powercut.disk import lacking
from tests.faults.powercut.scenario import WAYS, Outcome, cut_power

_PORT_BASE = 21_000


def main() -> int:
    """Run all ways, print the table."""
    console = Console()
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # its connections are cut on purpose
    if missing := lacking():
        console.print(missing)
        return 2
    outcomes: list[Outcome] = []
    for way in WAYS:
        with tempfile.TemporaryDirectory(prefix="nuanliu-powercut-") as directory, console.status(way.name):
            outcomes.append(asyncio.run(cut_power(Path(directory), way, _PORT_BASE)))
    table = Table("way", "acknowledged", "noticed", "found", "lost", "s", title="断电 power cut")
    for one in outcomes:
        counts = (one.acknowledged, one.noticed, one.found, one.lost)
        table.add_row(one.way.name, *map(str, counts), f"{one.seconds:.0f}")
        console.print(f"{one.way.name}: {one.disk}")
    console.print(table)
    wrong = [one.way.name for one in outcomes if not one.as_expected]
    console.print(f"not as it must be: {', '.join(wrong)}" if wrong else "as it must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
