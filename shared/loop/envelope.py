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

from shared.contracts.base import CATALOGUE, TYPE_PREFIX, Event, IngressEvent, Instant, dataschema
from shared.contracts.streams import EGRESS, MAX_DATA_BYTES
from shared.contracts.values import FieldError
from shared.ids import derive
from shared.loop.decision import Input, Out
from shared.loop.encoding import encoded

SPEC_VERSION = "1.0"
CLOCK_ERROR = timedelta(minutes=5)
MAX_ID = 256
MAX_ERRORS = 20
MAX_NAME = 100
"""A field's name as it is told: an unknown field's is the sender's own, of any length."""

NO_ID = f"须为 1 至 {MAX_ID} 个可打印字符 (must be 1 to {MAX_ID} printable characters)"
TOO_DEEP = FieldError(field="data", problem="嵌套过深 (nested too deeply)")

_TO_OUTSIDERS = tuple(stream.subjects[0].removesuffix(">") for stream in EGRESS.values())
_time: TypeAdapter[datetime] = TypeAdapter(Instant)


class Invalid(Exception):
    """A message that cannot be read. ``id`` and ``time`` are the sender's, when they could be made out."""

    def __init__(self, errors: list[FieldError], id: str | None = None, time: datetime | None = None) -> None:
        super().__init__("; ".join(f"{e.field}: {e.problem}" for e in errors))
        self.errors = errors
        self.id = id
        self.time = time


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

    def headers(self, source: str, catalogue: str = CATALOGUE) -> dict[str, str]:
        """``catalogue``: where outsiders find the schemas of what they are sent (``ce-dataschema``)."""
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
        if self.subject.startswith(_TO_OUTSIDERS):
            headers["ce-dataschema"] = dataschema(self.type, catalogue)
        return headers


def outgoing(out: Out, service: str, input: Input, index: int) -> Outgoing:
    """Gives an output its derived id and its decision's time.

    The id names the service, the input and the output's key or place; an outsider's input is more than its id, for
    nothing keeps an outsider from using one id for two things.
    """
    return Outgoing(
        id=output_id(out, service, input, index),
        subject=out.event.subject(out.tenant),
        type=out.event.type,
        time=input.at.isoformat(),
        about=out.about,
        body=out.event.model_dump_json(exclude_none=True),
    )


def output_id(out: Out, service: str, input: Input, index: int) -> str:
    cause = f"{input.key} {input.digest}" if input.digest else input.key
    return out.id or derive(service, cause, f"{out.event.type} {out.key}" if out.key else index)


def open_letter(subject: str, headers: Mapping[str, str] | None, data: bytes) -> Letter:
    """Reads an outsider's or our own envelope, whichever mode it came in. Raises :class:`Invalid`."""
    fields = {name.lower(): value for name, value in (headers or {}).items()}
    wrong = encoded(fields.get("content-encoding", ""), data)
    if fields.get("content-type", "").lower().startswith("application/cloudevents+json"):
        if wrong:
            raise Invalid([wrong])
        attributes, body = _structured(data)
    else:
        attributes = {k[3:]: unquote(v) for k, v in fields.items() if k.startswith("ce-")}
        body = data
        content_type = fields.get("content-type", "application/json").lower().split(";")[0].strip()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise Invalid(
                [
                    _wrong(
                        "content-type",
                        "须为 application/json 或 application/cloudevents+json "
                        "(must be application/json or application/cloudevents+json)",
                    )
                ],
                _readable(attributes.get("id")),
            )
    return _letter(subject, attributes, body, wrong)


def _structured(data: bytes) -> tuple[dict[str, Any], bytes]:
    # The envelope around the data may be as large as the server lets through; the data's own limit is checked later.
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid([not_json(str(error))]) from None
    if not isinstance(whole, dict):
        raise Invalid([_wrong("data", "结构化事件须为 JSON 对象 (a structured event is a JSON object)")])
    body = whole.pop("data", None)
    if body is None:
        raise Invalid([_wrong("data", "is required")], _readable(whole.get("id")))
    try:
        return whole, orjson.dumps(body)
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        raise Invalid([TOO_DEEP], _readable(whole.get("id"))) from None


def _letter(subject: str, attributes: dict[str, Any], body: bytes, wrong: FieldError | None = None) -> Letter:
    errors = [wrong] if wrong else []
    for name in ("id", "source", "specversion", "type"):
        value = attributes.get(name)
        if value is None or value == "":
            errors.append(_wrong(name, "is required"))
        elif not isinstance(value, str):
            errors.append(_wrong(name, "必须为文本 (must be text)"))
    id = attributes.get("id")
    known = _readable(id)
    if id and known is None and isinstance(id, str):
        errors.append(_wrong("id", NO_ID))
    if attributes.get("specversion") not in (None, "", SPEC_VERSION):
        errors.append(_wrong("specversion", "必须为 1.0 (must be 1.0)"))
    expected = type_of(subject)
    if isinstance(attributes.get("type"), str) and attributes["type"] not in ("", expected):
        errors.append(
            _wrong("type", f"与主题不符，应为 {expected} (does not fit the subject, expected {expected})")
        )
    time: datetime | None = None
    if attributes.get("time") is not None:
        try:
            time = _time.validate_python(attributes["time"])
        except ValidationError:
            errors.append(_wrong("time", "须为 RFC 3339 并带时区 (must be RFC 3339 with an offset)"))
    if len(body) > MAX_DATA_BYTES:
        size = len(body)
        errors.append(
            _wrong(
                "data",
                f"{size} 字节，至多 {MAX_DATA_BYTES} ({size} bytes, at most {MAX_DATA_BYTES} are taken)",
            )
        )
    if errors:
        raise Invalid(errors, known, time)
    return Letter(id=str(id), type=expected, time=time, data=body)


def _readable(id: Any) -> str | None:
    """An id that can be named in an answer."""
    return id if isinstance(id, str) and 0 < len(id) <= MAX_ID and id.isprintable() else None


def type_of(subject: str) -> str:
    """The type of an event on this subject: the subject without its tenant."""
    tokens = subject.split(".")
    outer = tokens[0] in ("intake", "notice", "dispatch", "response", "revisit", "field")
    return TYPE_PREFIX + (".".join([tokens[0], *tokens[2:]]) if outer else subject)


def legible(data: bytes) -> dict[str, Any]:
    """The fields of a message as far as it can be read, whichever mode it came in; nothing to decide on."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(said, dict) and "specversion" in said:
        said = said.get("data")
    return said if isinstance(said, dict) else {}


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
        raise Invalid(_named(error), letter.id, letter.time) from None
    ahead = [
        _wrong(name, "比收到时间快 5 分钟以上 (lies more than 5 minutes ahead of the receipt)")
        for name, time in (("time", letter.time), *event.happened())
        if time is not None and time - receipt > CLOCK_ERROR
    ]
    if ahead:
        raise Invalid(ahead, letter.id, letter.time)
    return event


def not_json(why: str) -> FieldError:
    """Bytes that a parser took for no JSON. How deep is too deep is each parser's own: some hundred levels."""
    return TOO_DEEP if "limit exceeded" in why else _wrong("data", f"不是 JSON (not JSON: {why})")


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
            found.append(not_json(item["msg"].removeprefix("Invalid JSON: ")))
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
