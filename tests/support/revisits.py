"""Builders for tests about going back: a case that is resolved, a team's words, and tasks as they come of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.revisit.domain import going, verification
from services.revisit.domain.task import Due, task_id
from shared.contracts.base import Event
from shared.contracts.revisit import TaskDue
from shared.contracts.routing import CaseClosed, CaseDoubted, CaseResolved, CaseRework
from shared.contracts.team import Revisited
from shared.contracts.values import CategoryRef, Contact, Location, Person, Place, Reading
from shared.loop.decision import Decision, Input
from shared.policy import Jurisdiction, load

SAMPLE = load(Path("deploy/packs/nuanhe"))
DONE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEAM = "team-jinqiao"
HOME = Location(compound="金桥花园", building="3号楼", room="501")
PLACE = Place(code="nh-01-01", name="金桥花园", subdistrict="nh-01")


def ruled(**changes: Any) -> Jurisdiction:
    """The sample jurisdiction with another rule for revisits."""
    revisit = SAMPLE.policy.revisit.model_copy(update=changes)
    return Jurisdiction(SAMPLE.tenants, SAMPLE.places, SAMPLE.policy.model_copy(update={"revisit": revisit}))


def resolved(**changes: Any) -> CaseResolved:
    """A cold flat that the heating company says is warm again, one household behind it."""
    fields: dict[str, Any] = {
        "case_id": "case-1",
        "at": DONE,
        "case_no": "JQ-1",
        "lead_agency": "heating-zy",
        "category": SAMPLE.policy.category_ref("heating.no_heat"),
        "place": PLACE,
        "location": HOME,
        "contact": Contact(name="王", phone="13800000000"),
        "appeals": 1,
        "households": 1,
        "outcome": "solved",
        "reply": "已排气",
        "resolved_at": DONE,
    }
    return CaseResolved(**(fields | changes))


def category(code: str) -> CategoryRef:
    return SAMPLE.policy.category_ref(code)


def closed(**changes: Any) -> CaseClosed:
    """The resident took the appeal back."""
    fields: dict[str, Any] = {
        "case_id": "case-1",
        "at": DONE + HOUR,
        "matter": "m",
        "outcome": "withdrawn",
        "reply": "",
        "on_time": True,
    }
    return CaseClosed(**(fields | changes))


def doubted(households: int = 1, after: timedelta = HOUR, **changes: Any) -> CaseDoubted:
    """Another home of the compound joins so long after the "done"; of no household, somebody urges."""
    location = HOME.model_copy(update={"building": "9号楼", "room": "901"})
    fields: dict[str, Any] = {"case_id": "case-1", "at": DONE + after, "location": location}
    return CaseDoubted(**fields | {"households": households} | changes)


def back(**changes: Any) -> CaseRework:
    """The case is at work again before anybody went back."""
    fields: dict[str, Any] = {"case_id": "case-1", "round": 1, "at": DONE + HOUR, "lead_agency": "heating-zy"}
    return CaseRework(**fields | {"count": 1, "reason": "有危险"} | changes)


def said(outcome: str = "reached", after: timedelta = 2 * HOUR, **changes: Any) -> Revisited:
    """What a team reports from one door, so long after the "done"."""
    fields: dict[str, Any] = {
        "task_id": task_id("case-1", 0),
        "at": DONE + after,
        "by": Person(name="网格员"),
        "outcome": outcome,
    }
    return Revisited(**(fields | changes))


def reading(celsius: float, after: timedelta = HOUR, **changes: Any) -> Reading:
    """A living room, measured so long after the "done"."""
    fields: dict[str, Any] = {"celsius": celsius, "room": "living_room", "at": DONE + after}
    return Reading(**(fields | changes))


def given(event: CaseResolved | None = None, jurisdiction: Jurisdiction = SAMPLE) -> Due:
    """The task that comes of a resolved case."""
    event = event or resolved()
    task = going.start(None, event, Input("e-0", event.at), jurisdiction).state
    assert isinstance(task, Due)
    return task


def when(
    task: Any, event: Any, jurisdiction: Jurisdiction = SAMPLE, team: str = TEAM, at: datetime | None = None
) -> Decision:
    """The decision that a message leads to."""
    if isinstance(event, Revisited):
        return verification.revisited(task, event, Input("r", at or event.at, team), jurisdiction)
    if isinstance(event, CaseResolved):
        return going.start(task, event, Input("c", at or event.at), jurisdiction)
    if isinstance(event, CaseClosed):
        return going.withdraw(task, event, Input("c", at or event.at), jurisdiction)
    if isinstance(event, CaseDoubted):
        return going.doubted(task, event, Input("d", at or event.at), jurisdiction)
    if isinstance(event, CaseRework):
        return going.back_at_work(task, event, Input("w", at or event.at), jurisdiction)
    assert isinstance(event, TaskDue)
    return going.overdue(task, event, Input("t", at or event.due_by + HOUR), jurisdiction)


def told(task: Any, events: Iterable[Any], jurisdiction: Jurisdiction = SAMPLE) -> tuple[Any, list[Event]]:
    """The state after several messages, and all that was published on the way."""
    out: list[Event] = []
    for event in events:
        decision = when(task, event, jurisdiction)
        task = decision.state
        out += [o.event for o in decision.out]
    return task, out
