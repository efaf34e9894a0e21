"""The heating season: what the law says for every year, and when it really began and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.policy.model import PackModel

_LEAP_YEAR = 2000


def _a_day_of_the_year(value: str) -> str:
    try:
        date.fromisoformat(f"{_LEAP_YEAR}-{value}")
    except ValueError:
        raise ValueError(f"{value} is no day of a year") from None
    return value


MonthDay = Annotated[str, StringConstraints(pattern=r"^\d\d-\d\d$"), AfterValidator(_a_day_of_the_year)]
"""A day of any year, "11-15"."""


class ActualSeason(PackModel):
    """When the heat of one season came and went, both days included; what is absent is as by law."""

    start: date | None = None
    end: date | None = None


class Season(PackModel):
    """The heating season by law, month-day, both ends included. ``years``: what was done, by the year a season begins
    in; heat often comes earlier than the law's day or stays longer (DOMAIN 4)."""

    start: MonthDay
    end: MonthDay
    years: Mapping[Annotated[int, Field(ge=1990, le=2200)], ActualSeason] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_in_its_year(self) -> Season:
        for year, actual in self.years.items():
            start, end = self.of(year)
            if start.year != year:
                raise ValueError(f"years.{year}.start: {start} is not in {year}")
            if not start <= end < _on(year + 1, self.start):
                raise ValueError(f"years.{year}.end: {end} is not between {start} and the next season")
            if actual == ActualSeason():
                raise ValueError(f"years.{year}: neither start nor end")
        return self

    def of(self, year: int) -> tuple[date, date]:
        """First and last day of the season that begins in a year."""
        actual = self.years.get(year, ActualSeason())
        turns = year + 1 if self.end < self.start else year
        return actual.start or _on(year, self.start), actual.end or _on(turns, self.end)

    def holds(self, day: date) -> bool:
        """Whether a season covers a day (local date)."""
        return any(first <= day <= last for first, last in map(self.of, (day.year - 1, day.year)))


def _on(year: int, month_day: str) -> date:
    """29 February is the 28th where there is none."""
    month, day = int(month_day[:2]), int(month_day[3:])
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, day - 1)
