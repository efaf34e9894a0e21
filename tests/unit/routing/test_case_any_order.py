"""Whatever comes in whatever order: one lead, never both closed and open, counts that add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.domain.case import Closed, Deferred, Dispatched, OnDesk, Resolved
from shared.contracts import intake, revisit, routing, routing_orders
from shared.loop.decision import NotYet
from shared.policy import Jurisdiction
from shared.policy.places import UNPLACED
from tests.support.cases import Life, appeal, category, jurisdiction, leak, merged, suspended

STEPS = (
    "resolve",
    "give_back",
    "give_assist_back",
    "ask_for_deferral",
    "review",
    "redispatch",
    "hold",
    "fail",
    "unverified",
    "merge",
    "danger",
    "withdraw",
    "contest",
    "urge",
    "supervise",
    "desk",
    "desk_due",
    "suspend",
)
DISTRICTS = (
    jurisdiction(),
    suspended("heating-zy"),
    suspended("housing-zy", "subdistrict-jinqiao", "property-anju"),
    suspended(),
)
OPENINGS = {
    "sure": leak(),
    "unclear": leak(confidence=0.1),
    "nowhere": leak(place=UNPLACED),
    "danger": appeal(category=category("gas.leak"), text="一股煤气味", confidence=0.1),
}
DESK: tuple[dict[str, Any], ...] = (
    {"lead": "heating-zy"},
    {"lead": "gas-zy", "assistants": ["housing-zy", "heating-zy"]},
    {"lead": "property-anju", "category": category("property.lift"), "urgency": "normal"},
    {"lead": "heating-zy", "place": jurisdiction().places.place("c007"), "assistants": []},
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(OPENINGS)),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=10, max_size=40),
    st.sampled_from(DISTRICTS),
)
def test_a_case_stays_whole(opening: str, steps: list[tuple[str, int]], soon: Jurisdiction) -> None:
    life = Life()
    life.tell(OPENINGS[opening])
    life.jurisdiction = soon
    closings = reopenings = deferred = cleared = 0
    for step, number in steps:
        before = life.case
        _take(life, step, number)
        closings += sum(isinstance(e, routing.CaseClosed) for e in life.out)
        reopenings += sum(isinstance(e, routing.CaseReopened) for e in life.out)
        live_leads = [a for a in life.case.live if a.role == "lead"]
        assert len(live_leads) <= 1
        if isinstance(life.case, Closed):
            assert life.case.live == []
            assert closings == reopenings + 1
        else:
            assert closings == reopenings
        if isinstance(life.case, OnDesk):
            assert life.case.question is not None
            assert live_leads == []
        if isinstance(life.case, Resolved | Closed):
            assert life.case.question is None
        asked = [e for e in life.said if isinstance(e, routing.CaseOnDesk)]
        decided = sum(isinstance(e, routing.CaseDeskDecided) for e in life.said)
        assert decided + (life.case.question is not None) <= len(asked)
        assert sum(isinstance(e, routing.CaseDeskOverdue) for e in life.said) <= len(asked)
        dispatched = sum(isinstance(e, routing.CaseDispatched) for e in life.said)
        assert dispatched == bool(life.case.assigned)
        if isinstance(life.case, Dispatched | Deferred):
            assert live_leads or life.case.lead.standing == "resolved"
            assert life.case.live
        deferred += sum(isinstance(e, routing.CaseDeferred) for e in life.out)
        cleared += sum(isinstance(e, routing.CaseCleared) for e in life.out)
        if not isinstance(life.case, Closed):
            assert deferred - cleared == isinstance(life.case, Deferred)
        assert len({a.agency for a in life.case.live}) == len(life.case.live)
        if isinstance(life.case, Resolved):
            assert life.case.live == []
        assert life.case.round >= before.round
        assert len({a.assignment_id for a in life.case.assignments}) == life.case.assigned
        for order in (e for e in life.out if isinstance(e, routing.CaseAssigned)):
            named = order.role == "lead" and step in ("redispatch", "desk")
            assert named or life.jurisdiction.tenants.active(order.agency)
        ordered = [e.assignment_id for e in life.said if isinstance(e, routing.CaseAssigned)]
        assert len(ordered) == len(set(ordered)) == life.case.assigned


def _take(life: Life, step: str, number: int) -> None:
    life.out = []
    try:
        if step == "resolve" and life.case.live:
            mine = life.case.live[number % len(life.case.live)]
            life.resolve(mine.role, assignment_id=mine.assignment_id, agency=mine.agency)
        elif step == "give_back" and any(a.role == "lead" for a in life.case.live):
            life.give_back()
        elif step == "give_assist_back" and any(a.role == "assist" for a in life.case.live):
            life.give_back("assist")
        elif step == "ask_for_deferral" and life.case.assignments:
            life.ask_for_deferral()
        elif step == "review" and isinstance(life.case, Deferred):
            life.tell(routing_orders.CaseReviewDue(case_id="case-1", review_at=life.case.review_at))
        elif step == "redispatch":
            life.redispatch(("housing-zy", "property-anju", "water-zy", "heating-zy")[number])
        elif step == "hold":
            life.hold()
        elif step == "fail":
            life.fail(cold=bool(number % 2))
        elif step == "unverified":
            life.verify(revisit.VerificationUnverified, reason="declined", asked=0)
        elif step == "merge":
            life.tell(merged(len(life.said) + 2), after=timedelta(seconds=1))
        elif step == "danger":
            life.tell(merged(len(life.said) + 2, text="老人冻得昏迷了"), after=timedelta(seconds=1))
        elif step == "withdraw" and life.behind:
            who = life.behind[number % len(life.behind)]
            life.tell(
                intake.AppealWithdrawn(appeal_id=who, channel="c", case_id="case-1", households=1, reason="r")
            )
        elif step == "contest":
            life.tell(intake.AppealContested(appeal_id="a1", channel="c", case_id="case-1", reason="r"))
        elif step == "desk":
            life.tell(routing_orders.Dispatch(**DESK[number], case_id="case-1", reason="r", by="centre"))
        elif step == "desk_due" and life.case.question is not None:
            life.tell(routing_orders.CaseDeskDue(case_id="case-1", due=life.case.question.due))
        elif step == "suspend":
            life.jurisdiction = DISTRICTS[number]
        elif step == "urge":
            life.tell(intake.AppealUrged(appeal_id="a1", channel="c", case_id="case-1"))
        elif step == "supervise":
            life.tell(routing_orders.Supervise(case_id="case-1", reason="r", by="centre"))
    except NotYet:
        raise AssertionError("the case is here") from None
