"""HTTP for channels without NATS (CONTRACTS 5): hand in an appeal, ask what became of it, hand in a file."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel

from services.intake.domain.appeal import Appealed, OnCase
from services.intake.domain.receive import appeal_id
from services.intake.store import APPEALS
from shared import files
from shared.access import Access
from shared.contracts.base import Instant
from shared.contracts.channel import Submitted
from shared.contracts.values import CategoryRef, FieldError
from shared.front import Key, hand_in, id_of, json_object, read, unusable, vetted
from shared.http import Problem, absent
from shared.loop.decision import Input
from shared.loop.documents import Stored
from shared.loop.envelope import digest, now
from shared.policy.tenants import Tenant
from shared.service import Running


class Taken(BaseModel):
    """The appeal is stored and will be applied; ask ``status_url`` what became of it."""

    appeal_id: str
    status_url: str


class HistoryLine(BaseModel):
    at: Instant
    what: str
    policy: str = ""


class Status(BaseModel):
    """An appeal as its reporter may see it: no words, no name, no phone, no room. What is unknown is absent."""

    appeal_id: str
    channel: str
    external_ref: str | None = None
    state: str
    nature: str
    category: CategoryRef
    place: str
    received_at: Instant
    case_id: str | None = None
    case_no: str | None = None
    answer: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    outcome: str | None = None
    reply: str | None = None
    solved: bool | None = None
    satisfaction: str | None = None
    history: list[HistoryLine]


def routes(app: FastAPI, running: Running) -> None:
    """The routes of intake."""
    access = Access(lambda: running.jurisdiction.tenants, "channel", running.settings.http_tokens)
    asking: Any = Depends(access)

    @app.post(
        "/api/v1/appeals",
        status_code=202,
        response_model=Taken,
        tags=["appeals"],
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": _body_schema()}}}
        },
    )
    async def take(
        request: Request,
        response: Response,
        idempotency_key: Key = None,
        asks: Tenant | None = asking,
    ) -> Taken:
        key = id_of(idempotency_key)
        said = await json_object(request)
        if asks is not None:
            _speaks_as(asks, said)
        channel, event = _read(said, running)
        about = await submit(running, channel, key, event)
        response.headers["Location"] = f"/api/v1/appeals/{about}"
        return Taken(appeal_id=about, status_url=f"/api/v1/appeals/{about}")

    @app.get(
        "/api/v1/appeals/{appeal_id}",
        response_model=Status,
        response_model_exclude_none=True,
        tags=["appeals"],
    )
    async def status(appeal_id: str, asks: Tenant | None = asking) -> Status:
        stored = await _load(running, appeal_id)
        if stored is None or (asks is not None and asks.id != stored.state.channel):
            raise absent("appeal_id", "没有该诉求，或尚未登记 (no such appeal, or not applied yet)")
        return _status(stored.state)

    files.routes(app, running.settings.files_dir, access, running.receipts)


async def submit(running: Running, channel: str, key: str, event: Submitted) -> str:
    """Hands an appeal to the loop as if the channel had published it; returns its id once that is durable.

    Raises Problem 409 when the key was used before with another body, 422 for a file that is not the channel's own,
    503 when an engine is away.
    """
    about = appeal_id(channel, key)
    stored = await _load(running, about)
    before = stored.applied.get(Input(key, now(), channel).key) if stored is not None else None
    if before is None:
        vetted(running.receipts, event, channel)
        await hand_in(running.bus, event, channel, "intake", key)
    elif before.digest != digest(event):
        problem = FieldError(field="Idempotency-Key", problem="was used before with a different body")
        raise Problem(409, f"{problem.field}: {problem.problem}", [problem])
    return about


async def _load(running: Running, about: str) -> Stored | None:
    found = await running.documents.load([(APPEALS, about)])
    return found.get((APPEALS.name, about))


def _speaks_as(asks: Tenant, said: dict[str, Any]) -> None:
    """Who shows a token speaks for its own channel. Raises Problem 403 for any other."""
    if said.setdefault("channel", asks.id) != asks.id:
        problem = "不是令牌所属的渠道 (not the channel of the token)"
        raise Problem(403, f"channel: {problem}", [FieldError(field="channel", problem=problem)])


def _read(said: dict[str, Any], running: Running) -> tuple[str, Submitted]:
    """The channel and what it says, as strictly as if it had come over NATS. Raises Problem 422 by field."""
    wrong: list[FieldError] = []
    channel = said.pop("channel", None)
    tenant = running.jurisdiction.tenants.get(channel) if isinstance(channel, str) else None
    if tenant is None or tenant.kind != "channel" or not tenant.active:
        problem = "is required" if channel is None else "no such channel"
        wrong.append(FieldError(field="channel", problem=problem))
    try:
        event = read(Submitted, said, now())
    except Problem as invalid:
        raise unusable(wrong + invalid.errors) from None
    if wrong:
        raise unusable(wrong)
    return str(channel), event


def _status(appeal: Appealed) -> Status:
    fields: dict[str, Any] = {
        name: getattr(appeal, name)
        for name in Status.model_fields
        if name not in ("place", "history", "reason") and hasattr(appeal, name)
    }
    if not isinstance(appeal, OnCase):
        fields["reason"] = getattr(appeal, "reason", None)
    history = [HistoryLine(at=step.at, what=step.what, policy=step.policy) for step in appeal.history]
    return Status(**fields, place=appeal.place.name, history=history)


def _body_schema() -> dict[str, Any]:
    """The schema of the body, without references, as it stands in the OpenAPI page."""
    schema = Submitted.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inlined(parts[node["$ref"].rsplit("/", 1)[1]])
        return {name: inlined(value) for name, value in node.items()}

    whole: dict[str, Any] = inlined(schema)
    whole["properties"] = {"channel": {"type": "string"}} | whole["properties"]
    whole["required"] = ["channel", *whole.get("required", [])]
    return whole
