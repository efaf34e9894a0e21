"""On a tick: deferred cases whose review has come, assignments late by a rung of the ladder, questions the desk has not
answered, steps of plans past their date, mass incidents whose agencies are to hear the sum. Reads and publishes; the
loop does the rest (DESIGN 6)."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.case import Deferred
from services.routing.domain.plan import Open
from services.routing.domain.plan import Running as RunningPlan
from services.routing.store import CASES, PLANS
from shared.contracts.routing_orders import CaseDeskDue, CaseReviewDue, CaseSumDue, CaseWatchDue
from shared.contracts.routing_plans import StepDue
from shared.ids import derive
from shared.loop.decision import Out
from shared.service import Running

MOST = 1000


async def sweep(running: Running, at: datetime) -> list[Out]:
    """What is due; each id is made of case, deadline and instant, so that sweeping twice says it once."""
    return [
        *await reviews(running, at),
        *await late(running, at),
        *await desk(running, at),
        *await late_steps(running, at),
        *await sums(running, at),
    ]


async def reviews(running: Running, at: datetime) -> list[Out]:
    """A `review_due` for each deferred case whose review has come."""
    due = await running.documents.query(
        CASES,
        {"state.state": "deferred", "state.review_at": {"$lte": at}},
        sort=[("state.review_at", 1)],
        limit=MOST,
    )
    return [
        Out(
            CaseReviewDue(case_id=case.case_id, review_at=case.review_at),
            case.case_id,
            id=derive(case.case_id, "review", case.review_at.isoformat()),
        )
        for stored in due
        if isinstance(case := stored.state, Deferred)
    ]


async def late(running: Running, at: datetime) -> list[Out]:
    """A `watch_due` for each assignment that is late by the next rung of the ladder, the longest waiting first."""
    found = await running.documents.query(
        CASES, {"state.next_watch": {"$lt": at}}, sort=[("state.next_watch", 1)], limit=MOST
    )
    return [
        Out(
            CaseWatchDue(case_id=stored.state.case_id, assignment_id=mine.assignment_id, due=mine.watch_at),
            stored.state.case_id,
            id=derive(stored.state.case_id, "watch", mine.assignment_id, mine.watch_at.isoformat()),
        )
        for stored in found
        for mine in stored.state.live
        if mine.watch_at is not None and mine.watch_at < at
    ]


async def desk(running: Running, at: datetime) -> list[Out]:
    """A `desk_due` for each question whose time is over, and for each case that came to the desk under a version that
    kept its reason in ``why`` and no question: with that it is written down, and stands in the queue."""
    waiting = [
        *await running.documents.query(
            CASES,
            {"state.question.overdue": False, "state.question.due": {"$lt": at}},
            sort=[("state.question.due", 1)],
            limit=MOST,
        ),
        *await running.documents.query(
            CASES, {"state.why": {"$exists": True}}, sort=[("state.why", 1)], limit=MOST
        ),
    ]
    return [
        Out(
            CaseDeskDue(case_id=case.case_id, due=case.question.due),
            case.case_id,
            id=derive(case.case_id, "desk", case.question.due.isoformat()),
        )
        for stored in waiting
        if (case := stored.state).question is not None
    ]


async def late_steps(running: Running, at: datetime) -> list[Out]:
    """A `step_due` for each plan whose open step is past its date, the longest overdue first; said once per date."""
    found = await running.documents.query(
        PLANS, {"state.next_due": {"$lt": at}}, sort=[("state.next_due", 1)], limit=MOST
    )
    return [
        Out(
            StepDue(case_id=id, plan=plan.number, step=step.number, attempt=step.attempt, due=step.due),
            id,
            id=derive(id, "step", plan.number, step.number, step.attempt, step.due.isoformat()),
        )
        for stored in found
        if isinstance(plan := stored.state, RunningPlan) and isinstance(step := plan.current, Open)
        for id in (plan.case_id,)
    ]


async def sums(running: Running, at: datetime) -> list[Out]:
    """A `sum_due` for each mass incident whose agencies were not told of everybody in time."""
    waiting = await running.documents.query(
        CASES, {"state.unsaid.due": {"$lte": at}}, sort=[("state.unsaid.due", 1)], limit=MOST
    )
    return [
        Out(
            CaseSumDue(case_id=case.case_id, due=case.unsaid.due),
            case.case_id,
            id=derive(case.case_id, "sum", case.unsaid.due.isoformat()),
        )
        for stored in waiting
        if (case := stored.state).unsaid is not None
    ]
