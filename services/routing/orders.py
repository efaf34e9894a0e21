"""What all HTTP of routing has in common: the case it is about, orders by hand, problems by field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from services.routing.domain.case import Case, Closed
from services.routing.store import CASES
from shared.contracts.base import Event
from shared.contracts.values import FieldError
from shared.http import Problem
from shared.ids import derive
from shared.loop.decision import Out
from shared.loop.documents import Collection
from shared.loop.envelope import now
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
        raise Problem(404, f"no case {case_id} yet", retry_after=1)
    return case


async def open_case(running: Running, case_id: str) -> Case:
    """The case, while it is not closed. Raises Problem 404 or 409."""
    case = await known(running, case_id)
    if isinstance(case, Closed):
        raise wrong(409, "case_id", "案卷已结案 (the case is closed)")
    return case


@dataclass(frozen=True)
class Given:
    """One order by hand: its id is made of the caller's key and what was said, so that saying it again is the same
    order. It changes the document ``id_of`` of ``collection``."""

    id: str
    collection: Collection
    id_of: str
    status_url: str

    async def taken(self, running: Running) -> bool:
        """Whether it was applied before; what it changed since then is no reason to refuse it now."""
        found = await running.documents.find(self.collection, "_id", [self.id_of])
        return bool(found) and self.id in found[0].applied

    async def publish(self, running: Running, order: Event, at: datetime | None = None) -> dict[str, Any]:
        """Publishes the order durably. ``at``: when it was given, if not now."""
        about = str(getattr(order, "case_id", ""))
        await running.publish("routing", at or now(), [Out(order, about, id=self.id)])
        return self.answer

    @property
    def answer(self) -> dict[str, Any]:
        return {"event_id": self.id, "status_url": self.status_url}


def given(
    case_id: str,
    what: type[Event],
    key: str | None,
    body: BaseModel,
    collection: Collection,
    id_of: str = "",
    number: int = 0,
) -> Given:
    """An order about the document of a case, or ``id_of``; ``number``: the part of it that the path names."""
    id = derive("order", case_id, what.type, number, key or uuid4(), body.model_dump_json())
    return Given(id, collection, id_of or case_id, f"/api/v1/cases/{case_id}{SHOWN[collection.name]}")


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
