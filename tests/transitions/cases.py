"""A case, as routing keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.domain.behind import opened_by
from services.routing.domain.case import Case, Deferred
from services.routing.domain.case_parts import Assignment
from services.routing.handlers import handlers
from services.routing.store import CASES
from shared.contracts import (
    intake,
    response,
    revisit,
    routing_consultations,
    routing_orders,
    routing_plans,
    routing_splits,
)
from shared.contracts.values import PlanStep
from shared.policy.places import UNPLACED
from tests.support import cases
from tests.support.cases import START, jurisdiction
from tests.transitions.walks import Machine, Said, Walk, names_of

ID = "case-1"


def _registered(walk: Walk) -> Said:
    """A plain case, one with an assistant, a confidential one, one nobody can place, an emergency nobody can place."""
    return Said(
        walk.one_of(
            cases.appeal(),
            cases.leak(),
            cases.appeal(confidential=True),
            cases.appeal(place=UNPLACED),
            cases.leak(place=UNPLACED, text="暖气爆管，开水喷出来烫着人了"),
        )
    )


def _appeal(kind: type[Any], **more: Any) -> Any:
    def move(walk: Walk) -> Said:
        return Said(kind(appeal_id="a1", channel="hotline-12345", case_id=ID, **more))

    return move


def _merged(walk: Walk) -> Said:
    """One more that says no more, or for one in seven that somebody is in danger."""
    number = walk.chance.randrange(2, 9)
    more = {"text": "老人冻得昏迷了，快来人"} if number == 8 else {}
    return Said(cases.merged(number, **more))


def _withdrawn(walk: Walk) -> Said:
    """By the one that opened the case while no other stands behind it, else by one that may not have joined yet."""
    alone = walk.state is None or walk.state.behind == opened_by("a1")
    about = {"appeal_id": "a1" if alone else "a2", "channel": "hotline-12345", "case_id": ID}
    return Said(intake.AppealWithdrawn(**about, households=1, reason="好了"))


def _assignment(walk: Walk) -> Assignment | None:
    made = walk.state.assignments if walk.state is not None else []
    live = [a for a in made if a.standing == "live"]
    return walk.chance.choice([*live * 3, *made]) if made else None


def _of_the_lead(walk: Walk) -> str:
    """Mostly, so that walks come to where nobody leads while others are at work."""
    live = [a.assignment_id for a in (walk.state.live if walk.state is not None else ()) if a.role == "lead"]
    mine = _assignment(walk)
    return walk.one_of(*live * 2, mine.assignment_id if mine else "none")


def _word(event: type[Any], /, **more: Any) -> Any:
    """What an agency says about one of its assignments, of this round or of one before."""

    def move(walk: Walk) -> Said:
        mine = _assignment(walk)
        said = {name: value(walk) if callable(value) else value for name, value in more.items()}
        about = {
            "assignment_id": mine.assignment_id if mine else "none",
            "case_id": ID,
            "agency": mine.agency if mine else "heating-zy",
            "role": mine.role if mine else "lead",
            "at": walk.at,
        }
        return Said(event(**about | said))

    return move


def _under_either(event: type[Any], /, **more: Any) -> Any:
    """As a policy that decides by itself hears it, or one that leaves it to the centre."""
    said = _word(event, **more)

    def move(walk: Walk) -> Said:
        walk.jurisdiction = walk.one_of(jurisdiction(), cases.left_to_the_centre())
        told: Said = said(walk)
        return told

    return move


def _verdict(kind: type[Any], **more: Any) -> Any:
    def move(walk: Walk) -> Said:
        of = walk.state.round if walk.state is not None else 0
        round = walk.one_of(of, of, of, of + 1, max(0, of - 1))
        due_by = walk.at + timedelta(hours=24)
        return Said(kind(case_id=ID, task_id="t", round=round, at=walk.at, due_by=due_by, asked=1, **more))

    return move


def _review(walk: Walk) -> Said:
    at = walk.state.review_at if isinstance(walk.state, Deferred) else walk.at
    return Said(routing_orders.CaseReviewDue(case_id=ID, review_at=walk.one_of(at, at, walk.at)))


def _missed(walk: Walk) -> Said:
    mine = _assignment(walk)
    missed = response.AssignmentReportInMissed(
        assignment_id=mine.assignment_id if mine else "none",
        case_id=ID,
        agency=mine.agency if mine else "heating-zy",
        role=mine.role if mine else "lead",
        at=walk.at,
        due=walk.at,
    )
    return Said(missed)


def _silent(walk: Walk) -> Said:
    mine = _assignment(walk)
    late = response.AssignmentLate(
        assignment_id=mine.assignment_id if mine else "none",
        case_id=ID,
        agency=mine.agency if mine else "heating-zy",
        role=mine.role if mine else "lead",
        at=walk.at,
        deadline=walk.one_of("accept", "contact"),
        due=walk.at - timedelta(hours=1),
        level=1,
    )
    return Said(late)


def _sum_due(walk: Walk) -> Said:
    unsaid = walk.state.unsaid if walk.state is not None else None
    return Said(routing_orders.CaseSumDue(case_id=ID, due=unsaid.due if unsaid else walk.at))


def _desk_due(walk: Walk) -> Said:
    question = walk.state.question if walk.state is not None else None
    return Said(routing_orders.CaseDeskDue(case_id=ID, due=question.due if question else walk.at))


def _desk_says(walk: Walk) -> Said:
    place, anew = cases.appeal().place, walk.one_of(True, False)
    order = routing_orders.Dispatch(
        case_id=ID,
        lead=walk.one_of("heating-zy", "housing-zy"),
        place=place if anew else None,
        category=cases.category("heating.leak") if anew else None,
        reason="经核实",
        by="centre",
    )
    return Said(order)


def _join(walk: Walk) -> Said:
    into = walk.one_of("another", "another", ID)
    return Said(
        routing_orders.Join(case_id=ID, into=into, into_no="2", appeals=1, reason="同一问题", by="centre")
    )


def _decided(walk: Walk) -> Said:
    """The centre's word on what an agency waits to hear, or on what nobody asked."""
    asked = walk.state.asked if walk.state is not None else []
    one = walk.chance.choice(asked) if asked else None
    mine = _assignment(walk)
    word = routing_orders.DecideRequest(
        case_id=ID,
        assignment_id=one.assignment_id if one else mine.assignment_id if mine else "none",
        about=one.about if one else "extension",
        granted=walk.one_of(True, True, True, False),
        reason="经核实",
        by="centre",
    )
    return Said(word)


def _watched(walk: Walk) -> Said:
    """By a tick late enough for the next rung of the ladder, for the last one, or overtaken."""
    mine = _assignment(walk)
    at = (mine.watch_at if mine else None) or walk.at
    due = routing_orders.CaseWatchDue(
        case_id=ID, assignment_id=mine.assignment_id if mine else "none", due=at
    )
    late = max(at - walk.at, timedelta()) + walk.one_of(timedelta(minutes=1), timedelta(days=20))
    return Said(due, late=late)


def _step(event: type[Any], /, **more: Any) -> Any:
    """From the plan of the case, or from one it had before."""

    def move(walk: Walk) -> Said:
        plans = walk.state.plans if walk.state is not None else 0
        step = PlanStep(number=walk.one_of(1, 1, 2), of=2, task="核对户号清单")
        about = {"case_id": ID, "plan": walk.one_of(plans, plans + 1, 1), "step": step}
        made = {name: value(walk) if callable(value) else value for name, value in more.items()}
        return Said(event(**about | {"attempt": walk.one_of(1, 1, 2)} | made))

    return move


def _its_plan(walk: Walk) -> int:
    plans = walk.state.plans if walk.state is not None else 1
    return int(walk.one_of(plans, plans, plans, plans + 1))


def _later(days: int) -> Any:
    return lambda walk: walk.at + timedelta(days=days)


MACHINE = Machine(
    "Case 案卷",
    "One document per case, in routing (`services/routing/domain/case.py`). Words about an assignment that is over, and"
    " verdicts on a round that is over, change nothing.",
    handlers,
    CASES,
    names_of(Case),
    jurisdiction(),
    START,
    {
        intake.AppealRegistered: _registered,
        intake.AppealMerged: _merged,
        intake.AppealUrged: _appeal(intake.AppealUrged),
        intake.AppealSupplemented: _appeal(intake.AppealSupplemented, text="还是冷，老人昏迷了"),
        intake.AppealWithdrawn: _withdrawn,
        intake.AppealContested: _appeal(intake.AppealContested, reason="没好"),
        intake.AppealLeft: lambda walk: Said(cases.gone(cases.merged(walk.chance.randrange(2, 9)))),
        routing_splits.Split: lambda walk: Said(
            routing_splits.Split(
                case_id=ID,
                appeal_ids=walk.one_of(["a2", "a3"], ["a1"]),
                compounds=walk.one_of([], ["c002"]),
                reason="另一处漏水",
                by="centre",
            )
        ),
        response.AssignmentReturned: _word(
            response.AssignmentReturned,
            assignment_id=_of_the_lead,
            reason_code="not_ours",
            reason="不属于我单位职责",
        ),
        response.AssignmentExtensionRequested: _under_either(
            response.AssignmentExtensionRequested,
            until=lambda walk: walk.at + timedelta(days=walk.one_of(3, 90)),
            reason="等备件",
            resolve_by=_later(2),
        ),
        response.AssignmentDeferralRequested: _under_either(
            response.AssignmentDeferralRequested,
            kind="engineering",
            reason="供暖期不能施工",
            plan="停暖后更换立管",
            review_at=lambda walk: walk.at + timedelta(days=walk.one_of(60, 900)),
        ),
        response.AssignmentResolved: _word(
            response.AssignmentResolved,
            outcome="solved",
            measures="排气",
            reply="已修好",
            on_time=True,
            excuse="user_alteration",
        ),
        revisit.VerificationHeld: _verdict(
            revisit.VerificationHeld, solved=1, satisfied=1, satisfaction="satisfied"
        ),
        revisit.VerificationFailed: _verdict(revisit.VerificationFailed, reason="群众反映仍未解决"),
        revisit.VerificationUnverified: _verdict(revisit.VerificationUnverified, reason="unreachable"),
        routing_orders.CaseReviewDue: _review,
        routing_orders.CaseWatchDue: _watched,
        response.AssignmentReportInMissed: _missed,
        response.AssignmentLate: _silent,
        routing_orders.CaseDeskDue: _desk_due,
        routing_orders.CaseSumDue: _sum_due,
        routing_orders.Dispatch: _desk_says,
        routing_plans.OpenStep: _step(
            routing_plans.OpenStep,
            agency=lambda w: w.one_of("city-management-zy", "heating-zy"),
            due=_later(5),
        ),
        routing_plans.MoveStep: _step(routing_plans.MoveStep, due=_later(9), reason="等材料"),
        routing_plans.StepLate: _step(routing_plans.StepLate, due=_later(0)),
        routing_plans.PlanThrough: lambda walk: Said(
            routing_plans.PlanThrough(case_id=ID, plan=_its_plan(walk))
        ),
        routing_plans.PlanGivenUp: lambda walk: Said(
            routing_plans.PlanGivenUp(
                case_id=ID,
                plan=_its_plan(walk),
                reason="改走市政接入",
                by="街道办事处主任",
            )
        ),
        routing_consultations.Consulted: lambda walk: Said(
            routing_consultations.Consulted(case_id=ID, question="改造方案", closed=walk.one_of(True, False))
        ),
        routing_consultations.MeetingCalled: lambda walk: Said(
            routing_consultations.MeetingCalled(
                case_id=ID,
                meeting=walk.one_of(1, 2),
                when=walk.at + timedelta(hours=4),
                where="换热站",
                agenda="现场调平",
                agencies=["heating-zy"],
            )
        ),
        routing_orders.Supervise: lambda _: Said(
            routing_orders.Supervise(case_id=ID, reason="区里关注", by="centre")
        ),
        routing_orders.Escalate: lambda _: Said(
            routing_orders.Escalate(case_id=ID, reason="多方推诿", by="centre")
        ),
        routing_orders.Clear: lambda _: Said(
            routing_orders.Clear(case_id=ID, reason="立管已换", by="centre")
        ),
        routing_orders.DecideRequest: _decided,
        routing_orders.Join: _join,
        routing_orders.ApproveExcuse: lambda walk: Said(
            routing_orders.ApproveExcuse(
                case_id=ID,
                round=walk.state.round if walk.state is not None else 0,
                excuse="user_alteration",
                reason="入户核实",
                by="centre",
            )
        ),
        routing_orders.Redispatch: lambda walk: Said(
            routing_orders.Redispatch(
                case_id=ID, agency=walk.one_of("housing-zy", "heating-zy"), reason="指定", by="centre"
            )
        ),
        routing_orders.Defer: lambda walk: Said(
            routing_orders.Defer(
                case_id=ID,
                kind="season",
                reason="供暖期不能施工",
                plan="停暖后施工",
                review_at=walk.at + timedelta(days=60),
                by="centre",
            )
        ),
    },
    seldom=(intake.AppealLeft, routing_splits.Split),
    walks=1200,
)
