"""A tenant's door: how much of what it sends wrong is answered and kept, and what is only counted (decision 0018).

A window of one hour begins with the first refusal. Within it a refusal is told and its message kept with the dead
letters until a limit is reached: so many, so many about one matter, so many bytes. The message that reaches it is
answered once more, with ``closed``; what follows is counted, and the count is told when the window ends. Nothing here
concerns messages that can be applied. Pure: states, limits and times in, states and refusals out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from pydantic import Field, TypeAdapter

from shared.contracts.base import Instant, Part
from shared.contracts.streams import MAX_PAYLOAD_BYTES
from shared.contracts.values import Closed, FieldError
from shared.loop.decision import NotYet, Refusal
from shared.loop.documents import Collection
from shared.loop.seen import Seen

WINDOW = timedelta(hours=1)
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one tenant's refusals may take in a window; ``bytes_per_hour``: of what is kept with the dead letters."""

    refusals_per_hour: int = 300
    refusals_per_matter: int = 50
    bytes_per_hour: int = 4 * 1024 * 1024


class Shut(Part):
    """A limit that was reached: how many were answered until then, how many were counted since, by verb."""

    matter: str | None = None
    answered: int
    unanswered: Mapping[str, int] = Field(default_factory=dict)


class Window(Part):
    """What was refused within one hour. ``letters``: digests of what was told; ``about``: how many of them about which
    matter, by its digest. Both end with the limit of the hour, as do the matters that are ``shut``."""

    until: Instant
    answered: int = 0
    kept: int = 0
    letters: tuple[str, ...] = ()
    about: Mapping[str, int] = Field(default_factory=dict)
    hour: Shut | None = None
    shut: Mapping[str, Shut] = Field(default_factory=dict)


class Door(Part):
    """A tenant's door. ``due``: when the count must be told, absent while there is none; ``ended``: the end of the
    last window; ``seen``: which messages it knows already."""

    tenant: str
    window: Window | None = None
    ended: Instant | None = None
    due: Instant | None = None
    seen: Seen = Seen()


DOORS = Collection(
    "doors",
    TypeAdapter(Door),
    indexes=(((("state.due", 1),), {"sparse": True}),),
    remembers=False,  # the state itself does, in less room
)


@dataclass(frozen=True, slots=True)
class Knock:
    """A message that will not be applied. ``sequence`` and ``stored``: its place in the tenant's stream, and since when
    it lies there; ``floor``: up to which place everything is acknowledged. ``matter``: the assignment, appeal or task
    it names; ``verb``: what it says, where that is known. ``timed`` is False where a replay cannot tell its time."""

    refusal: Refusal
    sequence: int
    stored: datetime
    floor: int
    size: int
    letter: str
    matter: str = ""
    verb: str = "other"
    reason: str = ""
    timed: bool = True


def known(door: Door, knock: Knock) -> bool:
    """Whether the door has answered or counted this very message."""
    return door.seen.knows(knock.sequence, knock.stored)


def outcome(door: Door | None, knock: Knock) -> str:
    """What became of it: `buried`, `counted`, or `repeated` where nothing new had to be said."""
    if door is None or not door.seen.knows(knock.sequence, knock.stored):
        return "repeated"
    return door.seen.outcome(knock.sequence)


def answer(door: Door | None, knock: Knock, at: datetime, limits: Limits) -> tuple[Door, list[Refusal]]:
    """The door after one more refusal, and what its sender is told. Raises NotYet while too much lies unsettled."""
    door = door or Door(tenant=knock.refusal.tenant)
    if not knock.timed:
        at = door.window.until - WINDOW if door.window is not None else door.ended or BEFORE_ALL
    told: list[Refusal] = []
    if door.window is not None and at >= door.window.until:
        door, told = _ended(door, door.window)
    window = door.window or Window(until=_whole(max(at, door.ended or at)) + WINDOW)
    if knock.letter in window.letters:
        return door, told
    seen = door.seen.trimmed(knock.sequence, knock.stored, knock.floor)
    if not seen.has_room(knock.sequence):
        raise NotYet("data", "此前未确认的消息过多 (too many messages lie unacknowledged before it)")
    about = _digest(knock.matter)
    if window.hour is not None:
        after = window.model_copy(update={"hour": _one_more(window.hour, knock.verb)})
    elif about in window.shut:
        shut = {**window.shut, about: _one_more(window.shut[about], knock.verb)}
        after = window.model_copy(update={"shut": shut})
    else:
        after, closed = _told(window, knock, about, limits)
        told.append(_closing(knock.refusal, closed) if closed is not None else knock.refusal)
    counted = after.answered == window.answered
    return door.model_copy(
        update={
            "window": after,
            "due": after.until if counted else door.due,
            "seen": seen.noted(knock.sequence, knock.stored, "counted" if counted else "buried"),
        }
    ), told


def end(door: Door | None, until: datetime) -> tuple[Door | None, list[Refusal]]:
    """The window that ends at ``until`` is over: what was counted in it is told, if nobody did yet."""
    if door is None or door.window is None or door.window.until != until:
        return door, []
    return _ended(door, door.window)


def _told(window: Window, knock: Knock, about: str, limits: Limits) -> tuple[Window, Closed | None]:
    """One more is answered and kept; it may be the one that reaches a limit."""
    answered, kept = window.answered + 1, window.kept + knock.size
    changes: dict[str, object] = {
        "answered": answered,
        "kept": kept,
        "letters": (*window.letters, knock.letter),
    }
    about_it = window.about.get(about, 0) + 1
    if knock.matter:
        changes["about"] = {**window.about, about: about_it}
    closed = None
    full = kept + MAX_PAYLOAD_BYTES > limits.bytes_per_hour
    if answered >= limits.refusals_per_hour or full:
        changes["hour"] = Shut(answered=answered)
        closed = Closed(scope="hour", until=window.until, answered=answered)
    elif knock.matter and about_it >= limits.refusals_per_matter:
        changes["shut"] = {**window.shut, about: Shut(matter=knock.matter, answered=about_it)}
        closed = Closed(scope="matter", matter=knock.matter, until=window.until, answered=about_it)
    return window.model_copy(update=changes), closed


def _one_more(shut: Shut, verb: str) -> Shut:
    counts = {**shut.unanswered, verb: shut.unanswered.get(verb, 0) + 1}
    return shut.model_copy(update={"unanswered": counts})


def _closing(refusal: Refusal, closed: Closed) -> Refusal:
    zh, en = ("关于该事项", "about this matter ") if closed.scope == "matter" else ("", "")
    problem = (
        f"一小时内{zh}无法办理的消息已答复 {closed.answered} 条，到此时为止只计数，不再逐条答复；可以办理的照常办理 "
        f"({closed.answered} refusals {en}within the hour: until then further ones are only counted, not answered one "
        "by one; what can be applied is applied)"
    )
    return refusal.closing(closed, [*refusal.errors, FieldError(field="closed.until", problem=problem)])


def _ended(door: Door, window: Window) -> tuple[Door, list[Refusal]]:
    """Closes the books of a window: one notice for each limit behind which something was counted."""
    shuts = [shut for shut in (window.hour, *window.shut.values()) if shut is not None and shut.unanswered]
    told = [_counted(door.tenant, window.until, shut) for shut in shuts]
    return door.model_copy(update={"window": None, "ended": window.until, "due": None}), told


def _counted(tenant: str, until: datetime, shut: Shut) -> Refusal:
    unanswered = sum(shut.unanswered.values())
    closed = Closed(
        scope="matter" if shut.matter is not None else "hour",
        matter=shut.matter,
        until=until,
        answered=shut.answered,
        unanswered=unanswered,
    )
    problem = (
        f"另有 {unanswered} 条无法办理的消息只计数、未逐条答复，也未留存 "
        f"({unanswered} more that could not be applied were counted, neither answered one by one nor kept)"
    )
    return Refusal(
        id=None,
        errors=[FieldError(field="closed.unanswered", problem=problem)],
        tenant=tenant,
        subject="",
        data=b"",
        cause=f"door:{until.isoformat()}:{_digest(shut.matter or '')}",
        closed=closed,
        unanswered=shut.unanswered,
    )


def _whole(at: datetime) -> datetime:
    """As a database keeps it: to the millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _digest(matter: str) -> str:
    return blake2b(matter.encode(), digest_size=8).hexdigest()
