"""HTTP of joining: the desk says that a case that waits is about the problem of another."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from services.routing.api import Order
from services.routing.domain.case import Closed
from services.routing.domain.joining import joinable
from services.routing.orders import Key, given, known, stored, wrong
from services.routing.store import CASES
from shared.contracts import routing_orders
from shared.contracts.values import Id
from shared.service import Running


class JoinOrder(Order):
    """``into``: the id of the case that it is about as well."""

    into: Id


def routes(app: FastAPI, running: Running) -> None:
    @app.post("/api/v1/cases/{case_id}/join", status_code=202)
    async def join(case_id: str, body: JoinOrder, key: Key = None) -> dict[str, Any]:
        """Joins a case that waits for the desk to another that is open: its appeals go there, and it is over."""
        order = given(case_id, routing_orders.Join, key, body, CASES)
        if await order.taken(running):
            return order.answer
        case = await known(running, case_id)
        if not joinable(case):
            raise wrong(
                409, "case_id", "只有待派且未曾派遣的案卷可以并入 (only a case nobody was asked to work on)"
            )
        if body.into == case_id:
            raise wrong(422, "into", "不能并入自身 (a case is not joined to itself)")
        into = await stored(running, CASES, body.into)
        if into is None:
            raise wrong(422, "into", "没有此案卷 (no case of this id)")
        if isinstance(into, Closed):
            raise wrong(409, "into", "案卷已结案 (the case is closed)")
        word = routing_orders.Join(
            case_id=case_id,
            into=into.case_id,
            into_no=into.case_no,
            appeals=into.appeals,
            reason=body.reason,
            by=body.by,
        )
        return await order.publish(running, word)
