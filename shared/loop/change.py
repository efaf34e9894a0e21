"""What the messages of a batch do to one document, and which document that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.loop.answers import Answers
from shared.loop.decision import Input
from shared.loop.documents import MANY_APPLIED, Stored
from shared.loop.envelope import Outgoing
from shared.loop.handlers import Deciding
from shared.loop.reading import Task


@dataclass(slots=True)
class Change:
    """What a batch does to one document.

    ``known_before``: an input came again that it has applied; ``repeat``: one whose outputs are still in its outbox.
    """

    before: Stored
    state: Any
    answers: Answers
    inputs: list[tuple[Input, str, int]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    out: list[Outgoing] = field(default_factory=list)
    known_before: bool = False
    repeat: bool = False

    @property
    def written(self) -> bool:
        return bool(self.inputs)

    def known(self, input: Input) -> str | None:
        """The digest under which an input was applied, in this batch or earlier."""
        if (applied := self.before.applied.get(input.key)) is not None:
            return applied.digest
        return self.digests.get(input.key)

    def said(self) -> int:
        """How many of the inputs it remembers are outsiders'."""
        applied = self.before.applied
        if len(applied) + len(self.digests) <= MANY_APPLIED:
            return 0
        return sum(1 for entry in applied.values() if entry.digest) + sum(map(bool, self.digests.values()))

    def apply(self, task: Task, state: Any, out: Sequence[Outgoing]) -> None:
        self.state = state
        self.inputs.append((task.input, task.delivery.stream, task.delivery.sequence))
        self.digests[task.input.key] = task.input.digest
        self.out.extend(out)

    def after(self) -> Stored:
        """The version to be written."""
        return self.before.next(self.state, self.inputs, self.out)


def meant(task: Task, among: Sequence[Stored]) -> Stored:
    """Of the documents a message may mean: the one that has applied it, else the last by its look-up's order."""
    lookup = task.handler.lookup if isinstance(task.handler, Deciding) else None
    assert lookup is not None
    return max(among, key=lambda stored: (task.input.key in stored.applied, lookup.order(stored.state)))


def value_at(stored: Stored, path: str) -> str:
    """The value at ``state.a.b`` of a document, as ``find`` matched it."""
    value: Any = stored.state if path.startswith("state.") else stored.id
    for name in path.split(".")[1:] if path.startswith("state.") else ():
        value = getattr(value, name)
    return str(value)
