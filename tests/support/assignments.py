"""Assignments as the tests of response need them: ordered, spoken about, brought into any state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from services.response.domain.assignment import Assignment
from services.response.handlers import handlers
from shared.contracts import agency as said
from shared.contracts import routing
from shared.contracts.base import Event
from shared.contracts.response import AssignmentDue
from shared.contracts.values import CategoryRef, Contact, Location, Place
from shared.loop.decision import Decision, Input
from shared.loop.handlers import Deciding
from shared.policy import load

SAMPLE = load(Path(__file__).parents[2] / "deploy" / "packs" / "nuanhe")
AGENCY = "heating-zy"
OTHER = "housing-zy"
ID = "assignment-1"
CASE = "case-1"
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LOCATION = Location(
    compound="nh-01-03", building="3", entrance="2", room="502", address="暖河里3号楼2单元502室"
)
CONTACT = Contact(name="王秀英", phone="13812345678")
STATES = (
    "absent",
    "assigned",
    "accepted",
    "arrived",
    "deferred",
    "resolved",
    "returned",
    "withdrawn",
    "concluded",
)
_documents: TypeAdapter[Assignment] = TypeAdapter(Assignment)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def order(**changes: Any) -> routing.CaseAssigned:
    """An urgent heating case for the lead: accept in 30 min, contact in 2 h, arrive in 24 h, resolve in 48 h."""
    values: dict[str, Any] = {
        "case_id": CASE,
        "at": START,
        "assignment_id": ID,
        "case_no": "NH-20261120-0001",
        "agency": AGENCY,
        "role": "lead",
        "lead_agency": AGENCY,
        "mode": "whistle",
        "nature": "help",
        "category": CategoryRef(code="heating.not_warm", path=["供暖", "室温不热"]),
        "urgency": "urgent",
        "summary": "室温不热（暖河里小区）：王秀英家502暖气不热",
        "text": "王秀英家502暖气不热，室温12度，电话13812345678",
        "location": LOCATION,
        "place": Place(code="nh-01-03", name="暖河里小区"),
        "reported_at": START - timedelta(hours=1),
        "indoor_temperature": 12.0,
        "contact": CONTACT,
        "appeals": 1,
        "households": 1,
        "accept_by": after(30),
        "contact_by": after(120),
        "arrive_by": after(24 * 60),
        "resolve_by": after(48 * 60),
        "policy": "nuanhe-winter@2026.1",
        "disclose": "on_acceptance",
    }
    return routing.CaseAssigned(**values | changes)


def word(verb: str, at: datetime, **changes: Any) -> said.AgencyEvent:
    """What the agency says, complete for the verb."""
    event = next(event for event in said.EVENTS if event.pattern.split(".")[2] == verb)
    more: dict[str, Any] = {
        "returned": {"reason_code": "not_ours", "reason": "不在供热范围"},
        "extension_requested": {"until": after(72 * 60), "reason": "等待配件"},
        "deferral_requested": {
            "kind": "engineering",
            "reason": "需改造立管",
            "plan": "明年改造",
            "review_at": after(60 * 24 * 60),
        },
        "resolved": {"outcome": "solved", "measures": "更换阀门", "reply": "已恢复供暖"},
    }.get(verb, {})
    return event(**{"assignment_id": ID, "at": at} | more | changes)


def decide(
    state: Assignment | None, event: Event, at: datetime, tenant: str = "", id: str = "input"
) -> Decision:
    """What the registered decision says, as the loop would call it."""
    handler = handlers.by_type[event.type]
    assert isinstance(handler, Deciding)
    decision = handler.decide(state, event, Input(id, at, tenant), SAMPLE)
    assert isinstance(decision, Decision)
    if decision.state is not None:
        stored = _documents.validate_python(_documents.dump_python(decision.state, exclude_none=True))
        assert stored == decision.state, "a state must survive being stored"
    return decision


def hear(state: Assignment | None, event: said.AgencyEvent, receipt: datetime | None = None) -> Decision:
    """The agency's own word, received at once or at ``receipt``."""
    return decide(state, event, receipt or event.at, AGENCY)


def given(*events: Event | tuple[Event, datetime], **ordered: Any) -> Assignment:
    """The assignment after these events; the agency's are received when they say they happened."""
    state = decide(None, order(**ordered), START).state
    for item in events:
        event, at = item if isinstance(item, tuple) else (item, getattr(item, "at", START))
        state = decide(state, event, at, AGENCY if isinstance(event, said.AgencyEvent) else "").state
    assert state is not None
    return state  # type: ignore[no-any-return]


def centre(event: type[routing.CaseEvent], at: datetime = START, **values: Any) -> routing.CaseEvent:
    """A word of the centre about the assignment."""
    return event(**{"case_id": CASE, "at": at, "assignment_id": ID} | values)


def in_state(name: str, **ordered: Any) -> Assignment | None:
    """The assignment brought into this state, None when absent."""
    ways: dict[str, list[Event]] = {
        "assigned": [],
        "accepted": [word("accepted", after(10))],
        "arrived": [word("arrived", after(10))],
        "deferred": [
            centre(
                routing.CaseDeferralDecided,
                granted=True,
                kind="engineering",
                review_at=after(60 * 24 * 60),
                reason="同意",
            )
        ],
        "resolved": [word("resolved", after(10))],
        "returned": [word("returned", after(10))],
        "withdrawn": [centre(routing.CaseAssignmentWithdrawn, reason="撤回")],
        "concluded": [word("resolved", after(10)), centre(routing.CaseConcluded, held=True, closed=True)],
    }
    return None if name == "absent" else given(*ways[name], **ordered)


def kinds(decision: Decision) -> list[str]:
    """What is published, by its last words: "accepted" for assignment.accepted, ">updated" for a dispatch."""
    return [(">" if out.tenant else "") + out.event.pattern.split(".")[-2] for out in decision.out]


def due(deadline: str, at: datetime, overdue: bool) -> AssignmentDue:
    return AssignmentDue(assignment_id=ID, deadline=deadline, due=at, overdue=overdue)  # type: ignore[arg-type]
