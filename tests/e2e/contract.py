"""What the contracts promise about every event, field by field, in an outsider's words.

A field whose name ends in ``?`` may be absent; none may be null. Further fields are welcome and ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs/contracts/schemas"
Check = Callable[[Any], bool]
Shape = dict[str, Any]


def text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def time(value: Any) -> bool:
    """RFC 3339 with an offset."""
    written = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return isinstance(value, str) and re.fullmatch(written, value) is not None and _is_moment(value)


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def one_of(*choices: str) -> Check:
    def check(value: Any) -> bool:
        return value in choices

    check.__name__ = "|".join(choices)
    return check


POINT: Shape = {"lon": number, "lat": number, "crs": one_of("wgs84", "gcj02")}
LOCATION: Shape = {
    "address?": text,
    "compound?": text,
    "building?": text,
    "entrance?": text,
    "room?": text,
    "grid_code?": text,
    "point?": POINT,
}
CONTACT: Shape = {"name?": text, "phone_masked?": text, "phone?": text}
ATTACHMENT: Shape = {"id": text, "media_type": text, "sha256": text}
READING: Shape = {
    "celsius": number,
    "room": one_of("living_room", "bedroom", "other"),
    "at": time,
    "photo?": text,
    "doors_closed?": flag,
    "signed?": flag,
}
ERROR: Shape = {"field": text, "problem": text}
CLOSED: Shape = {
    "scope": one_of("hour", "matter"),
    "matter?": text,
    "until": time,
    "answered": count,
    "unanswered": count,
}
SATISFACTION = one_of("satisfied", "basically_satisfied", "dissatisfied")
STEP = one_of("accept", "contact", "arrive", "resolve")

NOTICE: Shape = {"appeal_id": text, "external_ref?": text, "in_reply_to": text}
STAGES = ("dispatched", "accepted", "contacted", "arrived", "resolved", "rework", "deferred", "escalated")
SHAPES: dict[str, Shape] = {
    "notice.registered": NOTICE | {"case_id": text, "case_no": text, "instead_of?": text},
    "notice.merged": NOTICE | {"case_id": text, "case_no": text, "appeals": count, "instead_of?": text},
    "notice.answered": NOTICE | {"answer": text},
    "notice.not_accepted": NOTICE | {"reason_code": text, "reason": text},
    "notice.rejected": {
        "appeal_id?": text,
        "external_ref?": text,
        "in_reply_to?": text,
        "errors": [ERROR],
        "closed?": CLOSED,
    },
    "notice.progressed": NOTICE | {"case_id": text, "stage": one_of(*STAGES), "at": time},
    "notice.closed": NOTICE
    | {
        "case_id": text,
        "outcome": one_of("verified", "not_verified", "withdrawn"),
        "reply": text,
        "solved?": flag,
        "satisfaction?": SATISFACTION,
    },
    "dispatch.assigned": {
        "assignment_id": text,
        "case_id": text,
        "case_no": text,
        "role": one_of("lead", "assist"),
        "lead_agency": text,
        "mode": one_of("self", "joint", "whistle", "taskforce"),
        "nature": one_of("consultation", "help", "complaint", "report_of_wrongdoing", "suggestion", "praise"),
        "category": {"code": text, "path": [text]},
        "urgency": one_of("emergency", "urgent", "normal"),
        "summary": text,
        "text?": text,
        "location": LOCATION,
        "reported_at": time,
        "indoor_temperature?": number,
        "contact?": CONTACT,
        "confidential": flag,
        "key_household": flag,
        "appeals": count,
        "households": count,
        "attachments?": [ATTACHMENT],
        "accept_by": time,
        "contact_by?": time,
        "arrive_by?": time,
        "report_in_by?": time,
        "resolve_by": time,
        "policy": re.compile(r"[^@]+@[^@]+").fullmatch,
        "rework?": {"previous": text, "count": count, "reason": text, "readings?": [READING]},
        "step?": {"number": count, "of": count, "task": text},
        "supplements?": [text],
    },
    "dispatch.updated": {
        "assignment_id": text,
        "appeals": count,
        "households": count,
        "places?": [LOCATION],
        "contact?": CONTACT,
        "attachments?": [ATTACHMENT],
        "urged?": count,
        "compounds?": count,
        "key_household?": flag,
        "mass_incident?": flag,
        "urgency?": one_of("emergency", "urgent", "normal"),
        "meeting?": {"when": time, "where": text, "agenda": text},
        "text?": text,
    },
    "dispatch.reminded": {"assignment_id": text, "deadline": STEP, "due": time, "overdue": flag},
    "dispatch.supervised": {"assignment_id": text, "level": count, "reason": text},
    "dispatch.withdrawn": {"assignment_id": text, "reason": text},
    "dispatch.extension_decided": {
        "assignment_id": text,
        "granted": flag,
        "resolve_by": time,
        "reason": text,
    },
    "dispatch.deferral_decided": {
        "assignment_id": text,
        "granted": flag,
        "kind": one_of("season", "engineering", "funding", "other"),
        "review_at?": time,
        "reason": text,
    },
    "dispatch.verified": {
        "assignment_id": text,
        "held": flag,
        "satisfaction?": SATISFACTION,
        "readings?": [READING],
    },
    "dispatch.refused": {"in_reply_to?": text, "errors": [ERROR], "closed?": CLOSED},
    "revisit.due": {
        "task_id": text,
        "case_id?": text,
        "case_no?": text,
        "kind": one_of("revisit", "spot_check", "visit", "recheck"),
        "location": LOCATION,
        "contact?": CONTACT,
        "households?": count,
        "measure": flag,
        "due_by": time,
        "attempt": count,
    },
    "revisit.withdrawn": {"task_id": text, "reason": text},
    "revisit.refused": {"in_reply_to?": text, "errors": [ERROR], "closed?": CLOSED},
}


def wrong_with(tenant: str, subject: str, headers: dict[str, str], data: dict[str, Any]) -> Iterator[str]:
    """Everything about an event that the contract does not allow."""
    root, to, kind, version = subject.split(".")
    if (to, version) != (tenant, "v1"):
        yield f"came to {tenant}"
    for name, wanted in (
        ("ce-specversion", "1.0"),
        ("ce-type", f"nuanliu.{root}.{kind}.v1"),
        ("content-type", "application/json"),
    ):
        if headers.get(name) != wanted:
            yield f"{name} is {headers.get(name)!r}, not {wanted!r}"
    for name in ("ce-id", "ce-source"):
        if not headers.get(name):
            yield f"{name} is missing"
    if not time(headers.get("ce-time")):
        yield f"ce-time is {headers.get('ce-time')!r}"
    about = {"notice": "appeal_id", "dispatch": "case_id"}.get(root)
    if about in data and headers.get("ce-subject") != data[about]:
        yield f"ce-subject is {headers.get('ce-subject')!r}"
    if root == "dispatch" and kind != "refused" and not headers.get("ce-subject"):
        yield "ce-subject is missing"
    if f"{root}.{kind}" not in SHAPES:
        yield "is in no contract"
        return
    yield from _misfits(data, SHAPES[f"{root}.{kind}"], "")
    file = f"nuanliu.{root}.{kind}.v1.json"
    if not headers.get("ce-dataschema", "").endswith(f"/docs/schemas/{file}"):
        yield f"ce-dataschema is {headers.get('ce-dataschema')!r}"
    for error in _schema(file).iter_errors(data):
        yield f"does not fit {file}: {error.json_path} {error.message}"


@cache
def _schema(file: str) -> Draft202012Validator:
    """The committed schema, as an outsider finds it in the documents."""
    return Draft202012Validator(json.loads((SCHEMAS / file).read_text(encoding="utf-8")))


def _misfits(value: Any, wanted: Any, where: str) -> Iterator[str]:
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            yield f"{where} is not an object"
            return
        for name, inner in wanted.items():
            key = name.removesuffix("?")
            if key in value:
                yield from _misfits(value[key], inner, f"{where}.{key}")
            elif key == name:
                yield f"{where}.{key} is missing"
    elif isinstance(wanted, list):
        if not isinstance(value, list) or not value:
            yield f"{where} is not a list of something"
            return
        for index, item in enumerate(value):
            yield from _misfits(item, wanted[0], f"{where}.{index}")
    elif not wanted(value):
        yield f"{where} is {value!r}"
