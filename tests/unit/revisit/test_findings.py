"""Hazards and patrols."""

from __future__ import annotations

from services.revisit.domain import findings
from shared.contracts.revisit import HazardRecorded, PatrolRecorded
from shared.contracts.team import HazardFound, Patrolled
from shared.contracts.values import Location, Person
from shared.loop.decision import Input
from tests.support.revisits import DONE, SAMPLE, TEAM

BY = Person(name="网格员")


def test_a_hazard_goes_on_the_list() -> None:
    found = HazardFound(at=DONE, by=BY, location=Location(compound="金桥花园"), text="换热站渗水")

    decision = findings.record_hazard(None, found, Input("h-1", DONE, TEAM), SAMPLE)

    (out,) = decision.out
    assert isinstance(out.event, HazardRecorded)
    assert (
        out.event.hazard_id == decision.state.hazard_id == findings.hazard_id(found, Input("h-1", DONE, TEAM))
    )
    assert (out.event.team, out.event.text, out.event.at) == (TEAM, "换热站渗水", DONE)


def test_a_patrol_is_counted() -> None:
    walked = Patrolled(at=DONE, by=BY, grid_code="jq-g01", findings=2)

    decision = findings.record_patrol(None, walked, Input("p-1", DONE, TEAM), SAMPLE)

    (out,) = decision.out
    assert isinstance(out.event, PatrolRecorded)
    assert (out.event.grid_code, out.event.findings) == ("jq-g01", 2)


def test_two_teams_may_use_the_same_id() -> None:
    walked = Patrolled(at=DONE, by=BY, grid_code="jq-g01", findings=0)

    assert findings.patrol_id(walked, Input("1", DONE, TEAM)) != findings.patrol_id(
        walked, Input("1", DONE, "team-liuhu")
    )
