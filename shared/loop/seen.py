"""Which messages of one stream a document has taken, without a list of ids: a bit for each place in the stream."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.base import Instant, Part

SPAN = 65_536
"""Places remembered one by one, 8 KiB for each of the two outcomes. What lies unacknowledged while so many later ones
were taken has to wait."""

MADE_ANEW = timedelta(seconds=10)
"""A known place with a message so much younger than any that was taken: the stream was made anew."""


class Seen(Part):
    """``first``: the place of the first bit; what lies before is acknowledged and does not come again. ``latest``: when
    the youngest that was taken was stored."""

    first: int = 1
    buried: bytes = b""
    counted: bytes = b""
    latest: Instant | None = None

    def knows(self, place: int, stored: datetime) -> bool:
        """Whether the message at this place, stored then, was taken before."""
        return self._taken(place) and not self._younger(stored)

    def outcome(self, place: int) -> Literal["buried", "counted", "repeated"]:
        """What became of one that is known; one that was acknowledged needs nothing any more."""
        if place < self.first:
            return "repeated"
        return "buried" if _has(self.buried, place - self.first) else "counted"

    def trimmed(self, place: int, stored: datetime, floor: int) -> Seen:
        """Forgets what is acknowledged, and all of a stream that is not the one in which ``place`` is now."""
        if self.latest is None or (self._taken(place) and self._younger(stored)):
            return Seen(first=min(floor + 1, place))
        by = min(floor + 1, place) - self.first
        if by <= 0:
            return self
        left = {"buried": _without(self.buried, by), "counted": _without(self.counted, by)}
        return self.model_copy(update={"first": self.first + by, **left})

    def has_room(self, place: int) -> bool:
        return place - self.first < SPAN

    def noted(self, place: int, stored: datetime, outcome: Literal["buried", "counted"]) -> Seen:
        """With one more. It must not be known, and there must be room."""
        bits = _with(getattr(self, outcome), place - self.first)
        latest = stored if self.latest is None else max(stored, self.latest)
        return self.model_copy(update={outcome: bits, "latest": latest})

    def _taken(self, place: int) -> bool:
        at = place - self.first
        return at < 0 or _has(self.buried, at) or _has(self.counted, at)

    def _younger(self, stored: datetime) -> bool:
        return self.latest is not None and stored - self.latest > MADE_ANEW


def _has(bits: bytes, at: int) -> bool:
    return at >> 3 < len(bits) and bool(bits[at >> 3] >> (at & 7) & 1)


def _with(bits: bytes, at: int) -> bytes:
    longer = bytearray(bits.ljust((at >> 3) + 1, b"\0"))
    longer[at >> 3] |= 1 << (at & 7)
    return bytes(longer)


def _without(bits: bytes, by: int) -> bytes:
    """Without the first so many."""
    left = int.from_bytes(bits, "little") >> by
    return left.to_bytes((left.bit_length() + 7) // 8, "little")
