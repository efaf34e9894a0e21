"""What /metrics says (CONTRACTS 6), from facts alone."""

from __future__ import annotations

from datetime import date

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.metrics.domain.facts import Fact
from services.metrics.domain.indicators import FORMULAS
from services.metrics.exposition import Exposition, figures
from shared.contracts.revisit import VerificationHeld
from tests.support.facts import HEATING, HOTLINE, SAMPLE, Story, rollups

TODAY = date(2026, 11, 20)
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def shown(*facts: Fact, today: date = TODAY) -> Series:
    """The page as Prometheus reads it."""
    exposition, registry = Exposition(), CollectorRegistry()
    registry.register(exposition)
    exposition.show(figures(rollups(*facts), SAMPLE, today))
    text = generate_latest(registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def at(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def test_what_is_known_to_exist_is_shown_with_zero() -> None:
    series = shown()

    assert at(series, "nuanliu_appeals_total", channel=HOTLINE, outcome="rejected") == 0
    assert at(series, "nuanliu_cases", state="deferred") == 0
    assert at(series, "nuanliu_cases_closed_total", outcome="not_verified") == 0
    assert at(series, "nuanliu_assignments", agency="gas-zy", state="returned") == 0
    assert at(series, "nuanliu_assignments_overdue", agency="gas-zy", deadline="contact") == 0
    assert at(series, "nuanliu_reworks_total", agency="gas-zy") == 0
    assert at(series, "nuanliu_room_temperature_celsius_count", subdistrict="nh-04") == 0
    assert at(series, "nuanliu_revisits_overdue") == 0


def test_a_rate_of_nothing_is_absent_and_says_that_it_is_of_nothing() -> None:
    series = shown()

    for indicator in FORMULAS:
        labels = {"indicator": indicator, "agency": HEATING, "window": "7d"}
        assert at(series, "nuanliu_indicator_ratio", **labels) is None
        assert at(series, "nuanliu_indicator_denominator", **labels) == 0


def test_a_reopened_case_counts_again_when_it_closes_again() -> None:
    once = Story().done().closed(31)
    assert at(shown(once.fact), "nuanliu_cases_closed_total", outcome="verified") == 1

    twice = once.reopened(60).closed(80, round=1)

    assert at(shown(twice.fact), "nuanliu_cases_closed_total", outcome="verified") == 2
    assert at(shown(twice.fact), "nuanliu_cases", state="closed") == 1


def test_windows_hold_the_days_they_say() -> None:
    fact = Story().done().verified(VerificationHeld, 30).fact
    labels = {"indicator": "solved_rate", "agency": HEATING}

    assert at(shown(fact), "nuanliu_indicator_ratio", **labels, window="7d") == 1
    later = shown(fact, today=date(2026, 12, 1))
    assert at(later, "nuanliu_indicator_ratio", **labels, window="7d") is None
    assert at(later, "nuanliu_indicator_ratio", **labels, window="30d") == 1


def test_the_histogram_counts_up_to_each_bound_and_sums_degrees() -> None:
    series = shown(Story().done().verified(VerificationHeld, celsius=(17.5, 18, 31)).fact)

    name = "nuanliu_room_temperature_celsius"
    assert at(series, f"{name}_bucket", subdistrict="nh-01", le="17.0") == 0
    assert at(series, f"{name}_bucket", subdistrict="nh-01", le="18.0") == 2
    assert at(series, f"{name}_bucket", subdistrict="nh-01", le="28.0") == 2
    assert at(series, f"{name}_bucket", subdistrict="nh-01", le="+Inf") == 3
    assert at(series, f"{name}_sum", subdistrict="nh-01") == 66.5


def test_no_label_grows_with_what_outsiders_say() -> None:
    """A channel or agency that is not of the registry is shown as unknown, all together."""
    series = shown(
        Story("a", channel="gone-1").registered().fact, Story("b", channel="gone-2").registered().fact
    )

    assert at(series, "nuanliu_appeals_total", channel="unknown", outcome="registered") == 2
    assert not any("gone" in value for _, labels in series for _, value in labels)
