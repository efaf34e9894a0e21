"""A year that is missing is told once in the log, and shown until it is entered."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from services.routing.missing_year import MissingYears
from shared.policy.calendars import Unannounced

NEXT = Unannounced(2027, "2027 年放假调休通知尚未录入")
LATER = Unannounced(2028, "2028 年放假调休通知尚未录入")


def test_a_missing_year_is_told_once_and_shown_until_it_is_entered() -> None:
    registry = CollectorRegistry()
    missing = MissingYears(registry)

    structlog.reset_defaults()  # other tests of this process may have turned the log down
    with capture_logs() as told:
        for found in ((), (NEXT,), (NEXT,), (NEXT, LATER), (NEXT, LATER)):
            missing.look(found)
    assert [(line["log_level"], line["year"], line["meanwhile"]) for line in told] == [
        ("warning", 2027, NEXT.text),
        ("warning", 2028, LATER.text),
    ]
    assert shown(registry) == {2027, 2028}

    missing.look((LATER,))
    assert shown(registry) == {2028}
    missing.look(())
    assert shown(registry) == set()


def shown(registry: CollectorRegistry) -> set[int]:
    lines = generate_latest(registry).decode().splitlines()
    return {int(line.split('"')[1]) for line in lines if line.endswith(" 1.0")}
