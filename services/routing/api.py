"""HTTP of routing (CONTRACTS 5): a case, its timeline, and what the centre does to it by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import FastAPI, Header
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.routing.domain.case import Case, Closed, Dispatched, Resolved
from services.routing.store import CASES
from shared.contracts import routing as events
from shared.contracts.base import Event, Instant
from shared.contracts.values import DeferralKind, FieldError, Id, LongText
from shared.http import Problem
from shared.ids import derive
from shared.loop.decision import Out
from shared.loop.envelope import now
from shared.service import Running
from shared.veil import veiled, without_room

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=256)]
Who = Annotated[str, StringConstraints(min_length=1, max_length=200)]
HIDDEN = {"contact", "text", "candidates", "history"}


class Order(BaseModel):
    """What every order by hand says: why, and who gives it."""

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
    async def known(case_id: str) -> Case:
        found = await running.documents.find(CASES, "_id", [case_id])
        if not found:
            raise Problem(404, f"no case {case_id} yet", retry_after=1)
        case: Case = found[0].state
        return case

    async def still_open(case_id: str) -> Case:
        case = await known(case_id)
        if isinstance(case, Closed):
            raise Problem(
                409, "the case is closed", [FieldError(field="case_id", problem="the case is closed")]
            )
        return case

    async def order(case_id: str, what: Event, key: str | None) -> dict[str, Any]:
        id = derive("order", case_id, what.type, key or uuid4())
        await running.publish("routing", now(), [Out(what, case_id, id=id)])
        return {"event_id": id, "status_url": f"/api/v1/cases/{case_id}"}

    @app.get("/api/v1/cases/{case_id}")
    async def case(case_id: str) -> dict[str, Any]:
        """One case as it stands; phone, door and words of the resident are not shown here."""
        return _shown(await known(case_id))

    @app.get("/api/v1/cases/{case_id}/timeline")
    async def timeline(case_id: str) -> list[dict[str, Any]]:
        """Who changed what, when, why, under which version of the policy."""
        return [entry.model_dump(mode="json") for entry in (await known(case_id)).history]

    @app.post("/api/v1/cases/{case_id}/supervise", status_code=202)
    async def supervise(case_id: str, body: SuperviseOrder, key: Key = None) -> dict[str, Any]:
        await still_open(case_id)
        return await order(
            case_id, events.Supervise(case_id=case_id, level=body.level, reason=body.reason, by=body.by), key
        )

    @app.post("/api/v1/cases/{case_id}/redispatch", status_code=202)
    async def redispatch(case_id: str, body: RedispatchOrder, key: Key = None) -> dict[str, Any]:
        if isinstance(await still_open(case_id), Resolved):
            raise Problem(
                409, "the case is resolved", [FieldError(field="case_id", problem="the case is resolved")]
            )
        agency = running.jurisdiction.tenants.get(body.agency)
        if agency is None or agency.kind != "agency":
            raise Problem(
                422, "agency: unknown", [FieldError(field="agency", problem="no agency of this id")]
            )
        return await order(
            case_id,
            events.Redispatch(case_id=case_id, agency=body.agency, reason=body.reason, by=body.by),
            key,
        )

    @app.post("/api/v1/cases/{case_id}/defer", status_code=202)
    async def defer(case_id: str, body: DeferOrder, key: Key = None) -> dict[str, Any]:
        if not isinstance(await still_open(case_id), Dispatched):
            raise Problem(409, "only a dispatched case can be deferred")
        _ahead(body.review_at)
        deferred = events.Defer(
            case_id=case_id,
            kind=body.kind,
            reason=body.reason,
            plan=body.plan,
            review_at=body.review_at,
            by=body.by,
        )
        return await order(case_id, deferred, key)


def _shown(case: Case) -> dict[str, Any]:
    """A case as anybody may see it: nobody is authenticated here."""
    doorless = case.model_copy(
        update={
            "summary": veiled(case.summary, case.contact, case.location.room),
            "location": without_room(case.location),
            "places": [without_room(place) for place in case.places],
        }
    )
    return doorless.model_dump(mode="json", exclude=HIDDEN, exclude_none=True)


def _ahead(review_at: datetime) -> None:
    if review_at <= now():
        raise Problem(
            422, "review_at: must lie ahead", [FieldError(field="review_at", problem="must lie ahead")]
        )
