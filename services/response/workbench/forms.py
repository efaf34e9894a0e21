"""What a clerk may say, as forms: which in which state, of which fields, and a filled-in one as data of the contract.

An input has the name of the field it fills (``readings.0.celsius``), so a problem of the contract or of the rules finds
its place. The data are made of what was typed and nothing else: the same form sent twice says the same, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.response.domain.assignment import Assignment, Deferred, Live
from services.response.workbench import words
from shared.contracts.values import Attachment, FieldError

Kind = Literal["line", "text", "time", "choice", "readings", "photos"]
MOST_READINGS = 2
MOST_PHOTOS = 6


@dataclass(frozen=True)
class Field:
    """One question. ``options``: what may be chosen, code -> words; ``hint``: what helps to answer."""

    name: str
    label: str
    kind: Kind
    required: bool = False
    options: Mapping[str, str] | None = None
    hint: str = ""


@dataclass(frozen=True)
class Form:
    """One thing to say. ``main``: a step on the way to the end, and not a way out."""

    verb: str
    title: str
    button: str
    fields: tuple[Field, ...]
    main: bool = False


_AT = Field("at", "时间", "time", required=True)
_BY = Field("by.name", "经办人", "line")
_NOTE = Field("note", "备注", "text")

FORMS: tuple[Form, ...] = (
    Form("accepted", "签收", "签收", (_AT, _BY, _NOTE), main=True),
    Form(
        "contacted",
        "已联系群众",
        "报已联系",
        (_AT, Field("how", "怎样联系的", "line", hint="例如：电话、上门"), _BY, _NOTE),
        main=True,
    ),
    Form("arrived", "已到场", "报已到场", (_AT, _BY, _NOTE), main=True),
    Form(
        "resolved",
        "办结",
        "报办结",
        (
            Field("outcome", "结果", "choice", required=True, options=words.OUTCOMES),
            Field("measures", "做了什么", "text", required=True),
            Field("reply", "给居民的答复", "text", required=True, hint="居民会看到这段话"),
            Field("root_cause", "原因", "text"),
            Field("readings", "室温", "readings"),
            Field("evidence", "照片", "photos", hint=f"可以直接拍照，至多 {MOST_PHOTOS} 张，每张至多 10 MB"),
            Field(
                "excuse.code",
                "不应由本单位负责的理由",
                "choice",
                options=words.EXCUSES,
                hint="须经中心批准才算数",
            ),
            Field("excuse.until", "理由有效到", "time"),
            _AT,
            _BY,
            _NOTE,
        ),
        main=True,
    ),
    Form("progressed", "报进展", "报进展", (Field("note", "进展", "text"), _AT, _BY)),
    Form(
        "extension_requested",
        "申请延期",
        "申请延期",
        (
            Field("until", "延到", "time", required=True),
            Field("reason", "理由", "text", required=True),
            _AT,
            _BY,
        ),
    ),
    Form(
        "deferral_requested",
        "申请缓办",
        "申请缓办",
        (
            Field("kind", "缓办原因", "choice", required=True, options=words.DEFERRALS),
            Field("reason", "理由", "text", required=True),
            Field("plan", "计划", "text", required=True, hint="谁、何时、怎样办"),
            Field("review_at", "复核日期", "time", required=True),
            _AT,
            _BY,
        ),
    ),
    Form(
        "returned",
        "退单",
        "退单",
        (
            Field("reason_code", "为什么退", "choice", required=True, options=words.RETURN_REASONS),
            Field("reason", "说明", "text", required=True),
            Field("suggested_agency", "建议转给", "choice"),
            _AT,
            _BY,
        ),
    ),
)
BY_VERB = {form.verb: form for form in FORMS}
STEP_OF = {"accepted": "accept", "contacted": "contact", "arrived": "arrive", "resolved": "resolve"}


def offered(assignment: Assignment) -> list[Form]:
    """What may be said now and would change something."""
    if isinstance(assignment, Live):
        return [form for form in FORMS if STEP_OF.get(form.verb) not in assignment.taken]
    if isinstance(assignment, Deferred):
        return [BY_VERB["resolved"], BY_VERB["progressed"], BY_VERB["returned"]]
    return []


def filled(
    form: Form, typed: Mapping[str, str], photos: Sequence[Attachment], zone: ZoneInfo
) -> dict[str, Any]:
    """The data of the contract that these inputs say; what was left empty is absent. Times without an offset are the
    district's."""
    data: dict[str, Any] = {}
    for field in form.fields:
        if field.kind == "readings":
            readings = [_reading(typed, number, zone) for number in range(MOST_READINGS)]
            if found := [one for one in readings if one is not None]:
                data["readings"] = found
        elif field.kind == "photos":
            if photos:
                data["evidence"] = [photo.model_dump() for photo in photos]
        elif value := typed.get(field.name, "").strip():
            said = _instant(value, zone) if field.kind == "time" else value.replace("\r\n", "\n")
            outer, _, inner = field.name.partition(".")
            if inner:
                data.setdefault(outer, {})[inner] = said
            else:
                data[outer] = said
    return data


def placed(form: Form, errors: Sequence[FieldError]) -> tuple[dict[str, list[str]], list[str]]:
    """Problems by the input they stand beside, and those that belong to none, each in the clerk's words."""
    names = {field.name for field in form.fields}
    beside: dict[str, list[str]] = {}
    above: list[str] = []
    for error in errors:
        said = words.problem(error.problem)
        name = next((name for name in _outwards(error.field) if name in names), None)
        if name is None and error.field == "excuse":
            name = "excuse.code" if "excuse.code" in names else None
        if name is None:
            above.append(said)
        else:
            beside.setdefault(name, []).append(said)
    return beside, above


def _outwards(path: str) -> list[str]:
    """readings.0.celsius, readings.0, readings."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _reading(typed: Mapping[str, str], number: int, zone: ZoneInfo) -> dict[str, Any] | None:
    """One measured temperature, or None where none was typed."""
    at = f"readings.{number}."
    celsius = typed.get(f"{at}celsius", "").strip()
    if not celsius:
        return None
    reading: dict[str, Any] = {"celsius": _number(celsius), "room": typed.get(f"{at}room", "")}
    reading["at"] = _instant(typed.get("at", "").strip(), zone)
    for said in ("doors_closed", "signed"):
        if typed.get(at + said):
            reading[said] = True
    return reading


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _instant(value: str, zone: ZoneInfo) -> str:
    """With the district's offset; what is no time stays as it is, and is refused by name."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return at.isoformat() if at.tzinfo is not None else at.replace(tzinfo=zone).isoformat()
