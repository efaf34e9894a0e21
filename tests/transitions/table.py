"""docs/transitions.md: for each kind of document, what becomes of every message in every state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.transitions.machines import MACHINES
from tests.transitions.walks import IGNORED, Machine, Seen, explore

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "transitions.md"

_HEAD = """# What becomes of every message in every state

Made by `make transitions` from the code, by trying: documents are led through their states many times, and
at every stop each message they may be sent is tried on them. Do not edit; tests/contract/test_transitions.py goes red
when the code decides otherwise than this page says, or when a pair was never tried.

| in a cell | means |
|---|---|
| `→ state` | applied: the document is in that state afterwards |
| applied | applied: something changes or is told, the state stays |
| ignored | decided on purpose: nothing changes, nobody is told |
| refused: field | the sender is told which field, and why |
| known | its repeat is known by its id before it is decided, and changes nothing |
| waits | what it is about is not there yet: tried again for a while, then refused or kept in the dead letters |

Several in one cell depend on what the message says; the tests of the domain say on what.
"""


@cache
def seen(name: str) -> Seen:
    return explore(next(machine for machine in MACHINES if machine.name == name))


def rendered() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for machine in MACHINES for line in _section(machine))])


def _section(machine: Machine) -> Iterator[str]:
    states = machine.states()
    yield f"## {machine.name}\n"
    yield machine.about + "\n"
    yield "| message | " + " | ".join(states) + " |"
    yield "|---|" + "---|" * len(states)
    for event in machine.events:
        cells = ["<br>".join(outcomes(machine, state, event)) or "never tried" for state in states]
        yield f"| `{event.type.removeprefix('nuanliu.').removesuffix('.v1')}` | " + " | ".join(cells) + " |"
    yield ""


def outcomes(machine: Machine, state: str, event: type) -> list[str]:
    """What was seen of a pair, the changes first."""
    found = seen(machine.name).get((state, event), {})
    return sorted(found, key=lambda outcome: (not outcome.startswith("→"), outcome == IGNORED, outcome))
