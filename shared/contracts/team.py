"""CONTRACTS 4, published by field teams: what grid members saw, measured and were told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import IngressEvent, Instant
from shared.contracts.values import (
    Attachment,
    Id,
    Location,
    LongText,
    Person,
    Reading,
    Satisfaction,
    ShortText,
)


class Revisited(IngressEvent, subject="field.{tenant}.revisited.v1"):
    """One household was asked, or could not be."""

    task_id: Id
    at: Instant
    by: Person
    outcome: Literal["reached", "unreachable", "declined"]
    solved: bool | None = None
    satisfaction: Satisfaction | None = None
    readings: Annotated[list[Reading], Field(max_length=50)] | None = None
    note: LongText | None = None


class HazardFound(IngressEvent, subject="field.{tenant}.hazard_found.v1"):
    """Found before anybody complained."""

    at: Instant
    by: Person
    location: Location
    text: LongText
    attachments: Annotated[list[Attachment], Field(max_length=20)] | None = None


class Patrolled(IngressEvent, subject="field.{tenant}.patrolled.v1"):
    """A round through a grid, with the number of findings."""

    at: Instant
    by: Person
    grid_code: ShortText
    findings: int = Field(ge=0, le=10_000)


EVENTS = (Revisited, HazardFound, Patrolled)
