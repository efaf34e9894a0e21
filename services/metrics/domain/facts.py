"""What is known of a case and of an appeal without one, gathered from events in any order.

Every field is a merge that does not care about order or repetition: the earliest, the latest, the smallest, or a
count per input. What depends on order in time (the state of a case, its lead) is derived from rounds and instants,
never from the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeVar

from shared.contracts.base import Part
from shared.contracts.values import DeskReason, Role, Step

CaseState = Literal["registered", "dispatched", "deferred", "resolved", "closed"]
AssignmentState = Literal["assigned", "accepted", "arrived", "resolved", "returned", "withdrawn"]
AppealOutcome = Literal["registered", "merged", "refused", "withdrawn", "left_registered", "left_merged"]
Verdict = Literal["held", "failed", "unverified"]

CASE_STATES: tuple[CaseState, ...] = ("registered", "dispatched", "deferred", "resolved", "closed")
ASSIGNMENT_STATES: tuple[AssignmentState, ...] = (
    "assigned",
    "accepted",
    "arrived",
    "resolved",
    "returned",
    "withdrawn",
)
STEPS: tuple[Step, ...] = ("accept", "contact", "arrive", "resolve")

T = TypeVar("T", str, datetime)


class Count(Part):
    """How many appeals of one local day and channel came to this case and how."""

    day: str
    channel: str
    outcome: AppealOutcome
    count: int


class Taken(Part):
    """A step an agency took, and whether in time by its own clock."""

    at: datetime
    on_time: bool


class AssignmentFact(Part):
    """What is known of one assignment. ``overdue``: deadlines that passed unanswered, in alphabetical order."""

    id: str
    agency: str | None = None
    role: Role | None = None
    round: int = 0
    assigned_at: datetime | None = None
    accept_by: datetime | None = None
    contact_by: datetime | None = None
    arrive_by: datetime | None = None
    resolve_by: datetime | None = None
    accept: Taken | None = None
    contact: Taken | None = None
    arrive: Taken | None = None
    resolve: Taken | None = None
    returned_at: datetime | None = None
    withdrawn_at: datetime | None = None
    extended_to: datetime | None = None
    overdue: tuple[Step, ...] = ()

    @property
    def state(self) -> AssignmentState:
        """A later step outdoes an earlier one; what was done before a withdrawal stays done."""
        if self.returned_at is not None:
            return "returned"
        if self.resolve is not None:
            return "resolved"
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.arrive is not None:
            return "arrived"
        return "accepted" if self.accept is not None or self.contact is not None else "assigned"

    @property
    def due(self) -> datetime | None:
        """When it must be resolved, a granted extension included."""
        return latest(self.resolve_by, self.extended_to)

    def by(self, step: Step) -> datetime | None:
        """The deadline of a step; None where the policy sets none."""
        match step:
            case "accept":
                return self.accept_by
            case "contact":
                return self.contact_by
            case "arrive":
                return self.arrive_by
            case "resolve":
                return self.due

    def taken(self, step: Step) -> Taken | None:
        """The step, or the first later one, which implies it (CONTRACTS 3)."""
        own: Taken | None = getattr(self, step)
        implied: datetime | None = None
        for name in STEPS[STEPS.index(step) + 1 :]:
            later: Taken | None = getattr(self, name)
            if later is not None and (implied is None or later.at < implied):
                implied = later.at
        if implied is None or (own is not None and own.at <= implied):
            return own
        by = self.by(step)
        return Taken(at=implied, on_time=by is None or implied <= by)


class Verification(Part):
    """What going back showed, in households; temperatures in hundredths of a degree Celsius. ``excused``: readings that
    leave the pass rate because of ``excuse``, which somebody approved."""

    task_id: str
    verdict: Verdict
    at: datetime
    asked: int = 0
    answered: int = 0
    solved: int = 0
    satisfied: int = 0
    basically_satisfied: int = 0
    dissatisfied: int = 0
    readings_valid: int = 0
    readings_passed: int = 0
    celsius: tuple[int, ...] = ()
    excused: int = 0
    excuse: str | None = None


class Closing(Part):
    """An end of the case; a reopened case has several."""

    at: datetime
    outcome: Literal["verified", "not_verified", "withdrawn", "joined"]
    on_time: bool
    solved: bool | None = None


class Round(Part):
    """One way to a resolution. ``reworked_at``/``rework_agency``: how it began, when a revisit had failed before."""

    round: int
    resolved_at: datetime | None = None
    closing: Closing | None = None
    reworked_at: datetime | None = None
    rework_agency: str | None = None
    reopened_at: datetime | None = None
    deferred_at: datetime | None = None
    cleared_at: datetime | None = None
    verifications: tuple[Verification, ...] = ()


class CaseFact(Part):
    """Everything the figures need of one case.

    Lists are bounded by the policy: assignments by returns and reworks, rounds by reworks and reopenings, ``appeals``
    by days and channels. ``desk_at``: when it last came to the centre's desk, for ``desk_reasons``, in which
    round, and whether it waits there for a lead. ``buckets`` are the rollups it counts in, with a checksum each of what
    it counts for there; ``dirty`` are those to be computed anew.
    """

    id: str
    kind: Literal["case"] = "case"
    subdistrict: str | None = None
    community: str | None = None
    category: str | None = None
    channel: str | None = None
    nature: str | None = None
    urgency: str | None = None
    lead: str | None = None
    dispatched_at: datetime | None = None
    resolve_by: datetime | None = None
    promised_anew: datetime | None = None
    first_at: datetime
    last_at: datetime
    appeals: tuple[Count, ...] = ()
    assignments: tuple[AssignmentFact, ...] = ()
    rounds: tuple[Round, ...] = ()
    revisit_overdue_at: datetime | None = None
    desk_at: datetime | None = None
    desk_reasons: tuple[DeskReason, ...] = ()
    desk_round: int = 0
    desk_waits: bool = False
    desk_overdue_at: datetime | None = None
    desk_decided_at: datetime | None = None
    buckets: tuple[str, ...] = ()
    checksums: tuple[int, ...] = ()
    dirty: tuple[str, ...] | None = None

    @property
    def round(self) -> int:
        """The highest round anybody spoke of."""
        return max([0, *(r.round for r in self.rounds), *(a.round for a in self.assignments)])

    @property
    def current(self) -> Round:
        return self.in_round(self.round)

    def in_round(self, number: int) -> Round:
        """What is known of a round, empty when nothing."""
        return next((r for r in self.rounds if r.round == number), Round(round=number))

    @property
    def state(self) -> CaseState:
        """By the last round, in it by how far it came; ``registered`` also while no lead holds it."""
        now = self.current
        if now.closing is not None:
            return "closed"
        if now.resolved_at is not None:
            return "resolved"
        if now.deferred_at is not None and (now.cleared_at is None or now.deferred_at > now.cleared_at):
            return "deferred"
        if self.desk_waits and self._undecided:
            return "registered"
        leads = [a for a in self.assignments if a.role == "lead" and a.round == now.round]
        if leads and all(a.returned_at is not None for a in leads):
            return "registered"
        begun = self.dispatched_at is not None or bool(self.assignments) or now.round > 0
        return "dispatched" if begun else "registered"

    def lead_in(self, number: int) -> str:
        """Who led in a round: the last lead asked up to then that did not return it; empty while nobody is known."""
        asked = [
            a for a in self.assignments if a.role == "lead" and a.agency is not None and a.round <= number
        ]
        kept = [a for a in asked if a.returned_at is None] or asked
        last = max(kept, key=lambda a: (a.round, a.assigned_at or self.first_at, a.id), default=None)
        return (last.agency if last is not None else self.lead) or ""

    @property
    def due(self) -> datetime | None:
        """When the case must be resolved: the promise of its dispatch, moved by what its lead was granted, by
        a deferral that ended and by an extension."""
        granted: datetime | None = None
        for assignment in self.assignments:
            if assignment.role == "lead":
                granted = latest(granted, assignment.extended_to)
        return latest(latest(self.resolve_by, self.promised_anew), granted)

    @property
    def closing(self) -> Closing | None:
        """The end that holds now."""
        return self.current.closing

    @property
    def revisit_overdue(self) -> bool:
        """Whether somebody should have gone back by now and has not."""
        now = self.current
        return (
            self.state == "resolved"
            and not now.verifications
            and self.revisit_overdue_at is not None
            and now.resolved_at is not None
            and self.revisit_overdue_at >= now.resolved_at
        )

    @property
    def on_desk(self) -> bool:
        """Whether the centre's desk still has to say whose problem it is."""
        return self._undecided and self.state not in ("resolved", "closed")

    @property
    def _undecided(self) -> bool:
        """Whether the desk was asked, no word of it is later, and the round it was asked about is not over."""
        if self.desk_at is None or self.desk_round != self.round:
            return False
        return self.desk_decided_at is None or self.desk_decided_at < self.desk_at

    @property
    def desk_overdue(self) -> bool:
        """Whether the desk should have said so by now."""
        late, since = self.desk_overdue_at, self.desk_at
        return self.on_desk and late is not None and since is not None and late >= since


class AppealFact(Part):
    """Appeals without a case: one answered or not accepted (id: the appeal), or the rejected ones of a channel and
    minute (id: both)."""

    id: str
    kind: Literal["appeal"] = "appeal"
    outcome: Literal["answered", "not_accepted", "rejected"]
    channel: str
    category: str | None = None
    first_at: datetime
    last_at: datetime
    count: int = 1
    buckets: tuple[str, ...] = ()
    checksums: tuple[int, ...] = ()
    dirty: tuple[str, ...] | None = None


Fact = CaseFact | AppealFact


def earliest(one: T | None, other: T | None) -> T | None:
    """The smaller of two; None is no value."""
    return other if one is None else one if other is None else min(one, other)


def latest(one: T | None, other: T | None) -> T | None:
    """The larger of two; None is no value."""
    return other if one is None else one if other is None else max(one, other)


def sooner(one: Taken | None, other: Taken | None) -> Taken | None:
    """The earlier taking of a step; of two at one instant, the one in time."""
    takings: Iterable[Taken] = [t for t in (one, other) if t is not None]
    return min(takings, key=_when, default=None)


def _when(taken: Taken) -> tuple[datetime, bool]:
    return taken.at, not taken.on_time
