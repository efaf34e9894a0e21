"""The circuit of one agency: opens after failures in a row, then lets a probe through now and then, until one succeeds.

Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from services.response.webhooks.domain.outcome import Refused, Unwell
from services.response.webhooks.domain.terms import FIRST_DELAY, LONGEST_DELAY, OPEN_AFTER, PROBE_PART


class Circuit:
    """``reason`` is what the last failure said, ``opened`` when it opened; None while it is closed."""

    def __init__(self) -> None:
        self.opened: float | None = None
        self.reason = ""
        self._row = 0
        self._failing: set[int] = set()
        self._probe_at = 0.0
        self._asked_to_wait = False

    def lets(self, sequence: int, now: float, busy: int) -> bool:
        """Whether this message may be tried. ``busy``: how many are being tried.

        While it is open one at a time is, when a probe is due. If a single message has failed all the time, it may be
        the matter and not the receiver: then any other is a probe that need not wait.
        """
        if self.opened is None:
            return True
        another = not self._asked_to_wait and len(self._failing) == 1 and sequence not in self._failing
        return busy == 0 and (another or now >= self._probe_at)

    @property
    def probe_at(self) -> float | None:
        """When the next probe is due; None while it is closed."""
        return None if self.opened is None else self._probe_at

    def succeeded(self) -> bool:
        """Whether this closed it."""
        was_open = self.opened is not None
        self.opened, self._row = None, 0
        self._failing.clear()
        return was_open

    def failed(self, sequence: int, outcome: Refused | Unwell, now: float) -> None:
        """May open it. A message that is refused once more says nothing new about its receiver; many that
        are refused with none taken between do."""
        self.reason = outcome.reason
        if isinstance(outcome, Unwell) or sequence not in self._failing:
            self._row += 1
        self._failing.add(sequence)
        wait = outcome.wait if isinstance(outcome, Unwell) else None
        self._asked_to_wait = wait is not None
        if self.opened is not None:
            self._probe_at = now + (wait or self._pause(now - self.opened))
        elif self._row >= OPEN_AFTER or wait is not None:
            self.opened = now
            self._probe_at = now + (wait or FIRST_DELAY)

    def _pause(self, open_for: float) -> float:
        return min(max(open_for * PROBE_PART, FIRST_DELAY), LONGEST_DELAY)
