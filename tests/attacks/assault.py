"""All attempts on one server: as shipped with the key of today and with the one rotated away, and on careless ones."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.attacks.arena import Arena, arena
from tests.attacks.attempts import GROUPS
from tests.attacks.judging import AT_LAST, AT_ONCE, Attempt, judge
from tests.attacks.loose import LOOSE

LATER = 0.4
"""Seconds after a group's last attempt before all is compared once more, every message read anew."""

TODAY, ROTATED, NONE = "今 today's", "旧 rotated away", "无 none"
_CONTROLS_AT_ONCE = 3


@dataclass(frozen=True)
class Row:
    """One attempt and what came of it; ``gain`` is empty when nothing did."""

    number: int
    group: str
    words: str
    key: str
    happened: str
    gain: str


@dataclass(frozen=True)
class Assault:
    """``compared``: streams, consumers and messages looked at before and after; ``changed``: those that differ."""

    rows: tuple[Row, ...]
    compared: dict[str, int]
    changed: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.changed and not any(row.gain for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        return {
            "attempts": [asdict(row) for row in self.rows],
            "compared": self.compared,
            "changed": list(self.changed),
        }


def tries() -> Iterable[tuple[int, str, Attempt, str]]:
    """Every attempt with every key it can be made with: (number, group, attempt, key)."""
    number = 0
    for group, attempts in GROUPS.items():
        for attempt in attempts:
            for key in (NONE,) if attempt.outside else (TODAY, ROTATED):
                number += 1
                yield number, group, attempt, key


async def assault(on: Arena, tell: Callable[[str, int], None] = lambda _group, _made: None) -> Assault:
    """All attempts, group by group. After each group all is compared once more, and the victim must be served; when
    something came of a group that no single attempt showed, they are made again one by one with more patience."""
    first = state = await on.state(thorough=True)
    rows: list[Row] = []
    made = list(tries())
    for group in GROUPS:
        mine = [one for one in made if one[1] == group]
        found, state = await _rows(on, mine, AT_ONCE, state)
        await asyncio.sleep(LATER)
        late = _differing(state, await on.state(thorough=True))
        if late and not any(row.gain for row in found):
            found, state = await _rows(on, mine, LATER, await on.calm())
            if not any(row.gain for row in found):
                found.append(Row(0, group, "all of them together", TODAY, "", f"changed: {', '.join(late)}"))
        rows += found
        await on.served()
        if any(row.gain for row in found):
            await on.renew()
        state = await on.calm()
        tell(group, len(mine))
    changed = _lost(first, state)
    compared = [key.split(" ")[0] for key in first if not key.endswith(" stands")]
    counts = {kind: compared.count(kind) for kind in ("stream", "consumer")}
    counts["message"] = sum(":" in key for key in first)
    return Assault(tuple(rows), counts, tuple(changed))


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _lost(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What was there at the beginning and is not as it was at the end; the day's traffic has come on top."""
    kept = [key for key in before if not key.endswith(" stands") and not key.startswith("heard on")]
    return [key for key in kept if before[key] != after.get(key)]


async def _rows(
    on: Arena, tries: Iterable[tuple[int, str, Attempt, str]], patience: float, state: dict[str, Any]
) -> tuple[list[Row], dict[str, Any]]:
    """One after the other; each begins with how the one before left things. Gives how things stand at the end too."""
    found: list[Row] = []
    for number, group, attempt, key in tries:
        outcome = await judge(on, attempt, patience, stolen=key == ROTATED, before=state)
        found.append(Row(number, group, attempt.words, key, outcome.happened, outcome.gain))
        state = outcome.after
    return found, state


async def on_loose(
    name: str, attempts: Iterable[Attempt], tell: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """Attempts on a careless server, everything as new for each: words -> what came of it."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="nuanliu-loose-") as directory:
        async with arena(Path(directory), LOOSE[name]) as on:
            for attempt in attempts:
                outcome = await judge(on, attempt, AT_LAST)
                found[attempt.words] = outcome.gain
                if outcome.changed:
                    await on.renew()
                tell()
    return found


def meant_for(name: str) -> list[Attempt]:
    """The attempts that must come to something on this careless configuration."""
    return [one for group in GROUPS.values() for one in group if one.on == name and not one.never]


async def controls(tell: Callable[[str], None] = lambda _name: None) -> dict[str, dict[str, str]]:
    """Every attempt on the careless configuration that it names: configuration -> words -> what came of it."""
    gate = asyncio.Semaphore(_CONTROLS_AT_ONCE)

    async def one(name: str) -> dict[str, str]:
        async with gate:
            return await on_loose(name, meant_for(name), lambda: tell(name))

    tasks: dict[str, Awaitable[dict[str, str]]] = {name: one(name) for name in LOOSE}
    return dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
