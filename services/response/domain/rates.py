"""An agency's own rates, counted from its assignments, with what was counted (DOMAIN 5).

The cohort is what was assigned in a span of time. A step is judged once it was taken, or while it is awaited and its
deadline is past, or when it was over past its deadline; one that was withdrawn, given back or deferred before is not.

A month of a large agency is thousands of assignments, so what is counted are the few fields that a rate depends on, as
they are stored, and they may come in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.response.domain.assignment import STEPS
from shared.contracts.values import Step

RateName = Literal["accept", "contact", "arrive", "resolve", "rework", "return"]
State = Mapping[str, Any]
"""An assignment as it is stored, at least with ``FIELDS``; instants have an offset."""
Judge = Callable[[State, datetime], bool | None]

FIELDS = (
    "assignment_id",
    "state",
    "held",
    "closed",
    "order.case_no",
    "order.summary",
    *(f"clocks.{step}.{part}" for step in STEPS for part in ("due", "told")),
    *(f"taken.{step}.on_time" for step in STEPS),
)
_LIVE = frozenset(("assigned", "accepted", "arrived"))


class Behind(NamedTuple):
    """One assignment behind a figure."""

    assignment_id: str
    case_no: str
    summary: str


@dataclass(slots=True)
class Rate:
    """So many of so many; nothing of nothing is no rate. ``counted`` are the first of the numerator's, ``others`` the
    first of the rest."""

    name: RateName
    numerator: int = 0
    denominator: int = 0
    counted: list[Behind] = field(default_factory=list)
    others: list[Behind] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


class Tally:
    """All rates as things stand at one instant, over whatever is added. ``most``: so many of each kind are named."""

    def __init__(self, at: datetime, most: int) -> None:
        self._at = at
        self._most = most
        self.assigned = 0
        self.rates = [Rate(name) for name in _JUDGES]

    def add(self, states: Iterable[State]) -> None:
        """Counts more of the cohort, each once."""
        for state in states:
            self.assigned += 1
            for rate in self.rates:
                verdict = _JUDGES[rate.name](state, self._at)
                if verdict is None:
                    continue
                rate.denominator += 1
                rate.numerator += verdict
                named = rate.counted if verdict else rate.others
                if len(named) < self._most:
                    order = state["order"]
                    named.append(Behind(state["assignment_id"], order["case_no"], order["summary"]))


def _in_time(step: Step) -> Judge:
    def judge(state: State, at: datetime) -> bool | None:
        clock, taken = state["clocks"].get(step), state.get("taken", {}).get(step)
        if clock is None:
            return None
        if taken is not None:
            return bool(taken["on_time"])
        missed = clock.get("told") == "overdue" or (state["state"] in _LIVE and clock["due"] < at)
        return False if missed else None

    return judge


def _reworked(state: State, _: datetime) -> bool | None:
    return not state["held"] and not state.get("closed", True) if state["state"] == "concluded" else None


def _returned(state: State, _: datetime) -> bool:
    return bool(state["state"] == "returned")


_JUDGES: dict[RateName, Judge] = {
    "accept": _in_time("accept"),
    "contact": _in_time("contact"),
    "arrive": _in_time("arrive"),
    "resolve": _in_time("resolve"),
    "rework": _reworked,
    "return": _returned,
}
