"""CONTRACTS 6: the figures as Prometheus reads them. Never counted up in a process, always summed from the rollups,
so that they survive restarts and every copy shows the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import get_args

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.metrics.backlog import Backlog, backlog
from services.metrics.domain.counting import BOUNDS, celsius
from services.metrics.domain.facts import ASSIGNMENT_STATES, CASE_STATES, STEPS
from services.metrics.domain.indicators import ratios
from services.metrics.domain.rollups import Cell, Rollup, grouped
from services.metrics.mirror import Mirror
from shared.contracts.values import DeskReason
from shared.loop.documents import Unreachable
from shared.loop.envelope import now
from shared.policy import Jurisdiction
from shared.service import Running

log = structlog.get_logger()

WINDOWS = {"7d": 7, "30d": 30}
"""Label -> local days, the present one included."""

REFRESH = 2.0
UNKNOWN = "unknown"
APPEAL_OUTCOMES = ("registered", "merged", "answered", "not_accepted", "rejected")
CLOSING_OUTCOMES = ("verified", "not_verified", "withdrawn", "joined")
Counts = Mapping[str, int]


class Exposition(Collector):
    """What /metrics shows; scraping only reads what the background work left here."""

    def __init__(self) -> None:
        self._shown: Sequence[Metric] = ()

    def show(self, families: Sequence[Metric]) -> None:
        self._shown = families

    def collect(self) -> Iterable[Metric]:
        return self._shown


async def expose(running: Running, mirror: Mirror) -> None:
    """Keeps /metrics current until cancelled. An engine that is away leaves the figures as they were last known."""
    exposition = Exposition()
    running.registry.register(exposition)
    waiting: Backlog | None = None
    refreshed: datetime | None = None
    while True:
        try:
            await mirror.refresh(running.documents)
            refreshed = now()
        except Unreachable as error:
            log.warning("figures are old", reason=str(error))
        try:
            waiting = await backlog(running.broker.connection, running.jurisdiction)
        except Unreachable as error:
            waiting = None
            log.warning("lag is not known", reason=str(error))
        today = mirror.present(running).date()
        if refreshed is not None:
            rollups = list(mirror.rollups.values())
            exposition.show([*figures(rollups, running.jurisdiction, today), *_waiting(waiting, refreshed)])
        await asyncio.sleep(REFRESH)


def figures(rollups: Sequence[Rollup], jurisdiction: Jurisdiction, today: date) -> list[Metric]:
    """All families that come from the database."""
    agencies = [tenant.id for tenant in jurisdiction.tenants.of_kind("agency")]
    channels = [tenant.id for tenant in jurisdiction.tenants.of_kind("channel")]
    subdistricts = [area.code for area in jurisdiction.places.subdistricts]
    cells = [cell for rollup in rollups for cell in rollup.cells]
    by_agency = _known(grouped(cells, "agency"), agencies)
    everything = _sum(by_agency.values())
    return [
        *_appeals(_known(grouped(cells, "channel"), channels)),
        *_cases(everything),
        *_agencies({name: counts for name, counts in by_agency.items() if name in agencies}),
        *_indicators(rollups, agencies, today),
        _temperatures(_known(grouped(cells, "subdistrict"), subdistricts)),
    ]


def _appeals(channels: Mapping[str, Counts]) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "nuanliu_appeals", "Appeals by channel and what became of them", labels=["channel", "outcome"]
    )
    for channel, counts in channels.items():
        for outcome in APPEAL_OUTCOMES:
            if channel != UNKNOWN or counts.get(f"appeals_{outcome}"):
                family.add_metric([channel, outcome], counts.get(f"appeals_{outcome}", 0))
    yield family


def _cases(counts: Counts) -> Iterator[Metric]:
    states = GaugeMetricFamily("nuanliu_cases", "Cases by the state they are in", labels=["state"])
    for state in CASE_STATES:
        states.add_metric([state], counts.get(f"case_{state}", 0))
    yield states
    closed = CounterMetricFamily(
        "nuanliu_cases_closed", "Closings of cases; a reopened case counts again", labels=["outcome"]
    )
    for outcome in CLOSING_OUTCOMES:
        closed.add_metric([outcome], counts.get(f"closings_{outcome}", 0))
    yield closed
    waiting = GaugeMetricFamily(
        "nuanliu_desk_cases",
        "Cases the centre's desk has to decide; one with two reasons is counted under each",
        labels=["reason"],
    )
    for reason in get_args(DeskReason):
        waiting.add_metric([reason], counts.get(f"desk_{reason}", 0))
    yield waiting
    yield GaugeMetricFamily(
        "nuanliu_desk_overdue",
        "Cases the centre's desk should have decided by now",
        value=counts.get("desk_overdue", 0),
    )
    yield GaugeMetricFamily(
        "nuanliu_revisits_overdue",
        "Resolved cases that somebody should have gone back to by now",
        value=counts.get("revisit_overdue", 0),
    )


def _agencies(agencies: Mapping[str, Counts]) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "nuanliu_assignments", "Assignments by agency and state", labels=["agency", "state"]
    )
    overdue = GaugeMetricFamily(
        "nuanliu_assignments_overdue",
        "Live assignments past a deadline that is still unanswered",
        labels=["agency", "deadline"],
    )
    reworks = CounterMetricFamily(
        "nuanliu_reworks", "Cases sent back to an agency after a revisit failed", labels=["agency"]
    )
    for agency, counts in agencies.items():
        for state in ASSIGNMENT_STATES:
            states.add_metric([agency, state], counts.get(f"assignment_{state}", 0))
        for step in STEPS:
            overdue.add_metric([agency, step], counts.get(f"overdue_{step}", 0))
        reworks.add_metric([agency], counts.get("reworks", 0))
    yield from (states, overdue, reworks)


def _indicators(rollups: Sequence[Rollup], agencies: Sequence[str], today: date) -> Iterator[Metric]:
    labels = ["indicator", "agency", "window"]
    ratio = GaugeMetricFamily(
        "nuanliu_indicator_ratio", "Indicators from 0 to 1; absent where nothing was counted", labels=labels
    )
    denominator = GaugeMetricFamily(
        "nuanliu_indicator_denominator",
        "How many cases, assignments or households a ratio is of",
        labels=labels,
    )
    for window, days in WINDOWS.items():
        first = (today - timedelta(days=days - 1)).isoformat()
        within = (c for r in rollups if first <= r.day <= today.isoformat() for c in r.cells)
        by_agency = _known(grouped(within, "agency"), agencies)
        for agency in agencies:
            for indicator, found in ratios(by_agency[agency]).items():
                denominator.add_metric([indicator, agency, window], found.denominator)
                if found.value is not None:
                    ratio.add_metric([indicator, agency, window], found.value)
    yield from (ratio, denominator)


def _temperatures(subdistricts: Mapping[str, Counts]) -> Metric:
    family = HistogramMetricFamily(
        "nuanliu_room_temperature_celsius",
        "Room temperatures measured on going back, in degrees Celsius",
        labels=["subdistrict"],
    )
    for subdistrict, counts in subdistricts.items():
        so_far, buckets = 0, []
        for bound in BOUNDS:
            so_far += counts.get(celsius(bound), 0)
            buckets.append((f"{bound:.1f}", so_far))
        so_far += counts.get("celsius_inf", 0)
        buckets.append(("+Inf", so_far))
        if subdistrict != UNKNOWN or so_far:
            family.add_metric([subdistrict], buckets, counts.get("celsius_hundredths", 0) / 100)
    return family


def _waiting(found: Backlog | None, refreshed: datetime) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "nuanliu_figures_timestamp_seconds",
        "When the figures were last read from the database, in seconds since 1970",
        value=refreshed.timestamp(),
    )
    if found is None:
        return
    lag = GaugeMetricFamily(
        "nuanliu_event_lag",
        "Messages a service has not yet acknowledged, by the stream it consumes",
        labels=["service", "consumer"],
    )
    for (service, stream), count in sorted(found.lag.items()):
        lag.add_metric([service, stream], count)
    dead = CounterMetricFamily(
        "nuanliu_dead_letters", "Messages a service put aside as not processable", labels=["service"]
    )
    for service, count in sorted(found.dead.items()):
        dead.add_metric([service], count)
    yield from (lag, dead)


def _known(found: Mapping[str, Cell], names: Sequence[str]) -> dict[str, Counts]:
    """Counts of every name of the registry, zero or not; what is under another name is summed as unknown."""
    known: dict[str, Counts] = {name: found[name].counts if name in found else {} for name in names}
    known[UNKNOWN] = _sum(cell.counts for name, cell in found.items() if name not in known)
    return known


def _sum(many: Iterable[Counts]) -> Counts:
    total: dict[str, int] = {}
    for counts in many:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total
