"""HTTP of routing (CONTRACTS 5): a case, its timeline, and what the centre does to it by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.routing.domain.case import Deferred, Dispatched, Resolved
from services.routing.domain.deferring import not_deferrable
from services.routing.domain.dispatch import next_step
from services.routing.orders import Key, ahead, given, known, open_case, serving, wrong
from services.routing.showing import nameless, shown
from services.routing.store import CASES
from shared.contracts import routing_orders
from shared.contracts.base import Instant
from shared.contracts.values import DeferralKind, Id, LongText
from shared.loop.envelope import now
from shared.service import Running

Who = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Order(BaseModel):
    """What every order by hand says: why, and who gives it: the seat whose token is shown, if it is left out."""

    model_config = ConfigDict(extra="forbid")

    reason: LongText
    by: Who = "centre"


class SuperviseOrder(Order):
    level: int = Field(default=1, ge=1, le=9)


class RedispatchOrder(Order):
    agency: Id


class DeferOrder(Order):
    kind: DeferralKind
    plan: LongText
    review_at: Instant


def routes(app: FastAPI, running: Running) -> None:
    @app.get("/api/v1/cases/{case_id}")
    async def case(case_id: str) -> dict[str, Any]:
        """One case as it stands; phone, door and words of the resident are not shown here."""
        return shown(await known(running, case_id))

    @app.get("/api/v1/cases/{case_id}/timeline")
    async def timeline(case_id: str) -> list[dict[str, Any]]:
        """Who changed what, when, why, under which version of the policy."""
        case = await known(running, case_id)
        told: list[dict[str, Any]] = nameless(case, [entry.model_dump(mode="json") for entry in case.history])
        return told

    @app.post("/api/v1/cases/{case_id}/supervise", status_code=202)
    async def supervise(case_id: str, body: SuperviseOrder, key: Key = None) -> dict[str, Any]:
        order = given(case_id, routing_orders.Supervise, key, body, CASES)
        if await order.taken(running):
            return order.answer
        await open_case(running, case_id)
        return await order.publish(running, routing_orders.Supervise(case_id=case_id, **body.model_dump()))

    @app.post("/api/v1/cases/{case_id}/escalate", status_code=202)
    async def escalate(case_id: str, body: Order, key: Key = None) -> dict[str, Any]:
        """To the next step of the policy's ladder, which is in `level` of the case then."""
        order = given(case_id, routing_orders.Escalate, key, body, CASES)
        if await order.taken(running):
            return order.answer
        case = await known(running, case_id)
        if not isinstance(case, Dispatched | Deferred):
            raise wrong(409, "case_id", "案卷无主办单位在办 (no agency leads the case now)")
        if next_step(case, running.jurisdiction)[1] is None:
            raise wrong(409, "case_id", "已无上级可提级 (nobody is left up the ladder)")
        return await order.publish(running, routing_orders.Escalate(case_id=case_id, **body.model_dump()))

    @app.post("/api/v1/cases/{case_id}/redispatch", status_code=202)
    async def redispatch(case_id: str, body: RedispatchOrder, key: Key = None) -> dict[str, Any]:
        order = given(case_id, routing_orders.Redispatch, key, body, CASES)
        if await order.taken(running):
            return order.answer
        if isinstance(await open_case(running, case_id), Resolved):
            raise wrong(409, "case_id", "案卷已办结 (the case is resolved)")
        serving(running, "agency", body.agency)
        return await order.publish(running, routing_orders.Redispatch(case_id=case_id, **body.model_dump()))

    @app.post("/api/v1/cases/{case_id}/defer", status_code=202)
    async def defer(case_id: str, body: DeferOrder, key: Key = None) -> dict[str, Any]:
        order = given(case_id, routing_orders.Defer, key, body, CASES)
        if await order.taken(running):
            return order.answer
        if not isinstance(await open_case(running, case_id), Dispatched):
            raise wrong(409, "case_id", "只有已派遣的案卷可以缓办 (only a dispatched case can be deferred)")
        ahead("review_at", body.review_at)
        forbidden = not_deferrable(body.kind, body.review_at, now(), running.jurisdiction)
        if forbidden is not None:
            field, problem = forbidden
            raise wrong(422, field, f"{problem} (beyond the limits of the policy)")
        return await order.publish(running, routing_orders.Defer(case_id=case_id, **body.model_dump()))
