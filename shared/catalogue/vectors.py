"""Test vectors: whole messages in both modes, to be taken, and for what outsiders say, to be refused.

Made of the examples in `shared/contracts/examples`: each as it is, and the first reduced to what is required. What we
say is written by the writer that the services use; what outsiders say, as a client would.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any

import orjson

from shared.catalogue.outside import OUTSIDERS, Outsider
from shared.catalogue.schemas import Schema, resolved, shape
from shared.contracts.base import CATALOGUE, Event, IngressEvent
from shared.contracts.examples import examples, refusals
from shared.loop.envelope import Outgoing

Vector = dict[str, Any]

STRUCTURED = "application/cloudevents+json"
RECEIVED = "2027-06-01T12:00:00+08:00"
"""When the messages that are taken arrive: every time in them has passed."""

REFUSED_AT = "2026-11-18T12:00:00+08:00"
"""When the messages that are refused arrive: some of them lie ahead."""

SAID_AT = "2026-11-18T08:20:00+08:00"
CASE = "6d2f1c9e-77aa-5b3e-9f0d-2a8b6cc0b002"
OUR_ID = "5f1b8a52-6f0a-5d5e-8a0c-3b2f7d10e0aa"
THEIR_ID = "20261118-000731"

SPOILT_ENVELOPES: tuple[tuple[str, str, str, str], ...] = (
    ("without ce-id", "id", "", "is required"),
    ("of another type", "type", "nuanliu.no.such.v1", "does not fit the subject"),
    ("of another version", "specversion", "0.3", "must be 1.0"),
    ("at no time there is", "time", "2026-11-18T08:20:00", "RFC 3339"),
)
"""(what it is, the attribute spoilt, its value or empty to leave it out, words found in the problem)"""


def vectors(event: type[Event], catalogue: str = CATALOGUE) -> dict[str, Any]:
    """All vectors of one type, as they are published."""
    outsider = next(one for one in OUTSIDERS if event in one.says or event in one.hears)
    if issubclass(event, IngressEvent):
        return {
            "type": event.type,
            "said_by": outsider.kind,
            "taken": [
                {"name": name, "received": RECEIVED, **_said(event, outsider, data)}
                for name, data in _bodies(event).items()
            ],
            "refused": list(_refused(event, outsider)),
        }
    return {
        "type": event.type,
        "heard_by": outsider.kind,
        "taken": [
            {"name": name, **_heard(event, outsider, data, catalogue)}
            for name, data in _bodies(event).items()
        ],
    }


def _bodies(event: type[Event]) -> dict[str, dict[str, Any]]:
    all_of = examples(event.type)
    whole = shape(event)
    return {**all_of, "minimal": _reduced(all_of["full"], whole, whole)}


def _reduced(value: Any, schema: Schema, whole: Schema) -> Any:
    """``value`` without anything optional, lists with one item."""
    schema = resolved(schema, whole)
    if isinstance(value, list):
        return [_reduced(item, schema["items"], whole) for item in value[:1]]
    if not isinstance(value, dict):
        return value
    one_way = schema.get("anyOf", [{}])[0]
    needed = {*schema.get("required", ()), *one_way.get("required", ())}
    return {
        name: _reduced(inner, schema["properties"][name], whole)
        for name, inner in value.items()
        if name in needed
    }


def _said(event: type[Event], outsider: Outsider, data: Any, **spoilt: str) -> Vector:
    attributes = {
        "id": THEIR_ID,
        "source": f"/{outsider.example}",
        "specversion": "1.0",
        "type": event.type,
        "time": SAID_AT,
        **spoilt,
    }
    return _in_both_modes(event.subject(outsider.example), attributes, data)


def _heard(event: type[Event], outsider: Outsider, data: dict[str, Any], catalogue: str) -> Vector:
    said = event.model_validate(data)
    out = Outgoing(
        id=OUR_ID,
        subject=event.subject(outsider.example),
        type=event.type,
        time=datetime.fromisoformat(SAID_AT).isoformat(),
        about=data.get("appeal_id", "") if outsider.kind == "channel" else "" if "errors" in data else CASE,
        body=said.model_dump_json(exclude_none=True),
    )
    headers = out.headers(f"/nuanliu/{outsider.publisher}", catalogue)
    attributes = {
        name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")
    }
    vector = _in_both_modes(out.subject, attributes, orjson.loads(out.body))
    vector["binary"] |= {"headers": headers, "body": out.body}
    return vector


def _in_both_modes(subject: str, attributes: dict[str, str], data: Any) -> Vector:
    kept = {name: value for name, value in attributes.items() if value}
    whole = {**kept, "datacontenttype": "application/json", "data": data}
    return {
        "data": data,
        "binary": {
            "subject": subject,
            "headers": {**{f"ce-{name}": v for name, v in kept.items()}, "content-type": "application/json"},
            "body": orjson.dumps(data).decode(),
        },
        "structured": {
            "subject": subject,
            "headers": {"content-type": STRUCTURED},
            "body": orjson.dumps(whole).decode(),
        },
    }


def _refused(event: type[Event], outsider: Outsider) -> Iterator[Vector]:
    for refusal in refusals(event.type):
        told = {"field": refusal["field"], "problem_has": refusal["problem"]}
        vector = _said(event, outsider, refusal.get("data"))
        if "body" in refusal:
            # What is no JSON can stand in no JSON envelope.
            vector = {"binary": vector["binary"] | {"body": refusal["body"]}}
        yield {"name": f"{refusal['field']}: {refusal['problem']}", "received": REFUSED_AT, **vector, **told}
    data = _bodies(event)["minimal"]
    for name, attribute, value, problem in SPOILT_ENVELOPES:
        vector = _said(event, outsider, deepcopy(data), **{attribute: value})
        yield {
            "name": name,
            "received": REFUSED_AT,
            **vector,
            "field": attribute,
            "problem_has": problem,
        }
