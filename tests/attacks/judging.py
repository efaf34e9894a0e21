"""What came of an attempt: what the attacker heard that is not its own, and what changed that is not its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.attacks.arena import SECRET, Arena
from tests.attacks.loose import INTRUDER, UNBOUNDED
from tests.attacks.wire import Heard, Line

AT_ONCE, AT_LAST = 0.0, 5.0
"""Seconds to look at an attempt that must fail (whole groups are looked at once more), and at one that must not."""

PAUSE = 0.02

_OWN_ANSWERS = {"type", "error", "stream", "seq", "duplicate", "domain", "batch", "count"}


@dataclass
class Bout:
    """One attempt under way. ``seed``: the key it is made with. ``loot``: what it got. ``note``: what happened, where
    the connection alone does not tell."""

    arena: Arena
    seed: str
    line: Line
    entitled: bool
    before: dict[str, Any]
    more: list[Line] = field(default_factory=list)
    loot: list[str] = field(default_factory=list)
    note: str = ""

    async def another(self, seed: str | None = None, name: str = INTRUDER) -> Line:
        """One more connection."""
        line = await self.arena.enter(seed or self.seed, name)
        self.more.append(line)
        return line

    async def rebase(self) -> None:
        """What others have done meanwhile is their own."""
        self.before = await self.arena.calm()

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in (self.line, *self.more)))


Act = Callable[[Bout], Awaitable[None]]


@dataclass(frozen=True)
class Attempt:
    """``on``: the careless configuration on which it must come to something; where none would let it through,
    ``never`` says why. ``listens``: shows only while others go about their work. ``outside``: made by somebody without
    a valid key, who gains by being let in."""

    words: str
    act: Act
    on: str = UNBOUNDED
    never: str = ""
    listens: bool = False
    outside: bool = False


@dataclass(frozen=True)
class Outcome:
    """``gain`` is empty when nothing came of it. ``happened`` in words. ``changed``: something is not as it was before.
    ``after``: how everything stood then."""

    happened: str
    gain: str
    changed: bool
    after: dict[str, Any]


async def judge(
    arena: Arena,
    attempt: Attempt,
    patience: float,
    *,
    stolen: bool = False,
    before: dict[str, Any] | None = None,
) -> Outcome:
    """Makes the attempt. ``stolen``: with the key that the tenant had before it was rotated away. ``before``: how
    everything stands, where that was just looked at."""
    await arena.hold()
    if before is None:
        before = await arena.state()
    seed = arena.stolen if stolen else arena.seeds[INTRUDER]
    if attempt.outside:
        line = await Line.open(arena.door, INTRUDER)
    else:
        line = await arena.enter(seed)
    bout = Bout(arena, seed, line, not (stolen or attempt.outside), before)
    try:
        await attempt.act(bout)
        for each in (line, *bout.more):
            if not each.closed.is_set():
                await each.settled()
        gain, after = await _gain(bout, attempt.listens, patience)
        return Outcome((not stolen and bout.note) or happened(line), gain, after != before, after)
    finally:
        await bout.close()


async def _gain(bout: Bout, listens: bool, patience: float) -> tuple[str, dict[str, Any]]:
    deadline = time.monotonic() + patience
    while True:
        after = await bout.arena.state()
        if after != (before := bout.before):
            parts = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
            return f"changed: {', '.join(sorted(parts))}", after
        if listens and bout.line.let_in:
            await bout.arena.bustle()
            await bout.rebase()
            after = bout.before
        if loot := bout.loot + [f for line in (bout.line, *bout.more) for f in _foreign(line, bout.entitled)]:
            return f"got: {loot[0][:200]}", after
        if time.monotonic() > deadline:
            return "", after
        await asyncio.sleep(PAUSE)


def _foreign(line: Line, entitled: bool) -> list[str]:
    """What a line heard that is not its own business."""
    if not entitled:
        return ["was let in"] if line.let_in else []
    return [
        f"{one.text} {one.headers} {one.data.decode(errors='replace')}"
        for one in line.messages
        if not _own(one)
    ]


def _own(message: Heard) -> bool:
    """Whether this is what a tenant may hear: its order, the receipt of what it sent, a status, a refusal."""
    body = message.data.decode(errors="replace")
    if SECRET in body + message.headers:
        return False
    if message.subject.startswith(f"dispatch.{INTRUDER}.") or body.startswith("mine"):
        return True
    if message.status and not message.data:
        return "Nats-Stream" not in message.headers
    said = message.json
    if not said or said.keys() - _OWN_ANSWERS:
        return False
    return "error" in said or said.get("stream") in (f"RESPONSE_{INTRUDER}", "RESPONSE")


def happened(line: Line) -> str:
    """What the server answered, in words."""
    said = [_words(one) for one in line.heard if one.kind in ("-ERR", "MSG")]
    if line.closed.is_set():
        said.append("line closed")
    counted = {words: said.count(words) for words in said}
    told = [words if n == 1 else f"{words} ({n} times)" for words, n in counted.items()]
    return ", ".join(told) or ("nothing" if line.let_in else "no answer")


def _words(one: Heard) -> str:
    if one.kind == "-ERR":
        return re.sub(r" for (Publish|Subscription|.* to) .*", "", one.text.strip("' ")).lower()
    if one.status:
        return "no responders" if one.status.startswith("503") else f"status {one.status}"
    said = one.json
    if "error" in said:
        return f"JetStream: {said['error'].get('description')}"
    if "stream" in said and "seq" in said:
        kept = "already stored" if said.get("duplicate") else "stored"
        return f"{kept} in its own ingress" if INTRUDER in said["stream"] else f"{kept} in {said['stream']}"
    if one.subject.startswith(f"dispatch.{INTRUDER}."):
        return "its own order"
    with contextlib.suppress(UnicodeDecodeError):
        return f"heard {one.subject} {one.data[:40].decode()}".strip()
    return f"heard {one.subject}"
