"""The plan of a task force and a consultation, as routing keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.domain.consultation import Consultation
from services.routing.domain.plan import Plan, Running
from services.routing.handlers import handlers
from services.routing.store import CONSULTATIONS, PLANS
from shared.contracts import routing_consultations as talks
from shared.contracts import routing_plans as plans
from shared.contracts.values import PlanStep
from tests.support.cases import START, jurisdiction
from tests.transitions.walks import Machine, Said, Walk, names_of

ID = "case-1"


def _make(walk: Walk) -> Said:
    asked = [
        plans.StepAsked(agency=agency, task="验收", due=walk.at + timedelta(days=number))
        for number, agency in enumerate(walk.one_of(("housing-zy",), ("housing-zy", "heating-zy")), 1)
    ]
    order = plans.MakePlan(
        case_id=ID,
        leader="街道办事处主任",
        lead_agency="heating-zy",
        steps=asked,
        reason="一方案",
        by="centre",
    )
    return Said(order)


def _about(walk: Walk) -> dict[str, Any]:
    """The step under way, mostly."""
    state = walk.state
    if not isinstance(state, Running):
        return {"case_id": ID, "plan": 1, "number": 1, "attempt": 1, "due": walk.at}
    step = state.current
    attempt = walk.one_of(step.attempt, step.attempt, step.attempt, step.attempt + 1)
    return {"case_id": ID, "plan": state.number, "number": step.number, "attempt": attempt, "due": step.due}


def _ended(walk: Walk) -> Said:
    of = _about(walk)
    how = walk.one_of("resolved", "resolved", "returned", "withdrawn")
    ended = plans.StepEnded(
        case_id=ID,
        plan=of["plan"],
        step=PlanStep(number=of["number"], of=2, task="验收"),
        attempt=of["attempt"],
        at=walk.at,
        how=how,
        outcome=walk.one_of("solved", "not_possible") if how == "resolved" else None,
    )
    return Said(ended)


def _due(walk: Walk) -> Said:
    of = _about(walk)
    due = plans.StepDue(case_id=ID, plan=of["plan"], step=of["number"], attempt=of["attempt"], due=of["due"])
    return Said(due)


def _redate(walk: Walk) -> Said:
    order = plans.RedateStep(
        case_id=ID,
        step=walk.one_of(1, 2),
        due=walk.at + timedelta(days=walk.one_of(1, 30)),
        reason="等材料",
        by="centre",
        approver="区专班",
    )
    return Said(order)


def _reassign(walk: Walk) -> Said:
    order = plans.ReassignStep(
        case_id=ID,
        step=_about(walk)["number"],
        agency="water-zy",
        due=walk.at + timedelta(days=1),
        reason="改由其办理",
        by="centre",
        approver="区专班",
    )
    return Said(order)


def _give_up(_: Walk) -> Said:
    return Said(plans.GiveUpPlan(case_id=ID, reason="改走市政接入", by="街道办事处主任"))


PLAN = Machine(
    "Plan 专班方案",
    "One document per case with a task force, in routing (`services/routing/domain/plan.py`). Orders that cannot be"
    " followed any more change nothing; HTTP has said so before.",
    handlers,
    PLANS,
    names_of(Plan),
    jurisdiction(),
    START,
    {
        plans.MakePlan: _make,
        plans.StepEnded: _ended,
        plans.StepDue: _due,
        plans.RedateStep: _redate,
        plans.ReassignStep: _reassign,
        plans.GiveUpPlan: _give_up,
    },
    restless=4,
)


def _open(walk: Walk) -> Said:
    half = talks.Ratio(numerator=1, denominator=2)
    ballot = talks.Ballot(households=9, quorum=half, threshold=half, of="cast")
    order = talks.OpenConsultation(
        case_id=ID,
        question="改造方案",
        parties=[talks.Party(role="committee", name="社区居委会")],
        ballot=walk.one_of(ballot, ballot, None),
        reason="一起商量",
        by="centre",
    )
    return Said(order)


def _call(walk: Walk) -> Said:
    when = walk.at + timedelta(hours=4)
    order = talks.CallMeeting(
        case_id=ID, when=when, where="社区", agenda="商量", agencies=["heating-zy"], by="centre"
    )
    return Said(order)


def _record(walk: Walk) -> Said:
    order = talks.RecordMeeting(
        case_id=ID,
        meeting=walk.one_of(1, 2),
        present=[talks.Party(role="committee", name="社区居委会")],
        agreed="同意改造",
        by="centre",
    )
    return Said(order)


def _count(walk: Walk) -> Said:
    at = walk.at - timedelta(hours=walk.one_of(0, 0, 40))
    return Said(talks.VoteCounted(case_id=ID, at=at, now=walk.one_of("yes", "no", "abstain")))


CONSULTATION = Machine(
    "Consultation 一起议",
    "One document per case that is consulted on, in routing (`services/routing/domain/consultation.py`).",
    handlers,
    CONSULTATIONS,
    names_of(Consultation),
    jurisdiction(),
    START,
    {
        talks.OpenConsultation: _open,
        talks.CallMeeting: _call,
        talks.RecordMeeting: _record,
        talks.VoteCounted: _count,
        talks.CloseConsultation: lambda _: Said(
            talks.CloseConsultation(case_id=ID, reason="议定", by="centre")
        ),
    },
)

MACHINES = (PLAN, CONSULTATION)
