"""May a schema of v1 become this one? Old and new shapes compared in the direction that DESIGN 2 gives them.

Two judges, and both must be content. A walk over both schemas names the field; it knows the keywords that our
contracts use and refuses to judge any other. The library jsonsubschema judges the whole, but not patterns and formats:
of equal patterns it forgets the lengths beside them, formats it ignores (docs/decisions/0020).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from jsonsubschema import isSubschema

Schema = dict[str, Any]
Border = Literal["ingress", "egress", "inner"]
"""Who says it to whom: an outsider to us, we to an outsider, one service to another."""


class Direction(Enum):
    """What must lie within what: (who said it, who reads it)."""

    TAKEN = ("an old message", "the new reader")
    FITTING = ("a new message", "the old reader")


DIRECTIONS: dict[Border, tuple[Direction, ...]] = {
    "ingress": (Direction.TAKEN,),
    "egress": (Direction.FITTING,),
    "inner": (Direction.FITTING, Direction.TAKEN),
}


@dataclass(frozen=True)
class Breach:
    """``field`` is dotted, ``[]`` an item of a list, empty the message as a whole."""

    type: str
    field: str
    problem: str
    direction: Direction

    def __str__(self) -> str:
        said, reader = self.direction.value
        return f"{self.type}: {self.field or 'the message'}: {self.problem} ({said} must fit {reader})"


def breaches(type: str, border: Border, old: Schema, new: Schema) -> list[Breach]:
    """Why ``old`` must not become ``new``; empty when it may."""
    if old == new:
        return []
    found = []
    for direction in DIRECTIONS[border]:
        said, reader = (old, new) if direction is Direction.TAKEN else (new, old)
        if border == "inner" and direction is Direction.TAKEN:
            # What lies in our streams has the old fields and no others: a field added since was not there.
            said = _closed(said)
        found += [Breach(type, field, problem, direction) for field, problem in outside(said, reader)]
    return found


def outside(said: Schema, reader: Schema) -> list[tuple[str, str]]:
    """(field, problem) of every way in which a message that fits ``said`` may not fit ``reader``."""
    left, right = inlined(said, said), inlined(reader, reader)
    found = list(dict.fromkeys(escapes(left, right)))
    if not found and not within(left, right):
        found.append(("", "jsonsubschema finds messages that do not fit"))
    return found


def within(left: Schema, right: Schema) -> bool:
    """The library's judgement; False also where it gives none."""
    try:
        return bool(isSubschema(_for_library(left), _for_library(right)))
    except (Exception, SystemExit):  # the library ends the process over what it does not know
        return False


def inlined(schema: Schema, whole: Schema) -> Schema:
    """Without references and annotations; one value is an enumeration of one."""
    if "$ref" in schema:
        return inlined(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    kept = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if "properties" in kept:
        kept["properties"] = {name: inlined(inner, whole) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = inlined(kept["items"], whole)
    if "anyOf" in kept:
        kept["anyOf"] = [inlined(way, whole) for way in kept["anyOf"]]
    return kept


_ANNOTATIONS = ("$defs", "$schema", "$id", "title", "description", "default", "examples")


def _closed(schema: Any) -> Any:
    """The same with nothing unknown in any object."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: False if name == "additionalProperties" and isinstance(value, bool) else _closed(value)
        for name, value in schema.items()
    }


def _for_library(schema: Schema) -> Schema:
    """As jsonsubschema can judge it: no patterns, no formats, alternatives spelt out, no empty `required`."""
    ways = _ways(schema)
    if len(ways) > 1:
        return {"anyOf": [_for_library(way) for way in ways]}
    kept = {
        name: value for name, value in ways[0].items() if name not in ("pattern", "format") and value != []
    }
    if "properties" in kept:
        kept["properties"] = {name: _for_library(inner) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _for_library(kept["items"])
    return kept


def _ways(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, each without ``anyOf``. One beside other keywords narrows them."""
    if "anyOf" not in schema:
        return [schema]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return [_narrowed(rest, one) for way in schema["anyOf"] for one in _ways(way)]


def _narrowed(schema: Schema, way: Schema) -> Schema:
    """Both at once, as far as our contracts do it: further required fields, and fields that must be of one type."""
    if not schema:
        return way
    fields = dict(schema.get("properties", {}))
    for name, only in way.get("properties", {}).items():
        kept = [one for one in _ways(fields.get(name, only)) if _type(one) == _type(only)]
        fields[name] = kept[0] if len(kept) == 1 else {"anyOf": kept}
    required = sorted({*schema.get("required", ()), *way.get("required", ())})
    narrowed = schema | {"properties": fields, "required": required}
    if way.keys() - {"required", "properties"} or any(
        only.keys() != {"type"} for only in way.get("properties", {}).values()
    ):
        narrowed["anyOf of something else"] = way
    return narrowed


def escapes(left: Schema, right: Schema, where: str = "") -> Iterator[tuple[str, str]]:
    """Our own judgement: (field, problem) where a message that fits ``left`` may not fit ``right``."""
    rights = _ways(right)
    for way in _ways(left):
        tried = [list(_one_escapes(way, other, where)) for other in rights]
        if all(tried):
            same = [found for found, other in zip(tried, rights, strict=True) if _type(other) == _type(way)]
            yield from min(same or tried, key=len)


def _one_escapes(left: Schema, right: Schema, where: str) -> Iterator[tuple[str, str]]:
    """Neither has alternatives any more."""
    if not right:
        return
    unjudged = (left.keys() | right.keys()) - _JUDGED.get(_type(right), set())
    if any(isinstance(one.get("additionalProperties"), dict) for one in (left, right)):
        unjudged.add("additionalProperties of one kind")
    if unjudged:
        yield where, f"{', '.join(sorted(unjudged))}: cannot be judged"
    elif _type(left) != _type(right) and (_type(left), _type(right)) != ("integer", "number"):
        yield where, f"is of type {_type(left)}, {_type(right)} is expected"
    elif "enum" in right or "enum" in left:
        yield from _values_escape(left, right, where)
    elif _type(right) == "object":
        yield from _fields_escape(left, right, where)
    else:
        yield from _limits_escape(left, right, where)
        if _type(right) == "array":
            yield from escapes(left.get("items", {}), right.get("items", {}), f"{where}[]")


_JUDGED = {
    "object": {"type", "properties", "required", "additionalProperties"},
    "array": {"type", "items", "minItems", "maxItems"},
    "string": {"type", "enum", "minLength", "maxLength", "pattern", "format"},
    "number": {"type", "enum", "minimum", "maximum"},
    "integer": {"type", "enum", "minimum", "maximum"},
    "boolean": {"type", "enum"},
    "null": {"type"},
}


def _type(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _fields_escape(left: Schema, right: Schema, where: str) -> Iterator[tuple[str, str]]:
    said, read = left.get("properties", {}), right.get("properties", {})
    open_left, open_right = (one.get("additionalProperties", True) for one in (left, right))
    inside = f"{where}." if where else ""
    for name in sorted({*right.get("required", ())} - {*left.get("required", ())}):
        yield inside + name, "may be absent, but is required"
    for name, field in said.items():
        if name in read:
            yield from escapes(field, read[name], inside + name)
        elif not open_right:
            yield inside + name, "is not known"
    if open_left:
        for name in read.keys() - said.keys():
            yield inside + name, "is gone: anything might stand in its place"
        if not open_right:
            yield where, "is open, but must be closed"


def _values_escape(left: Schema, right: Schema, where: str) -> Iterator[tuple[str, str]]:
    if "enum" not in left:
        yield where, "may be anything, but only certain values are known"
    elif "enum" in right:
        unknown = [value for value in left["enum"] if value not in right["enum"]]
        if unknown:
            yield where, f"may be {', '.join(map(str, unknown))}, which is not known"
    else:
        for value in left["enum"]:
            if not _fits(value, right):
                yield where, f"may be {value}, which does not fit"


def _fits(value: Any, schema: Schema) -> bool:
    if "format" in schema:
        return False
    if isinstance(value, str):
        longest = schema.get("maxLength", len(value))
        return schema.get("minLength", 0) <= len(value) <= longest and bool(
            re.search(schema.get("pattern", ""), value)
        )
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))


def _limits_escape(left: Schema, right: Schema, where: str) -> Iterator[tuple[str, str]]:
    for name in ("minLength", "minItems", "minimum"):
        if name in right and left.get(name, 0 if name != "minimum" else float("-inf")) < right[name]:
            yield where, f"{name} is {left.get(name, 'none')}, {right[name]} is expected"
    for name in ("maxLength", "maxItems", "maximum"):
        if name in right and left.get(name, float("inf")) > right[name]:
            yield where, f"{name} is {left.get(name, 'none')}, {right[name]} is expected"
    for name in ("pattern", "format"):
        if name in right and left.get(name) != right[name]:
            yield where, f"{name} is {left.get(name, 'none')}, {right[name]} is expected"
