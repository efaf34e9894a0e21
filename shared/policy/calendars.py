"""Working time of a jurisdiction: which days are worked, at what hours, and when a span of it is over.

Public holidays and the weekends worked for them (调休) come from the library ``holidays``, which has them from the
yearly notice of the State Council's General Office; what it has not, or a district does otherwise, the pack adds. How
spans end, and from which law that is taken: docs/decisions/0032-working-hours.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PlainValidator, StringConstraints, model_validator

from shared.policy.model import Days, Duration, PackModel

Clock = Literal["around_the_clock", "working_hours"]
"""What a span counts: all time, or the working time of the calendar."""

ONE_DAY = timedelta(days=1)
LONGEST_EXCEPTION = 92
"""Days; a longer one is a slip of the pen."""

_SESSION = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")

Year = Annotated[int, Field(ge=1990, le=2200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]


class Session(NamedTuple):
    """From when until when people are at work: local time, within one day."""

    opens: time
    closes: time


def _session(value: Any) -> Session:
    match = _SESSION.fullmatch(value) if isinstance(value, str) else None
    try:
        session = Session(*map(time.fromisoformat, match.groups())) if match else None
    except ValueError:
        session = None
    if session is None or session.opens >= session.closes:
        raise ValueError('working hours are written "08:30-12:00", within one day')
    return session


class DaysApart(PackModel):
    """Days that are not as the calendar has them, and why. ``to``: the last of several, itself included."""

    day: date
    to: date | None = None
    reason: Text

    @model_validator(mode="after")
    def _forwards(self) -> DaysApart:
        if self.to is not None and not 0 < (self.to - self.day).days < LONGEST_EXCEPTION:
            raise ValueError(f"to: {self.to} is not one of the {LONGEST_EXCEPTION} days from {self.day} on")
        return self

    @property
    def days(self) -> Iterator[date]:
        return (self.day + n * ONE_DAY for n in range(((self.to or self.day) - self.day).days + 1))


def _all(apart: Iterable[DaysApart]) -> frozenset[date]:
    return frozenset(day for some in apart for day in some.days)


class Calendar(PackModel):
    """calendar.yaml. ``hours``: the sessions of a working day; ``week``: the days of a week that are worked, Monday is
    1. ``days_off`` and ``days_worked`` go before the library. ``notices``: the years whose holidays and working
    weekends all stand there, with the notice they were taken from; the library is not asked about those.
    ``look_ahead``: so long before a year begins it is missed."""

    hours: Annotated[tuple[Annotated[Session, PlainValidator(_session)], ...], Field(min_length=1)]
    week: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    days_off: tuple[DaysApart, ...] = ()
    days_worked: tuple[DaysApart, ...] = ()
    notices: Mapping[Year, Text] = Field(default_factory=dict)
    look_ahead: Duration = timedelta(days=60)

    @model_validator(mode="after")
    def _one_answer_each(self) -> Calendar:
        for earlier, later in zip(self.hours, self.hours[1:], strict=False):
            if later.opens < earlier.closes:
                raise ValueError(f"hours: {later.opens:%H:%M} is before {earlier.closes:%H:%M}")
        if both := _all(self.days_off) & _all(self.days_worked):
            raise ValueError(f"days_off and days_worked: {min(both)} is in both")
        return self


class Unannounced(NamedTuple):
    """A year whose holiday notice nobody has entered, and what is done meanwhile, for an operator."""

    year: int
    text: str


class _Opening(NamedTuple):
    """A session of one day, UTC."""

    opens: datetime
    closes: datetime


class WorkingTime:
    """The working time of one calendar in one zone.

    Working hours that begin or end where the clocks of a zone are changed are read before the change.
    """

    def __init__(self, calendar: Calendar, zone: tzinfo) -> None:
        self._calendar = calendar
        self._zone = zone
        self._working = _all(calendar.days_worked)
        self._off = _all(calendar.days_off)
        self._years: dict[int, dict[date, tuple[_Opening, ...]]] = {}

    def works(self, day: date) -> bool:
        """Whether a local date is worked."""
        return bool(self._openings(day))

    def due(self, at: datetime, span: timedelta) -> datetime:
        """When a span that begins at ``at`` (aware) is over; in the zone of ``at``, never before it.

        Hours and minutes count in working time, from ``at`` on. Days (a span written in ``d``) are working days after
        the day of ``at``; the last one ends with its last session.
        """
        begin = at.astimezone(UTC)
        end = self._after_days(begin, span.days) if isinstance(span, Days) else self._after_hours(begin, span)
        return end.astimezone(at.tzinfo)

    def warnings(self, at: datetime) -> tuple[Unannounced, ...]:
        """The years, of those that deadlines set now may reach, that are counted without their notice."""
        first, last = (moment.astimezone(self._zone).year for moment in (at, at + self._calendar.look_ahead))
        return tuple(
            Unannounced(year, _told(year)) for year in range(first, last + 1) if not self._announced(year)
        )

    def _after_hours(self, begin: datetime, span: timedelta) -> datetime:
        if span <= timedelta(0):
            return begin
        day = begin.astimezone(self._zone).date()
        while True:
            for opens, closes in self._openings(day):
                counted = closes - max(opens, begin)
                if counted >= span:
                    return closes - (counted - span)
                span -= max(counted, timedelta(0))
            day += ONE_DAY

    def _after_days(self, begin: datetime, days: int) -> datetime:
        if days <= 0:
            return begin
        day = begin.astimezone(self._zone).date()
        while days:
            day += ONE_DAY
            days -= self.works(day)
        return self._openings(day)[-1].closes

    def _openings(self, day: date) -> tuple[_Opening, ...]:
        if day.year not in self._years:
            self._years[day.year] = dict(self._year(day.year))
        return self._years[day.year].get(day, ())

    def _year(self, year: int) -> Iterator[tuple[date, tuple[_Opening, ...]]]:
        off, working = self._arranged(year)
        for number in range((date(year, 12, 31) - date(year, 1, 1)).days + 1):
            day = date(year, 1, 1) + number * ONE_DAY
            usual = day in working or (day.isoweekday() in self._calendar.week and day not in off)
            if day in self._working or (usual and day not in self._off):
                yield day, tuple(self._on(day, session) for session in self._calendar.hours)

    def _arranged(self, year: int) -> tuple[set[date], set[date]]:
        """Days off and weekends worked by the notice; while there is none, the holidays that the law itself dates."""
        if year in self._calendar.notices:
            return set(), set()
        # New Year's holiday may be worked for in December, by the notice of the year after.
        found = _library()("CN", years=(year, year + 1), observed=_has_notice(year))
        return set(found), {day for day in found.weekend_workdays if day.year == year}

    def _announced(self, year: int) -> bool:
        return year in self._calendar.notices or _has_notice(year)

    def _on(self, day: date, session: Session) -> _Opening:
        opens, closes = (
            datetime.combine(day, at, self._zone).astimezone(UTC) for at in (session.opens, session.closes)
        )
        return _Opening(opens, closes)


def _has_notice(year: int) -> bool:
    """Whether the library knows the notice of a year, and not only the law, from which it reckons any year."""
    return year in _library()("CN").special_public_holidays


def _library() -> Callable[..., Any]:
    """Loaded where working time is reckoned: a command that only reads texts does not wait for it."""
    from holidays import country_holidays

    return country_holidays


def _told(year: int) -> str:
    return (
        f"{year} 年放假调休通知尚未录入（policy/calendar.yaml），暂按法定节日和每周工作日计算工作时间"
        f" / the holiday notice of {year} is not entered; working time is counted by the law's own holidays and the"
        " days of the week"
    )
