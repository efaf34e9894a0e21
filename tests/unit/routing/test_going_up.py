"""Given a case that goes up the ladder, when it is given away, then to somebody above who does not hold it already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.routing.domain.case import OnDesk
from shared.contracts import routing, routing_orders
from shared.policy.tenants import Tenant, Tenants
from tests.support.cases import Life, appeal, category, jurisdiction

SUBDISTRICT = "subdistrict-jinqiao"
BUREAU = "housing-zy"


def led_by(agency: str) -> Life:
    life = Life()
    life.tell(appeal(category=category("community.public_space"), text="楼前空地堆满杂物"))
    if life.case.lead_agency != agency:
        life.redispatch(agency)
    assert life.case.lead_agency == agency
    return life


def ten_days_late(life: Life) -> None:
    mine = life.assignment()
    at = mine.resolve_by + timedelta(days=11)
    due = routing_orders.CaseWatchDue(case_id="case-1", assignment_id=mine.assignment_id, due=mine.watch_at)
    life.tell(due, at - life.at)


def test_the_late_subdistrict_hands_over_to_the_bureau_and_not_to_itself() -> None:
    life = led_by(SUBDISTRICT)

    ten_days_late(life)

    assert life.only(routing.CaseEscalated).to_agency == life.case.lead_agency == BUREAU
    assert life.case.level == 2


def test_the_late_bureau_hands_nothing_down_and_is_watched() -> None:
    life = led_by(BUREAU)
    mine = life.assignment()

    ten_days_late(life)

    assert life.kinds() == ["CaseSupervised"]
    assert life.assignment() == mine.model_copy(update={"rungs": 3, "watch_at": None})


def test_by_hand_no_case_goes_down_either() -> None:
    life = led_by(BUREAU)

    assert life.tell(routing_orders.Escalate(case_id="case-1", reason="多方推诿", by="centre")) == []


def test_reworks_of_the_bureau_go_to_the_desk() -> None:
    life = led_by(BUREAU)

    for _ in range(jurisdiction().policy.rework_limit + 1):
        life.resolve_all()
        life.fail()

    assert isinstance(life.case, OnDesk)


def test_what_the_bureau_gave_back_the_subdistrict_below_may_still_take() -> None:
    life = Life()
    life.tell(appeal())
    life.give_back(suggested_agency="developer-zy")
    life.give_back(suggested_agency=BUREAU)

    life.give_back()

    assert life.only(routing.CaseEscalated).to_agency == SUBDISTRICT


@pytest.mark.parametrize(("back", "next"), [((), "housing-1"), (("housing-1",), "housing-2")])
def test_of_a_kind_each_agency_is_tried(back: tuple[str, ...], next: str) -> None:
    life = led_by(SUBDISTRICT)
    tenants = life.jurisdiction.tenants
    bureaus = [
        Tenant(id=id, kind="agency", agency_kind="housing", name_zh=id, name_en=id, serves=("*",))
        for id in ("housing-1", "housing-2")
    ]
    others = [one for one in tenants.tenants if one.id != BUREAU]
    known = Tenants(district=tenants.district, tenants=(*others, *bureaus))
    life.jurisdiction = replace(life.jurisdiction, tenants=known)
    life.case = life.case.model_copy(update={"tried": [*life.case.tried, *back]})

    ten_days_late(life)

    assert life.only(routing.CaseEscalated).to_agency == next
