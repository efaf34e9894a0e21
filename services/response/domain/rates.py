"""An agency's own rates, counted from its assignments, with what was counted (DOMAIN 5).

The cohort is what was assigned in a span of time. A step is judged once it was taken, or while it is awaited and its
deadline is past, or when it was over past its deadline; one that was withdrawn, given back or deferred before is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.response.domain.assignment import Assignment, Concluded, Live, Returned
from shared.contracts.values import Step

RateName = Literal["accept", "contact", "arrive", "resolve", "rework", "return"]
Judge = Callable[[Assignment, datetime], bool | None]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many: ``counted`` are the numerator's, with ``others`` the denominator's. Nothing of nothing is no
    rate."""

    name: RateName
    counted: tuple[Assignment, ...]
    others: tuple[Assignment, ...]

    @property
    def numerator(self) -> int:
        return len(self.counted)

    @property
    def denominator(self) -> int:
        return len(self.counted) + len(self.others)

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


def rates(assignments: Iterable[Assignment], at: datetime) -> list[Rate]:
    """All rates of these assignments, as things stand at this instant."""
    cohort = list(assignments)
    return [_rate(name, judge, cohort, at) for name, judge in _JUDGES.items()]


def _rate(name: RateName, judge: Judge, cohort: Iterable[Assignment], at: datetime) -> Rate:
    judged = [(one, judge(one, at)) for one in cohort]
    return Rate(
        name,
        tuple(one for one, verdict in judged if verdict is True),
        tuple(one for one, verdict in judged if verdict is False),
    )


def _in_time(step: Step) -> Judge:
    def judge(assignment: Assignment, at: datetime) -> bool | None:
        clock, taken = assignment.clocks.get(step), assignment.taken.get(step)
        if clock is None:
            return None
        if taken is not None:
            return taken.on_time
        missed = clock.told == "overdue" or (isinstance(assignment, Live) and clock.due < at)
        return False if missed else None

    return judge


def _reworked(assignment: Assignment, _: datetime) -> bool | None:
    return not assignment.held and not assignment.closed if isinstance(assignment, Concluded) else None


def _returned(assignment: Assignment, _: datetime) -> bool:
    return isinstance(assignment, Returned)


_JUDGES: dict[RateName, Judge] = {
    "accept": _in_time("accept"),
    "contact": _in_time("contact"),
    "arrive": _in_time("arrive"),
    "resolve": _in_time("resolve"),
    "rework": _reworked,
    "return": _returned,
}
