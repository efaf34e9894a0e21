"""What a handler gets and what it gives: pure values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.contracts.base import Event
from shared.contracts.values import Closed, FieldError


@dataclass(frozen=True, slots=True)
class Input:
    """The message a decision is about.

    ``id`` is the sender's event id, ``tenant`` who sent it (empty for our own events), ``at`` the time of the decision:
    an own event's time, the receipt of an outsider's. ``digest`` fingerprints an outsider's type and body.
    """

    id: str
    at: datetime
    tenant: str = ""
    digest: str = ""

    @property
    def key(self) -> str:
        """Ids are the sender's own; two tenants may use the same one."""
        return f"{self.tenant}/{self.id}" if self.tenant else self.id


@dataclass(frozen=True, slots=True)
class Out:
    """An event to publish. ``about`` becomes ``ce-subject``.

    Its id is derived from the input's id and ``key`` (by default its position), or given whole as ``id`` by a sweep.
    """

    event: Event
    about: str = ""
    tenant: str = ""
    key: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The document's next state and what the others must hear.

    ``state`` None leaves no document behind; the very state that came in, without outputs, changes nothing.
    """

    state: Any
    out: Sequence[Out] = field(default=())


class Refused(Exception):
    """An outsider's message cannot be applied; the sender is told field and problem, the message is kept."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.errors: Sequence[FieldError] = [FieldError(field=field, problem=problem)]

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Refused:
        """For everything that is wrong at once."""
        refused = cls(errors[0].field, errors[0].problem)
        refused.errors = errors
        return refused


USED_BEFORE = FieldError(
    field="id", problem="编号已用于另一条消息 (this id was used before with a different body)"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a sender is told of a message that will not be applied: ``id`` as far as it could be read, ``data`` as it
    came, ``state`` of the document it is about where there is one.

    ``cause``: what the answer's id is made of. ``closed``: a limit is reached with it; or, without any message, what
    was counted behind one, ``unanswered`` by verb.
    """

    id: str | None
    errors: Sequence[FieldError]
    tenant: str
    subject: str
    data: bytes
    state: Any = None
    cause: str = ""
    closed: Closed | None = None
    unanswered: Mapping[str, int] = field(default_factory=dict)

    def closing(self, closed: Closed, errors: Sequence[FieldError]) -> Refusal:
        """The same, which also says that a door is closed now."""
        return replace(self, closed=closed, errors=errors)


class NotYet(Exception):
    """What the message is about may still be on its way: try again soon, then refuse."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.refusal = Refused(field, problem)
