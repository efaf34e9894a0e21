"""A document on its way through its states; at every stop each message it may be sent is tried on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple, get_args

from shared.contracts.base import Event
from shared.loop.decision import Decision, Input, NotYet, Refused
from shared.loop.documents import Collection
from shared.loop.handlers import Deciding, Handlers
from shared.policy import Jurisdiction

NOTHING = "–"
"""There is no document yet."""

IGNORED = "ignored"
APPLIED = "applied"
WAITS = "waits"
KNOWN = "known"
REFUSED = "refused"


class Said(NamedTuple):
    """A message and the tenant who sent it, if any; ``late``: so long after the walk's time it is received."""

    event: Event
    tenant: str = ""
    late: timedelta = timedelta()


@dataclass
class Walk:
    """Where a document is: its state, what time it is, what chance says, every state it has been in."""

    jurisdiction: Jurisdiction
    chance: Random
    at: datetime
    state: Any = None
    past: list[Any] = field(default_factory=list)

    def one_of(self, *choices: Any) -> Any:
        return self.chance.choice(choices)


Move = Callable[[Walk], Said]


@dataclass(frozen=True)
class Machine:
    """A kind of document. ``names``: of its states; ``moves``: how each message it may be sent is made up, sensible or
    not; ``once``: the message that names a document by its own id, so that its repeat is known before it is decided;
    ``seldom``: messages that a walk follows one time in ten, so that it comes to what is rarer still; ``restless``: of
    so many steps one goes where walks have been the least."""

    name: str
    about: str
    handlers: Handlers
    collection: Collection
    names: Sequence[str]
    jurisdiction: Jurisdiction
    start: datetime
    moves: Mapping[type[Event], Move]
    once: type[Event] | None = None
    seldom: Sequence[type[Event]] = ()
    state_of: Callable[[Any], str] = lambda state: str(state.state)
    walks: int = 200
    restless: int = 2

    @property
    def events(self) -> list[type[Event]]:
        """Every message that a document of this kind may be sent."""
        handled = self.handlers.by_type.values()
        return [h.event for h in handled if isinstance(h, Deciding) and h.collection is self.collection]

    def states(self) -> list[str]:
        """Every state there is, by its name; first that there is no document."""
        return [NOTHING, *self.names]


def names_of(union: Any) -> list[str]:
    """The names of the states of a tagged union."""
    kinds = get_args(get_args(union)[0])
    return [get_args(kind.model_fields["state"].annotation)[0] for kind in kinds]


Seen = Mapping[tuple[str, type[Event]], Counter[str]]


def explore(machine: Machine, steps: int = 14, seed: int = 1) -> Seen:
    """What became of each message in each state: "ignored", "applied", "→ state", "refused: field", "waits" or
    "known"."""
    seen: dict[tuple[str, type[Event]], Counter[str]] = defaultdict(Counter)
    been: Counter[str] = Counter()
    for number in range(machine.walks):
        walk = Walk(machine.jurisdiction, Random(f"{seed} {number}"), machine.start)
        for step in range(steps):
            after: list[Any] = []
            been[_name(machine, walk.state)] += 1
            for event in machine.events:
                outcome, state = _try(machine, walk, event, f"{number}-{step}")
                seen[_name(machine, walk.state), event][outcome] += 1
                changes = outcome == APPLIED or outcome.startswith("→")
                if changes and (event not in machine.seldom or not walk.chance.randrange(10)):
                    after.append(state)
            if after:
                walk.past.append(walk.state)
                walk.state = walk.chance.choice(after)
                if step % machine.restless == machine.restless - 1:
                    walk.state = min(after, key=lambda state: been[_name(machine, state)])
            walk.at += timedelta(minutes=walk.chance.choice((1, 20, 180, 2000)))
    return seen


def _try(machine: Machine, walk: Walk, event: type[Event], id: str) -> tuple[str, Any]:
    if event is machine.once and walk.state is not None:
        return KNOWN, walk.state
    said = machine.moves[event](walk)
    assert type(said.event) is event
    handler = machine.handlers.by_type[event.type]
    assert isinstance(handler, Deciding)
    input = Input(f"{id}-{event.type}", walk.at + said.late, said.tenant)
    try:
        decision: Decision = handler.decide(walk.state, said.event, input, walk.jurisdiction)
    except Refused as refused:
        return f"{REFUSED}: {refused.errors[0].field}", walk.state
    except NotYet:
        return WAITS, walk.state
    if decision.state == walk.state and not decision.out:
        return IGNORED, walk.state
    before, after = _name(machine, walk.state), _name(machine, decision.state)
    return (APPLIED if after == before else f"→ {after}"), decision.state


def _name(machine: Machine, state: Any) -> str:
    return NOTHING if state is None else machine.state_of(state)
