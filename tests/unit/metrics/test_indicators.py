"""The formulas, with figures that were published and with none at all."""

from __future__ import annotations

import pytest

from services.metrics.domain.indicators import Ratio, rating, ratio, ratios, spread


def test_the_golden_vector() -> None:
    counts = {"due": 972, "closed_of_due": 911, "on_time_of_due": 737}

    assert f"{ratio('closing_rate', counts).value:.2%}" == "93.72%"
    assert f"{ratio('on_time_closing_rate', counts).value:.2%}" == "75.82%"


def test_nothing_of_nothing_is_no_rate() -> None:
    for found in ratios({}).values():
        assert found == Ratio(0, 0)
        assert found.value is None


def test_a_rate_says_what_it_is_of() -> None:
    assert Ratio(3, 4).as_json() == {"numerator": 3, "denominator": 4, "ratio": 0.75}


def test_a_spread_of_nothing_is_none() -> None:
    assert spread([]) is None


@pytest.mark.parametrize(
    ("seconds", "mean", "median", "p90"),
    [
        ([60], 60, 60, 60),
        ([10, 20], 15, 15, 20),
        (list(range(1, 11)), 5.5, 5.5, 9),
        ([1] * 9 + [1000], 100.9, 1, 1),
    ],
)
def test_a_spread(seconds: list[int], mean: float, median: float, p90: float) -> None:
    found = spread(seconds)

    assert found is not None
    assert (found.mean, found.median, found.p90) == (mean, median, p90)


def test_a_rating_weighs_what_is_known() -> None:
    weights = {"satisfaction": 0.5, "temperature": 0.2, "on_time": 0.2, "rework": 0.1}
    counts = {"content": 8, "answered": 10, "rounds_judged": 10, "rounds_reworked": 5}

    found = rating(counts, weights)

    assert found == pytest.approx((0.5 * 0.8 + 0.1 * 0.5) / 0.6)
    assert rating({}, weights) is None
