"""What outsiders say over HTTP: read as strictly as from NATS, stored on the sender's own ingress, then answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import quote
from uuid import uuid4

import orjson
from fastapi import Header, Request

from shared.contracts.base import IngressEvent
from shared.contracts.streams import MAX_DATA_BYTES
from shared.contracts.values import FieldError
from shared.http import Problem
from shared.loop.bus import NotStored
from shared.loop.decision import USED_BEFORE, Input, Refused
from shared.loop.documents import SAID, Collection, Stored, Unreachable
from shared.loop.envelope import (
    MAX_ID,
    NO_ID,
    SPEC_VERSION,
    TOO_DEEP,
    Invalid,
    Letter,
    not_json,
    read_ingress,
)
from shared.loop.handlers import Deciding, Handlers
from shared.receipts import Receipts

E = TypeVar("E", bound=IngressEvent)
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
"""The caller's own id for what it says; saying it again under the same key changes nothing."""


class Keeping(Protocol):
    """The part of the bus that stores one message durably."""

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None: ...


class Finding(Protocol):
    """The part of the documents that finds some by a field."""

    async def find(self, collection: Collection, field: str, values: Iterable[str]) -> list[Stored]: ...


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object of at most 65,536 bytes. Raises Problem 413 or 422."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_DATA_BYTES:
            problem = f"至多 {MAX_DATA_BYTES} 字节 (at most {MAX_DATA_BYTES} bytes are taken)"
            raise Problem(413, problem, [FieldError(field="data", problem=problem)])
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unusable([not_json(str(error))]) from None
    if not isinstance(value, dict):
        raise unusable([FieldError(field="data", problem="须为 JSON 对象 (a JSON object is expected)")])
    return value


def read(event: type[E], data: Mapping[str, Any], receipt: datetime) -> E:
    """The event these data are. Raises Problem 422 naming every field that is wrong."""
    try:
        body = orjson.dumps(data)
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        raise unusable([TOO_DEEP]) from None
    try:
        said = read_ingress(Letter("", event.type, None, body), event, receipt)
    except Invalid as invalid:
        raise unusable(invalid.errors) from None
    assert isinstance(said, event)
    return said


def id_of(key: str | None) -> str:
    """The event's id: the caller's key, or a fresh one. Raises Problem 422 for a key that cannot be an id."""
    if key is not None and not (0 < len(key) <= MAX_ID and key.isprintable()):
        raise unusable([FieldError(field="Idempotency-Key", problem=NO_ID)])
    return key or str(uuid4())


def check(
    handlers: Handlers,
    stored: Stored,
    said: IngressEvent,
    input: Input,
    context: Any,
    about: str,
    receipts: Receipts,
) -> None:
    """Says at once what the files it names and the stored state already show; the loop decides again. What was applied
    before is taken again.

    ``about``: the field that names the document. Raises Problem 409 where that is the matter or the id was used before
    with another body, else 422.
    """
    before = stored.applied.get(input.key)
    if before is not None:
        if before.digest != input.digest:
            raise used_before()
        return
    vetted(receipts, said, input.tenant)
    handler = handlers.by_type[said.type]
    assert isinstance(handler, Deciding)
    try:
        handler.decide(stored.state, said, input, context)
    except Refused as refused:
        over = any(error.field == about for error in refused.errors)
        raise Problem(409 if over else 422, str(refused), refused.errors) from None


def vetted(receipts: Receipts, said: IngressEvent, tenant: str) -> None:
    """Raises Problem 422 for files that are not this tenant's to attach."""
    if wrong := receipts.wrong(said, tenant):
        raise unusable(list(wrong))


def used_before() -> Problem:
    """409: the id is another message's."""
    return Problem(409, f"{USED_BEFORE.field}: {USED_BEFORE.problem}", [USED_BEFORE])


async def used_elsewhere(documents: Finding, stored: Stored, input: Input) -> None:
    """Raises Problem 409 where the sender has used this id for another document of the collection (CONTRACTS 0)."""
    among = await documents.find(stored.collection, SAID, [input.key])
    if among and all(one.id != stored.id for one in among):
        raise used_before()


async def hand_in(bus: Keeping, event: IngressEvent, tenant: str, service: str, id: str) -> None:
    """Publishes for ``tenant`` what it said; when this returns, the message is durable. Raises Problem 503."""
    headers = {
        "ce-id": quote(id, safe="-._~/:"),
        "ce-source": f"/nuanliu/{service}/http",
        "ce-specversion": SPEC_VERSION,
        "ce-type": event.type,
        "content-type": "application/json",
    }
    body = event.model_dump_json(exclude_unset=True).encode()
    try:
        await bus.single(event.subject(tenant), body, headers)
    except (Unreachable, NotStored) as error:
        raise Problem(503, str(error), retry_after=2) from error


def unusable(errors: list[FieldError]) -> Problem:
    """422, naming each field and what is the matter with it."""
    return Problem(422, "; ".join(f"{e.field}: {e.problem}" for e in errors), errors)
