"""Reads each message of a batch alone: who sent it, what it says, which handler it goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from shared.contracts.base import Event, IngressEvent
from shared.contracts.streams import OURS
from shared.contracts.values import FieldError
from shared.loop.bus import Delivery
from shared.loop.decision import Input
from shared.loop.envelope import Invalid, Letter, digest, open_letter, read_ingress, read_own
from shared.loop.handlers import Deciding, Handlers, Passing

Clock = Literal["wall", "replay"]
"""`replay` takes an outsider's own time for the receipt."""

OUR_STREAMS = frozenset(stream.name for stream in OURS)


@dataclass(slots=True)
class Task:
    """One message with the handler it goes to. ``errors``: why it could not be read; the document it names is looked up
    for the answer all the same."""

    delivery: Delivery
    handler: Deciding | Passing
    event: Event
    input: Input
    errors: Sequence[FieldError] = ()


def is_own(delivery: Delivery) -> bool:
    """Whether one of our services published it; everything else comes from an outsider."""
    return delivery.stream in OUR_STREAMS


def tenant_of(delivery: Delivery) -> str:
    """Who sent it: the server vouches for the second token of an outsider's subject. Empty for our own events."""
    return "" if is_own(delivery) else delivery.subject.split(".")[1]


def read(delivery: Delivery, handlers: Handlers, clock: Clock) -> Task | None:
    """None for an event of ours that this service does not know (a newer publisher's). Raises :class:`Invalid`."""
    letter = open_letter(delivery.subject, delivery.headers, delivery.data)
    handler = handlers.by_type.get(letter.type)
    if is_own(delivery):
        if handler is None:
            return None
        event = read_own(letter, handler.event)
        return Task(delivery, handler, event, Input(letter.id, letter.time or delivery.time))
    if handler is None or not issubclass(handler.event, IngressEvent):
        raise Invalid([FieldError(field="type", problem=f"unknown event type {letter.type}")], letter.id)
    receipt = letter.time if clock == "replay" and letter.time else delivery.time
    try:
        said = read_ingress(letter, handler.event, receipt)
    except Invalid as invalid:
        if not isinstance(handler, Deciding) or handler.lookup is None:
            raise
        input = Input(letter.id, receipt, tenant_of(delivery))
        return Task(delivery, handler, _legible(letter, handler.event), input, invalid.errors)
    return Task(delivery, handler, said, Input(letter.id, receipt, tenant_of(delivery), digest(said)))


def _legible(letter: Letter, event: type[IngressEvent]) -> IngressEvent:
    """The texts of a message that is no such event: enough to find what it is about, nothing to decide on."""
    try:
        said = orjson.loads(letter.data)
    except orjson.JSONDecodeError:
        said = None
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    texts = {name: fields[name] for name in event.model_fields if isinstance(fields.get(name), str)}
    return event.model_construct(None, **texts)
