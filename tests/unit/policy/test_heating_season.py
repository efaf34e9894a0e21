"""The heating season: by law every year, and as it really was in the years it is known of."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shared.policy.season import Season

BY_LAW = {"start": "11-15", "end": "03-15"}


def season(**years: Any) -> Season:
    return Season.model_validate(BY_LAW | {"years": {int(year[1:]): one for year, one in years.items()}})


EARLY_AND_LONG = season(y2025={"start": date(2025, 11, 12), "end": date(2026, 3, 20)})


@pytest.mark.parametrize(
    ("day", "held"),
    [
        (date(2025, 11, 11), False),
        (date(2025, 11, 12), True),
        (date(2026, 1, 1), True),
        (date(2026, 3, 20), True),
        (date(2026, 3, 21), False),
        (date(2024, 11, 14), False),
        (date(2024, 11, 15), True),
        (date(2026, 11, 14), False),
        (date(2027, 3, 15), True),
        (date(2027, 3, 16), False),
    ],
)
def test_a_year_has_its_own_days_and_the_others_the_laws(day: date, held: bool) -> None:
    assert EARLY_AND_LONG.holds(day) is held


def test_a_late_start_and_an_early_stop_hold_as_well() -> None:
    late = season(y2025={"start": date(2025, 11, 20), "end": date(2026, 3, 1)})
    assert [late.holds(date(2025, 11, day)) for day in (15, 19, 20)] == [False, False, True]
    assert [late.holds(date(2026, 3, day)) for day in (1, 2, 15)] == [True, False, False]


def test_while_it_lasts_only_its_start_is_known() -> None:
    begun = season(y2026={"start": date(2026, 11, 10)})
    assert begun.of(2026) == (date(2026, 11, 10), date(2027, 3, 15))


def test_a_season_within_one_year_ends_in_it() -> None:
    short = Season(start="01-10", end="02-29")
    assert short.of(2026) == (date(2026, 1, 10), date(2026, 2, 28))
    assert short.of(2028) == (date(2028, 1, 10), date(2028, 2, 29))
    assert not short.holds(date(2026, 3, 1))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start": "13-01"}, "13-01 is no day of a year"),
        ({"start": "11-31"}, "11-31 is no day of a year"),
        ({"start": "1-15"}, "start"),
        ({"years": {2025: {}}}, "years.2025: neither start nor end"),
        ({"years": {2025: {"start": date(2026, 11, 12)}}}, "years.2025.start: 2026-11-12 is not in 2025"),
        ({"years": {2025: {"end": date(2025, 3, 20)}}}, "years.2025.end: 2025-03-20"),
        ({"years": {2025: {"end": date(2026, 11, 15)}}}, "years.2025.end: 2026-11-15"),
        ({"years": {2025: {"from": date(2025, 11, 12)}}}, "years.2025.from"),
        ({"years": {25: {"start": date(2025, 11, 12)}}}, "years.25"),
    ],
)
def test_a_season_that_cannot_be_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Season.model_validate(BY_LAW | change)
