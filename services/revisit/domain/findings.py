"""What a field team finds on its own: hazards before anybody complained, and the rounds it walks.

Source: night patrols of a Gongyi subdistrict, hazard rounds of a Lanzhou one (DOMAIN 2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.revisit import HazardRecorded, PatrolRecorded
from shared.contracts.team import HazardFound, Patrolled
from shared.contracts.values import Attachment, Location, Person
from shared.ids import derive
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


class Hazard(BaseModel):
    """A danger found before it hurt anybody; counted apart from faults. ``at``: when it was found."""

    model_config = ConfigDict(frozen=True)

    state: Literal["found"] = "found"
    hazard_id: str
    team: str
    by: Person
    at: datetime
    location: Location
    text: str
    attachments: list[Attachment] = Field(default_factory=list)


class Patrol(BaseModel):
    """A round through one grid, with the number of findings."""

    model_config = ConfigDict(frozen=True)

    state: Literal["walked"] = "walked"
    patrol_id: str
    team: str
    by: Person
    at: datetime
    grid_code: str
    findings: int


def hazard_id(_: HazardFound, input: Input) -> str:
    return derive("hazard", input.tenant, input.id)


def patrol_id(_: Patrolled, input: Input) -> str:
    return derive("patrol", input.tenant, input.id)


def record_hazard(_state: Hazard | None, event: HazardFound, input: Input, _: Jurisdiction) -> Decision:
    """A hazard goes on the list."""
    hazard = Hazard(
        hazard_id=hazard_id(event, input),
        team=input.tenant,
        by=event.by,
        at=event.at,
        location=event.location,
        text=event.text,
        attachments=event.attachments or [],
    )
    recorded = HazardRecorded(
        hazard_id=hazard.hazard_id,
        team=hazard.team,
        location=hazard.location,
        text=hazard.text,
        at=hazard.at,
    )
    return Decision(hazard, [Out(recorded, hazard.hazard_id)])


def record_patrol(_state: Patrol | None, event: Patrolled, input: Input, _: Jurisdiction) -> Decision:
    """A patrol is counted."""
    patrol = Patrol(
        patrol_id=patrol_id(event, input),
        team=input.tenant,
        by=event.by,
        at=event.at,
        grid_code=event.grid_code,
        findings=event.findings,
    )
    recorded = PatrolRecorded(
        patrol_id=patrol.patrol_id,
        team=patrol.team,
        grid_code=patrol.grid_code,
        findings=patrol.findings,
        at=patrol.at,
    )
    return Decision(patrol, [Out(recorded, patrol.patrol_id)])
