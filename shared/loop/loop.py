"""The consumer loop of every service.

    take a batch -> read each message alone -> load the documents they touch -> decide -> one guarded write
      -> publish the outputs -> acknowledge

What makes it lose nothing and do nothing twice: a document is written together with the ids of the inputs it has
applied and with the outputs of that write; inputs are acknowledged only after their outputs are stored; an input that
comes again finds itself applied and its outputs recorded; no outbox is overwritten before it is known published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog

from shared.loop.answers import DELIVERED_TOO_OFTEN, RACED_DELAY, Answers
from shared.loop.bus import Bus, Delivery
from shared.loop.change import Change
from shared.loop.documents import Collection, Documents, Stored, Unreachable
from shared.loop.door import Limits
from shared.loop.doors import Doors, LimitsOf
from shared.loop.envelope import Invalid
from shared.loop.finding import look_up, states_for, used_elsewhere
from shared.loop.fold import Fold, Vet, answer
from shared.loop.handlers import Deciding, Handlers, Passing
from shared.loop.phases import Phase, Phases
from shared.loop.published import Published
from shared.loop.reading import Clock, Task, read, received

log = structlog.get_logger()

RACES = 8

Report = Callable[[str, str, int], None]
"""(stream, outcome, how many): for the service's own metrics."""


class Loop:
    """Runs the handlers of one service. ``context`` gives what decisions read beside state and event (the policy),
    ``limits`` how much of what a tenant sends wrong is answered and kept, ``vet`` what a tenant must not say."""

    def __init__(
        self,
        handlers: Handlers,
        documents: Documents,
        bus: Bus,
        context: Callable[[datetime], Any] = lambda _at: None,
        clock: Clock = "wall",
        phases: Phases | None = None,
        report: Report = lambda _stream, _outcome, _count: None,
        limits: LimitsOf = lambda _tenant: Limits(),
        vet: Vet = lambda _event, _tenant: (),
    ) -> None:
        self._handlers = handlers
        self._documents = documents
        self._bus = bus
        self._fold = Fold(handlers.service, context, vet)
        self._doors = Doors(handlers, documents, limits)
        self._tried = False
        self._clock = clock
        self._phases = phases or Phases()
        self._report = report
        self._published = Published(bus.floor)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Processes a batch to its acknowledgement. Raises Unreachable; calling again with the same batch is safe.

        Where a batch raises anything else, its halves are settled apart, until the message that does it stands alone.
        """
        answers = Answers()
        tried, self._tried = self._tried, True
        try:
            await self._settle(deliveries, answers, tried)
        except Unreachable:
            raise
        except Exception as error:
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                for half in (deliveries[:middle], deliveries[middle:]):
                    self._tried = True
                    await self.settle(half)
                return
            answers = Answers()
            answers.failed(deliveries[0], error)
            await self._finish(answers)
        for stream, outcome in answers.outcomes:
            self._report(stream, outcome, 1)
        self._tried = False
        self._phases.enter(Phase.IDLE)

    async def _settle(self, deliveries: Sequence[Delivery], answers: Answers, tried: bool) -> None:
        tasks = [task for delivery in deliveries if (task := self._read(delivery, answers)) is not None]
        again = [task for task in tasks if task.input.tenant and (tried or task.delivery.delivered > 1)]
        await self._doors.recall(again)
        # Whoever said nothing else goes to its door in the same write: its noise costs the others none of their own.
        busy = {task.input.tenant for task in tasks}
        hopeless = answers.refused_of_others_than(busy)
        knocks = await self._doors.knocks(hopeless, self._published)
        await self._decide(
            [*(task for task in tasks if isinstance(task.handler, Deciding)), *knocks], answers
        )
        await self._pass_on([task for task in tasks if isinstance(task.handler, Passing)], answers)
        if answers.refused:
            await self._decide(await self._doors.knocks(answers.refused, self._published), answers)
        await self._finish(answers)

    def _read(self, delivery: Delivery, answers: Answers) -> Task | None:
        if delivery.delivered >= DELIVERED_TOO_OFTEN:
            answers.dead(delivery, f"delivered {delivery.delivered} times")
            return None
        try:
            task = read(delivery, self._handlers, self._clock)
        except Invalid as invalid:
            at, timed = received(delivery, invalid.time, self._clock)
            answers.refuse(delivery, invalid.id, at, invalid.errors, timed=timed)
            return None
        if task is None:
            answers.acknowledge(delivery, "ignored")
        return task

    # --- deciding ---------------------------------------------------------------------------------------------

    async def _decide(self, tasks: Sequence[Task], answers: Answers) -> None:
        groups: dict[tuple[str, str], list[Task]] = {}
        collections: dict[tuple[str, str], Collection] = {}
        looked_up = await look_up(tasks, self._documents, self._phases)
        named: list[tuple[Task, str]] = []  # as they came: who used an id first is not told by documents
        for index, task in enumerate(tasks):
            assert isinstance(task.handler, Deciding)
            collection = task.handler.collection
            name = (collection.name, looked_up.get(index) or task.handler.key(task.event, task.input))
            groups.setdefault(name, []).append(task)
            collections[name] = collection
            named.append((task, name[1]))
        await used_elsewhere(named, self._documents, self._phases)
        for _ in range(RACES):
            if not groups:
                return
            self._phases.enter(Phase.LOADING)
            loaded = await self._documents.load((collections[name], name[1]) for name in groups)
            self._phases.enter(Phase.DECIDING)
            changes = {
                name: self._fold.change(loaded.get(name) or Stored(collections[name], name[1]), group)
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
        found = await states_for(tasks, self._documents, self._phases)
        self._phases.enter(Phase.DECIDING)
        for task, states in zip(tasks, found, strict=True):
            assert isinstance(task.handler, Passing)
            try:
                told = task.handler.pass_on(states, task.event, task.input, self._fold.context(task.input.at))
                out = self._fold.outgoing(task, told)
            except Exception as error:
                answer(task, error, answers)
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
            await self._bus.bury(answers.bury)
        self._phases.enter(Phase.ACKING)
        for delivery in answers.ack:
            await self._bus.ack(delivery)
        for delivery, delay in answers.nak:
            await self._bus.nak(delivery, delay)
        for delivery, reason in answers.bury:
            log.warning("buried", stream=delivery.stream, sequence=delivery.sequence, reason=reason)
            await self._bus.term(delivery)
