"""The JSON Schema (2020-12) of an event.

What outsiders say is closed, as it is read: a field nobody knows is refused. What we say is open, for we may add
fields, and knows no null: an optional field is there or absent.
"""

from __future__ import annotations

from typing import Any

from shared.catalogue import words
from shared.contracts import values
from shared.contracts.base import CATALOGUE, Event, IngressEvent, dataschema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def schema(event: type[Event], catalogue: str = CATALOGUE) -> Schema:
    """The schema as it is published. Raises :class:`words.Unexplained`."""
    title = words.title(event)
    return {
        "$schema": DIALECT,
        "$id": dataschema(event.type, catalogue),
        "title": f"{title.name} {event.type}",
        "description": f"{title.zh} / {title.en}",
        **shape(event, in_words=True),
    }


def shape(event: type[Event], in_words: bool = False) -> Schema:
    """Only what decides whether a message fits, with the parts under ``$defs``; with ``in_words``, what it means."""
    raw = event.model_json_schema()
    closed = issubclass(event, IngressEvent)
    parts = {
        name: _described(_shaped(part, name, closed, in_words), name)
        if in_words
        else _shaped(part, name, closed)
        for name, part in sorted(raw.pop("$defs", {}).items())
    }
    shaped = _shaped(raw, event.__name__, closed, in_words)
    return {**shaped, "$defs": parts} if parts else shaped


def _described(part: Schema, name: str) -> Schema:
    title = words.title(getattr(values, name))
    return {"title": f"{title.name} {name}", "description": f"{title.zh} / {title.en}", **part}


def _shaped(raw: Schema, model: str, closed: bool, in_words: bool = False) -> Schema:
    """One model's schema: pydantic's, without its titles and defaults."""
    fields = {name: _field(field, closed) for name, field in raw["properties"].items()}
    if in_words:
        fields = {
            name: {"description": " / ".join(words.words(model, name)), **f} for name, f in fields.items()
        }
    shaped: Schema = {"type": "object", "properties": fields}
    if raw.get("required"):
        shaped["required"] = raw["required"]
    if "anyOf" in raw:
        shaped["anyOf"] = raw["anyOf"]
    return {**shaped, "additionalProperties": not closed}


def _field(raw: Schema, closed: bool) -> Schema:
    kept = {name: raw[name] for name in sorted(raw) if name not in ("title", "default", "description")}
    if "items" in kept:
        kept["items"] = _field(kept["items"], closed)
    if "anyOf" in kept:
        ways = [_field(way, closed) for way in kept.pop("anyOf") if closed or way != {"type": "null"}]
        kept |= ways[0] if len(ways) == 1 else {"anyOf": ways}
    return kept


def resolved(schema: Schema, whole: Schema) -> Schema:
    """What a ``$ref`` to a part stands for; anything else as it is."""
    ref = schema.get("$ref")
    return whole["$defs"][ref.removeprefix("#/$defs/")] if ref else schema
