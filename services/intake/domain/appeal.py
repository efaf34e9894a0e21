"""The states of an appeal (DOMAIN 3): received, then registered, merged, answered or not accepted, then an end."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Contact,
    Location,
    Nature,
    Place,
    Proposal,
    Satisfaction,
)
from shared.policy import Jurisdiction

MOST_STEPS = 40
"""Of an appeal's history the last so many steps are kept; urging again and again must not make a document grow."""

MOST_WAITING = 16
"""How many follow-ups wait for an appeal to be placed."""

StepName = Literal[
    "received",
    "registered",
    "merged",
    "answered",
    "not_accepted",
    "urged",
    "supplemented",
    "withdrawn",
    "placed_anew",
    "split_off",
    "closed",
    "contested",
    "reopened",
]
Verb = Literal["urged", "supplemented", "withdrawn", "contested"]
ClosingOutcome = Literal["verified", "not_verified", "withdrawn"]
S = TypeVar("S", bound="Appealed")


class _Value(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Step(_Value):
    """One line of an appeal's history, and under which version of the policy."""

    at: datetime
    what: StepName
    policy: str = ""


class Counted(_Value):
    """How and when an appeal was counted at its case, or in ``case_id``, from where the desk has moved it."""

    how: Literal["registered", "merged"]
    at: datetime
    case_id: str | None = None


class FollowUp(_Value):
    """What a channel says about an appeal it handed in before. ``field``: how it named the appeal."""

    verb: Verb
    field: Literal["appeal_id", "external_ref"]
    in_reply_to: str
    at: datetime
    text: str | None = None
    reason: str | None = None
    attachments: tuple[Attachment, ...] | None = None


class Appealed(_Value):
    """What every appeal keeps, whatever becomes of it. ``ref_key``: channel and the channel's own number, for look-ups;
    ``received_at``: the receipt; ``matter``: the key of the matter it belongs to; ``counted``: at its case, or before
    that at the one it was split off from."""

    appeal_id: str
    channel: str
    in_reply_to: str
    external_ref: str | None = None
    ref_key: str | None = None
    received_at: datetime
    reported_at: datetime
    nature: Nature
    category: CategoryRef
    place: Place
    matter: str
    text: str
    location: Location
    contact: Contact | None = None
    confidential: bool = False
    key_household: bool = False
    households: int = 1
    indoor_temperature: float | None = None
    attachments: tuple[Attachment, ...] | None = None
    found_by: str = "resident"
    upstream_due: datetime | None = None
    confidence: float
    because: str
    proposals: tuple[Proposal, ...] = ()
    urged: int = 0
    supplemented: int = 0
    counted: Counted | None = None
    history: tuple[Step, ...] = ()


class Received(Appealed):
    """On its way to a case. ``waiting``: what the channel has said since; ``left_case``: what it was split off from."""

    state: Literal["received"] = "received"
    waiting: tuple[FollowUp, ...] = ()
    left_case: str | None = None


class OnCase(Appealed):
    """Belongs to a case. ``closed_round`` and ``reopened_round`` are the latest closing and reopening heard of: the
    case is open for this appeal while the latter is the greater, in whatever order they were heard."""

    case_id: str
    case_no: str
    closed_round: int = -1
    reopened_round: int = 0


class Registered(OnCase):
    """The case is this appeal's own, or open again."""

    state: Literal["registered"] = "registered"


class Merged(OnCase):
    """Joined a case that others had opened."""

    state: Literal["merged"] = "merged"


class Closed(OnCase):
    """The case ended, and the resident was told how."""

    state: Literal["closed"] = "closed"
    closed_at: datetime
    outcome: ClosingOutcome
    reply: str
    solved: bool | None = None
    satisfaction: Satisfaction | None = None


class Contested(OnCase):
    """The resident does not agree with the outcome."""

    state: Literal["contested"] = "contested"
    reason: str


class Withdrawn(OnCase):
    """Taken back by the resident; the case lives on while others stand behind it."""

    state: Literal["withdrawn"] = "withdrawn"
    reason: str


class Answered(Appealed):
    """A consultation answered at once."""

    state: Literal["answered"] = "answered"
    answer: str


class NotAccepted(Appealed):
    """No case, and why."""

    state: Literal["not_accepted"] = "not_accepted"
    reason_code: str
    reason: str


Appeal = Annotated[
    Received | Registered | Merged | Closed | Contested | Withdrawn | Answered | NotAccepted,
    Field(discriminator="state"),
]
Open = (Registered, Merged)
"""The states in which somebody is at work on it."""


def become(
    kind: type[S],
    before: Appealed,
    at: datetime,
    what: StepName,
    jurisdiction: Jurisdiction,
    **changes: Any,
) -> S:
    """``before`` as ``kind``, with one more step in its history."""
    kept = {name: getattr(before, name) for name in _in_both(kind, type(before))}
    history = (*before.history, Step(at=at, what=what, policy=jurisdiction.policy.label))[-MOST_STEPS:]
    return kind(**(kept | changes | {"history": history}))


@cache
def _in_both(kind: type[Appealed], before: type[Appealed]) -> frozenset[str]:
    return frozenset(kind.model_fields.keys() & before.model_fields.keys()) - {"state"}


def changed(before: S, **changes: Any) -> S:
    """The same state with some fields different."""
    return before.model_copy(update=changes)
