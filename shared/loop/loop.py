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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import structlog

from shared.contracts.base import Event, IngressEvent
from shared.contracts.streams import OURS
from shared.contracts.values import FieldError
from shared.loop.bus import Bus, Delivery
from shared.loop.decision import Input, NotYet, Refusal, Refused
from shared.loop.documents import Collection, Documents, Stored
from shared.loop.envelope import Invalid, Outgoing, digest, open_letter, outgoing, read_ingress, read_own
from shared.loop.handlers import Deciding, Handlers, Passing
from shared.loop.phases import Phase, Phases
from shared.loop.published import Published

log = structlog.get_logger()

RAISED_TOO_OFTEN = 5
DELIVERED_TOO_OFTEN = 100
NOT_YET_TRIES = 6
RACES = 8
OUR_STREAMS = frozenset(stream.name for stream in OURS)

Clock = Literal["wall", "replay"]
Report = Callable[[str, str, int], None]
"""(stream, outcome, how many): for the service's own metrics."""


@dataclass(slots=True)
class _Task:
    """One message that could be read, with the handler it goes to."""

    delivery: Delivery
    handler: Deciding | Passing
    event: Event
    input: Input


@dataclass(slots=True)
class _Batch:
    """What is to be published and answered once the batch is written."""

    out: list[Outgoing] = field(default_factory=list)
    remember: list[Stored] = field(default_factory=list)
    ack: list[Delivery] = field(default_factory=list)
    nak: list[tuple[Delivery, float]] = field(default_factory=list)
    bury: list[tuple[Delivery, str]] = field(default_factory=list)

    def take(self, other: _Batch) -> None:
        self.out += other.out
        self.ack += other.ack
        self.nak += other.nak
        self.bury += other.bury


@dataclass(slots=True)
class _Change:
    """What a batch does to one document."""

    before: Stored
    state: Any
    inputs: list[tuple[Input, str, int]] = field(default_factory=list)
    out: list[Outgoing] = field(default_factory=list)
    answers: _Batch = field(default_factory=_Batch)
    repeat: bool = False
    written: bool = False

    def apply(self, task: _Task, state: Any, out: Sequence[Outgoing]) -> None:
        self.state = state
        self.inputs.append((task.input, task.delivery.stream, task.delivery.sequence))
        self.out.extend(out)
        self.written = True

    def after(self) -> Stored:
        return self.before.next(self.state, self.inputs, self.out)


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
        """Processes a batch to its acknowledgement. Raises Unreachable; calling again with the same batch is safe."""
        batch = _Batch()
        tasks = [task for delivery in deliveries if (task := self._read(delivery, batch)) is not None]
        await self._decide([task for task in tasks if isinstance(task.handler, Deciding)], batch)
        await self._pass_on([task for task in tasks if isinstance(task.handler, Passing)], batch)
        await self._finish(batch)
        self._phases.enter(Phase.IDLE)

    # --- reading ----------------------------------------------------------------------------------------------

    def _read(self, delivery: Delivery, batch: _Batch) -> _Task | None:
        tokens = delivery.subject.split(".")
        own = delivery.stream in OUR_STREAMS
        if delivery.delivered >= DELIVERED_TOO_OFTEN:
            self._bury(delivery, f"delivered {delivery.delivered} times", batch)
            return None
        try:
            letter = open_letter(delivery.subject, delivery.headers, delivery.data)
            handler = self._handlers.by_type.get(letter.type)
            if own:
                if handler is None:  # a newer publisher's event; not for this version
                    self._acknowledge(delivery, batch, "ignored")
                    return None
                event = read_own(letter, handler.event)
                return _Task(delivery, handler, event, Input(letter.id, letter.time or delivery.time))
            if handler is None or not issubclass(handler.event, IngressEvent):
                raise Invalid(
                    [FieldError(field="type", problem=f"unknown event type {letter.type}")], letter.id
                )
            receipt = letter.time if self._clock == "replay" and letter.time else delivery.time
            said = read_ingress(letter, handler.event, receipt)
            return _Task(delivery, handler, said, Input(letter.id, receipt, tokens[1], digest(said)))
        except Invalid as invalid:
            if own:
                self._bury(delivery, str(invalid), batch)
            else:
                self._refuse(delivery, invalid.id, tokens[1], delivery.time, invalid.errors, batch)
            return None

    # --- deciding ---------------------------------------------------------------------------------------------

    async def _decide(self, tasks: Sequence[_Task], batch: _Batch) -> None:
        groups: dict[tuple[str, str], list[_Task]] = {}
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
            changed = {name: change.after() for name, change in changes.items() if change.written}
            lost = await self._documents.save(list(changed.values())) if changed else set()
            for name, change in changes.items():
                if name not in lost:
                    batch.take(change.answers)
                    if name in changed:
                        batch.out.extend(change.out)
                        batch.remember.append(changed[name])
            groups = {name: group for name, group in groups.items() if name in lost}
        for group in groups.values():
            batch.nak.extend((task.delivery, 0.1) for task in group)

    async def _look_up(self, tasks: Sequence[_Task]) -> dict[int, str]:
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
                having.setdefault(_value(stored, path), []).append(stored)
            for value, among in having.items():
                for index in values[value]:
                    found[index] = _meant(tasks[index], among).id
        return found

    def _fold(self, stored: Stored, group: Sequence[_Task]) -> _Change:
        """Decides the messages of one document one after the other; they are written together."""
        change = _Change(stored, stored.state)
        batch = change.answers
        here: dict[str, str] = {}
        for task in group:
            applied = stored.applied.get(task.input.key)
            known = applied.digest if applied is not None else here.get(task.input.key)
            if known is not None:
                if task.input.digest and known != task.input.digest:
                    error = FieldError(field="id", problem="this id was used before with a different body")
                    self._refuse_task(task, [error], batch)
                    continue
                if (task.delivery.stream, task.delivery.sequence) in stored.outbox.inputs:
                    change.repeat = True
                self._acknowledge(task.delivery, batch, "repeated")
                continue
            try:
                assert isinstance(task.handler, Deciding)
                decision = task.handler.decide(change.state, task.event, task.input, self._context())
                out = [outgoing(o, self._handlers.service, task.input, i) for i, o in enumerate(decision.out)]
            except Refused as refused:
                self._refuse_task(task, refused.errors, batch)
            except NotYet as not_yet:
                self._later(task, not_yet, batch)
            except Exception as error:
                self._failed(task.delivery, error, batch)
            else:
                if decision.state is None:
                    batch.out.extend(out)
                elif decision.state is not change.state or out:
                    change.apply(task, decision.state, out)
                    here[task.input.key] = task.input.digest
                self._acknowledge(task.delivery, batch, "applied")
        return change

    async def _republish(self, changes: Iterable[_Change]) -> None:
        """Before an outbox is overwritten, or when its input comes again: is what it holds in the streams?"""
        self._phases.enter(Phase.REPUBLISHING)
        unsure = [
            change.before
            for change in changes
            if (change.written or change.repeat) and not await self._published.known(change.before)
        ]
        if unsure:
            await self._bus.publish([out for stored in unsure for out in stored.outbox.out])
            for stored in unsure:
                self._published.remember(stored)

    # --- passing on -------------------------------------------------------------------------------------------

    async def _pass_on(self, tasks: Sequence[_Task], batch: _Batch) -> None:
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
                found.setdefault((name, path, _value(stored, path)), []).append(stored.state)
        self._phases.enter(Phase.DECIDING)
        for task in tasks:
            assert isinstance(task.handler, Passing)
            handler = task.handler
            states = found.get(
                (handler.collection.name, handler.field, handler.of(task.event, task.input)), []
            )
            try:
                outs = handler.pass_on(states, task.event, task.input, self._context())
                out = [outgoing(o, self._handlers.service, task.input, i) for i, o in enumerate(outs)]
            except Refused as refused:
                self._refuse_task(task, refused.errors, batch)
            except NotYet as not_yet:
                self._later(task, not_yet, batch)
            except Exception as error:
                self._failed(task.delivery, error, batch)
            else:
                batch.out.extend(out)
                self._acknowledge(task.delivery, batch, "applied")

    # --- finishing --------------------------------------------------------------------------------------------

    async def _finish(self, batch: _Batch) -> None:
        self._phases.enter(Phase.PUBLISHING)
        if batch.out:
            await self._bus.publish(batch.out)
        for stored in batch.remember:
            self._published.remember(stored)
        await asyncio.gather(*(self._bus.bury(delivery, reason) for delivery, reason in batch.bury))
        self._phases.enter(Phase.ACKING)
        for delivery in batch.ack:
            await self._bus.ack(delivery)
        for delivery, delay in batch.nak:
            await self._bus.nak(delivery, delay)
        for delivery, _ in batch.bury:
            await self._bus.term(delivery)

    def _acknowledge(self, delivery: Delivery, batch: _Batch, outcome: str) -> None:
        self._report(delivery.stream, outcome, 1)
        batch.ack.append(delivery)

    def _bury(self, delivery: Delivery, reason: str, batch: _Batch) -> None:
        self._report(delivery.stream, "buried", 1)
        log.warning(
            "buried",
            stream=delivery.stream,
            sequence=delivery.sequence,
            subject=delivery.subject,
            reason=reason,
        )
        batch.bury.append((delivery, reason))

    def _refuse_task(self, task: _Task, errors: Sequence[FieldError], batch: _Batch) -> None:
        self._refuse(task.delivery, task.input.id, task.input.tenant, task.input.at, errors, batch)

    def _refuse(
        self,
        delivery: Delivery,
        id: str | None,
        tenant: str,
        at: datetime,
        errors: Sequence[FieldError],
        batch: _Batch,
    ) -> None:
        """Tells the sender, keeps the message. The id of what is told names the message, so that it is told once."""
        cause = Input(f"refused:{delivery.stream}:{delivery.sequence}", at, tenant)
        told = self._handlers.refuse(Refusal(id, errors, tenant, delivery.subject, delivery.data))
        batch.out.extend(outgoing(o, self._handlers.service, cause, i) for i, o in enumerate(told))
        self._bury(delivery, "; ".join(f"{e.field}: {e.problem}" for e in errors), batch)

    def _later(self, task: _Task, not_yet: NotYet, batch: _Batch) -> None:
        if task.delivery.delivered >= NOT_YET_TRIES:
            self._refuse_task(task, not_yet.refusal.errors, batch)
        else:
            self._report(task.delivery.stream, "later", 1)
            batch.nak.append((task.delivery, 0.1 * 2**task.delivery.delivered))

    def _failed(self, delivery: Delivery, error: Exception, batch: _Batch) -> None:
        """A decision raised: a defect of ours. Tried again, then kept where somebody can look at it."""
        log.error("decision raised", subject=delivery.subject, sequence=delivery.sequence, exc_info=error)
        if delivery.delivered >= RAISED_TOO_OFTEN:
            self._bury(delivery, f"raised {delivery.delivered} times: {type(error).__name__}: {error}", batch)
        else:
            self._report(delivery.stream, "raised", 1)
            batch.nak.append((delivery, float(2 ** (delivery.delivered - 1))))


def _meant(task: _Task, among: Sequence[Stored]) -> Stored:
    """Of the documents a message may mean: the one that has applied it, else the last by its look-up's order."""
    lookup = task.handler.lookup if isinstance(task.handler, Deciding) else None
    assert lookup is not None
    return max(among, key=lambda stored: (task.input.key in stored.applied, lookup.order(stored.state)))


def _value(stored: Stored, path: str) -> str:
    """The value at ``state.a.b`` of a document, as ``find`` matched it."""
    value: Any = stored.state if path.startswith("state.") else stored.id
    for name in path.split(".")[1:] if path.startswith("state.") else ():
        value = getattr(value, name)
    return str(value)
