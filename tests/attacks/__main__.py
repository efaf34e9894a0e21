"""`make attacks`: every attempt on the configuration that ships, the same on careless ones, floods, keys changed under
load. A table of each; var/attacks.json. Exit status 0 if nothing came of any attempt as shipped, every control did let
its attempts through, the others kept at least 0.8 of their throughput, and nothing was lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.attacks.arena import arena
from tests.attacks.assault import Assault, assault, controls, meant_for, tries
from tests.attacks.flood import LEAST, Ratio
from tests.attacks.floods import floods
from tests.attacks.loose import LOOSE
from tests.attacks.rotation import Result, rotate_under_load
from tests.attacks.rotation import table as rotation_table

RESULT = Path("var/attacks.json")
Careless = dict[str, dict[str, str]]


async def run(progress: Progress) -> tuple[Assault, Careless, list[Ratio], Result]:
    made = progress.add_task("尝试 attempts, as shipped", total=sum(1 for _ in tries()))
    let_through = progress.add_task(
        "对照 controls, careless", total=sum(len(meant_for(name)) for name in LOOSE)
    )
    loud = progress.add_task("洪水 floods", total=6)
    with tempfile.TemporaryDirectory(prefix="nuanliu-attacks-") as directory:
        async with arena(Path(directory)) as on:
            shipped = await assault(on, lambda _group, count: progress.advance(made, count))
    careless = await controls(lambda _name: progress.advance(let_through))
    with tempfile.TemporaryDirectory(prefix="nuanliu-floods-") as directory:
        ratios = await floods(Path(directory), lambda _what: progress.advance(loud))
    with tempfile.TemporaryDirectory(prefix="nuanliu-rotation-") as directory:
        rotated = await rotate_under_load(Path(directory))
    progress.advance(loud)
    return shipped, careless, ratios, rotated


def attempts_table(shipped: Assault) -> Table:
    table = Table(
        "#", "组 group", "尝试 attempt", "钥匙 key", "结果 what happened", "", title="尝试 attempts"
    )
    for row in shipped.rows:
        verdict = f"[red]{row.gain}[/red]" if row.gain else "无所得 nothing"
        table.add_row(str(row.number), row.group, row.words, row.key, row.happened, verdict)
    return table


def controls_table(careless: Careless) -> Table:
    table = Table(
        "放任的配置 careless configuration", "放行 let through", "应放行 meant to", title="对照 controls"
    )
    for name, outcomes in careless.items():
        table.add_row(name, str(sum(map(bool, outcomes.values()))), str(len(outcomes)))
    return table


def floods_table(ratios: list[Ratio]) -> Table:
    table = Table(
        "其他租户 the others", "静 quiet /s", "闹 loud /s", "比 ratio", "洪水 flood", title="洪水 floods"
    )
    for one in ratios:
        quiet, loud = (f"{sorted(slices)[len(slices) // 2]:.0f}" for slices in (one.quiet, one.loud))
        table.add_row(
            one.what,
            quiet,
            loud,
            f"{one.value:.2f}",
            f"{one.said} messages" + ("" if one.guarded else " (no door: for comparison)"),
        )
    return table


def main() -> int:
    console = Console(width=200 if not sys.stdout.isatty() else None)
    for name in ("nats", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # connections are refused and broken on purpose
    with Progress(console=console, transient=True) as progress:
        shipped, careless, ratios, rotated = asyncio.run(run(progress))
    for table in (
        attempts_table(shipped),
        controls_table(careless),
        floods_table(ratios),
        rotation_table(rotated),
    ):
        console.print(table)
    compared = ", ".join(f"{count} {kind}s" for kind, count in shipped.compared.items())
    console.print(
        f"前后比对 compared before and after: {compared}; changed: {', '.join(shipped.changed) or 'none'}"
    )
    wrong = list(_wrong(shipped, careless, ratios, rotated))
    RESULT.parent.mkdir(exist_ok=True)
    told: dict[str, Any] = shipped.as_json() | {
        "controls": careless,
        "floods": [asdict(one) | {"ratio": one.value} for one in ratios],
        "rotation": asdict(rotated),
        "wrong": wrong,
    }
    RESULT.write_text(json.dumps(told, ensure_ascii=False, indent=1, default=list) + "\n", encoding="utf-8")
    console.print(
        "\n".join(wrong) or f"尝试 {len(shipped.rows)} 次，一无所得 (attempts: nothing came of any)"
    )
    return 1 if wrong else 0


def _wrong(shipped: Assault, careless: Careless, ratios: list[Ratio], rotated: Result) -> list[str]:
    wrong = [f"attempt {row.number}: {row.words}: {row.gain}" for row in shipped.rows if row.gain]
    wrong += [f"changed: {what}" for what in shipped.changed]
    wrong += [
        f"control {name}: came to nothing: {words}"
        for name, outcomes in careless.items()
        for words, gain in outcomes.items()
        if not gain
    ]
    wrong += [f"{one.what}: ratio {one.value:.2f}, wanted {LEAST}" for one in ratios if not one.enough]
    return wrong + ([] if rotated.as_promised else ["rotation: something was lost or repeated"])


if __name__ == "__main__":
    sys.exit(main())
