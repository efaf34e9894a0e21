"""What operators see of a year whose holiday notice nobody has entered: a line in the log, a gauge while it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import CollectorRegistry, Gauge

from shared.loop.envelope import now
from shared.policy.calendars import Unannounced
from shared.service import Running

log = structlog.get_logger()

MISSING = "nuanliu_calendar_year_missing"
LOOK_EVERY = 60.0
"""Seconds between two looks."""


class MissingYears:
    """The years that are missing now. Every copy of the service shows the same."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            MISSING,
            "1 while deadlines are counted without the holiday notice of a year",
            ["year"],
            registry=registry,
        )
        self._told: frozenset[int] = frozenset()

    def look(self, found: Sequence[Unannounced]) -> None:
        """Tells of what is newly missing, and no longer shows what was entered meanwhile."""
        for one in found:
            if one.year not in self._told:
                log.warning("a calendar year is missing", year=one.year, meanwhile=one.text)
                self._gauge.labels(one.year).set(1)
        years = frozenset(one.year for one in found)
        for year in self._told - years:
            self._gauge.remove(year)
        self._told = years


async def watch(running: Running) -> None:
    """Looks ahead in the calendar again and again; runs until cancelled. It is operators' time that counts here, also
    in a replay."""
    missing = MissingYears(running.registry)
    while True:
        missing.look(running.jurisdiction.policy.warnings(now()))
        await asyncio.sleep(LOOK_EVERY)
