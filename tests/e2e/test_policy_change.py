"""The rules change while appeals keep coming: no restart, nothing lost, the new version from a definite case on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import SAMPLE
from shared.policy import load
from tests.e2e.journey import COLD
from tests.e2e.outsider import Heard, Outside
from tests.e2e.running import Up, nuanliu
from tests.support.engines import free_port_base
from tests.support.live import until

CHANNEL = "hotline-12345"


@pytest.fixture(scope="module")
def twofold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack with two copies of each service: they must agree on which version decides."""
    with Up(tmp_path_factory.mktemp("policy") / "stack", free_port_base(), "--copies", "2") as running:
        yield running


def next_version(to: Path) -> Path:
    """The sample with twice the time for urgent heating."""
    pack = Path(shutil.copytree(SAMPLE, to))
    path = pack / "policy" / "policy.yaml"
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    rules["version"] = "next"
    for rule in rules["deadlines"]:
        if rule.get("when") == {"category": "heating", "urgency": "urgent"}:
            rule["resolve"] = "96h"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    return pack


async def install(up: Up, pack: Path) -> datetime:
    """`nuanliu policy install` on the stack; from when the version holds."""
    command = nuanliu("policy", "install", str(pack), "--dir", str(up.directory))
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    force = json.loads((up.directory / "policy" / "next" / "in-force.json").read_text())
    return datetime.fromisoformat(force["since"])


def clock(order: Heard) -> timedelta:
    """How long the agency has, by what it was sent; deadlines are kept in whole milliseconds."""
    span = datetime.fromisoformat(order["resolve_by"]) - datetime.fromisoformat(order.headers["ce-time"])
    return timedelta(seconds=round(span.total_seconds()))


@asynccontextmanager
async def complaining(outside: Outside, areas: list[str]) -> AsyncIterator[dict[str, datetime]]:
    """Appeals without pause, none of which joins another's case: their places are wider than a compound. Gives when
    each was handed in, by id."""
    said: dict[str, datetime] = {}
    enough = asyncio.Event()

    async def keep_on() -> None:
        while not enough.is_set():
            where = {"address": areas[len(said) % len(areas)]}
            id = await outside[CHANNEL].say("submitted", {"text": COLD, "location": where})
            said[id] = datetime.now(UTC)
            with suppress(TimeoutError):  # a steady stream, no flood
                await asyncio.wait_for(enough.wait(), 0.02)

    task = asyncio.create_task(keep_on())
    try:
        yield said
    finally:
        enough.set()
        await task


async def test_rules_change_under_load_and_every_case_says_which_it_was_decided_by(
    twofold: Up, tmp_path: Path
) -> None:
    told: dict[str, Any] = twofold.endpoints
    first = load(SAMPLE)
    areas = [area.name for area in first.places.communities]
    async with Outside(told) as outside:
        async with complaining(outside, areas) as said:
            since = await install(twofold, next_version(tmp_path / "pack"))

            async def since_then() -> int:
                return sum(at > since for at in said.values())

            await until(since_then, lambda number: number > 50)
        registered = [await outside[CHANNEL].hears("registered", in_reply_to=id) for id in said]
        orders = [
            await outside.everywhere.hears("assigned", case_id=one["case_id"], role="lead")
            for one in registered
        ]
        problems = outside.problems

    orders.sort(key=lambda order: datetime.fromisoformat(order.headers["ce-time"]))
    before = [one for one in orders if datetime.fromisoformat(one.headers["ce-time"]) < since]
    after = orders[len(before) :]
    assert not problems
    assert len({one["case_id"] for one in registered}) == len(said)
    assert min(len(before), len(after)) > 20
    assert {(one["policy"], clock(one)) for one in before} == {(first.policy.label, timedelta(hours=48))}
    assert {(one["policy"], clock(one)) for one in after} == {
        (f"{first.policy.id}@next", timedelta(hours=96))
    }
    assert twofold.endpoints["pids"] == told["pids"]
