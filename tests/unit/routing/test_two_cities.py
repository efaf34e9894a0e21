"""Given the same words in a Zhengzhou district and in a Lanzhou subdistrict, when they become a case, then clocks,
modes and the ladder are those of the place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy import SAMPLE
from services.intake.domain.receive import matter_key
from services.routing.domain.case import OnDesk
from shared.contracts import intake, routing, routing_orders
from shared.contracts.values import Location
from shared.policy import Jurisdiction, load
from tests.support.cases import Life, appeal, jurisdiction, merged
from tests.support.town import Town

HERE = jurisdiction()
THERE = load(SAMPLE.parent / "lanzhou")
HOME = {"here": "金桥嘉苑", "there": "台地花园"}
BEIJING = ZoneInfo("Asia/Shanghai")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COLD = ("heating.no_heat", "家里暖气不热，屋里只有十五度。")
UNSWEPT = ("property.cleaning", "楼道没人打扫。")


def said(district: Jurisdiction, about: tuple[str, str], **changes: Any) -> intake.AppealRegistered:
    """The same appeal as intake of this district hands it on."""
    compound = HOME["here" if district is HERE else "there"]
    place = district.places.named(compound)
    assert place is not None
    code, text = about
    values: dict[str, Any] = {
        "place": place,
        "category": district.policy.category_ref(code),
        "matter": f"{place.code}|{code}",
        "text": text,
        "location": Location(compound=compound, building="3", room="301"),
    }
    return appeal(**values | changes)


def case(
    district: Jurisdiction, about: tuple[str, str], at: datetime | None = None, **changes: Any
) -> tuple[Life, routing.CaseAssigned]:
    """The case, and the lead's order."""
    life = Life()
    life.jurisdiction = district
    life.at = at or life.at
    life.tell(said(district, about, **changes), after=timedelta())
    order = next(e for e in life.out if isinstance(e, routing.CaseAssigned) and e.role == "lead")
    return life, order


def clocks(order: routing.CaseAssigned) -> dict[str, timedelta | None]:
    """How long the agency has for each step."""
    by = {
        name: getattr(order, f"{name}_by") for name in ("accept", "contact", "arrive", "report_in", "resolve")
    }
    return {name: due and due - order.at for name, due in by.items()}


def test_a_cold_flat_has_the_clocks_of_the_place() -> None:
    (_, here), (_, there) = (case(district, COLD) for district in (HERE, THERE))

    assert clocks(here) == {
        "accept": 30 * MINUTE,
        "contact": 2 * HOUR,
        "arrive": 24 * HOUR,
        "report_in": 30 * MINUTE,
        "resolve": 48 * HOUR,
    }
    assert clocks(there) == clocks(here) | {"contact": HOUR}


def test_what_is_not_urgent_may_wait_a_week_here_and_two_days_there() -> None:
    wish = {"text": "家里二十度，希望再热一点。", "indoor_temperature": 20.0, "nature": "help"}
    (_, here), (_, there) = (case(district, COLD, **wish) for district in (HERE, THERE))

    assert here.urgency == there.urgency == "normal"
    assert (clocks(here)["resolve"], clocks(there)["resolve"]) == (7 * DAY, 48 * HOUR)
    assert (clocks(here)["report_in"], clocks(there)["report_in"]) == (2 * HOUR, 30 * MINUTE)
    assert (clocks(here)["arrive"], clocks(there)["arrive"]) == (None, 24 * HOUR)


def test_there_housing_is_whistled_for_too() -> None:
    (here, _), (there, _) = (case(district, COLD) for district in (HERE, THERE))

    assert here.case.mode == there.case.mode == "whistle"
    kinds = [
        [district.tenants.get(agency).agency_kind for agency in life.case.assist_agencies]  # type: ignore[union-attr]
        for district, life in ((HERE, here), (THERE, there))
    ]
    assert kinds == [["property"], ["property", "housing"]]


def test_a_conflict_that_has_grown_is_the_grids_own_here_and_a_task_forces_there() -> None:
    quarrel = ("community.dispute", "邻居占了过道起纠纷，楼里集体来反映。")
    (here, _), (there, _) = (case(district, quarrel) for district in (HERE, THERE))

    assert (here.case.mode, there.case.mode) == ("self", "taskforce")


def test_offices_keep_the_hours_of_the_place() -> None:
    before_noon = datetime(2025, 9, 22, 11, tzinfo=BEIJING)
    (_, here), (_, there) = (case(district, UNSWEPT, before_noon) for district in (HERE, THERE))

    assert here.accept_by == datetime(2025, 9, 22, 16, 30, tzinfo=BEIJING)
    assert there.accept_by == datetime(2025, 9, 22, 15, 30, tzinfo=BEIJING)
    assert here.resolve_by == datetime(2025, 9, 30, 18, tzinfo=BEIJING)
    assert there.resolve_by == datetime(2025, 9, 28, 18, tzinfo=BEIJING)  # a Sunday worked for the holiday


def test_there_the_sunday_on_which_heat_begins_is_worked() -> None:
    saturday = datetime(2026, 10, 31, 10, tzinfo=BEIJING)
    (_, here), (_, there) = (case(district, UNSWEPT, saturday) for district in (HERE, THERE))

    assert here.accept_by.date().isoformat() == "2026-11-02"
    assert there.accept_by == datetime(2026, 11, 1, 10, 30, tzinfo=BEIJING)


def test_an_agency_late_for_a_week_loses_the_case_there_and_not_here() -> None:
    lives = [case(district, COLD)[0] for district in (HERE, THERE)]
    for life in lives:
        mine = life.assignment()
        due = routing_orders.CaseWatchDue(
            case_id="case-1", assignment_id=mine.assignment_id, due=mine.watch_at
        )
        life.tell(due, mine.resolve_by + 8 * DAY - life.at)

    assert [life.kinds() for life in lives] == [
        ["CaseSupervised"],
        ["CaseAssignmentWithdrawn", "CaseAssigned", "CaseEscalated"],
    ]
    assert lives[1].case.lead_agency == "subdistrict-hewan"


@pytest.mark.parametrize(("hours", "here", "there"), [(1, [1], [1]), (3, [1], [1, 2]), (5, [1, 2], [1, 2])])
def test_who_says_nothing_is_watched_by_the_district_sooner_there(
    hours: int, here: list[int], there: list[int]
) -> None:
    for district, levels in ((HERE, here), (THERE, there)):
        town = Town(district)
        town.post(said(district, COLD))
        town.settle()
        for _ in range(hours * 4):
            town.wait(15 * MINUTE)
            town.tick()
            town.settle()
        lead = town.case.lead.assignment_id
        watched = [e for e in town.said if isinstance(e, routing.CaseSupervised)]
        assert [e.level for e in watched if e.assignment_id == lead] == levels


def test_who_does_not_come_is_watched_there_only() -> None:
    ladders = [[rung.level for rung in district.policy.rungs("arrive")] for district in (HERE, THERE)]

    assert ladders == [[], [1, 2]]


def test_who_is_cold_behind_one_station_is_one_case_there_whatever_network_they_hang_on() -> None:
    by_loop = THERE.policy.model_copy(update={"merged_by": HERE.policy.merged_by})

    def matters(district: Jurisdiction) -> int:
        places = [district.places.named(name) for name in ("水车小区", "铁桥家属院")]
        return len({matter_key(place, COLD[0], "a", district) for place in places if place is not None})

    assert (matters(replace(THERE, policy=by_loop)), matters(THERE)) == (2, 1)


def test_three_appeals_are_a_mass_incident_there_and_not_here() -> None:
    lives = [case(district, COLD)[0] for district in (HERE, THERE)]
    for life in lives:
        for number in (2, 3):
            joined = merged(number, place=life.place, category=life.case.category)
            life.tell(joined, 5 * MINUTE)

    assert [life.case.mass_incident_since is not None for life in lives] == [False, True]


def test_more_time_is_the_policys_to_grant_here_and_the_desks_there() -> None:
    lives = [case(district, COLD)[0] for district in (HERE, THERE)]
    for life in lives:
        life.ask_for_time()

    assert [life.case.extensions for life in lives] == [1, 0]
    assert [len(life.case.asked) for life in lives] == [0, 1]


def test_the_desk_has_less_time_there() -> None:
    lives = []
    for district in (HERE, THERE):
        life = Life()
        life.jurisdiction = district
        life.tell(said(district, COLD, confidence=0.1))
        assert isinstance(life.case, OnDesk)
        lives.append(life)

    assert [life.case.question.due - life.at for life in lives] == [2 * HOUR, HOUR]
