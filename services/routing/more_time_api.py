"""HTTP of what takes longer: the list of deferrals, what agencies ask for, their excuses for cold flats, and the
centre's word on all of it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI, Request, Response

from services.routing.api import Order
from services.routing.domain.case import Deferred, Resolved
from services.routing.domain.more_time import cannot_grant
from services.routing.orders import Key, given, known, wrong
from services.routing.paging import After, Limit, page
from services.routing.showing import nameless, said_of, shown
from services.routing.store import CASES
from shared.contracts import routing_orders
from shared.contracts.values import DeferralKind
from shared.loop.envelope import now
from shared.service import Running


class Word(Order):
    """The centre's word on one request of an assignment."""

    about: Literal["extension", "deferral"]
    granted: bool


def routes(app: FastAPI, running: Running) -> None:
    @app.get("/api/v1/deferrals")
    async def deferrals(
        request: Request,
        response: Response,
        kind: DeferralKind | None = None,
        owner: str | None = None,
        overdue: bool | None = None,
        limit: Limit = 50,
        after: After = None,
    ) -> list[dict[str, Any]]:
        """What cannot be done now: kind, owner, reason, plan, review and who approved it, the next review first;
        `overdue`: its review has come and is not done with."""
        query: dict[str, Any] = {"state.state": "deferred"}
        if kind is not None:
            query["state.kind"] = kind
        if owner is not None:
            query["state.owner"] = owner
        at = now()
        if overdue is not None:
            query["state.review_at"] = {"$lte" if overdue else "$gt": at}
        cases = await page(running, request, response, query, "state.review_at", limit, after)
        return [
            {
                "case_id": case.case_id,
                "case_no": case.case_no,
                "kind": case.kind,
                "owner": case.owner or case.lead_agency,
                "reason": said_of(case, case.reason),
                "plan": said_of(case, case.plan),
                "since": case.since,
                "review_at": case.review_at,
                "overdue": case.review_at <= at,
                "approver": case.approver,
                "case": shown(case),
            }
            for case in cases
            if isinstance(case, Deferred)
        ]

    @app.get("/api/v1/deferrals/cleared")
    async def cleared(
        request: Request, response: Response, limit: Limit = 50, after: After = None
    ) -> list[dict[str, Any]]:
        """What was struck off the list, of each case the latest, in the order in which it was."""
        query = {"state.struck.cleared_at": {"$exists": True}}
        cases = await page(running, request, response, query, "state.struck.cleared_at", limit, after)
        return [
            {
                "case_id": case.case_id,
                "case_no": case.case_no,
                "owner": case.lead_agency or None,
                "state": case.state,
                **nameless(case, case.struck.model_dump()),
            }
            for case in cases
            if case.struck is not None
        ]

    @app.get("/api/v1/requests")
    async def requests(
        request: Request, response: Response, limit: Limit = 50, after: After = None
    ) -> list[dict[str, Any]]:
        """What agencies ask for and the policy leaves to the centre, the longest waiting case first."""
        query = {"state.asked_since": {"$exists": True}}
        cases = await page(running, request, response, query, "state.asked_since", limit, after)
        return [
            {
                "case_id": case.case_id,
                "case_no": case.case_no,
                **nameless(case, asked.model_dump(exclude_none=True)),
                "case": shown(case),
            }
            for case in cases
            for asked in case.asked
        ]

    @app.post("/api/v1/cases/{case_id}/requests/{assignment_id}", status_code=202)
    async def decide(case_id: str, assignment_id: str, body: Word, key: Key = None) -> dict[str, Any]:
        """The centre grants or refuses; the agency hears it with the reason."""
        order = given(case_id, routing_orders.DecideRequest, key, body, CASES, part=assignment_id)
        if await order.taken(running):
            return order.answer
        case = await known(running, case_id)
        waits = [one for one in case.asked if (one.assignment_id, one.about) == (assignment_id, body.about)]
        if not waits:
            raise wrong(409, "assignment_id", "没有待决定的申请 (no such request waits for a decision)")
        forbidden = cannot_grant(case, waits[0], now(), running.jurisdiction) if body.granted else None
        if forbidden is not None:
            raise wrong(422, "granted", f"{forbidden} (beyond the limits of the policy)")
        word = routing_orders.DecideRequest(case_id=case_id, assignment_id=assignment_id, **body.model_dump())
        return await order.publish(running, word)

    @app.get("/api/v1/excuses")
    async def excuses(
        request: Request, response: Response, limit: Limit = 50, after: After = None
    ) -> list[dict[str, Any]]:
        """Excuses for cold flats that count only if the centre approves them before somebody goes back, the longest
        waiting case first."""
        query = {"state.excuse_asked": {"$exists": True}}
        cases = await page(running, request, response, query, "state.resolved_at", limit, after)
        return [
            {
                "case_id": case.case_id,
                "case_no": case.case_no,
                "agency": case.lead_agency,
                "excuse": case.excuse_asked,
                "until": case.lead.done.excuse_until,
                "reply": said_of(case, case.lead.done.reply),
                "resolved_at": case.resolved_at,
                "case": shown(case),
            }
            for case in cases
            if isinstance(case, Resolved) and case.lead is not None and case.lead.done is not None
        ]

    @app.post("/api/v1/cases/{case_id}/excuse", status_code=202)
    async def approve_excuse(case_id: str, body: Order, key: Key = None) -> dict[str, Any]:
        """Approves the lead's excuse for a cold flat, for the round that waits for its revisit."""
        order = given(case_id, routing_orders.ApproveExcuse, key, body, CASES)
        if await order.taken(running):
            return order.answer
        case = await known(running, case_id)
        if not isinstance(case, Resolved) or case.excuse_asked is None:
            raise wrong(409, "case_id", "没有待审批的免责理由 (no excuse waits for an approver)")
        word = routing_orders.ApproveExcuse(
            case_id=case_id, round=case.round, excuse=case.excuse_asked, **body.model_dump()
        )
        return await order.publish(running, word)

    @app.post("/api/v1/cases/{case_id}/clear", status_code=202)
    async def clear(case_id: str, body: Order, key: Key = None) -> dict[str, Any]:
        """A deferred case leaves the list before its review; its agencies start anew."""
        order = given(case_id, routing_orders.Clear, key, body, CASES)
        if await order.taken(running):
            return order.answer
        if not isinstance(await known(running, case_id), Deferred):
            raise wrong(409, "case_id", "案卷未缓办 (the case is not deferred)")
        return await order.publish(running, routing_orders.Clear(case_id=case_id, **body.model_dump()))
