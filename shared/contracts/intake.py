"""Published by intake: `appeal.*` for the other services, CONTRACTS 1's notices for channels, its own steps."""

from __future__ import annotations

from typing import Literal

from shared.contracts import intake_steps
from shared.contracts.base import Event, Instant
from shared.contracts.values import (
    Attachment,
    CategoryRef,
    Closed,
    Contact,
    FieldError,
    Location,
    Nature,
    Place,
    Proposal,
    Satisfaction,
)

NoticeStage = Literal[
    "dispatched", "accepted", "contacted", "arrived", "resolved", "rework", "deferred", "escalated"
]


# --- appeal.*: to routing and metrics -------------------------------------------------------------------------


class AppealOnCase(Event):
    """What routing needs to know of an appeal that belongs to a case. ``left_case``: the one it was split off from;
    ``counted_at``: when it first came to a case, on which day it counts, where that is not now."""

    appeal_id: str
    channel: str
    case_id: str
    case_no: str
    matter: str
    place: Place
    category: CategoryRef
    nature: Nature
    text: str
    location: Location
    contact: Contact | None = None
    confidential: bool = False
    key_household: bool = False
    households: int = 1
    indoor_temperature: float | None = None
    attachments: list[Attachment] | None = None
    found_by: str = "resident"
    reported_at: Instant
    upstream_due: Instant | None = None
    left_case: str | None = None
    counted_at: Instant | None = None


class AppealRegistered(AppealOnCase, subject="appeal.registered.v1"):
    """The appeal opened a case. ``because``: why this category and place (for people); ``proposals``: what else it may
    be about where that is not sure: what its words say next to it, then by likeness, the likeliest first."""

    confidence: float = 1.0
    because: str = ""
    proposals: list[Proposal] | None = None


class AppealMerged(AppealOnCase, subject="appeal.merged.v1"):
    """The appeal joined an open case. ``moved_from``: the case it belonged to before, where the centre's desk joined
    that one to this; absent where it came to no other first. ``declined``: the matter that its place was split off to,
    had that an open case."""

    moved_from: str | None = None
    declined: str | None = None


class AppealAnswered(Event, subject="appeal.answered.v1"):
    """A consultation answered without a case."""

    appeal_id: str
    channel: str
    category: CategoryRef
    reported_at: Instant


class AppealNotAccepted(Event, subject="appeal.not_accepted.v1"):
    """Intake says why the appeal becomes no case."""

    appeal_id: str
    channel: str
    reason_code: str
    reported_at: Instant


class AppealRejected(Event, subject="appeal.rejected.v1"):
    """A `submitted` that could not be read; kept in the dead letters, counted here. ``times``: so many at once, which
    the channel's door had counted only; absent for one."""

    channel: str
    in_reply_to: str | None = None
    errors: list[FieldError]
    times: int | None = None


class AppealUrged(Event, subject="appeal.urged.v1"):
    """A resident asks again, with ``text`` or without: veiled of the caller's own name, phone and door.
    ``confidential``: who said it must stay unknown; ``location``: theirs, then without the door."""

    appeal_id: str
    channel: str
    case_id: str
    text: str | None = None
    confidential: bool = False
    location: Location | None = None


class AppealSupplemented(Event, subject="appeal.supplemented.v1"):
    """A resident adds text or files to what is a case already. ``text``: veiled of the caller's own name, phone and
    door; ``confidential``: who said it must stay unknown."""

    appeal_id: str
    channel: str
    case_id: str
    text: str | None = None
    confidential: bool = False
    attachments: list[Attachment] | None = None


class AppealWithdrawn(Event, subject="appeal.withdrawn.v1"):
    """A resident takes an appeal back; its case lives on while others stand behind it."""

    appeal_id: str
    channel: str
    case_id: str
    households: int
    key_household: bool = False
    place: Place | None = None
    reason: str


class AppealLeft(Event, subject="appeal.left.v1"):
    """The appeal has left its case, which refused it or was split; it is on its way to another. Once for each time that
    it came. ``counted_as``, ``counted_at``: how and when it was counted at this one, or in ``counted_in``, from where
    the desk had moved it."""

    appeal_id: str
    channel: str
    case_id: str
    households: int = 1
    key_household: bool = False
    confidential: bool = False
    place: Place
    location: Location
    counted_as: Literal["registered", "merged"]
    counted_at: Instant
    counted_in: str | None = None


class AppealContested(Event, subject="appeal.contested.v1"):
    """A resident does not agree with how the case was closed."""

    appeal_id: str
    channel: str
    case_id: str
    reason: str


# --- notice.<channel>.*: to channels (CONTRACTS 1) ------------------------------------------------------------


class Notice(Event):
    """What every notice carries; absent in `rejected` where unknown."""

    appeal_id: str | None = None
    external_ref: str | None = None
    in_reply_to: str | None = None


class NoticeRegistered(Notice, subject="notice.{tenant}.registered.v1"):
    """The appeal opened a case. ``instead_of``: the case it was split off from."""

    case_id: str
    case_no: str
    instead_of: str | None = None


class NoticeMerged(Notice, subject="notice.{tenant}.merged.v1"):
    """The appeal joined a case; ``appeals`` counts them all. ``instead_of``: the case it was split off from."""

    case_id: str
    case_no: str
    appeals: int
    instead_of: str | None = None


class NoticeAnswered(Notice, subject="notice.{tenant}.answered.v1"):
    """Answered at once, in words for the resident."""

    answer: str


class NoticeNotAccepted(Notice, subject="notice.{tenant}.not_accepted.v1"):
    """No case, and why."""

    reason_code: str
    reason: str


class NoticeRejected(Notice, subject="notice.{tenant}.rejected.v1"):
    """The event could not be applied: field and problem."""

    errors: list[FieldError]
    closed: Closed | None = None


class NoticeProgressed(Notice, subject="notice.{tenant}.progressed.v1"):
    """The case took a step."""

    case_id: str
    stage: NoticeStage
    at: Instant


class NoticeClosed(Notice, subject="notice.{tenant}.closed.v1"):
    """The end, in words for the resident."""

    case_id: str | None = None
    outcome: Literal["verified", "not_verified", "withdrawn"]
    reply: str
    solved: bool | None = None
    satisfaction: Satisfaction | None = None


APPEAL_EVENTS = (
    AppealRegistered,
    AppealMerged,
    AppealAnswered,
    AppealNotAccepted,
    AppealRejected,
    AppealUrged,
    AppealSupplemented,
    AppealWithdrawn,
    AppealContested,
    AppealLeft,
)
NOTICES = (
    NoticeRegistered,
    NoticeMerged,
    NoticeAnswered,
    NoticeNotAccepted,
    NoticeRejected,
    NoticeProgressed,
    NoticeClosed,
)
EVENTS = APPEAL_EVENTS + NOTICES + intake_steps.EVENTS
