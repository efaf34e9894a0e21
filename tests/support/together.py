"""Intake, routing and metrics over documents in memory, with everything between them in the order a test wants, and as
often: a message applied once is known by its id, as the loop knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from services.intake.handlers import handlers as intake
from services.metrics.handlers import handlers as metrics
from services.routing.handlers import handlers as routing
from shared.contracts.base import Event
from shared.loop.decision import Input, NotYet, Out, Refused
from shared.loop.envelope import output_id
from shared.loop.handlers import Deciding
from shared.policy import Jurisdiction
from tests.support.desk import Desk


@dataclass(frozen=True)
class Letter:
    """One message for one service."""

    service: str
    id: str
    event: Event
    at: datetime
    tenant: str = ""


class Together:
    """``under_way``: what nobody has read yet; ``told``: everything for outsiders, each once."""

    def __init__(self, jurisdiction: Jurisdiction, at: datetime) -> None:
        self.at = at
        self.desks = {h.service: Desk(h, jurisdiction) for h in (intake, routing, metrics)}
        self.under_way: list[Letter] = []
        self.read: list[Letter] = []
        self.told: dict[str, Out] = {}
        self._applied: set[tuple[str, str]] = set()
        self._ids = count(1)

    def say(self, event: Event, tenant: str = "", id: str = "") -> None:
        """Something from outside, from another service, or from a tick."""
        self._post(event, id or f"said-{next(self._ids)}", self.at, tenant)

    def read_one(self, which: int) -> None:
        """One of what is under way is read; what is about something that is not there yet stays under way."""
        letter = self.under_way.pop(which % len(self.under_way))
        try:
            self._read(letter)
        except NotYet:
            self.under_way.append(letter)
        else:
            self.read.append(letter)

    def read_again(self, which: int) -> None:
        """One of what was read comes again."""
        if self.read:
            self.under_way.append(self.read[which % len(self.read)])

    def settle(self) -> None:
        """Everything is read, the oldest first."""
        for turn in count():
            if not self.under_way:
                return
            assert turn < 100_000, self.under_way[:3]
            self.read_one(0)

    def states(self, service: str, collection: Any) -> list[Any]:
        return self.desks[service].states(collection)

    def _read(self, letter: Letter) -> None:
        desk = self.desks[letter.service]
        deciding = isinstance(desk.handlers.by_type[letter.event.type], Deciding)
        if deciding and (letter.service, letter.id) in self._applied:
            return
        try:
            out = desk.take(letter.event, letter.at, letter.tenant, letter.id)
        except Refused:
            return
        self._applied.add((letter.service, letter.id))
        cause = Input(letter.id, letter.at, letter.tenant)
        for index, one in enumerate(out):
            id = one.id or output_id(one, letter.service, cause, index)
            if not self._post(one.event, id, letter.at, one.tenant):
                self.told[id] = one

    def _post(self, event: Event, id: str, at: datetime, tenant: str) -> bool:
        """Whether a service of ours reads it."""
        heard = [name for name, desk in self.desks.items() if event.type in desk.handlers.by_type]
        self.under_way += [Letter(name, id, event, at, tenant) for name in heard]
        return bool(heard)
