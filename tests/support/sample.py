"""A service as small as a test of the loop needs it: counters that many inputs meet in, and that pass on.

It takes the name and the rights of `response`, whose streams, users and tenants the shipped setup makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from shared.contracts.base import Event, IngressEvent, Instant, Part
from shared.contracts.doors import Due
from shared.contracts.values import Closed, FieldError
from shared.loop.decision import Decision, Input, NotYet, Out, Refusal, Refused
from shared.loop.documents import Collection
from shared.loop.handlers import Handlers

SERVICE = "response"
AGENCY = "heating-zy"
OTHER_AGENCY = "housing-zy"


class Added(Event, subject="inner.intake.added.v1"):
    """Fan-in: many of these meet in one counter. ``tell`` more outputs than one, to fan out."""

    counter: str
    amount: int = 1
    tell: int = 0
    group: str = ""


class Spread(Event, subject="inner.intake.spread.v1"):
    """Passed on to every counter of a group."""

    group: str


class Counted(Event, subject="inner.response.counted.v1"):
    """A counter has changed."""

    counter: str
    total: int


class Told(Event, subject="assignment.told.v1"):
    """What a counter tells beside, on another stream."""

    counter: str
    place: int


class Copied(Event, subject="inner.response.copied.v1"):
    """A spread reached a counter."""

    counter: str
    total: int


class Said(IngressEvent, subject="response.{tenant}.said.v1"):
    """An agency adds to a counter. ``word`` makes the decision refuse, wait or raise."""

    counter: Annotated[str, Field(min_length=1, max_length=100)]
    at: Instant
    amount: Annotated[int, Field(ge=0, le=1000)] = 1
    word: str | None = None


class Heard(Event, subject="dispatch.{tenant}.heard.v1"):
    """Tells an agency that it was counted."""

    counter: str
    total: int


class NotApplied(Event, subject="dispatch.{tenant}.not_applied.v1"):
    """Tells an agency why it was not."""

    in_reply_to: str | None = None
    errors: list[FieldError]
    closed: Closed | None = None


class DoorDue(Due, subject="inner.response.door_due.v1"):
    """The window of an agency's door is over."""


class Counter(Part):
    """So many were added; ``by``: how often an agency spoke."""

    state: Literal["counter"] = "counter"
    id: str
    group: str = ""
    total: int = 0
    said: int = 0
    last: Instant | None = None


COUNTERS = Collection("counters", TypeAdapter(Counter), indexes=(((("state.group", 1),), {}),))
handlers = Handlers(SERVICE)


class Broken(Exception):
    """What a defect of ours would raise."""


@handlers.on(Added, COUNTERS, key=lambda event, _: _key(event.counter))
def add(state: Counter | None, event: Added, input: Input, context: Any) -> Decision:
    """Amount -1 breaks the decision; -2 makes a state that no database takes; 0 changes nothing."""
    if event.amount == -1:
        raise Broken("cannot count backwards")
    counter = state or Counter(id=event.counter)
    if event.amount == 0:
        return Decision(state)
    total = 2**70 if event.amount == -2 else counter.total + event.amount
    changed = counter.model_copy(
        update={"total": total, "group": event.group or counter.group, "last": input.at}
    )
    told = [Out(Told(counter=event.counter, place=i), key=str(i)) for i in range(event.tell)]
    return Decision(changed, [Out(Counted(counter=event.counter, total=total), about=event.counter), *told])


@handlers.on(Said, COUNTERS, key=lambda event, _: event.counter)
def hear(state: Counter | None, event: Said, input: Input, context: Any) -> Decision:
    """An agency may add to a counter that exists."""
    match event.word:
        case "refuse":
            raise Refused("word", "is not wanted")
        case "break":
            raise Broken("said so")
        case "nothing":
            return Decision(state)
    if state is None:
        raise NotYet("counter", "is not known")
    changed = state.model_copy(update={"total": state.total + event.amount, "said": state.said + 1})
    return Decision(
        changed,
        [
            Out(Counted(counter=event.counter, total=changed.total), about=event.counter),
            Out(Heard(counter=event.counter, total=changed.total), about=event.counter, tenant=input.tenant),
        ],
    )


@handlers.passing(Spread, COUNTERS, field="state.group", of=lambda event, _: event.group)
def spread(states: Sequence[Counter], event: Spread, input: Input, context: Any) -> list[Out]:
    return [Out(Copied(counter=c.id, total=c.total), key=c.id) for c in states]


@handlers.refusals(DoorDue, about=("counter",))
def not_applied(refusal: Refusal) -> list[Out]:
    told = NotApplied(in_reply_to=refusal.id, errors=list(refusal.errors), closed=refusal.closed)
    return [Out(told, tenant=refusal.tenant)]


def _key(counter: str) -> str:
    if counter == "no key":
        raise Broken("has no key")
    return counter
