"""CloudEvents 1.0 over NATS: binary mode out, binary and structured in (DESIGN 2, CONTRACTS 0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.contracts.base import TYPE_PREFIX, Event, IngressEvent, Instant
from shared.contracts.streams import MAX_DATA_BYTES
from shared.contracts.values import FieldError
from shared.ids import derive
from shared.loop.decision import Input, Out

SPEC_VERSION = "1.0"
CLOCK_ERROR = timedelta(minutes=5)
MAX_ID = 256
MAX_ERRORS = 20
MAX_NAME = 100
"""A field's name as it is told: an unknown field's is the sender's own, of any length."""

_time: TypeAdapter[datetime] = TypeAdapter(Instant)


class Invalid(Exception):
    """A message that cannot be read. ``id`` is the sender's, when it could be made out."""

    def __init__(self, errors: list[FieldError], id: str | None = None) -> None:
        super().__init__("; ".join(f"{e.field}: {e.problem}" for e in errors))
        self.errors = errors
        self.id = id


@dataclass(frozen=True, slots=True)
class Letter:
    """An envelope taken apart; ``data`` is still JSON bytes."""

    id: str
    type: str
    time: datetime | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event ready to be published, as it is recorded in an outbox."""

    id: str
    subject: str
    type: str
    time: str
    about: str
    body: str

    def headers(self, source: str) -> dict[str, str]:
        headers = {
            "Nats-Msg-Id": self.id,
            "ce-id": self.id,
            "ce-source": source,
            "ce-specversion": SPEC_VERSION,
            "ce-type": self.type,
            "ce-time": self.time,
            "content-type": "application/json",
        }
        if self.about:
            headers["ce-subject"] = quote(self.about, safe="-._~/:")
        return headers


def outgoing(out: Out, service: str, input: Input, index: int) -> Outgoing:
    """Gives an output its derived id and its decision's time.

    The id names the service, the input and the output's key or place; an outsider's input is more than its id, for
    nothing keeps an outsider from using one id for two things.
    """
    cause = f"{input.key} {input.digest}" if input.digest else input.key
    return Outgoing(
        id=out.id or derive(service, cause, f"{out.event.type} {out.key}" if out.key else index),
        subject=out.event.subject(out.tenant),
        type=out.event.type,
        time=input.at.isoformat(),
        about=out.about,
        body=out.event.model_dump_json(exclude_none=True),
    )


def open_letter(subject: str, headers: Mapping[str, str] | None, data: bytes) -> Letter:
    """Reads an outsider's or our own envelope, whichever mode it came in. Raises :class:`Invalid`."""
    fields = {name.lower(): value for name, value in (headers or {}).items()}
    if fields.get("content-type", "").lower().startswith("application/cloudevents+json"):
        attributes, body = _structured(data)
    else:
        attributes = {k[3:]: unquote(v) for k, v in fields.items() if k.startswith("ce-")}
        body = data
        content_type = fields.get("content-type", "application/json").lower().split(";")[0].strip()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise Invalid(
                [_wrong("content-type", "must be application/json or application/cloudevents+json")],
                _readable(attributes.get("id")),
            )
    return _letter(subject, attributes, body)


def _structured(data: bytes) -> tuple[dict[str, Any], bytes]:
    # The envelope around the data may be as large as the server lets through; the data's own limit is checked later.
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid([_wrong("data", f"not JSON: {error}")]) from None
    if not isinstance(whole, dict):
        raise Invalid([_wrong("data", "a structured event is a JSON object")])
    body = whole.pop("data", None)
    if body is None:
        raise Invalid([_wrong("data", "is required")], _readable(whole.get("id")))
    return whole, orjson.dumps(body)


def _letter(subject: str, attributes: dict[str, Any], body: bytes) -> Letter:
    errors: list[FieldError] = []
    for name in ("id", "source", "specversion", "type"):
        value = attributes.get(name)
        if value is None or value == "":
            errors.append(_wrong(name, "is required"))
        elif not isinstance(value, str):
            errors.append(_wrong(name, "must be text"))
    id = attributes.get("id")
    known = _readable(id)
    if id and known is None and isinstance(id, str):
        errors.append(_wrong("id", f"must be 1 to {MAX_ID} printable characters"))
    if attributes.get("specversion") not in (None, "", SPEC_VERSION):
        errors.append(_wrong("specversion", f"must be {SPEC_VERSION}"))
    expected = TYPE_PREFIX + _without_tenant(subject)
    if isinstance(attributes.get("type"), str) and attributes["type"] not in ("", expected):
        errors.append(_wrong("type", f"does not fit the subject, expected {expected}"))
    time: datetime | None = None
    if attributes.get("time") is not None:
        try:
            time = _time.validate_python(attributes["time"])
        except ValidationError:
            errors.append(_wrong("time", "must be RFC 3339 with an offset"))
    if len(body) > MAX_DATA_BYTES:
        errors.append(_wrong("data", f"{len(body)} bytes, at most {MAX_DATA_BYTES} are taken"))
    if errors:
        raise Invalid(errors, known)
    return Letter(id=str(id), type=expected, time=time, data=body)


def _readable(id: Any) -> str | None:
    """An id that can be named in an answer."""
    return id if isinstance(id, str) and 0 < len(id) <= MAX_ID and id.isprintable() else None


def _without_tenant(subject: str) -> str:
    tokens = subject.split(".")
    outer = tokens[0] in ("intake", "notice", "dispatch", "response", "revisit", "field")
    return ".".join([tokens[0], *tokens[2:]]) if outer else subject


def read_own(letter: Letter, event_type: type[Event]) -> Event:
    """Our own events are read tolerantly. Raises :class:`Invalid`."""
    try:
        return event_type.model_validate_json(letter.data)
    except ValidationError as error:
        raise Invalid(_named(error), letter.id) from None


def read_ingress(letter: Letter, event_type: type[IngressEvent], receipt: datetime) -> IngressEvent:
    """Outsiders' events are read strictly: no unknown field, no coercion, no time ahead. Raises :class:`Invalid`."""
    try:
        event = event_type.model_validate_json(letter.data, strict=True, extra="forbid")
    except ValidationError as error:
        raise Invalid(_named(error), letter.id) from None
    ahead = [
        _wrong(name, "lies more than 5 minutes ahead of the receipt")
        for name, time in (("time", letter.time), *event.happened())
        if time is not None and time - receipt > CLOCK_ERROR
    ]
    if ahead:
        raise Invalid(ahead, letter.id)
    return event


def digest(event: Event) -> str:
    """Equal type and equal JSON values give the same fingerprint, whatever the bytes."""
    text = event.type + event.model_dump_json(exclude_unset=True)
    return blake2b(text.encode(), digest_size=9).hexdigest()


def _wrong(field: str, problem: str) -> FieldError:
    return FieldError(field=field, problem=problem)


def _named(error: ValidationError) -> list[FieldError]:
    """Pydantic's findings as field and problem, never echoing what was sent."""
    found: list[FieldError] = []
    for item in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_ERRORS]:
        name = ".".join(
            str(part) for part in item["loc"] if part not in ("function-after", "function-before")
        )[:MAX_NAME]
        if item["type"] == "json_invalid":
            found.append(_wrong("data", f"not JSON: {item['msg'].removeprefix('Invalid JSON: ')}"))
        elif item["type"] == "extra_forbidden":
            found.append(_wrong(name, "unknown field"))
        elif item["type"] == "missing":
            found.append(_wrong(name, "is required"))
        else:
            problem = item["msg"].removeprefix("Value error, ")
            found.append(
                _wrong(
                    name or problem.split(" ")[0] if item["type"] == "value_error" else name or "data",
                    problem,
                )
            )
    return found


def now() -> datetime:
    """The wall clock, for the edges; decisions get their time as data."""
    return datetime.now(UTC)
