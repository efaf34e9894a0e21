"""Which message leads to which decision. A service's handlers.py fills one of these and says nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Event
from shared.contracts.streams import Consumer, service_consumers
from shared.contracts.values import FieldError
from shared.loop.decision import Input, Out, Refusal
from shared.loop.documents import Collection

Decide = Callable[[Any, Any, Input, Any], Any]
"""(state or None, event, input, context) -> Decision; may raise Refused or NotYet."""

PassOn = Callable[[Sequence[Any], Any, Input, Any], Sequence[Out]]
"""(states found, event, input, context) -> outputs; changes no document; may raise Refused or NotYet."""

Refuse = Callable[[str | None, Sequence[FieldError], str], Sequence[Out]]
"""(the sender's event id, what is wrong, tenant) -> what the sender is told."""

RefuseMessage = Callable[[Refusal], Sequence[Out]]
"""The same, where the answer depends on the message itself."""


@dataclass(frozen=True)
class Lookup:
    """How a message names its document when not by id: the one whose ``field`` is ``of`` the message. Of several, the
    one that has applied the message already, else the last by ``order`` of its state."""

    field: str
    of: Callable[[Any, Input], str]
    order: Callable[[Any], Any]


@dataclass(frozen=True)
class Deciding:
    """A message that changes the one document named by ``key``, or where that is empty, found by ``lookup``."""

    event: type[Event]
    collection: Collection
    key: Callable[[Any, Input], str]
    decide: Decide
    lookup: Lookup | None = None


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
        self.refuse: RefuseMessage = lambda _refusal: ()

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

    def refusals(self, refuse: Refuse) -> Refuse:
        """Registers what an outsider is told whose message could not be applied."""
        self.refuse = lambda refusal: refuse(refusal.id, refusal.errors, refusal.tenant)
        return refuse

    def refusals_of_messages(self, refuse: RefuseMessage) -> RefuseMessage:
        """Like :meth:`refusals`, for an answer that depends on which message it was."""
        self.refuse = refuse
        return refuse

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
