"""How the messages of a batch are answered: acknowledged, tried again, refused, buried. Nothing is sent from here."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import structlog

from shared.contracts.values import FieldError
from shared.loop.bus import Delivery
from shared.loop.decision import NotYet, Refusal
from shared.loop.documents import Stored
from shared.loop.envelope import Outgoing
from shared.loop.reading import Task, tenant_of

log = structlog.get_logger()

RAISED_TOO_OFTEN = 5
DELIVERED_TOO_OFTEN = 100
NOT_YET_TRIES = 6
LONGEST_DELAY = 30.0
RACED_DELAY = 0.1


@dataclass(frozen=True, slots=True)
class Refusing:
    """An outsider's message that will not be applied, on its way to the sender's door."""

    delivery: Delivery
    refusal: Refusal
    at: datetime
    reason: str
    timed: bool


@dataclass(slots=True)
class Answers:
    """What is to be published and answered once the batch is written; carried out by the loop, in this order."""

    out: list[Outgoing] = field(default_factory=list)
    written: list[Stored] = field(default_factory=list)
    refused: list[Refusing] = field(default_factory=list)
    bury: list[tuple[Delivery, str]] = field(default_factory=list)
    ack: list[Delivery] = field(default_factory=list)
    nak: list[tuple[Delivery, float]] = field(default_factory=list)
    outcomes: list[tuple[str, str]] = field(default_factory=list)

    def take(self, other: Answers) -> None:
        """Adds what one document of the batch leads to."""
        self.out += other.out
        self.written += other.written
        self.refused += other.refused
        self.bury += other.bury
        self.ack += other.ack
        self.nak += other.nak
        self.outcomes += other.outcomes

    def acknowledge(self, delivery: Delivery, outcome: str) -> None:
        self.ack.append(delivery)
        self.outcomes.append((delivery.stream, outcome))

    def again(self, delivery: Delivery, delay: float, outcome: str) -> None:
        """To be delivered again after ``delay`` seconds."""
        self.nak.append((delivery, min(delay, LONGEST_DELAY)))
        self.outcomes.append((delivery.stream, outcome))

    def dead(self, delivery: Delivery, reason: str) -> None:
        """Kept with the dead letters, and never delivered again."""
        self.bury.append((delivery, reason))
        self.outcomes.append((delivery.stream, "buried"))

    def settle(self, delivery: Delivery, outcome: str, reason: str) -> None:
        """Ends a message in the way that was decided."""
        if outcome == "buried":
            self.dead(delivery, reason)
        else:
            self.acknowledge(delivery, outcome)

    def refuse(
        self,
        delivery: Delivery,
        id: str | None,
        at: datetime,
        errors: Sequence[FieldError],
        state: Any = None,
        timed: bool = True,
    ) -> None:
        """An outsider's goes to its sender's door, which tells and keeps or counts it; one of ours is kept.

        The id of what is told is made of what was sent: the same again is answered with nothing new.
        """
        reason = "; ".join(f"{error.field}: {error.problem}" for error in errors)
        tenant = tenant_of(delivery)
        if not tenant:
            self.dead(delivery, reason)
            return
        sent = f"{id}:{blake2b(delivery.data, digest_size=12).hexdigest()}:{reason}" if id else ""
        cause = f"refused:{sent or f'{delivery.stream}:{delivery.sequence}'}"
        refusal = Refusal(id, errors, tenant, delivery.subject, delivery.data, state, cause)
        self.refused.append(Refusing(delivery, refusal, at, reason, timed))

    def refused_of_others_than(self, tenants: Container[str]) -> list[Refusing]:
        """Takes out what those sent who are not among ``tenants``."""
        others = [one for one in self.refused if one.refusal.tenant not in tenants]
        self.refused = [one for one in self.refused if one.refusal.tenant in tenants]
        return others

    def later(self, task: Task, not_yet: NotYet) -> None:
        """What it is about may still come. An outsider is told after a while; our own events are given all the time."""
        delivery = task.delivery
        if task.input.tenant and delivery.delivered >= NOT_YET_TRIES:
            self.refuse(delivery, task.input.id, task.input.at, not_yet.refusal.errors)
        else:
            self.again(delivery, 0.1 * 2 ** min(delivery.delivered, 10), "later")

    def failed(self, delivery: Delivery, error: Exception) -> None:
        """Something raised: a defect of ours. Tried again, then kept where somebody can look at it."""
        log.error("raised", subject=delivery.subject, sequence=delivery.sequence, exc_info=error)
        if delivery.delivered >= RAISED_TOO_OFTEN:
            self.dead(delivery, f"raised {delivery.delivered} times: {type(error).__name__}: {error}")
        else:
            self.again(delivery, float(2 ** (delivery.delivered - 1)), "raised")
