"""The same for messages that are refused: two copies at the door of one tenant, which answers the first and counts the
rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.loop.door import DOORS, Door, Limits
from shared.loop.loop import Loop
from tests.support.explorer import World
from tests.support.messages import said
from tests.support.sample import AGENCY, NotApplied
from tests.support.workers import saying

LIMITS = Limits(refusals_per_hour=1)


def limited(make: type[Loop] = Loop) -> Callable[..., Loop]:
    """The loop whose tenants are told one refusal within the hour."""
    return lambda *args, **options: make(*args, **options, limits=lambda _: LIMITS)


class AtTheDoor(World):
    """``inputs`` messages of one agency, every one to be refused."""

    stream = f"RESPONSE_{AGENCY}"
    document = (DOORS, AGENCY)

    def put(self, number: int) -> None:
        said(self.bus, saying(word="refuse"), id=f"i{number}")

    def wrong(self) -> str:
        stored = self.documents.stored(DOORS, AGENCY)
        answered, counted = books(stored.state)
        settled = self.bus.streams[self.stream].settled
        known = {s for s in range(1, self.inputs + 1) if _known(stored.state, self, s)}
        if not settled <= known:
            return f"{sorted(settled - known)} acknowledged, unknown to the door"
        if answered + counted != len(known) or answered > LIMITS.refusals_per_hour:
            return f"{len(known)} known, but {answered} answered and {counted} counted"
        kept = {delivery.sequence for delivery, _ in self.bus.buried}
        if stored.state is not None:
            told = {s for s in settled if s >= stored.state.seen.first} & known
            if lost := {s for s in told if stored.state.seen.outcome(s) == "buried"} - kept:
                return f"{sorted(lost)} acknowledged, not kept"
        if len(kept) > answered:
            return f"{answered} answered, {len(kept)} kept"
        if len(self.told()) > answered:
            return f"{answered} answered, {len(self.told())} told"
        if len(settled) == self.inputs and not self.told():
            return "all acknowledged, nothing told"
        return ""

    def lost(self) -> str:
        answered, counted = books(self.documents.state(DOORS, AGENCY))
        true = (answered, counted, len(self.told()), len({d.sequence for d, _ in self.bus.buried}))
        wanted = (1, self.inputs - 1, 1, 1)
        return "" if true == wanted else f"answered, counted, told, kept: {true}, wanted {wanted}"

    def told(self) -> set[str]:
        subject = NotApplied.subject(AGENCY)
        messages = self.bus.streams["DISPATCH"].messages if "DISPATCH" in self.bus.streams else []
        return {headers["ce-id"] for at, headers, *_ in messages if at == subject}


def books(door: Door | None) -> tuple[int, int]:
    """(answered, counted) in the window that is open."""
    if door is None or door.window is None:
        return 0, 0
    shut = [door.window.hour, *door.window.shut.values()]
    return door.window.answered, sum(sum(one.unanswered.values()) for one in shut if one is not None)


def _known(door: Any, world: World, sequence: int) -> bool:
    stored = world.bus.streams[world.stream].messages[sequence - 1][3]
    return door is not None and bool(door.seen.knows(sequence, stored))
