"""What became of one request, and what that says: of the message, or of its receiver."""

from __future__ import annotations

from dataclasses import dataclass

from services.response.webhooks.domain.terms import FIRST_DELAY, LONGEST_DELAY

PASSING = frozenset({408, 425, 429})
"""4xx that do not speak of the message."""

ASKS_TO_WAIT = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver does not want this message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unwell:
    """The receiver could not be reached or could not answer; any other message would have fared the same.

    ``wait``: seconds for which it asks to be left alone.
    """

    reason: str
    wait: float | None = None


Outcome = Delivered | Refused | Unwell


def judged(status: int, retry_after: str = "", said: str = "") -> Outcome:
    """What an answer means. ``retry_after``: the header, in seconds; a date in it is not understood and ignored.
    ``said``: the beginning of the body."""
    words = f"{status}: {said}" if said else str(status)
    if 200 <= status < 300:
        return Delivered()
    if 300 <= status < 400:
        return Unwell(f"{status}: redirects are not followed")
    if 400 <= status < 500 and status not in PASSING:
        return Refused(words)
    wait = float(retry_after) if retry_after.isdecimal() and status in ASKS_TO_WAIT else None
    return Unwell(words, None if wait is None else min(max(wait, FIRST_DELAY), LONGEST_DELAY))
