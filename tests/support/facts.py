"""Stories of cases as metrics hears them, told in short words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.metrics.domain.counting import entries
from services.metrics.domain.facts import CaseFact, Fact
from services.metrics.domain.learn import told_of_case
from services.metrics.domain.rollups import Cell, bucket, compute, day_of
from shared.contracts import intake, response, revisit, routing
from shared.contracts.base import Event
from shared.contracts.values import Location, Reading
from shared.policy import load

SAMPLE_DIRECTORY = Path(__file__).parents[2] / "deploy" / "packs" / "nuanhe"
SAMPLE = load(SAMPLE_DIRECTORY)
ZONE = SAMPLE.policy.zone
START = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
"""Nine o'clock on a Monday morning, local time."""

COMPOUND = SAMPLE.places.compounds[0]
PLACE = SAMPLE.places.place(COMPOUND.code)
CATEGORY = SAMPLE.policy.category_ref("heating.no_heat")
HOTLINE, CARD = "hotline-12345", "warm-card"
HEATING, PROPERTY = "heating-zy", "property-anju"
assert PLACE is not None

Told = tuple[Event, datetime]


def hours(number: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=number)


class Story:
    """What becomes of one case, in the order it happens; every word is (event, when it was decided)."""

    def __init__(self, case_id: str = "case-1", lead: str = HEATING, channel: str = HOTLINE) -> None:
        self.case_id = case_id
        self.lead = lead
        self.channel = channel
        self.told: list[Told] = []

    def _tell(self, event: Event, at: datetime) -> Story:
        self.told.append((event, at))
        return self

    def _appeal(self, kind: type[Any], number: int, at: float, channel: str, **changes: Any) -> Story:
        values = {
            "appeal_id": f"{self.case_id}-a{number}",
            "channel": channel,
            "case_id": self.case_id,
            "case_no": "no",
            "matter": f"{COMPOUND.code}|{CATEGORY.code}",
            "place": PLACE,
            "category": CATEGORY,
            "nature": "complaint",
            "text": "不热",
            "location": Location(compound=COMPOUND.name),
            "reported_at": hours(at),
        }
        return self._tell(kind(**values | changes), hours(at))

    def registered(self, at: float = 0, counted_at: float | None = None) -> Story:
        day = None if counted_at is None else hours(counted_at)
        return self._appeal(intake.AppealRegistered, 1, at, self.channel, counted_at=day)

    def merged(self, number: int = 2, at: float = 1, channel: str = CARD) -> Story:
        return self._appeal(intake.AppealMerged, number, at, channel)

    def left(self, number: int = 2, at: float = 1, channel: str = CARD, how: str = "merged") -> Story:
        """The appeal that came ``at`` that hour has left; said a day later."""
        counted = {"counted_as": how, "counted_at": hours(at)}
        return self._appeal(intake.AppealLeft, number, at + 24, channel, **counted)

    def joined(self, at: float = 1) -> Story:
        into = {"into": "case-2", "into_no": "no", "appeals": 2, "reason": "r", "by": "desk"}
        return self._case(routing.CaseJoined, at, matter="m", **into)

    def moved_here(self, number: int = 2, at: float = 1) -> Story:
        self._appeal(intake.AppealMerged, number, at, CARD)
        event, when = self.told.pop()
        self.told.append((event.model_copy(update={"moved_from": "case-0"}), when))
        return self

    def _case(self, kind: type[Any], at: float, /, **values: Any) -> Story:
        return self._tell(kind(case_id=self.case_id, at=hours(at), **values), hours(at))

    def dispatched(self, at: float = 0.1, resolve_by: float = 48, **changes: Any) -> Story:
        values = {
            "case_no": "no",
            "lead_agency": self.lead,
            "mode": "whistle",
            "urgency": "urgent",
            "nature": "complaint",
            "category": CATEGORY,
            "place": PLACE,
            "channel": self.channel,
            "appeals": 1,
            "households": 1,
            "reported_at": START,
            "resolve_by": hours(resolve_by),
            "policy": "p@1",
        }
        return self._case(routing.CaseDispatched, at, **values | changes)

    def on_desk(self, at: float = 0, reasons: Sequence[str] = ("category_unclear",), **changes: Any) -> Story:
        values = {"case_no": "no", "reasons": reasons, "urgency": "urgent", "due": hours(at + 2)}
        return self._case(routing.CaseOnDesk, at, **values | changes)

    def desk_overdue(self, due: float, at: float) -> Story:
        return self._case(routing.CaseDeskOverdue, at, case_no="no", due=hours(due))

    def desk_decided(self, at: float, **changes: Any) -> Story:
        values = {
            "matter": "m",
            "reasons": ["category_unclear"],
            "since": START,
            "by": "desk",
            "reason": "r",
            "nature": "complaint",
            "category": CATEGORY,
            "place": PLACE,
            "lead_agency": self.lead,
            "mode": "whistle",
            "urgency": "urgent",
        }
        return self._case(routing.CaseDeskDecided, at, **values | changes)

    def assigned(
        self,
        id: str = "lead-0",
        at: float = 0.1,
        agency: str = "",
        role: str = "lead",
        round: int = 0,
        **changes: Any,
    ) -> Story:
        values = {
            "round": round,
            "assignment_id": f"{self.case_id}-{id}",
            "case_no": "no",
            "agency": agency or self.lead,
            "role": role,
            "lead_agency": self.lead,
            "mode": "whistle",
            "nature": "complaint",
            "category": CATEGORY,
            "urgency": "urgent",
            "summary": "s",
            "location": Location(),
            "place": PLACE,
            "reported_at": START,
            "appeals": 1,
            "households": 1,
            "accept_by": hours(at + 0.5),
            "contact_by": hours(at + 2),
            "arrive_by": hours(at + 24),
            "resolve_by": hours(at + 48),
            "policy": "p@1",
            "disclose": "never",
        }
        return self._case(routing.CaseAssigned, at, **values | changes)

    def says(
        self,
        kind: type[Any],
        at: float,
        id: str = "lead-0",
        agency: str = "",
        role: str = "lead",
        round: int = 0,
        **values: Any,
    ) -> Story:
        """A word of an agency; ``on_time`` unless told otherwise."""
        if "on_time" in kind.model_fields:
            values = {"on_time": True} | values
        if kind is response.AssignmentResolved:
            values = {"outcome": "solved", "measures": "m", "reply": "r"} | values
        event = kind(
            assignment_id=f"{self.case_id}-{id}",
            case_id=self.case_id,
            agency=agency or self.lead,
            role=role,
            round=round,
            at=hours(at),
            **values,
        )
        return self._tell(event, hours(at))

    def returned(self, at: float, id: str = "lead-0", agency: str = "") -> Story:
        return self.says(response.AssignmentReturned, at, id, agency, reason_code="not_ours", reason="r")

    def overdue(self, deadline: str, at: float, id: str = "lead-0", **values: Any) -> Story:
        return self.says(response.AssignmentOverdue, at, id, deadline=deadline, due=hours(at), **values)

    def resolved(self, at: float = 20, round: int = 0) -> Story:
        return self._case(
            routing.CaseResolved,
            at,
            round=round,
            case_no="no",
            lead_agency=self.lead,
            category=CATEGORY,
            place=PLACE,
            location=Location(),
            appeals=1,
            households=1,
            outcome="solved",
            reply="r",
            resolved_at=hours(at),
        )

    def verified(
        self, kind: type[Any], at: float = 30, round: int = 0, celsius: Sequence[float] = (), **values: Any
    ) -> Story:
        """Going back: one household, solved and satisfied where it held; every reading is valid."""
        held = kind is revisit.VerificationHeld
        if kind is revisit.VerificationFailed:
            values = {"reason": "未解决"} | values
        if kind is revisit.VerificationUnverified:
            values = {"reason": "unreachable", "asked": 0, "answered": 0, "dissatisfied": 0} | values
        found = {
            "task_id": f"{self.case_id}-task-{round}",
            "due_by": hours(at + 1),
            "asked": 1,
            "answered": 1,
            "solved": int(held),
            "satisfied": int(held),
            "dissatisfied": int(not held),
            "readings": [Reading(celsius=c, room="bedroom", at=hours(at)) for c in celsius],
            "readings_valid": len(celsius),
            "readings_passed": sum(c >= 18 for c in celsius),
        }
        return self._case(kind, at, round=round, **found | values)

    def rework(self, at: float = 30, round: int = 1) -> Story:
        return self._case(
            routing.CaseRework, at, round=round, lead_agency=self.lead, count=round, reason="冷"
        )

    def closed(
        self, at: float = 31, round: int = 0, outcome: str = "verified", on_time: bool = True
    ) -> Story:
        return self._case(
            routing.CaseClosed, at, round=round, matter="m", outcome=outcome, reply="r", on_time=on_time
        )

    def reopened(self, at: float = 60, round: int = 1) -> Story:
        return self._case(
            routing.CaseReopened,
            at,
            round=round,
            case_no="no",
            matter="m",
            lead_agency=self.lead,
            reason="又冷了",
        )

    def deferred(self, at: float = 10, round: int = 0) -> Story:
        return self._case(
            routing.CaseDeferred,
            at,
            round=round,
            kind="season",
            review_at=hours(at + 24),
            reason="r",
            plan="p",
        )

    def cleared(self, at: float = 15, round: int = 0, resolve_by: float | None = None) -> Story:
        anew = None if resolve_by is None else hours(resolve_by)
        return self._case(routing.CaseCleared, at, round=round, resolve_by=anew)

    def extended(self, to: float, at: float = 5, id: str = "lead-0", granted: bool = True) -> Story:
        return self._case(
            routing.CaseExtensionDecided,
            at,
            assignment_id=f"{self.case_id}-{id}",
            agency=self.lead,
            granted=granted,
            resolve_by=hours(to),
            reason="r",
        )

    def withdrawn(self, at: float, id: str = "lead-0") -> Story:
        return self._case(
            routing.CaseAssignmentWithdrawn, at, assignment_id=f"{self.case_id}-{id}", reason="r"
        )

    def revisit_overdue(self, due: float, at: float) -> Story:
        event = revisit.VerificationOverdue(
            case_id=self.case_id, task_id="t", team="team-district", due_by=hours(due), at=hours(at)
        )
        return self._tell(event, hours(at))

    def done(self, at: float = 20) -> Story:
        """Registered, dispatched, accepted, contacted, arrived and resolved in time."""
        return (
            self.registered()
            .dispatched()
            .assigned()
            .says(response.AssignmentAccepted, 0.3)
            .says(response.AssignmentContacted, 1)
            .says(response.AssignmentArrived, 6)
            .says(response.AssignmentResolved, at)
            .resolved(at)
        )

    @property
    def fact(self) -> CaseFact:
        return learnt(self.told)


def learnt(told: Iterable[Told]) -> CaseFact:
    """The fact after all of these, in this order."""
    fact: CaseFact | None = None
    for event, at in told:
        fact = told_of_case(fact, event, at, ZONE)
    assert fact is not None
    return fact


def counts(fact: Fact) -> dict[str, int]:
    """Everything a fact counts for, whatever the day and agency; durations left out."""
    found: dict[str, int] = {}
    for entry in entries(fact, ZONE):
        if not entry.timed:
            found[entry.name] = found.get(entry.name, 0) + entry.amount
    return {name: amount for name, amount in found.items() if amount}


def cells(*facts: Fact) -> list[Cell]:
    """The cells of all buckets in which these facts count."""
    names = {bucket(fact, entry.day) for fact in facts for entry in entries(fact, ZONE)}
    return [cell for rollup in compute(names, facts, ZONE, START).values() for cell in rollup.cells]


def rollups(*facts: Fact) -> list[Any]:
    """The rollups of these facts, oldest day first."""
    names = {bucket(fact, entry.day) for fact in facts for entry in entries(fact, ZONE)}
    return sorted(compute(names, facts, ZONE, START).values(), key=lambda rollup: day_of(rollup.day))
