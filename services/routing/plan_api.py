"""HTTP of a task force's plan: made, shown, its steps re-dated and given out again, given up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from services.routing.api import Order, Who
from services.routing.domain.case import Resolved
from services.routing.domain.plan import Plan
from services.routing.domain.plan import Running as RunningPlan
from services.routing.domain.planning import cannot_reassign, cannot_redate
from services.routing.orders import Key, ahead, beside, given, open_case, serving, stored, wrong
from services.routing.orders import known as of_case
from services.routing.showing import nameless
from services.routing.store import PLANS
from shared.contracts import routing_plans as events
from shared.contracts.base import Instant
from shared.contracts.values import Id, LongText
from shared.service import Running

MOST_STEPS = 30


class StepBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agency: Id
    task: LongText
    due: Instant


class PlanOrder(Order):
    leader: Who
    steps: Annotated[list[StepBody], Field(min_length=1, max_length=MOST_STEPS)]


class RedateOrder(Order):
    due: Instant
    approver: Who


class ReassignOrder(RedateOrder):
    agency: Id


class GiveUpOrder(Order):
    by: Who


def routes(app: FastAPI, running: Running) -> None:
    async def known(case_id: str) -> Plan:
        plan: Plan = await beside(running, PLANS, case_id)
        return plan

    @app.get("/api/v1/cases/{case_id}/plan")
    async def plan(case_id: str) -> dict[str, Any]:
        """The plan as it stands: what is done, the one step under way, what lies ahead, who changed what."""
        found = (await known(case_id)).model_dump(mode="json", exclude_none=True)
        told: dict[str, Any] = nameless(await of_case(running, case_id), found)
        return told

    @app.post("/api/v1/cases/{case_id}/plan", status_code=202)
    async def make(case_id: str, body: PlanOrder, key: Key = None) -> dict[str, Any]:
        """One leader, one plan, one timetable; the case's lead is the lead department."""
        order = given(case_id, events.MakePlan, key, body, PLANS)
        if await order.taken(running):
            return order.answer
        case = await open_case(running, case_id)
        if isinstance(case, Resolved):
            raise wrong(409, "case_id", "案卷已办结 (the case is resolved)")
        if not case.lead_agency:
            raise wrong(409, "case_id", "案卷尚无主办单位，请先派遣 (nobody leads yet; dispatch it first)")
        if isinstance(await stored(running, PLANS, case_id), RunningPlan):
            raise wrong(409, "case_id", "该案卷的专班计划尚未完成 (a plan of this case goes on)")
        for number, step in enumerate(body.steps):
            serving(running, f"steps.{number}.agency", step.agency)
            ahead(f"steps.{number}.due", step.due)
            if number and step.due < body.steps[number - 1].due:
                raise wrong(
                    422, f"steps.{number}.due", "早于前一步骤的时限 (before the date of an earlier step)"
                )
        made = events.MakePlan(
            case_id=case_id,
            leader=body.leader,
            lead_agency=case.lead_agency,
            steps=[events.StepAsked(**step.model_dump()) for step in body.steps],
            reason=body.reason,
            by=body.by,
        )
        return await order.publish(running, made)

    @app.post("/api/v1/cases/{case_id}/plan/steps/{number}/redate", status_code=202)
    async def redate(case_id: str, number: int, body: RedateOrder, key: Key = None) -> dict[str, Any]:
        """Another date for a step that is not done, with reason and approver."""
        order = given(case_id, events.RedateStep, key, body, PLANS, part=number)
        if await order.taken(running):
            return order.answer
        await open_case(running, case_id)
        _refuse(cannot_redate(await known(case_id), number, body.due))
        ahead("due", body.due)
        moved = events.RedateStep(case_id=case_id, step=number, **body.model_dump())
        return await order.publish(running, moved)

    @app.post("/api/v1/cases/{case_id}/plan/steps/{number}/reassign", status_code=202)
    async def reassign(case_id: str, number: int, body: ReassignOrder, key: Key = None) -> dict[str, Any]:
        """A step that came back is given to an agency again, the same or another."""
        order = given(case_id, events.ReassignStep, key, body, PLANS, part=number)
        if await order.taken(running):
            return order.answer
        await open_case(running, case_id)
        _refuse(cannot_reassign(await known(case_id), number, body.due))
        serving(running, "agency", body.agency)
        ahead("due", body.due)
        again = events.ReassignStep(case_id=case_id, step=number, **body.model_dump())
        return await order.publish(running, again)

    @app.post("/api/v1/cases/{case_id}/plan/give_up", status_code=202)
    async def give_up(case_id: str, body: GiveUpOrder, key: Key = None) -> dict[str, Any]:
        """What is left of the plan is not worked on: agencies are called back, the case goes on without it."""
        order = given(case_id, events.GiveUpPlan, key, body, PLANS)
        if await order.taken(running):
            return order.answer
        await open_case(running, case_id)
        if not isinstance(await known(case_id), RunningPlan):
            raise wrong(409, "case_id", "该案卷没有进行中的专班计划 (no plan of this case goes on)")
        return await order.publish(running, events.GiveUpPlan(case_id=case_id, **body.model_dump()))


def _refuse(problem: tuple[str, str] | None) -> None:
    if problem is not None:
        field, what = problem
        raise wrong(409 if field == "step" else 422, field, what)
