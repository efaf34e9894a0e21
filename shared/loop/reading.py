"""Reads each message of a batch alone: who sent it, what it says, which handler it goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog

from shared.contracts.base import IngressEvent
from shared.contracts.streams import OURS
from shared.contracts.values import FieldError
from shared.loop.bus import Delivery
from shared.loop.decision import Input
from shared.loop.envelope import Invalid, Letter, digest, legible, open_letter, read_ingress, read_own
from shared.loop.handlers import Deciding, Handlers, Passing

log = structlog.get_logger()

UNREADABLE = FieldError(field="data", problem="无法读取 (cannot be read)")

Clock = Literal["wall", "replay"]
"""`replay` takes an outsider's own time for the receipt."""

OUR_STREAMS = frozenset(stream.name for stream in OURS)


@dataclass(slots=True)
class Task:
    """One message with the handler it goes to. ``errors``: why it could not be read; the document it names is looked up
    for the answer all the same. ``refused``: it was refused before its acknowledgement was lost, and stays so.
    ``timed``: whether its time is known, as always but in a replay."""

    delivery: Delivery
    handler: Deciding | Passing
    event: Any
    input: Input
    errors: Sequence[FieldError] = ()
    refused: bool = False
    timed: bool = True


def is_own(delivery: Delivery) -> bool:
    """Whether one of our services published it; everything else comes from an outsider."""
    return delivery.stream in OUR_STREAMS


def tenant_of(delivery: Delivery) -> str:
    """Who sent it: the server vouches for the second token of an outsider's subject. Empty for our own events."""
    return "" if is_own(delivery) else delivery.subject.split(".")[1]


def read(delivery: Delivery, handlers: Handlers, clock: Clock) -> Task | None:
    """None for an event of ours that this service does not know (a newer publisher's). Raises :class:`Invalid`.

    Whatever else an outsider's bytes make our reading raise is a defect of ours, but not one that its neighbours in the
    batch should wait for: it is refused as well.
    """
    try:
        return _read(delivery, handlers, clock)
    except Invalid:
        raise
    except Exception as error:
        if is_own(delivery):
            raise
        log.error("unreadable", subject=delivery.subject, sequence=delivery.sequence, exc_info=error)
        raise Invalid([UNREADABLE]) from error


def _read(delivery: Delivery, handlers: Handlers, clock: Clock) -> Task | None:
    letter = open_letter(delivery.subject, delivery.headers, delivery.data)
    handler = handlers.by_type.get(letter.type)
    if is_own(delivery):
        if handler is None:
            return None
        event = read_own(letter, handler.event)
        return Task(delivery, handler, event, Input(letter.id, letter.time or delivery.time))
    if handler is None or not issubclass(handler.event, IngressEvent):
        wrong = FieldError(field="type", problem=f"没有这种事件 (unknown event type {letter.type})")
        raise Invalid([wrong], letter.id, letter.time)
    receipt, timed = received(delivery, letter.time, clock)
    try:
        said = read_ingress(letter, handler.event, receipt)
    except Invalid as invalid:
        if not isinstance(handler, Deciding) or handler.lookup is None:
            raise
        input = Input(letter.id, receipt, tenant_of(delivery))
        return Task(delivery, handler, _legible(letter, handler.event), input, invalid.errors, timed=timed)
    input = Input(letter.id, receipt, tenant_of(delivery), digest(said))
    return Task(delivery, handler, said, input, timed=timed)


def received(delivery: Delivery, time: datetime | None, clock: Clock) -> tuple[datetime, bool]:
    """When it was received, and whether that is known: a replay cannot tell without the sender's own time."""
    if clock == "wall":
        return delivery.time, True
    return time or delivery.time, time is not None


def _legible(letter: Letter, event: type[IngressEvent]) -> IngressEvent:
    """The texts of a message that is no such event: enough to find what it is about, nothing to decide on."""
    fields = legible(letter.data)
    texts = {name: fields[name] for name in event.model_fields if isinstance(fields.get(name), str)}
    return event.model_construct(None, **texts)
