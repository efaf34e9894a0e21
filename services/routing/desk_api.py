"""HTTP of the centre's desk: what waits for its word, and the word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from pydantic import Field

from services.routing.api import Order
from services.routing.domain.case import CaseData, Closed, Dispatched, Resolved
from services.routing.domain.case_parts import Question
from services.routing.orders import Key, given, known, wrong
from services.routing.paging import After, Limit, page
from services.routing.showing import said_of, shown
from services.routing.similar import similar
from services.routing.store import CASES
from shared.contracts import routing_orders
from shared.contracts.base import Instant
from shared.contracts.values import FieldError, Id, Mode, Urgency
from shared.front import unusable
from shared.policy import Jurisdiction
from shared.service import Running

At = Annotated[Instant | None, Header(alias="ce-time")]
MOST_ASSISTANTS = 10


class DispatchOrder(Order):
    """What the desk decides; what is left out stays as proposed. ``category`` and ``place`` are codes of the pack."""

    lead: Id
    assistants: list[Id] | None = Field(default=None, max_length=MOST_ASSISTANTS)
    mode: Mode | None = None
    urgency: Urgency | None = None
    category: Id | None = None
    place: Id | None = None


def routes(app: FastAPI, running: Running) -> None:
    @app.get("/api/v1/desk")
    async def desk(
        request: Request,
        response: Response,
        overdue: bool | None = None,
        limit: Limit = 50,
        after: After = None,
    ) -> list[dict[str, Any]]:
        """What waits for the desk, by when it must be decided: emergencies soon after they came, the rest in the order
        in which they came. When there may be more, the header `Link` names the next page. `similar` of each are open
        cases that may be about the same, by place, category, time and wording."""
        query: dict[str, Any] = {"state.question.due": {"$exists": True}}
        if overdue is not None:
            query["state.question.overdue"] = overdue
        cases = await page(running, request, response, query, "state.question.due", limit, after)
        near = await similar(running, cases)
        return [
            _waiting(case, question, running.jurisdiction) | {"similar": near[case.case_id]}
            for case in cases
            if (question := case.question) is not None
        ]

    @app.post("/api/v1/cases/{case_id}/dispatch", status_code=202)
    async def dispatch(case_id: str, body: DispatchOrder, key: Key = None, at: At = None) -> dict[str, Any]:
        """Whose problem the case is. `ce-time` is taken only where a replay drives the clock."""
        order = given(case_id, routing_orders.Dispatch, key, body, CASES)
        if await order.taken(running):
            return order.answer
        case = await known(running, case_id)
        if isinstance(case, Resolved | Closed) or case.question is None:
            raise wrong(409, "case_id", "案卷不在待派席 (the case does not wait for the desk)")
        here = running.jurisdiction
        if errors := list(_wrong(body, here)):
            raise unusable(errors)
        word = routing_orders.Dispatch(
            case_id=case_id,
            lead=body.lead,
            assistants=body.assistants,
            mode=body.mode,
            urgency=body.urgency,
            category=here.policy.category_ref(body.category) if body.category else None,
            place=here.places.place(body.place) if body.place else None,
            reason=body.reason,
            by=body.by,
        )
        return await order.publish(running, word, at if running.settings.clock == "replay" else None)


def _wrong(order: DispatchOrder, here: Jurisdiction) -> Iterator[FieldError]:
    """Whatever of an order the registry, the tree and the places do not know."""
    named = [("lead", order.lead), *((f"assistants.{i}", a) for i, a in enumerate(order.assistants or ()))]
    for field, id in named:
        agency = here.tenants.get(id)
        if agency is None or agency.kind != "agency" or not agency.active:
            yield FieldError(field=field, problem="没有此承办单位 (no agency of this id)")
        elif field != "lead" and id == order.lead:
            yield FieldError(field=field, problem="主办单位不能同时协办 (the lead does not assist itself)")
    if order.category is not None and not here.policy.tree.known(order.category):
        yield FieldError(field="category", problem="没有此类别 (no category of this code)")
    if order.place is not None and here.places.place(order.place) is None:
        yield FieldError(field="place", problem="没有此地点 (no place of this code)")


def _waiting(case: CaseData, question: Question, here: Jurisdiction) -> dict[str, Any]:
    """A case as the desk needs it: the words veiled, and not at all of who must not be known."""
    return {
        "reasons": question.reasons,
        "why": question.why,
        "since": question.since,
        "due": question.due,
        "overdue": question.overdue,
        "dispatched": isinstance(case, Dispatched),
        "proposed": {
            "lead": question.lead or None,
            "assistants": question.assistants,
            "mode": case.mode,
            "urgency": case.urgency,
            "because": case.because,
        },
        "categories": [proposal.model_dump() for proposal in question.proposals],
        "candidates": [
            {"agency": one.id, "kind": one.agency_kind, "name": one.name_zh, "tried": id in case.tried}
            for id in case.candidates
            if (one := here.tenants.get(id)) is not None
        ],
        "case": shown(case),
        "text": None if case.text is None else said_of(case, case.text),
        "supplements": [] if case.confided else case.supplements,
    }
