"""`nuanliu demo`: everything from nothing, a stretch of a heating season, the balance sheet and the weekly bulletin."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from deploy.local.engines import connect
from deploy.local.up import LocalStack, StackOptions
from deploy.replay.balance import OPEN, OUTCOMES, Balance, balance, figures_read_at
from deploy.replay.drive import Replayed, replay
from deploy.replay.season import Season
from services.metrics.bulletin.model import bulletin_text

NAMES = {
    "registered": "立案 registered",
    "merged": "并案 merged",
    "answered": "直接答复 answered",
    "not_accepted": "不予受理 not accepted",
    "rejected": "拒收 rejected",
}
STATES = {
    "closed": "结案 closed",
    "registered": "待派 on the desk",
    "dispatched": "在办 dispatched",
    "deferred": "缓办 deferred",
    "resolved": "待回访 resolved",
}
BULLETIN_ON_DAY = 9
FRESH_SECONDS = 60.0
PAPER = 150
"""Columns of what is written where nobody sees a terminal."""


def run(directory: Path, port_base: int, season: Season) -> int:
    """Gives the exit code: 0 only if every appeal is accounted for. ``directory`` is emptied first."""
    if (directory / "nats.conf").exists():  # only ever what an earlier demo left
        shutil.rmtree(directory)
    console = Console()
    if not console.is_terminal:
        console = Console(width=PAPER)
    return asyncio.run(_run(console, directory, port_base, season))


async def _run(console: Console, directory: Path, port_base: int, season: Season) -> int:
    began = time.monotonic()
    options = StackOptions(directory, port_base, clock="replay", tick="external", log_level="WARNING")
    console.print("启动本地系统 starting NATS, the database and five services ...", highlight=False)
    async with LocalStack(options) as stack:
        with _progress(console) as bar:
            task = bar.add_task("回放 replay", total=None, now="")

            def show(step: int, of: int, now: datetime) -> None:
                bar.update(task, completed=step, total=of, now=f"{now:%m-%d %H:%M}")
                if not console.is_terminal and now.hour == now.minute == 0:
                    console.print(f"{now:%m-%d} {100 * step // of} %", highlight=False)

            replayed = await replay(stack, season, show)
        sheet, week = await _books(stack, replayed, season)
    _show_balance(console, sheet)
    for title, columns, rows in bulletin_text(week):
        _show(console, title, columns, rows)
    console.print(str(week["headline"]), highlight=False)
    console.print(f"用时 took {time.monotonic() - began:.0f} s", highlight=False)
    for wrong in sheet.wrong:
        console.print(f"[red]不平 does not add up:[/red] {wrong}", highlight=False)
    return 1 if sheet.wrong else 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[now]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        refresh_per_second=4,
    )


async def _books(stack: LocalStack, replayed: Replayed, season: Season) -> tuple[Balance, dict[str, Any]]:
    """The balance sheet and the bulletin of the season's second week, once every event is in the figures."""
    admin = await connect(stack.nats, stack.admin_seed, "admin")
    events = sum(s.state.last_seq for s in await admin.jetstream().streams_info())
    await admin.close()
    start = datetime.fromisoformat(replayed.script[0]["at"]).date()
    day = min(replayed.until.date(), start + timedelta(days=BULLETIN_ON_DAY))
    week = await asyncio.to_thread(_get, f"{stack.http('metrics')}/bulletins/weekly/{day}.json")
    drawn_up = time.time()  # a bulletin counts whatever is not yet counted; /metrics shows it a little later
    exposition = ""
    async with asyncio.timeout(FRESH_SECONDS):
        while figures_read_at(exposition) < drawn_up:
            await asyncio.sleep(0.2)
            exposition = await asyncio.to_thread(_get, f"{stack.http('metrics')}/metrics")
    return balance(replayed.script, replayed.diaries, exposition, events), json.loads(week)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def _show_balance(console: Console, sheet: Balance) -> None:
    rows = [["诉求 appeals in", str(sheet.sent - sheet.repeats)]]
    rows += [[f"　= {NAMES[o]}", str(sheet.appeals[o])] for o in OUTCOMES]
    rows.append(["案卷 cases", str(sheet.cases)])
    rows += [[f"　= {STATES[s]}", str(sheet.by_state.get(s, 0))] for s in ("closed", *OPEN)]
    rows.append(["　其中经待派席派遣 of them decided by the desk", str(sheet.by_desk)])
    rows.append(["重复提交 sent again, answered with nothing new", str(sheet.repeats)])
    rows.append(["退回发送方 refused by name", str(sheet.refused)])
    rows.append(["　= 死信留存 kept in the dead letters", str(sheet.dead_letters)])
    rows.append(["事件 events in all streams", str(sheet.events)])
    rows.append(["　其中未处理 of them not processed", str(sheet.waiting)])
    _show(console, "平衡表 balance sheet", ["项目 item", "件数 count"], rows)


def _show(console: Console, title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
