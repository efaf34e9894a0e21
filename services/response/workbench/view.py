"""An assignment as the page shows it: what it was sent, where it stands, what comes next. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from services.response.domain.assignment import (
    STEPS,
    Assignment,
    Concluded,
    Deferred,
    Live,
    Resolved,
    Returned,
    Withdrawn,
)
from services.response.domain.disclosure import places_shown
from services.response.workbench import words
from shared.contracts.values import Attachment, Location, Reading
from shared.policy import Jurisdiction


@dataclass(frozen=True)
class Due:
    """The next deadline of an assignment, or the review of a deferred one."""

    what: str
    at: datetime
    overdue: bool
    near: bool


@dataclass(frozen=True)
class Line:
    """One thing that happened. ``late``: after its deadline."""

    at: datetime
    what: str
    more: str = ""
    late: bool = False


@dataclass(frozen=True)
class Lens:
    """What is shown depends on where and when it is looked at."""

    jurisdiction: Jurisdiction
    at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return self.jurisdiction.policy.zone

    def when(self, at: datetime) -> str:
        """A time on the district's clocks, with the year where it is another."""
        local = at.astimezone(self.zone)
        year = "" if local.year == self.at.astimezone(self.zone).year else f"{local.year}-"
        return f"{year}{local:%m-%d %H:%M}"

    def input(self, at: datetime) -> str:
        """A time as an input of a form takes it."""
        return f"{at.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    def agency(self, id: str) -> str:
        tenant = self.jurisdiction.tenants.get(id)
        return tenant.name_zh if tenant is not None else id

    def place(self, location: Location) -> str:
        """Where, in one line."""
        found = self.jurisdiction.places.place(location.compound) if location.compound else None
        compound = found.name if found is not None else location.compound
        parts = [
            compound,
            _numbered(location.building, "号楼"),
            _numbered(location.entrance, "单元"),
            _numbered(location.room, "室"),
        ]
        named = "".join(part for part in parts if part)
        return named or location.address or location.grid_code or "地点待核实"


def countdown(due: datetime, at: datetime) -> str:
    """How long until then, or since; face/workbench.js goes on counting in the same words."""
    minutes = int(abs(due - at).total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        span = f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    elif hours:
        span = f"{hours} 小时 {minutes % 60} 分"
    else:
        span = f"{minutes} 分钟"
    return f"已超 {span}" if due < at else f"还剩 {span}"


def due(assignment: Assignment, at: datetime) -> Due | None:
    """What the agency must do next, and by when."""
    if isinstance(assignment, Deferred) and assignment.review_at is not None:
        return Due("复核", assignment.review_at, False, False)
    if not isinstance(assignment, Live):
        return None
    waiting = [
        Due(words.STEPS[step], clock.due, clock.due < at, clock.remind_at < at)
        for step in STEPS
        if step not in assignment.taken and (clock := assignment.clocks.get(step)) is not None
    ]
    report_in = assignment.report_in_by
    if report_in is not None and "accept" not in assignment.taken:
        waiting.append(Due(words.REPORT_IN, report_in, report_in < at, True))
    return min(waiting, key=lambda one: one.at, default=None)


def awaits(assignment: Assignment) -> bool:
    """Whether its clocks run."""
    return isinstance(assignment, Live)


def by_deadline(assignments: list[Assignment], at: datetime) -> list[Assignment]:
    """Overdue first, then what is due next; last what nothing is awaited of."""

    def order(assignment: Assignment) -> tuple[int, datetime, str]:
        next_due = due(assignment, at)
        if next_due is None:
            return 2, assignment.assigned_at, assignment.assignment_id
        return 0 if next_due.overdue else 1, next_due.at, assignment.assignment_id

    return sorted(assignments, key=order)


def fingerprint(*shown: Any) -> str:
    """Of what a part of the page was made of: while it stays, so does the part."""
    return sha256(repr(shown).encode()).hexdigest()[:16]


def marks(assignment: Assignment) -> list[tuple[str, str]]:
    """(tone, text) of what sets it apart, for the eye; each says in words what it is."""
    order = assignment.order
    found = []
    if order.urgency != "normal":
        found.append(("hot", words.URGENCY[order.urgency]))
    if order.key_household:
        found.append(("hot", "重点家庭"))
    if order.rework is not None:
        found.append(("warm", f"返工 第{order.rework.count}次"))
    if assignment.level:
        found.append(("warm", f"督办 {assignment.level} 级"))
    if assignment.urged:
        found.append(("warm", f"催办 {assignment.urged} 次"))
    if order.confidential:
        found.append(("calm", "保密"))
    if order.role == "assist":
        found.append(("calm", "协办"))
    return found


def places(assignment: Assignment, lens: Lens) -> list[str]:
    """All the places it is about, as far as the agency may know them."""
    others = places_shown(assignment, assignment.places)
    return list(dict.fromkeys(lens.place(one) for one in (assignment.order.location, *others)))


def photos(assignment: Assignment) -> list[Attachment]:
    """Every file the agency may see: what came with the assignment, and its own evidence."""
    own = (assignment.evidence or []) if isinstance(assignment, Resolved) else []
    return [*assignment.attachments, *own]


def may_see(assignment: Assignment, file: str) -> bool:
    """Whether this file is one of the assignment's, a photo of a reading included."""
    readings: list[Reading] = []
    if assignment.order.rework is not None:
        readings += assignment.order.rework.readings or []
    if isinstance(assignment, Resolved | Concluded):
        readings += assignment.readings or []
    return file in {one.id for one in photos(assignment)} | {one.photo for one in readings if one.photo}


def history(assignment: Assignment) -> list[Line]:
    """What happened, the oldest first."""
    return sorted(_lines(assignment), key=lambda line: line.at)


def reading(one: Reading, lens: Lens) -> str:
    """A temperature, where and when, and what makes it good."""
    more = [words.ROOMS[one.room], lens.when(one.at)]
    more += ["门窗已关"] if one.doors_closed else []
    more += ["住户已签字"] if one.signed else []
    return f"{one.celsius:g} ℃（{'，'.join(more)}）"


def _lines(assignment: Assignment) -> Iterator[Line]:
    yield Line(assignment.assigned_at, "派单")
    for step in STEPS:
        taken = assignment.taken.get(step)
        if taken is not None:
            by = taken.by.name if taken.by is not None else ""
            more = "；".join(part for part in (by, taken.how, taken.note) if part)
            yield Line(taken.at, words.STEPS[step], more, not taken.on_time)
    if assignment.progress is not None:
        more = assignment.progress.note or ""
        yield Line(assignment.progress.at, f"报进展（共 {assignment.progress.times} 次）", more)
    match assignment:
        case Returned():
            why = f"{words.RETURN_REASONS[assignment.reason_code]}：{assignment.reason}"
            yield Line(assignment.returned_at, "退单", why)
        case Withdrawn():
            yield Line(assignment.withdrawn_at, "中心撤回", assignment.reason)
        case Concluded():
            if assignment.held:
                what = "回访通过，结案" if assignment.closed else "回访通过"
            else:
                what = "回访未通过，结案" if assignment.closed else "回访未通过，另派返工"
            more = words.SATISFACTION[assignment.satisfaction] if assignment.satisfaction else ""
            yield Line(assignment.concluded_at, what, more)


def _numbered(value: str | None, unit: str) -> str:
    if not value:
        return ""
    return value + unit if value.isascii() and value.isalnum() else value
