"""make bench: one table from one run, medians of three; the same figures in var/bench.json."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from deploy import SAMPLE
from deploy.local.engines import connect
from deploy.local.up import LocalStack, StackOptions
from shared.contracts.streams import SERVICES
from tests.bench import floor, hops, lives, trickle
from tests.bench.load import appeals

RUNS = 3
LIVES = 400
HOPS = 300
TRICKLE = 150
PORT_BASE = 18_400
RESULT = Path("var/bench.json")
console = Console()


async def main(runs: int = RUNS, count: int = LIVES) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="nuanliu-bench-") as directory:
        options = StackOptions(
            Path(directory),
            PORT_BASE,
            ack_wait=timedelta(seconds=120),
            log_level="WARNING",
            env={"NUANLIU_TICK": "external"},
        )
        async with LocalStack(options) as stack:
            admin = await connect(stack.nats, stack.admin_seed, "admin")
            seconds, floors, writes = [], [], []
            for number in range(runs):
                before = await lives.written(stack, admin)
                console.print(f"run {number + 1} of {runs}: {count} whole lives ...")
                seconds.append(await lives.run(stack, admin, appeals(SAMPLE, count, number)))
                done = lives.difference(await lives.written(stack, admin), before)
                writes.append(done.total_writes / count)
                floors.append(await floor.run(stack, admin, done))
            console.print("each service alone ...")
            rates = [await hops.run(stack, admin, appeals(SAMPLE, HOPS, runs + n)) for n in range(runs)]
            console.print("report -> agency on a trickle ...")
            latencies = await trickle.run(stack, admin, appeals(SAMPLE, TRICKLE, 2 * runs))
            memory = {service: _rss_mb(stack.endpoints["pids"][service]) for service in SERVICES}
            await admin.close()
    lived, bare = [count / s for s in seconds], [count / s for s in floors]
    return {
        "hops_per_s": {service: statistics.median(r[service] for r in rates) for service in SERVICES},
        "lives_per_s": statistics.median(lived),
        "floor_lives_per_s": statistics.median(bare),
        "ratio": statistics.median(a / b for a, b in zip(lived, bare, strict=True)),
        "writes_per_life": statistics.median(writes),
        "latency_ms": {
            "p50": statistics.median(latencies),
            "p99": statistics.quantiles(latencies, n=100)[98],
        },
        "rss_mb": memory,
        "runs": runs,
        "lives": count,
    }


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no memory figure for {pid}")


def show(figures: dict[str, Any]) -> None:
    table = Table(
        title=f"bench: medians of {figures['runs']} runs of {figures['lives']} lives", title_justify="left"
    )
    table.add_column("what")
    table.add_column("figure", justify="right")
    for service in SERVICES:
        table.add_row(f"hops per second, {service}", f"{figures['hops_per_s'][service]:,.0f}")
    table.add_row("whole lives per second, five processes", f"{figures['lives_per_s']:.1f}")
    table.add_row("floor: same writes and publishes, bare script", f"{figures['floor_lives_per_s']:.1f}")
    table.add_row("ratio to the floor", f"{figures['ratio']:.2f}")
    table.add_row("guarded writes per life", f"{figures['writes_per_life']:.1f}")
    table.add_row("report -> agency, p50 ms", f"{figures['latency_ms']['p50']:.1f}")
    table.add_row("report -> agency, p99 ms", f"{figures['latency_ms']['p99']:.1f}")
    for service in SERVICES:
        table.add_row(f"memory, {service}, MB", f"{figures['rss_mb'][service]:.0f}")
    console.print(table)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    figures = uvloop.run(main(*arguments))
    show(figures)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
