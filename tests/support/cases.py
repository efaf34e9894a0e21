"""Builders for the life of a case, as routing's tests tell it: short words for events, sensible values for the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from services.routing.domain import (
    appellants,
    deferring,
    desk,
    dispatch,
    ending,
    joining,
    ladder,
    more_time,
    resolution,
    splitting,
)
from shared.contracts import intake, response, revisit, routing_orders, routing_splits
from shared.contracts.base import Event
from shared.contracts.values import CategoryRef, Contact, DeferralKind, Location, Place
from shared.loop.decision import Decision, Input
from shared.policy import Jurisdiction, load

START = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "deploy" / "packs" / "nuanhe"

DECIDES = {
    intake.AppealRegistered: dispatch.register,
    intake.AppealMerged: appellants.merged,
    intake.AppealUrged: appellants.urged,
    intake.AppealSupplemented: appellants.supplemented,
    intake.AppealWithdrawn: appellants.withdrawn,
    intake.AppealContested: ending.contested,
    intake.AppealLeft: splitting.left,
    routing_splits.Split: splitting.split,
    response.AssignmentReturned: dispatch.returned,
    response.AssignmentExtensionRequested: more_time.extension_requested,
    response.AssignmentDeferralRequested: more_time.deferral_requested,
    response.AssignmentResolved: resolution.resolved,
    response.AssignmentLate: ladder.not_answered,
    revisit.VerificationHeld: ending.held,
    revisit.VerificationFailed: ending.failed,
    revisit.VerificationUnverified: ending.unverified,
    routing_orders.CaseReviewDue: deferring.review_due,
    routing_orders.CaseWatchDue: ladder.watch_due,
    routing_orders.Supervise: ladder.supervise,
    routing_orders.Escalate: ladder.escalate_by_hand,
    routing_orders.CaseSumDue: appellants.sum_due,
    routing_orders.CaseDeskDue: desk.overdue,
    routing_orders.Dispatch: desk.dispatch,
    routing_orders.Join: joining.join,
    routing_orders.Redispatch: desk.by_hand,
    routing_orders.Defer: deferring.defer_by_hand,
    routing_orders.Clear: deferring.clear,
    routing_orders.DecideRequest: more_time.decide,
    routing_orders.ApproveExcuse: ending.approve_excuse,
}


@cache
def jurisdiction() -> Jurisdiction:
    return load(SAMPLE)


@cache
def left_to_the_centre() -> Jurisdiction:
    """The sample district, had it left more time and deferrals to the centre's desk."""
    policy = jurisdiction().policy
    by_centre = {
        name: getattr(policy, name).model_copy(update={"decided_by": "centre"})
        for name in ("extension", "deferral")
    }
    return replace(jurisdiction(), policy=policy.model_copy(update=by_centre))


def suspended(*ids: str, here: Jurisdiction | None = None) -> Jurisdiction:
    """The sample district (or ``here``) with these tenants suspended; all agencies where none is named."""
    here = here or jurisdiction()
    tenants = tuple(
        one.model_copy(update={"state": "suspended"})
        if one.id in ids or (not ids and one.kind == "agency")
        else one
        for one in here.tenants.tenants
    )
    return replace(here, tenants=type(here.tenants)(**dict(here.tenants) | {"tenants": tenants}))


def deferring_only(*kinds: DeferralKind) -> Jurisdiction:
    """The sample district, had it left the same to the centre, and nothing to be put off but for these reasons."""
    here = left_to_the_centre()
    stricter = here.policy.deferral.model_copy(update={"kinds": kinds})
    return replace(here, policy=here.policy.model_copy(update={"deferral": stricter}))


def appeal(**changes: Any) -> intake.AppealRegistered:
    """A cold flat in a compound of the sample district."""
    compound = jurisdiction().places.compounds[0]
    place = jurisdiction().places.place(compound.code)
    assert place is not None
    values: dict[str, Any] = {
        "appeal_id": "a1",
        "channel": "hotline-12345",
        "case_id": "case-1",
        "case_no": "20251120-000001",
        "matter": f"{compound.code}|heating.no_heat",
        "place": place,
        "category": jurisdiction().policy.category_ref("heating.no_heat"),
        "nature": "complaint",
        "text": "家里暖气不热，只有十五度。",
        "location": Location(compound=compound.name, building="3号楼", room="301"),
        "contact": Contact(phone="10012345678", phone_masked="100****5678"),
        "reported_at": START,
    }
    return intake.AppealRegistered(**values | changes)


def leak(**changes: Any) -> intake.AppealRegistered:
    """An appeal for which one agency leads and another assists."""
    return appeal(**{"category": category("heating.leak"), "text": "暖气管漏水"} | changes)


def merged(number: int, **changes: Any) -> intake.AppealMerged:
    first = appeal()
    values = {name: getattr(first, name) for name in intake.AppealOnCase.model_fields}
    location = Location(compound=first.location.compound, building=f"{number}号楼", room="101")
    return intake.AppealMerged(**values | {"appeal_id": f"a{number}", "location": location} | changes)


def gone(of: intake.AppealMerged) -> intake.AppealLeft:
    """This appeal was split off its case."""
    values = {name: getattr(of, name, None) for name in intake.AppealLeft.model_fields}
    return intake.AppealLeft(**values | {"counted_as": "merged", "counted_at": START})


def category(code: str) -> CategoryRef:
    return jurisdiction().policy.category_ref(code)


class Life:
    """A case under test: ``tell`` it events one after the other; ``case`` is its state, ``out`` what it said last,
    ``behind`` the ids of the appeals that stand behind it, those that a closed one refused until they have left."""

    def __init__(self) -> None:
        self.case: Any = None
        self.out: list[Event] = []
        self.said: list[Event] = []
        self.at = START
        self.jurisdiction = jurisdiction()
        self.behind: list[str] = []
        self._count = 0

    def tell(self, event: Event, after: timedelta = timedelta(minutes=10)) -> list[Event]:
        self.at += after
        self._count += 1
        decide: Any = DECIDES[type(event)]
        decision: Decision = decide(
            self.case, event, Input(f"input-{self._count}", self.at), self.jurisdiction
        )
        self._count_appeals(event)
        self.case = decision.state
        self.out = [o.event for o in decision.out]
        self.said += self.out
        return self.out

    def _count_appeals(self, event: Event) -> None:
        if isinstance(event, intake.AppealRegistered | intake.AppealMerged):
            self.behind.append(event.appeal_id)
        elif isinstance(event, intake.AppealWithdrawn | intake.AppealLeft) and event.appeal_id in self.behind:
            self.behind.remove(event.appeal_id)

    def only(self, kind: type[Any]) -> Any:
        """The one event of this kind said last."""
        (found,) = [event for event in self.out if isinstance(event, kind)]
        return found

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.out]

    @property
    def place(self) -> Place:
        place: Place = self.case.place
        return place

    def assignment(self, role: str = "lead") -> Any:
        return next(a for a in reversed(self.case.assignments) if a.role == role)

    def _of(self, mine: Any) -> dict[str, Any]:
        """What every word of an agency about its assignment carries."""
        return {
            "assignment_id": mine.assignment_id,
            "case_id": self.case.case_id,
            "agency": mine.agency,
            "role": mine.role,
            "at": self.at,
        }

    def resolve(self, role: str = "lead", **changes: Any) -> list[Event]:
        mine = self.assignment(role)
        values: dict[str, Any] = self._of(mine) | {
            "outcome": "solved",
            "measures": "排气",
            "reply": "已修好",
            "on_time": True,
        }
        return self.tell(response.AssignmentResolved(**values | changes))

    def resolve_all(self, **changes: Any) -> list[Event]:
        for mine in self.case.live:
            self.resolve(mine.role, assignment_id=mine.assignment_id, agency=mine.agency, **changes)
        return self.out

    def give_back(self, role: str = "lead", **changes: Any) -> list[Event]:
        mine = next(a for a in self.case.live if a.role == role)
        values: dict[str, Any] = self._of(mine) | {
            "reason_code": "not_ours",
            "reason": "不属于我单位职责",
        }
        return self.tell(response.AssignmentReturned(**values | changes))

    def ask_for_time(self, role: str = "lead", **changes: Any) -> list[Event]:
        mine = self.assignment(role)
        values: dict[str, Any] = self._of(mine) | {
            "until": mine.resolve_by + timedelta(hours=1),
            "reason": "等备件",
            "resolve_by": mine.resolve_by,
        }
        return self.tell(response.AssignmentExtensionRequested(**values | changes))

    def ask_for_deferral(self, role: str = "lead", **changes: Any) -> list[Event]:
        mine = self.assignment(role)
        values: dict[str, Any] = self._of(mine) | {
            "kind": "engineering",
            "reason": "供暖期不能施工",
            "plan": "停暖后更换立管",
            "review_at": self.at + timedelta(days=60),
        }
        return self.tell(response.AssignmentDeferralRequested(**values | changes))

    def redispatch(self, agency: str = "housing-zy") -> list[Event]:
        order = routing_orders.Redispatch(
            case_id=self.case.case_id, agency=agency, reason="区里指定", by="centre"
        )
        return self.tell(order)

    def verify(self, kind: type[Any], **changes: Any) -> list[Event]:
        values: dict[str, Any] = {
            "case_id": self.case.case_id,
            "task_id": "t",
            "round": self.case.round,
            "at": self.at,
            "due_by": self.at + timedelta(hours=24),
            "asked": 1,
        }
        return self.tell(kind(**values | changes))

    def hold(self) -> list[Event]:
        return self.verify(revisit.VerificationHeld, solved=1, satisfied=1, satisfaction="satisfied")

    def fail(self, **changes: Any) -> list[Event]:
        return self.verify(revisit.VerificationFailed, **{"reason": "群众反映仍未解决"} | changes)
