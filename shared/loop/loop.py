"""The consumer loop of every service.

    take a batch -> read each message alone -> load the documents they touch -> decide -> one guarded write
      -> publish the outputs -> acknowledge

What makes it lose nothing and do nothing twice: a document is written together with the ids of the inputs it has
applied and with the outputs of that write; inputs are acknowledged only after their outputs are stored; an input that
comes again finds itself applied and its outputs recorded; no outbox is overwritten before it is known published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from shared.contracts.values import FieldError
from shared.loop.answers import DELIVERED_TOO_OFTEN, RACED_DELAY, Answers
from shared.loop.bus import Bus, Delivery
from shared.loop.change import Change, meant, value_at
from shared.loop.decision import NotYet, Out, Refused
from shared.loop.documents import Collection, Documents, Stored, Unreachable
from shared.loop.envelope import Invalid, Outgoing, outgoing
from shared.loop.handlers import Deciding, Handlers, Passing
from shared.loop.phases import Phase, Phases
from shared.loop.published import Published
from shared.loop.reading import Clock, Task, read

log = structlog.get_logger()

RACES = 8
MOST_SAID = 2000
"""So many outsiders' messages one document takes within a stream's age before the next is told that it is enough."""

Report = Callable[[str, str, int], None]
"""(stream, outcome, how many): for the service's own metrics."""


class Loop:
    """Runs the handlers of one service. ``context`` gives what decisions read beside state and event (the policy)."""

    def __init__(
        self,
        handlers: Handlers,
        documents: Documents,
        bus: Bus,
        context: Callable[[], Any] = lambda: None,
        clock: Clock = "wall",
        phases: Phases | None = None,
        report: Report = lambda _stream, _outcome, _count: None,
    ) -> None:
        self._handlers = handlers
        self._documents = documents
        self._bus = bus
        self._context = context
        self._clock = clock
        self._phases = phases or Phases()
        self._report = report
        self._published = Published(bus.floor)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Processes a batch to its acknowledgement. Raises Unreachable; calling again with the same batch is safe.

        Where a batch raises anything else, its halves are settled apart, until the message that does it stands alone.
        """
        answers = Answers(self._handlers)
        try:
            await self._settle(deliveries, answers)
        except Unreachable:
            raise
        except Exception as error:
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                await self.settle(deliveries[:middle])
                await self.settle(deliveries[middle:])
                return
            answers = Answers(self._handlers)
            answers.failed(deliveries[0], error)
            await self._finish(answers)
        for stream, outcome in answers.outcomes:
            self._report(stream, outcome, 1)
        self._phases.enter(Phase.IDLE)

    async def _settle(self, deliveries: Sequence[Delivery], answers: Answers) -> None:
        tasks = [task for delivery in deliveries if (task := self._read(delivery, answers)) is not None]
        await self._decide([task for task in tasks if isinstance(task.handler, Deciding)], answers)
        await self._pass_on([task for task in tasks if isinstance(task.handler, Passing)], answers)
        await self._finish(answers)

    def _read(self, delivery: Delivery, answers: Answers) -> Task | None:
        if delivery.delivered >= DELIVERED_TOO_OFTEN:
            answers.dead(delivery, f"delivered {delivery.delivered} times")
            return None
        try:
            task = read(delivery, self._handlers, self._clock)
        except Invalid as invalid:
            answers.refuse(delivery, invalid.id, delivery.time, invalid.errors)
            return None
        if task is None:
            answers.acknowledge(delivery, "ignored")
        return task

    # --- deciding ---------------------------------------------------------------------------------------------

    async def _decide(self, tasks: Sequence[Task], answers: Answers) -> None:
        groups: dict[tuple[str, str], list[Task]] = {}
        collections: dict[tuple[str, str], Collection] = {}
        looked_up = await self._look_up(tasks)
        for index, task in enumerate(tasks):
            assert isinstance(task.handler, Deciding)
            collection = task.handler.collection
            name = (collection.name, looked_up.get(index) or task.handler.key(task.event, task.input))
            groups.setdefault(name, []).append(task)
            collections[name] = collection
        for _ in range(RACES):
            if not groups:
                return
            self._phases.enter(Phase.LOADING)
            loaded = await self._documents.load((collections[name], name[1]) for name in groups)
            self._phases.enter(Phase.DECIDING)
            changes = {
                name: self._fold(loaded.get(name) or Stored(collections[name], name[1]), group)
                for name, group in groups.items()
            }
            await self._republish(changes.values())
            self._phases.enter(Phase.WRITING)
            known_before = any(change.known_before for change in changes.values())
            changed = {name: change.after() for name, change in changes.items() if change.written}
            # What was applied before a copy wrote that perhaps died before it journaled: an empty save journals it.
            lost = await self._documents.save(list(changed.values())) if changed or known_before else set()
            for name, change in changes.items():
                if name not in lost:
                    answers.take(change.answers)
                    if name in changed:
                        answers.out += change.out
                        answers.written.append(changed[name])
            groups = {name: group for name, group in groups.items() if name in lost}
        for group in groups.values():
            for task in group:
                answers.again(task.delivery, RACED_DELAY, "raced")

    async def _look_up(self, tasks: Sequence[Task]) -> dict[int, str]:
        """Finds the documents of those messages (by index) that do not say the id of theirs."""
        wanted: dict[tuple[Collection, str], dict[str, list[int]]] = {}
        for index, task in enumerate(tasks):
            assert isinstance(task.handler, Deciding)
            lookup = task.handler.lookup
            if lookup is not None and not task.handler.key(task.event, task.input):
                values = wanted.setdefault((task.handler.collection, lookup.field), {})
                values.setdefault(lookup.of(task.event, task.input), []).append(index)
        found: dict[int, str] = {}
        for (collection, path), values in wanted.items():
            self._phases.enter(Phase.LOADING)
            having: dict[str, list[Stored]] = {}
            for stored in await self._documents.find(collection, path, values):
                having.setdefault(value_at(stored, path), []).append(stored)
            for value, among in having.items():
                for index in values[value]:
                    found[index] = meant(tasks[index], among).id
        return found

    def _fold(self, stored: Stored, group: Sequence[Task]) -> Change:
        """Decides the messages of one document one after the other; they are written together."""
        change = Change(stored, stored.state, Answers(self._handlers))
        for task in group:
            if task.errors:
                _refuse(task, task.errors, change.answers, change.state)
                continue
            known = change.known(task.input)
            if known is not None and known == task.input.digest:
                change.known_before = True
                change.repeat |= (task.delivery.stream, task.delivery.sequence) in stored.outbox.inputs
                change.answers.acknowledge(task.delivery, "repeated")
                continue
            try:
                if known is not None:
                    raise Refused("id", "this id was used before with a different body")
                if task.input.tenant and change.said() >= MOST_SAID:
                    raise Refused("id", "too many messages about the same thing")
                assert isinstance(task.handler, Deciding)
                decision = task.handler.decide(change.state, task.event, task.input, self._context())
                out = self._outgoing(task, decision.out)
            except Exception as error:
                _answer(task, error, change.answers, change.state)
                continue
            if decision.state is None:
                change.answers.out += out
            elif decision.state is not change.state or out or task.input.tenant:
                change.apply(task, decision.state, out)
            change.answers.acknowledge(task.delivery, "applied")
        return change

    def _outgoing(self, task: Task, outs: Sequence[Out]) -> list[Outgoing]:
        """The outputs of one input, each with an id of its own."""
        made = [outgoing(out, self._handlers.service, task.input, i) for i, out in enumerate(outs)]
        if len({out.id for out in made}) < len(made):
            raise ValueError(f"outputs of {task.event.type} share an id: {[out.key for out in outs]}")
        return made

    async def _republish(self, changes: Iterable[Change]) -> None:
        """Before an outbox is overwritten, or when its input comes again: is what it holds in the streams?"""
        self._phases.enter(Phase.REPUBLISHING)
        unsure = [
            change.before
            for change in changes
            if (change.written or change.repeat) and not await self._published.known(change.before)
        ]
        if unsure:
            await self._documents.save(())  # another copy may have written it and not yet journaled
            await self._bus.publish([out for stored in unsure for out in stored.outbox.out])
            for stored in unsure:
                self._published.remember(stored)

    # --- passing on -------------------------------------------------------------------------------------------

    async def _pass_on(self, tasks: Sequence[Task], answers: Answers) -> None:
        wanted: dict[tuple[str, str], set[str]] = {}
        collections: dict[str, Collection] = {}
        for task in tasks:
            assert isinstance(task.handler, Passing)
            handler = task.handler
            wanted.setdefault((handler.collection.name, handler.field), set()).add(
                handler.of(task.event, task.input)
            )
            collections[handler.collection.name] = handler.collection
        found: dict[tuple[str, str, str], list[Any]] = {}
        for (name, path), values in wanted.items():
            self._phases.enter(Phase.LOADING)
            for stored in await self._documents.find(collections[name], path, values):
                found.setdefault((name, path, value_at(stored, path)), []).append(stored.state)
        self._phases.enter(Phase.DECIDING)
        for task in tasks:
            assert isinstance(task.handler, Passing)
            handler = task.handler
            states = found.get(
                (handler.collection.name, handler.field, handler.of(task.event, task.input)), []
            )
            try:
                out = self._outgoing(task, handler.pass_on(states, task.event, task.input, self._context()))
            except Exception as error:
                _answer(task, error, answers)
                continue
            answers.out += out
            answers.acknowledge(task.delivery, "applied")

    # --- finishing --------------------------------------------------------------------------------------------

    async def _finish(self, answers: Answers) -> None:
        self._phases.enter(Phase.PUBLISHING)
        if answers.out:
            await self._bus.publish(answers.out)
        for stored in answers.written:
            self._published.remember(stored)
        if answers.bury:
            await asyncio.gather(*(self._bus.bury(delivery, reason) for delivery, reason in answers.bury))
        self._phases.enter(Phase.ACKING)
        for delivery in answers.ack:
            await self._bus.ack(delivery)
        for delivery, delay in answers.nak:
            await self._bus.nak(delivery, delay)
        for delivery, reason in answers.bury:
            log.warning("buried", stream=delivery.stream, sequence=delivery.sequence, reason=reason)
            await self._bus.term(delivery)


def _answer(task: Task, error: Exception, answers: Answers, state: Any = None) -> None:
    """What becomes of a message whose decision about ``state`` raised."""
    match error:
        case Refused():
            _refuse(task, error.errors, answers, state)
        case NotYet():
            answers.later(task, error)
        case _:
            answers.failed(task.delivery, error)


def _refuse(task: Task, errors: Sequence[FieldError], answers: Answers, state: Any) -> None:
    answers.refuse(task.delivery, task.input.id, task.input.at, errors, state)
