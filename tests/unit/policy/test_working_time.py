"""Working time: what the notices of 2025 and 2026 say, years nobody announced, a slow reference that counts minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.policy.calendars import Calendar, DaysApart, WorkingTime
from shared.policy.model import Days

ZHENGZHOU = ZoneInfo("Asia/Shanghai")
OFFICE = Calendar.model_validate({"hours": ["08:30-12:00", "13:30-18:00"]})
HERE = WorkingTime(OFFICE, ZHENGZHOU)
ZONES = ("Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZHENGZHOU)


@pytest.mark.parametrize(
    ("begin", "span", "end", "why"),
    [
        ("2025-09-22 09:00", 4 * HOUR, "2025-09-22 14:30", "noon is not worked"),
        ("2025-09-22 08:30", 3.5 * HOUR, "2025-09-22 12:00", "an end at noon is noon, not half past one"),
        ("2025-09-22 19:00", HOUR, "2025-09-23 09:30", "in the evening it begins the next morning"),
        ("2025-09-22 06:00", HOUR, "2025-09-22 09:30", "before work as well"),
        (
            "2025-09-26 17:00",
            2 * HOUR,
            "2025-09-28 09:30",
            "Sunday 28 September 2025 is worked for the holiday",
        ),
        (
            "2025-09-30 16:00",
            4 * HOUR,
            "2025-10-09 10:30",
            "National Day and Mid-Autumn 2025 last eight days",
        ),
        ("2025-09-30 16:00", Days(days=1), "2025-10-09 18:00", "the day it begins does not count"),
        ("2025-09-30 00:30", Days(days=1), "2025-10-09 18:00", "at whatever hour it begins"),
        ("2025-10-03 12:00", Days(days=2), "2025-10-10 18:00", "nor do days off"),
        ("2025-09-30 16:00", Days(days=7), "2025-10-16 18:00", "Saturday 11 October 2025 is worked"),
        ("2025-12-31 17:00", 2 * HOUR, "2026-01-04 09:30", "Sunday 4 January 2026 is worked for New Year"),
        ("2026-02-13 09:00", Days(days=1), "2026-02-14 18:00", "Saturday before the Spring Festival of 2026"),
        ("2026-02-13 09:00", Days(days=2), "2026-02-24 18:00", "which lasts nine days"),
        ("2026-02-13 09:00", Days(days=7), "2026-03-02 18:00", "and Saturday 28 February is worked for it"),
        ("2026-02-20 09:00", timedelta(0), "2026-02-20 09:00", "nothing is over at once"),
    ],
)
def test_a_span_ends_when_its_working_time_is_over(begin: str, span: timedelta, end: str, why: str) -> None:
    assert HERE.due(local(begin), span) == local(end), why


def test_the_end_is_told_in_the_zone_the_beginning_was_told_in() -> None:
    assert (
        HERE.due(local("2025-09-22 09:00").astimezone(UTC), HOUR).isoformat() == "2025-09-22T02:00:00+00:00"
    )


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_of_an_announced_year_is_what_its_notice_says(year: int) -> None:
    notice = holidays.country_holidays("CN", years=year)
    for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
        day = date(year, 1, 1) + timedelta(days=number)
        assert HERE.works(day) is notice.is_working_day(day), day


def test_a_day_of_ones_own_goes_before_the_notice() -> None:
    calendar = OFFICE.model_copy(
        update={
            "days_off": (DaysApart(day=date(2026, 7, 21), to=date(2026, 7, 22), reason="暴雨停工"),),
            "days_worked": (DaysApart(day=date(2026, 10, 1), reason="应急值班"),),
        }
    )
    working = WorkingTime(calendar, ZHENGZHOU)
    assert [working.works(date(2026, 7, day)) for day in (20, 21, 22, 23)] == [True, False, False, True]
    assert working.works(date(2026, 10, 1))


def test_a_year_nobody_announced_has_the_laws_own_holidays_and_its_weekdays_and_is_warned_of() -> None:
    assert not HERE.works(date(2027, 10, 1))  # a Friday
    assert HERE.works(date(2027, 10, 4))
    assert not HERE.works(date(2027, 10, 9))  # a Saturday, as long as no notice makes it a working day
    (warned,) = HERE.warnings(local("2027-05-01 09:00"))
    assert warned.year == 2027
    assert "2027 年放假调休通知尚未录入" in warned.text


def test_a_year_beyond_what_can_be_reckoned_has_its_weekdays() -> None:
    assert HERE.due(local("2150-09-30 16:00"), Days(days=1)) == local("2150-10-01 18:00")
    assert [one.year for one in HERE.warnings(local("2150-09-30 16:00"))] == [2150]


def test_the_next_year_is_missed_as_soon_as_deadlines_may_reach_it() -> None:
    assert HERE.warnings(local("2026-10-31 09:00")) == ()
    assert [one.year for one in HERE.warnings(local("2026-11-28 09:00"))] == [2027]


def test_a_year_entered_by_hand_is_all_there_and_not_warned_of() -> None:
    calendar = Calendar.model_validate(
        {
            "hours": ["09:00-17:00"],
            "days_off": [{"day": date(2027, 10, 4), "to": date(2027, 10, 7), "reason": "国庆节"}],
            "days_worked": [{"day": date(2027, 10, 9), "reason": "国庆节调休"}],
            "notices": {2027: "按通知录入"},
        }
    )
    working = WorkingTime(calendar, ZHENGZHOU)
    assert working.warnings(local("2027-05-01 09:00")) == ()
    assert [day for day in range(1, 11) if working.works(date(2027, 10, day))] == [1, 8, 9]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hours": []}, "hours"),
        ({"hours": ["8:30-12:00"]}, 'working hours are written "08:30-12:00"'),
        ({"hours": ["25:00-26:00"]}, "working hours are written"),
        ({"hours": ["18:00-08:00"]}, "within one day"),
        ({"hours": ["08:30-12:00", "11:00-18:00"]}, "11:00 is before 12:00"),
        ({"week": []}, "week"),
        ({"week": [0, 1]}, "week"),
        ({"days_off": [{"day": "2026-07-21"}]}, "reason"),
        ({"days_off": [{"day": "2026-07-21", "to": "2026-07-20", "reason": "暴雨"}]}, "to: 2026-07-20"),
        ({"days_off": [{"day": "2026-07-21", "to": "2027-07-20", "reason": "暴雨"}]}, "to: 2027-07-20"),
        (
            {
                "days_off": [{"day": "2026-07-20", "to": "2026-07-22", "reason": "暴雨"}],
                "days_worked": [{"day": "2026-07-21", "reason": "抢险"}],
            },
            "2026-07-21 is in both",
        ),
        ({"notices": {27: "通知"}}, "notices"),
        ({"look_ahead": "two months"}, "look_ahead"),
        ({"holidays": "CN"}, "holidays"),
    ],
)
def test_a_mistake_in_a_calendar_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Calendar.model_validate({"hours": ["08:30-12:00"]} | change)


# What follows is counted in minutes by a reference that knows nothing of how the rules are kept.


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """One to three sessions and a few days of their own around the beginnings below; offices shut at night, when
    clocks are changed."""
    edges = sorted(draw(st.sets(st.integers(6, 23), min_size=2, max_size=6)))
    past = draw(st.sampled_from((0, 5, 30)))
    hours = [f"{a:02}:{past:02}-{b:02}:00" for a, b in zip(edges[::2], edges[1::2], strict=False) if b > a]
    apart = draw(st.lists(st.integers(0, 60), unique=True, max_size=12))
    days = [{"day": date(2025, 9, 25) + timedelta(days=n), "reason": "抽取"} for n in apart]
    split = draw(st.integers(0, len(days)))
    return Calendar.model_validate(
        {
            "hours": hours,
            "week": draw(st.lists(st.integers(1, 7), min_size=3, unique=True)),
            "days_off": days[:split],
            "days_worked": days[split:],
            "notices": draw(st.sampled_from([{}, {2025: "全部手工录入"}])),
        }
    )


beginnings = st.integers(0, 45 * 24 * 60).map(lambda n: datetime(2025, 9, 25, tzinfo=UTC) + n * MINUTE)
spans = st.one_of(
    st.integers(0, 10 * 60).map(lambda n: n * MINUTE), st.integers(1, 5).map(lambda n: Days(days=n))
)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def is_worked(calendar: Calendar, day: date) -> bool:
    if any(day in list(apart.days) for apart in calendar.days_worked):
        return True
    if any(day in list(apart.days) for apart in calendar.days_off):
        return False
    if day.year not in calendar.notices:
        notice = NOTICES[day.year]
        if day in notice.weekend_workdays:
            return True
        if day in notice:
            return False
    return day.isoweekday() in calendar.week


NOTICES = {year: holidays.country_holidays("CN", years=year) for year in (2025, 2026)}


def in_a_session(calendar: Calendar, at: time) -> bool:
    return any(session.opens <= at < session.closes for session in calendar.hours)


def reference(calendar: Calendar, zone: ZoneInfo, begin: datetime, span: timedelta) -> datetime:
    """Minute by minute, until enough of them were worked."""
    worked: dict[date, bool] = {}

    def at_work(moment: datetime) -> date | None:
        here = moment.astimezone(zone)
        day = here.date()
        if day not in worked:
            worked[day] = is_worked(calendar, day)
        return day if worked[day] and in_a_session(calendar, here.time()) else None

    moment = begin
    if not isinstance(span, Days):
        counted = timedelta(0)
        while counted < span:
            counted += MINUTE if at_work(moment) else timedelta(0)
            moment += MINUTE
        return moment
    seen: list[date] = []
    last = moment
    while len(seen) <= span.days:
        day = at_work(moment)
        if day is not None and day > begin.astimezone(zone).date():
            if day not in seen:
                seen.append(day)
            if len(seen) == span.days:
                last = moment + MINUTE
        moment += MINUTE
    return last


@settings(max_examples=60, deadline=None)
@given(calendar=calendars(), zone=zones, begin=beginnings, span=spans)
def test_the_clock_equals_a_slow_reference(
    calendar: Calendar, zone: ZoneInfo, begin: datetime, span: timedelta
) -> None:
    assert WorkingTime(calendar, zone).due(begin, span) == reference(calendar, zone, begin, span)


@settings(deadline=None)
@given(calendar=calendars(), zone=zones, one=beginnings, other=beginnings, span=spans)
def test_what_begins_later_never_ends_earlier_and_nothing_ends_before_it_begins(
    calendar: Calendar, zone: ZoneInfo, one: datetime, other: datetime, span: timedelta
) -> None:
    due: Callable[[datetime, timedelta], datetime] = WorkingTime(calendar, zone).due
    earlier, later = sorted((one, other))
    assert earlier <= due(earlier, span) <= due(later, span)


@settings(deadline=None)
@given(calendar=calendars(), zone=zones, begin=beginnings, one=spans, other=spans)
def test_a_longer_span_never_ends_earlier(
    calendar: Calendar, zone: ZoneInfo, begin: datetime, one: timedelta, other: timedelta
) -> None:
    """Of one kind: how many hours a working day has is the calendar's."""
    if isinstance(one, Days) is not isinstance(other, Days):
        return
    working = WorkingTime(calendar, zone)
    shorter, longer = sorted((one, other))
    assert working.due(begin, shorter) <= working.due(begin, longer)


@settings(deadline=None)
@given(calendar=calendars(), zone=zones, begin=beginnings, one=st.integers(0, 600), two=st.integers(0, 600))
def test_hours_in_two_pieces_end_as_in_one(
    calendar: Calendar, zone: ZoneInfo, begin: datetime, one: int, two: int
) -> None:
    working = WorkingTime(calendar, zone)
    between = working.due(begin, one * MINUTE)
    assert working.due(between, two * MINUTE) == working.due(begin, (one + two) * MINUTE)
