"""What all HTTP of routing has in common: the case it is about, orders by hand, problems by field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Header
from pydantic import BaseModel

from services.routing.domain.case import Case, Closed
from services.routing.store import CASES
from shared.access import asking
from shared.contracts.base import Event
from shared.contracts.values import FieldError
from shared.http import Problem, absent
from shared.ids import derive
from shared.loop.decision import Out
from shared.loop.documents import Collection
from shared.loop.envelope import now
from shared.policy.tenants import Seat
from shared.service import Running

SHOWN = {"cases": "", "plans": "/plan", "consultations": "/consultation", "votes": "/consultation"}
"""Under which path of a case the documents of a collection are shown."""


async def stored(running: Running, collection: Collection, id: str) -> Any:
    """The state of a document, None where there is none."""
    found = await running.documents.find(collection, "_id", [id])
    return found[0].state if found else None


async def known(running: Running, case_id: str) -> Case:
    """The case of this id. Raises Problem 404."""
    case: Case | None = await stored(running, CASES, case_id)
    if case is None:
        raise absent("case_id", f"没有该案卷，或尚未登记 (no case {case_id} yet)")
    return case


async def beside(running: Running, collection: Collection, case_id: str) -> Any:
    """The document that a case has in another collection, its plan or its consultation. Raises Problem 404."""
    found = await stored(running, collection, case_id)
    if found is None:
        what = collection.name.removesuffix("s")
        raise absent("case_id", f"该案卷尚无此项 (no {what} for case {case_id} yet)")
    return found


async def open_case(running: Running, case_id: str) -> Case:
    """The case, while it is not closed. Raises Problem 404 or 409."""
    case = await known(running, case_id)
    if isinstance(case, Closed):
        raise wrong(409, "case_id", "案卷已结案 (the case is closed)")
    return case


@dataclass(frozen=True)
class Hand:
    """Whose hand gives an order: from which seat of the centre, None for nobody in particular, and under which key of
    the caller's own."""

    key: str | None = None
    seat: Seat | None = None

    def signs(self, body: BaseModel) -> str:
        """Who stands in the history: the seat, or who the caller says it is where no token is asked for. Raises Problem
        403 for an order that names another than its token does."""
        said = str(getattr(body, "by", ""))
        if self.seat is None:
            return said
        if "by" in body.model_fields_set and said not in (self.seat.id, self.seat.name_zh, self.seat.name_en):
            raise wrong(403, "by", "不是令牌所属的席位 (not the seat of the token)")
        return self.seat.id


def _hand(
    seat: Annotated[Seat | None, Depends(asking)],
    key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=256)] = None,
) -> Hand:
    return Hand(key, seat)


Key = Annotated[Hand | None, Depends(_hand)]
"""The caller's own key for an order; saying it again under the same key changes nothing. With it comes who says it."""


@dataclass(frozen=True)
class Given:
    """One order by hand: its id is made of the caller's key, who gives it and what was said, so that saying it again is
    the same order. It changes the document ``id_of`` of ``collection``, and is signed ``by``."""

    id: str
    collection: Collection
    id_of: str
    status_url: str
    by: str

    async def taken(self, running: Running) -> bool:
        """Whether it was applied before; what it changed since then is no reason to refuse it now."""
        found = await running.documents.find(self.collection, "_id", [self.id_of])
        return bool(found) and self.id in found[0].applied

    async def publish(self, running: Running, order: Event, at: datetime | None = None) -> dict[str, Any]:
        """Signs the order and publishes it durably. ``at``: when it was given, if not now."""
        about = str(getattr(order, "case_id", ""))
        signed = order.model_copy(update={"by": self.by})
        await running.publish("routing", at or now(), [Out(signed, about, id=self.id)])
        return self.answer

    @property
    def answer(self) -> dict[str, Any]:
        return {"event_id": self.id, "status_url": self.status_url}


def given(
    case_id: str,
    what: type[Event],
    key: Hand | None,
    body: BaseModel,
    collection: Collection,
    id_of: str = "",
    part: int | str = 0,
) -> Given:
    """An order about the document of a case, or ``id_of``; ``part``: what of it the path names. Raises Problem 403 for
    one that is signed with another's name."""
    hand = key or Hand()
    by = hand.signs(body)
    said = body.model_copy(update={"by": by}).model_dump_json()
    id = derive("order", case_id, what.type, part, hand.key or uuid4(), said)
    return Given(id, collection, id_of or case_id, f"/api/v1/cases/{case_id}{SHOWN[collection.name]}", by)


def serving(running: Running, field: str, agency: str) -> None:
    """Raises Problem 422 unless this is an agency at work."""
    tenant = running.jurisdiction.tenants.get(agency)
    if tenant is None or tenant.kind != "agency" or not tenant.active:
        raise wrong(422, field, "没有这个承办单位 (no agency of this id)")


def ahead(field: str, at: datetime) -> None:
    """Raises Problem 422 for a time that does not lie ahead."""
    if at <= now():
        raise wrong(422, field, "必须在将来 (must lie ahead)")


def wrong(status: int, field: str, problem: str) -> Problem:
    """What is the matter with one field."""
    return Problem(status, f"{field}: {problem}", [FieldError(field=field, problem=problem)])
