"""Which message leads to which decision. A service's handlers.py fills one of these and says nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.contracts.base import Event
from shared.contracts.doors import Due
from shared.contracts.streams import Consumer, service_consumers
from shared.loop.decision import Decision, Input, Out, Refusal
from shared.loop.documents import Collection
from shared.loop.door import DOORS, Door, end
from shared.loop.envelope import output_id

Decide = Callable[[Any, Any, Input, Any], Any]
"""(state or None, event, input, context) -> Decision; may raise Refused or NotYet."""

PassOn = Callable[[Sequence[Any], Any, Input, Any], Sequence[Out]]
"""(states found, event, input, context) -> outputs; changes no document; may raise Refused or NotYet."""

Refuse = Callable[[Refusal], Sequence[Out]]
"""What the sender is told of a message that will not be applied, or of those that were only counted."""


@dataclass(frozen=True)
class Lookup:
    """How a message names its document when not by id: the one whose ``field`` is ``of`` the message. Of several, the
    one that has applied the message already, else the last by ``order`` of its state."""

    field: str
    of: Callable[[Any, Input], str]
    order: Callable[[Any], Any]


@dataclass(frozen=True)
class Deciding:
    """A message that changes the one document named by ``key``, or where that is empty, found by ``lookup``.

    ``known`` (state, event): where the state itself knows what it has taken; ``outcome`` (state, event): what then
    becomes of the message.
    """

    event: type[Any]
    collection: Collection
    key: Callable[[Any, Input], str]
    decide: Decide
    lookup: Lookup | None = None
    known: Callable[[Any, Any], bool] | None = None
    outcome: Callable[[Any, Any], str] | None = None


@dataclass(frozen=True)
class Passing:
    """A message that is passed on to the documents whose ``field`` has the value ``of`` it; it changes none itself."""

    event: type[Event]
    collection: Collection
    field: str
    of: Callable[[Any, Input], str]
    pass_on: PassOn


class Handlers:
    """The handlers of one service, by event type."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.by_type: dict[str, Deciding | Passing] = {}
        self.refuse: Refuse = lambda _refusal: ()
        self.door_due: type[Due] | None = None
        self.about: tuple[str, ...] = ()

    def on(
        self,
        event: type[Event],
        collection: Collection,
        key: Callable[[Any, Input], str],
        lookup: Lookup | None = None,
    ) -> Callable[[Decide], Decide]:
        """Registers the decision that ``event`` leads to on the document ``key`` of ``collection``."""

        def register(decide: Decide) -> Decide:
            self._add(event, Deciding(event, collection, key, decide, lookup))
            return decide

        return register

    def passing(
        self, event: type[Event], collection: Collection, field: str, of: Callable[[Any, Input], str]
    ) -> Callable[[PassOn], PassOn]:
        """Registers how ``event`` is passed on to every document with ``field`` equal to ``of(event)``."""

        def register(pass_on: PassOn) -> PassOn:
            self._add(event, Passing(event, collection, field, of, pass_on))
            return pass_on

        return register

    def refusals(self, due: type[Due], about: tuple[str, ...]) -> Callable[[Refuse], Refuse]:
        """Registers what an outsider is told whose message could not be applied; every tenant then has a door.

        ``due``: the event with which a tick ends its window; ``about``: the fields of which the first that is there
        names the matter a message is about.
        """

        def register(refuse: Refuse) -> Refuse:
            self.refuse, self.about, self.door_due = refuse, about, due
            self._add(due, Deciding(due, DOORS, lambda event, _: str(event.tenant), self._end))
            return refuse

        return register

    def told(self, refusals: Sequence[Refusal], at: datetime) -> list[Out]:
        """What senders are told at this time, under ids made of what each refusal is caused by."""
        out: list[Out] = []
        for refusal in refusals:
            cause = Input(refusal.cause, at, refusal.tenant)
            out += [
                replace(told, id=output_id(told, self.service, cause, i))
                for i, told in enumerate(self.refuse(refusal))
            ]
        return out

    def _end(self, door: Door | None, event: Due, input: Input, _: Any) -> Decision:
        after, told = end(door, event.until)
        return Decision(after, self.told(told, input.at))

    def events(self) -> list[type[Event]]:
        """Every event this service consumes."""
        return [handler.event for handler in self.by_type.values()]

    def consumers(self) -> tuple[Consumer, ...]:
        """The durable consumers this service needs on our own streams."""
        return service_consumers(self.service, self.events())

    def _add(self, event: type[Event], handler: Deciding | Passing) -> None:
        if event.type in self.by_type:
            raise ValueError(f"{self.service}: {event.type} has two handlers")
        self.by_type[event.type] = handler
