"""What an agency was refused lately, to be looked at: the latest thirty, as far as they were told.

How many there are to note is bounded by the agency's door (docs/decisions/0018), how much is kept of each here. The
list is the latest by time, each once: noting one again, or in another order, gives the same list.
"""

from __future__ import annotations

from datetime import datetime

from services.response.domain.assignment import Value, stored
from shared.contracts.response import RefusalNoted
from shared.contracts.values import Closed, FieldError
from shared.loop.decision import Decision, Input, Refusal
from shared.loop.envelope import legible
from shared.policy import Jurisdiction

MOST = 30
MOST_ERRORS = 5
LONGEST_FIELD = 100
LONGEST_PROBLEM = 300
LONGEST_ID = 256


class Noted(Value):
    """One message that was not applied. ``verb`` is empty where none was the reason: a count that was told."""

    id: str
    at: datetime
    verb: str
    assignment_id: str | None = None
    in_reply_to: str | None = None
    errors: list[FieldError]
    closed: Closed | None = None


class Refusals(Value):
    """An agency's list, the oldest first."""

    agency: str
    latest: tuple[Noted, ...] = ()


def noted(refusal: Refusal) -> RefusalNoted:
    """As much of a refusal as is kept: a message may name thousands of wrong fields, of any length."""
    about = legible(refusal.data).get("assignment_id")
    return RefusalNoted(
        agency=refusal.tenant,
        verb=refusal.subject.split(".")[2] if refusal.subject.count(".") > 2 else "",
        assignment_id=about[:LONGEST_ID] if isinstance(about, str) else None,
        in_reply_to=refusal.id,
        errors=[
            FieldError(field=one.field[:LONGEST_FIELD], problem=one.problem[:LONGEST_PROBLEM])
            for one in refusal.errors[:MOST_ERRORS]
        ],
        closed=refusal.closed,
    )


def note(known: Refusals | None, event: RefusalNoted, input: Input, _: Jurisdiction) -> Decision:
    """One more; the oldest makes room."""
    before = known or Refusals(agency=event.agency)
    if any(one.id == input.id for one in before.latest):
        return Decision(before)
    more = Noted(
        id=input.id,
        at=stored(input.at),
        verb=event.verb,
        assignment_id=event.assignment_id,
        in_reply_to=event.in_reply_to,
        errors=event.errors,
        closed=event.closed,
    )
    latest = sorted((*before.latest, more), key=lambda one: (one.at, one.id))[-MOST:]
    return Decision(before if more not in latest else before.model_copy(update={"latest": tuple(latest)}))
