"""HTTP for channels without NATS (CONTRACTS 5): hand in an appeal, ask what became of it, hand in a file."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import orjson
from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel, ConfigDict

from services.intake.domain.appeal import Appealed, OnCase
from services.intake.domain.receive import appeal_id
from services.intake.store import APPEALS
from shared import files
from shared.contracts.base import Instant
from shared.contracts.channel import Submitted
from shared.contracts.streams import MAX_DATA_BYTES
from shared.contracts.values import CategoryRef, FieldError
from shared.http import Problem
from shared.loop.documents import Stored, Unreachable
from shared.loop.envelope import MAX_ID, SPEC_VERSION, Invalid, Letter, digest, now, read_ingress
from shared.service import Running

SOURCE = "/nuanliu/intake/http"


class Taken(BaseModel):
    """The appeal is stored and will be applied; ask ``status_url`` what became of it."""

    appeal_id: str
    status_url: str


class HistoryLine(BaseModel):
    at: Instant
    what: str


class Status(BaseModel):
    """An appeal as its reporter may see it: no words, no name, no phone, no room. What is unknown is absent."""

    model_config = ConfigDict(from_attributes=True)

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

    @app.post(
        "/api/v1/appeals",
        status_code=202,
        response_model=Taken,
        tags=["appeals"],
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": _body_schema()}}}
        },
    )
    async def hand_in(
        request: Request, response: Response, idempotency_key: Annotated[str | None, Header()] = None
    ) -> Taken:
        key = _key(idempotency_key)
        channel, event = _read(await _body(request), key, running)
        about = await submit(running, channel, key, event)
        response.headers["Location"] = f"/api/v1/appeals/{about}"
        return Taken(appeal_id=about, status_url=f"/api/v1/appeals/{about}")

    @app.get(
        "/api/v1/appeals/{appeal_id}",
        response_model=Status,
        response_model_exclude_none=True,
        tags=["appeals"],
    )
    async def status(appeal_id: str) -> Status:
        stored = await _load(running, appeal_id)
        if stored is None:
            raise Problem(404, "no such appeal, or not applied yet", retry_after=1)
        return _status(stored.state)

    files.routes(app, running.settings.files_dir)


async def submit(running: Running, channel: str, key: str, event: Submitted) -> str:
    """Hands an appeal to the loop as if the channel had published it; returns its id once that is durable.

    Raises Problem 409 when the key was used before with another body.
    """
    about = appeal_id(channel, key)
    stored = await _load(running, about)
    before = stored.applied.get(f"{channel}/{key}") if stored is not None else None
    if before is not None:
        if before.digest != digest(event):
            problem = FieldError(field="Idempotency-Key", problem="was used before with a different body")
            raise Problem(409, "Idempotency-Key: was used before with a different body", [problem])
        return about
    body = event.model_dump_json(exclude_unset=True).encode()
    headers = {
        "ce-id": quote(key, safe="-._~"),
        "ce-source": SOURCE,
        "ce-specversion": SPEC_VERSION,
        "ce-type": Submitted.type,
        "content-type": "application/json",
    }
    try:
        await running.bus.single(Submitted.subject(channel), body, headers)
    except Unreachable as error:
        raise Problem(503, "the appeal could not be stored, try again", retry_after=1) from error
    return about


async def _load(running: Running, about: str) -> Stored | None:
    try:
        found = await running.documents.load([(APPEALS, about)])
    except Unreachable as error:
        raise Problem(503, "the database does not answer, try again", retry_after=1) from error
    return found.get((APPEALS.name, about))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_DATA_BYTES:
            raise _invalid(
                [FieldError(field="data", problem=f"at most {MAX_DATA_BYTES} bytes are taken")], 413
            )
    return bytes(body)


def _key(given: str | None) -> str:
    if given is None:
        return str(uuid4())
    if not 0 < len(given) <= MAX_ID or not given.isprintable():
        problem = f"must be 1 to {MAX_ID} printable characters"
        raise _invalid([FieldError(field="Idempotency-Key", problem=problem)])
    return given


def _read(body: bytes, key: str, running: Running) -> tuple[str, Submitted]:
    """The channel and what it says, as strictly as if it had come over NATS. Raises Problem 422 by field."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _invalid([FieldError(field="data", problem=f"not JSON: {error}")]) from None
    if not isinstance(said, dict):
        raise _invalid([FieldError(field="data", problem="must be a JSON object")])
    channel = said.pop("channel", None)
    errors: list[FieldError] = []
    tenant = running.jurisdiction.tenants.get(channel) if isinstance(channel, str) else None
    if tenant is None or tenant.kind != "channel":
        problem = "is required" if channel is None else "no such channel"
        errors.append(FieldError(field="channel", problem=problem))
    event = None
    try:
        event = read_ingress(Letter(key, Submitted.type, None, orjson.dumps(said)), Submitted, now())
    except Invalid as invalid:
        errors += invalid.errors
    if errors or tenant is None or not isinstance(event, Submitted):
        raise _invalid(errors)
    return tenant.id, event


def _invalid(errors: list[FieldError], status: int = 422) -> Problem:
    return Problem(status, "; ".join(f"{error.field}: {error.problem}" for error in errors), errors)


def _status(appeal: Appealed) -> Status:
    fields: dict[str, Any] = {
        name: getattr(appeal, name)
        for name in Status.model_fields
        if name not in ("place", "history", "reason") and hasattr(appeal, name)
    }
    if not isinstance(appeal, OnCase):
        fields["reason"] = getattr(appeal, "reason", None)
    history = [HistoryLine(at=step.at, what=step.what) for step in appeal.history]
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
