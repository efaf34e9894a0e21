"""Given an appeal before a holiday, when it is dispatched, then its deadlines are those of its own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.contracts import routing
from tests.support.cases import Life, appeal, jurisdiction

HERE = ZoneInfo("Asia/Shanghai")
BEFORE_THE_HOLIDAY = datetime(2025, 9, 30, 16, tzinfo=HERE)
UNSWEPT = {"category": jurisdiction().policy.category_ref("property.cleaning"), "text": "楼道没人打扫"}


def dispatched(**changes: object) -> Life:
    life = Life()
    life.at = BEFORE_THE_HOLIDAY
    life.tell(appeal(**changes), after=timedelta(0))
    return life


def test_a_general_matter_waits_for_the_offices_to_open() -> None:
    life = dispatched(**UNSWEPT)
    order = next(event for event in life.out if isinstance(event, routing.CaseAssigned))
    assert order.accept_by == datetime(2025, 10, 9, 10, 30, tzinfo=HERE)
    assert order.contact_by == datetime(2025, 10, 9, 18, tzinfo=HERE)
    assert order.resolve_by == datetime(2025, 10, 16, 18, tzinfo=HERE)
    assert life.only(routing.CaseDispatched).resolve_by == life.case.resolve_by == order.resolve_by


def test_heat_does_not() -> None:
    life = dispatched()
    order = next(event for event in life.out if isinstance(event, routing.CaseAssigned))
    assert order.accept_by == BEFORE_THE_HOLIDAY + timedelta(minutes=30)
    assert order.resolve_by <= BEFORE_THE_HOLIDAY + timedelta(days=7)


def test_what_the_upstream_platform_promised_still_comes_first() -> None:
    promised = datetime(2025, 10, 3, 12, tzinfo=HERE)
    life = dispatched(**UNSWEPT, upstream_due=promised)
    assert life.only(routing.CaseDispatched).resolve_by == promised


def test_who_is_asked_next_has_the_same_clock_from_when_it_is_asked() -> None:
    life = dispatched(**UNSWEPT)
    life.at = datetime(2025, 10, 9, 9, tzinfo=HERE)
    life.redispatch("housing-zy")
    order = next(event for event in life.out if isinstance(event, routing.CaseAssigned))
    assert order.resolve_by == datetime(2025, 10, 17, 18, tzinfo=HERE)
