"""CONTRACTS 3, published by agencies: what they say about an assignment of theirs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import IngressEvent, Instant
from shared.contracts.values import (
    Attachment,
    DeferralKind,
    Excuse,
    Id,
    LongText,
    Outcome,
    Person,
    Reading,
    ShortText,
)

ReturnReason = Literal[
    "not_ours",
    "wrong_place",
    "duplicate",
    "insufficient",
    "user_side",
    "no_account_or_arrears",
    "no_authority",
    "in_litigation",
    "other",
]


class AgencyEvent(IngressEvent):
    """What all of them carry. ``at`` is when it happened by the agency's clock."""

    assignment_id: Id
    at: Instant
    by: Person | None = None
    note: LongText | None = None


class Accepted(AgencyEvent, subject="response.{tenant}.accepted.v1"):
    """The agency takes the assignment."""


class Contacted(AgencyEvent, subject="response.{tenant}.contacted.v1"):
    """The agency has spoken to the resident."""

    how: ShortText | None = None


class Arrived(AgencyEvent, subject="response.{tenant}.arrived.v1"):
    """The agency is on site."""


class Progressed(AgencyEvent, subject="response.{tenant}.progressed.v1"):
    """Work goes on; says nothing about a step."""


class Returned(AgencyEvent, subject="response.{tenant}.returned.v1"):
    """Not ours, with a reason; only before resolving."""

    reason_code: ReturnReason
    reason: LongText
    suggested_agency: ShortText | None = None


class ExtensionRequested(AgencyEvent, subject="response.{tenant}.extension_requested.v1"):
    """More time is asked for, once and with a reason."""

    until: Instant
    reason: LongText


class DeferralRequested(AgencyEvent, subject="response.{tenant}.deferral_requested.v1"):
    """It cannot be done now: why, what the plan is, when to look again."""

    kind: DeferralKind
    reason: LongText
    plan: LongText
    review_at: Instant


class Resolved(AgencyEvent, subject="response.{tenant}.resolved.v1"):
    """The agency says it is done, with what it did and what it told the resident."""

    outcome: Outcome
    measures: LongText
    reply: LongText
    root_cause: LongText | None = None
    readings: Annotated[list[Reading], Field(max_length=200)] | None = None
    evidence: Annotated[list[Attachment], Field(max_length=50)] | None = None
    excuse: Excuse | None = None


EVENTS = (
    Accepted,
    Contacted,
    Arrived,
    Progressed,
    Returned,
    ExtensionRequested,
    DeferralRequested,
    Resolved,
)
