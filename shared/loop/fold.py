"""Decides the messages of a batch that meet in one document, one after the other; they are written together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shared.contracts.values import FieldError
from shared.loop.answers import Answers
from shared.loop.change import Change
from shared.loop.decision import USED_BEFORE, NotYet, Out, Refused
from shared.loop.documents import Stored
from shared.loop.envelope import Outgoing, outgoing
from shared.loop.handlers import Deciding
from shared.loop.reading import Task

MOST_SAID = 2000
"""So many outsiders' messages one document takes within a stream's age before the next is told that it is enough."""


Vet = Callable[[Any, str], Sequence[FieldError]]
"""(an outsider's event, who sent it) -> what is wrong with it beside its shape, the same whenever it is asked."""


class Fold:
    """``context`` gives what decisions read beside state and event, as it holds at an input's time."""

    def __init__(
        self, service: str, context: Callable[[datetime], Any], vet: Vet = lambda _event, _tenant: ()
    ) -> None:
        self._service = service
        self._vet = vet
        self.context = context

    def change(self, stored: Stored, group: Sequence[Task]) -> Change:
        """What these messages do to the document, and how each is answered."""
        change = Change(stored, stored.state, Answers())
        for task in group:
            if (task.delivery.stream, task.delivery.sequence) in stored.outbox.inputs:
                change.repeat = change.known_before = True
            try:
                self._one(change, task)
            except Exception as error:
                answer(task, error, change.answers, change.state)
        return change

    def outgoing(self, task: Task, outs: Sequence[Out]) -> list[Outgoing]:
        """The outputs of one input, each with an id of its own."""
        made = [outgoing(out, self._service, task.input, i) for i, out in enumerate(outs)]
        if len({out.id for out in made}) < len(made):
            raise ValueError(f"outputs of {task.event.type} share an id: {[out.key for out in outs]}")
        return made

    def _one(self, change: Change, task: Task) -> None:
        handler = task.handler
        assert isinstance(handler, Deciding)
        if task.errors:
            raise Refused.of(task.errors)
        known = _known(change, task, handler)
        if known is not None and known == task.input.digest:
            change.known_before = True
            _settle(change, task, handler, "repeated")
            return
        if known is not None:
            raise Refused.of([USED_BEFORE])
        if task.input.tenant and change.said() >= MOST_SAID:
            raise Refused("id", "关于同一事项的消息过多 (too many messages about the same thing)")
        if task.input.tenant and (wrong := self._vet(task.event, task.input.tenant)):
            raise Refused.of(wrong)
        decision = handler.decide(change.state, task.event, task.input, self.context(task.input.at))
        out = self.outgoing(task, decision.out)
        if task.refused:
            raise Refused(
                "id", "已被拒收，请另用编号重发 (was refused before; send it again under another id)"
            )
        if decision.state is None:
            change.answers.out += out
        elif decision.state is not change.state or out or task.input.tenant:
            change.apply(task, decision.state, out)
        _settle(change, task, handler, "applied")


def answer(task: Task, error: Exception, answers: Answers, state: Any = None) -> None:
    """What becomes of a message whose decision about ``state`` raised."""
    match error:
        case Refused():
            answers.refuse(task.delivery, task.input.id, task.input.at, error.errors, state, task.timed)
        case NotYet():
            answers.later(task, error)
        case _:
            answers.failed(task.delivery, error)


def _known(change: Change, task: Task, handler: Deciding) -> str | None:
    """The digest under which it was taken before, None if it was not."""
    if handler.known is None:
        return change.known(task.input)
    return task.input.digest if change.state is not None and handler.known(change.state, task.event) else None


def _settle(change: Change, task: Task, handler: Deciding, outcome: str) -> None:
    if handler.outcome is not None:
        change.answers.settle(task.delivery, handler.outcome(change.state, task.event), task.event.reason)
    else:
        change.answers.acknowledge(task.delivery, outcome)
