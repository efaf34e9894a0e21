"""The centre's desk joins a case that waits to another, and only what nobody was asked to work on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.domain.case import Closed, Dispatched, OnDesk
from services.routing.domain.joining import join as decide
from shared.contracts import intake, routing, routing_orders
from shared.contracts.response import AssignmentReturned
from shared.contracts.values import Location, Place
from shared.loop.decision import Input
from shared.policy.places import UNPLACED
from tests.support.cases import START, Life, appeal, category, jurisdiction, merged

JOIN: dict[str, Any] = {
    "case_id": "case-1",
    "into": "case-2",
    "into_no": "20251120-000002",
    "appeals": 4,
    "reason": "同一处故障",
    "by": "值班长",
}


def waiting(place: Place = UNPLACED) -> Life:
    life = Life()
    life.tell(appeal(place=place, confidence=0.1))
    return life


def join(life: Life, **changes: Any) -> list[Any]:
    return life.tell(routing_orders.Join(**JOIN | changes), after=timedelta(minutes=5))


def test_a_case_that_waits_is_over_and_its_appeals_go_to_the_other() -> None:
    life = waiting()
    life.tell(merged(2))

    (said,) = join(life)

    assert isinstance(life.case, Closed)
    assert (life.case.outcome, life.case.joined_to, life.case.question) == ("joined", "case-2", None)
    assert isinstance(said, routing.CaseJoined)
    assert (said.matter, said.into, said.into_no, said.by) == (
        life.case.matter,
        "case-2",
        "20251120-000002",
        "值班长",
    )
    assert said.appeals == 6
    entry = life.case.history[-1]
    assert (entry.what, entry.who, entry.why) == (
        "joined to another",
        "值班长",
        "并入案卷 20251120-000002：同一处故障",
    )


def test_an_appeal_that_comes_to_it_later_is_registered_anew() -> None:
    life = waiting()
    join(life)

    (refused,) = life.tell(merged(2))

    assert isinstance(refused, routing.CaseJoinRefused)


def test_it_is_not_contested_and_not_joined_again() -> None:
    life = waiting()
    join(life)

    assert (
        life.tell(intake.AppealContested(appeal_id="a1", channel="h", case_id="case-1", reason="没好")) == []
    )
    assert join(life, into="case-3") == []
    assert isinstance(life.case, Closed)
    assert life.case.joined_to == "case-2"


def test_what_agencies_were_asked_to_do_is_not_undone() -> None:
    at_work = Life()
    at_work.tell(appeal())
    danger = Life()
    danger.tell(appeal(category=category("gas.leak"), text="一股煤气味", place=UNPLACED))
    decided = waiting()
    decided.tell(routing_orders.Dispatch(case_id="case-1", lead="heating-zy", reason="r", by="centre"))
    for life in (at_work, danger, decided):
        assert join(life) == []
        assert isinstance(life.case, Dispatched)


def test_a_case_that_everybody_gave_back_is_not_joined() -> None:
    life = Life()
    life.tell(appeal())
    while isinstance(life.case, Dispatched):
        mine = life.case.lead
        assert mine is not None
        life.at += timedelta(minutes=1)
        said = {"assignment_id": mine.assignment_id, "agency": mine.agency, "role": "lead", "at": life.at}
        life.tell(
            AssignmentReturned(case_id="case-1", reason_code="not_ours", reason="不属于我单位职责", **said)
        )
    assert isinstance(life.case, OnDesk)

    assert join(life) == []


def test_a_case_is_not_joined_to_itself() -> None:
    life = waiting()
    assert join(life, into="case-1") == []
    assert isinstance(life.case, OnDesk)


def test_nothing_is_joined_that_is_not_there() -> None:
    assert decide(None, routing_orders.Join(**JOIN), Input("m", START, ""), jurisdiction()).state is None


def moved(number: int, **changes: Any) -> intake.AppealMerged:
    return merged(number, **{"moved_from": "case-0", "place": UNPLACED, "location": Location()} | changes)


def test_what_was_moved_to_a_case_is_where_the_case_is_as_far_as_anybody_knows() -> None:
    life = Life()
    life.tell(appeal())
    before = life.case

    (updated,) = life.tell(moved(2, location=Location(address="三楼东户")))
    life.tell(moved(3))

    assert (life.case.appeals, life.case.compounds) == (3, 1)
    assert life.case.places == [*before.places, Location(address="三楼东户")]
    assert isinstance(updated, routing.CaseUpdated)
    assert (updated.appeals, updated.compounds) == (2, None)


def test_what_was_reported_long_before_it_was_moved_is_no_burst() -> None:
    rule = jurisdiction().policy.mass_incident("heating.no_heat")
    assert rule is not None
    spread, burst = Life(), Life()
    for life in (spread, burst):
        life.tell(appeal())
    for number in range(2, rule.appeals + 1):
        long_ago = START - 2 * number * rule.within
        spread.tell(moved(number, reported_at=long_ago), after=timedelta(seconds=1))
        burst.tell(moved(number, reported_at=START), after=timedelta(seconds=1))

    assert spread.case.mass_incident_since is None
    assert burst.case.mass_incident_since is not None
