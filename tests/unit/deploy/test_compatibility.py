"""Which change of a published schema is allowed, in the direction its events go; and that two judges agree on it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deploy.catalogue import ALL, BORDERS, current
from deploy.compatibility import Breach, Direction, Schema, breaches, escapes, inlined, outside, within
from shared.catalogue.vectors import vectors
from shared.contracts.base import IngressEvent

SHAPES = current()
SUBMITTED = "nuanliu.intake.submitted.v1"
URGED = "nuanliu.intake.urged.v1"
ASSIGNED = "nuanliu.dispatch.assigned.v1"
VERIFIED = "nuanliu.dispatch.verified.v1"
CLOSED = "nuanliu.case.closed.v1"
JOINED = "nuanliu.case.assigned.v1"

Edit = Callable[[Schema], Any]
TEXT = {"type": "string"}


def changed(type: str, edit: Edit) -> list[Breach]:
    """What is said of an event whose schema was published as it is, and is edited now."""
    new = copy.deepcopy(SHAPES[type])
    edit(new)
    return breaches(type, BORDERS[type], SHAPES[type], new)


def field(schema: Schema, path: str) -> Schema:
    """The schema of ``a.b``; of one that may be null, what it is otherwise."""
    whole = schema
    for name in path.split("."):
        schema = schema["properties"][name]
        ways = [way for way in schema.get("anyOf", []) if way != {"type": "null"}]
        schema = ways[0] if ways else schema
        schema = schema.get("items", schema)
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def gone(path: str) -> Edit:
    def edit(schema: Schema) -> None:
        holder, name = holder_of(schema, path)
        del holder["properties"][name]
        holder["required"] = [one for one in holder.get("required", []) if one != name]

    return edit


def holder_of(schema: Schema, path: str) -> tuple[Schema, str]:
    parent, _, name = path.rpartition(".")
    return (field(schema, parent) if parent else schema), name


def added(path: str, required: bool = False) -> Edit:
    def edit(schema: Schema) -> None:
        holder, name = holder_of(schema, path)
        holder["properties"][name] = dict(TEXT)
        if required:
            holder.setdefault("required", []).append(name)

    return edit


def required(path: str) -> Edit:
    def edit(schema: Schema) -> None:
        holder, name = holder_of(schema, path)
        holder.setdefault("required", []).append(name)

    return edit


def optional(path: str) -> Edit:
    def edit(schema: Schema) -> None:
        holder, name = holder_of(schema, path)
        holder["required"].remove(name)

    return edit


def with_limits(path: str, **limits: Any) -> Edit:
    return lambda schema: field(schema, path).update(limits)


def shorter_list(name: str, most: int) -> Edit:
    return lambda schema: schema["properties"][name]["anyOf"][0].update(maxItems=most)


def without(path: str, keyword: str) -> Edit:
    return lambda schema: field(schema, path).pop(keyword)


def becoming(path: str, new: Schema) -> Edit:
    def edit(schema: Schema) -> None:
        holder, name = holder_of(schema, path)
        holder["properties"][name] = new

    return edit


NATURES = ["consultation", "help", "complaint", "report_of_wrongdoing", "suggestion", "praise"]
TAKEN, FITTING = Direction.TAKEN, Direction.FITTING

BROKEN: dict[str, tuple[str, Edit, str, Direction]] = {
    # what outsiders say: every old message must still be taken
    "a field is gone": (SUBMITTED, gone("category"), "category", TAKEN),
    "a field of a part is gone": (SUBMITTED, gone("location.room"), "location.room", TAKEN),
    "a new field is required": (SUBMITTED, added("district", required=True), "district", TAKEN),
    "a field becomes required": (SUBMITTED, required("location"), "location", TAKEN),
    "a field of a part becomes required": (SUBMITTED, required("reporter.phone"), "reporter.phone", TAKEN),
    "a value is no longer taken": (SUBMITTED, with_limits("nature", enum=NATURES[:-1]), "nature", TAKEN),
    "a text may be less long": (SUBMITTED, with_limits("text", maxLength=3000), "text", TAKEN),
    "a text must be longer": (SUBMITTED, with_limits("text", minLength=2), "text", TAKEN),
    "a text must look otherwise": (SUBMITTED, with_limits("text", pattern="^[^!]+$"), "text", TAKEN),
    "a text must look somehow": (
        SUBMITTED,
        with_limits("external_ref", pattern="^RX"),
        "external_ref",
        TAKEN,
    ),
    "a text must be a time": (
        SUBMITTED,
        with_limits("external_ref", format="date-time"),
        "external_ref",
        TAKEN,
    ),
    "a text must be one of few": (SUBMITTED, with_limits("category", enum=["heating"]), "category", TAKEN),
    "a range is narrower": (
        SUBMITTED,
        with_limits("indoor_temperature", maximum=50),
        "indoor_temperature",
        TAKEN,
    ),
    "an item may be less long": (
        SUBMITTED,
        with_limits("attachments.id", maxLength=5),
        "attachments[].id",
        TAKEN,
    ),
    "a list may be less long": (SUBMITTED, shorter_list("attachments", 10), "attachments", TAKEN),
    "a number must be whole": (
        SUBMITTED,
        becoming("indoor_temperature", {"type": "integer", "minimum": -60, "maximum": 60}),
        "indoor_temperature",
        TAKEN,
    ),
    "a text becomes a number": (SUBMITTED, becoming("text", {"type": "number"}), "text", TAKEN),
    "null is no longer taken": (
        SUBMITTED,
        becoming("external_ref", {"type": "string", "minLength": 1, "maxLength": 128}),
        "external_ref",
        TAKEN,
    ),
    "one of two ways is closed": (URGED, lambda s: s["anyOf"].pop(), "appeal_id", TAKEN),
    # what we say to outsiders: every new message must fit the old reader
    "we leave out what was always there": (ASSIGNED, optional("case_no"), "case_no", FITTING),
    "we leave out a field of a part": (ASSIGNED, optional("category.path"), "category.path", FITTING),
    "we drop a field": (ASSIGNED, gone("contact"), "contact", FITTING),
    "we drop a field that was required": (ASSIGNED, gone("summary"), "summary", FITTING),
    "we say a value nobody knows": (
        ASSIGNED,
        with_limits("urgency", enum=["emergency", "urgent", "normal", "soon"]),
        "urgency",
        FITTING,
    ),
    "we say anything at all": (ASSIGNED, without("urgency", "enum"), "urgency", FITTING),
    "we say another type": (ASSIGNED, becoming("households", TEXT), "households", FITTING),
    "we say null": (ASSIGNED, becoming("text", {"anyOf": [TEXT, {"type": "null"}]}), "text", FITTING),
    "we measure beyond the range": (
        VERIFIED,
        with_limits("readings.celsius", maximum=90),
        "readings[].celsius",
        FITTING,
    ),
    "we say a time otherwise": (ASSIGNED, without("accept_by", "pattern"), "accept_by", FITTING),
    "we say no time": (ASSIGNED, without("accept_by", "format"), "accept_by", FITTING),
    # between services: both
    "a copy of yesterday misses a field": (CLOSED, optional("reply"), "reply", FITTING),
    "a copy of yesterday knows no such value": (
        CLOSED,
        with_limits("outcome", enum=["verified", "not_verified", "withdrawn", "moot"]),
        "outcome",
        FITTING,
    ),
    "messages of yesterday lack a field": (CLOSED, added("channel", required=True), "channel", TAKEN),
    "messages of yesterday have a value": (
        CLOSED,
        with_limits("outcome", enum=["verified"]),
        "outcome",
        TAKEN,
    ),
    "messages of yesterday lack a part's field": (
        JOINED,
        added("category.unit", required=True),
        "category.unit",
        TAKEN,
    ),
    "a field between services is gone": (CLOSED, gone("on_time"), "on_time", FITTING),
}

KEPT: dict[str, tuple[str, Edit]] = {
    "a new optional field": (SUBMITTED, added("district")),
    "a new optional field in a part": (SUBMITTED, added("location.floor")),
    "a field need no longer be there": (SUBMITTED, optional("text")),
    "a further value is taken": (SUBMITTED, with_limits("nature", enum=[*NATURES, "thanks"])),
    "a text may be longer": (SUBMITTED, with_limits("text", maxLength=5000)),
    "a text may look any way": (SUBMITTED, without("text", "pattern")),
    "a range is wider": (SUBMITTED, with_limits("indoor_temperature", maximum=80)),
    "a whole number may be broken": (SUBMITTED, with_limits("reporter.represents_households", type="number")),
    "either way, and neither": (URGED, lambda s: s.pop("anyOf")),
    "we say more": (ASSIGNED, added("district")),
    "we say more, always": (ASSIGNED, added("district", required=True)),
    "we say more in a part": (ASSIGNED, added("location.floor", required=True)),
    "we say always what we said at times": (ASSIGNED, required("contact")),
    "we say fewer values": (ASSIGNED, with_limits("urgency", enum=["urgent", "normal"])),
    "we promise shorter text": (ASSIGNED, with_limits("summary", maxLength=100)),
    "services say more": (CLOSED, added("channel")),
    "services say more in a part": (JOINED, added("place.district")),
}


@pytest.mark.parametrize(("type", "edit", "name", "direction"), BROKEN.values(), ids=BROKEN.keys())
def test_a_breach_is_named_by_event_field_and_direction(
    type: str, edit: Edit, name: str, direction: Direction
) -> None:
    found = changed(type, edit)

    assert {(breach.type, breach.field, breach.direction) for breach in found} == {(type, name, direction)}
    said, reader = direction.value
    assert str(found[0]).startswith(f"{type}: {name}: ")
    assert str(found[0]).endswith(f"({said} must fit {reader})")


@pytest.mark.parametrize(("type", "edit"), KEPT.values(), ids=KEPT.keys())
def test_a_change_that_breaks_nobody_is_allowed(type: str, edit: Edit) -> None:
    assert changed(type, edit) == []


@pytest.mark.parametrize("keyword", ["multipleOf", "uniqueItems", "oneOf", "not", "contains"])
def test_what_nobody_can_judge_is_refused(keyword: str) -> None:
    [breach] = changed(SUBMITTED, with_limits("text", **{keyword: {}}))

    assert breach.problem == f"{keyword}: cannot be judged"


@pytest.mark.parametrize("type", SHAPES)
def test_both_judges_find_every_schema_within_itself(type: str) -> None:
    assert outside(SHAPES[type], copy.deepcopy(SHAPES[type])) == []


# --- random edits ---------------------------------------------------------------------------------------------------


def places(
    schema: Schema, whole: Schema | None = None, seen: frozenset[str] = frozenset()
) -> Iterator[Schema]:
    """Every schema within a schema, the parts too."""
    whole = whole or schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name not in seen:
            yield from places(whole["$defs"][name], whole, seen | {name})
        return
    yield schema
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items")):
        if inner and "required" not in inner:
            yield from places(inner, whole, seen)


def _narrower(place: Schema, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Fewer messages fit than before."""
    kind = place.get("type")
    if kind == "object" and place["properties"]:
        loose = sorted(place["properties"].keys() - {*place.get("required", ())})
        assume(loose)
        place["required"] = [*place.get("required", ()), draw(st.sampled_from(loose))]
    elif len(place.get("enum", ())) > 1:
        place["enum"] = place["enum"][1:]
    elif kind == "string" and "pattern" not in place and "enum" not in place:
        place["maxLength"] = place.get("maxLength", 1000) - 1
    elif kind in ("number", "integer"):
        place["maximum"] = place.get("maximum", 1000) - 1
    elif kind == "array":
        place["maxItems"] = place.get("maxItems", 1000) - 1
    else:
        assume(False)


def _wider(place: Schema, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """More messages fit than before."""
    kind = place.get("type")
    if kind == "object":
        assume(place.get("required"))
        place["required"].remove(draw(st.sampled_from(sorted(place["required"]))))
    elif "enum" in place:
        place["enum"] = [*place["enum"], f"further-{len(place['enum'])}"]
    elif "maxLength" in place:
        place["maxLength"] += 1
    elif "maximum" in place:
        place["maximum"] += 1
    elif "maxItems" in place:
        place["maxItems"] += 1
    else:
        assume(False)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_random_edits_are_judged_by_the_direction_alone(data: st.DataObject) -> None:
    type = data.draw(st.sampled_from(sorted(SHAPES)))
    narrow = data.draw(st.booleans())
    new = copy.deepcopy(SHAPES[type])
    place = data.draw(st.sampled_from([one for one in places(new) if one.get("type") != "null"]))

    (_narrower if narrow else _wider)(place, data.draw)

    allowed = {"ingress": not narrow, "egress": narrow, "inner": False}[BORDERS[type]]
    assert (breaches(type, BORDERS[type], SHAPES[type], new) == []) == allowed


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_the_two_judges_agree_where_the_library_sees_enough(data: st.DataObject) -> None:
    said, reader = (copy.deepcopy(SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))]) for _ in range(2))
    if data.draw(st.booleans()):
        reader = copy.deepcopy(said)
    for schema in (said, reader):
        for place in places(schema):
            place.pop("pattern", None)
            place.pop("format", None)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.sampled_from([one for one in places(reader) if one.get("type") != "null"]))
        data.draw(st.sampled_from([_narrower, _wider]))(place, data.draw)
    left, right = inlined(said, said), inlined(reader, reader)

    assert within(left, right) == (not list(escapes(left, right)))


OUTER = [event for event in ALL if event.to_tenant]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_where_nothing_is_found_no_message_is_lost(data: st.DataObject) -> None:
    """Messages, not schemas: whatever fits the one fits the other, unless a breach was named."""
    event = data.draw(st.sampled_from(OUTER))
    old, new = SHAPES[event.type], copy.deepcopy(SHAPES[event.type])
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from([one for one in places(new) if one.get("type") != "null"]))
        data.draw(st.sampled_from([_narrower, _wider]))(place, data.draw)
    assume(breaches(event.type, BORDERS[event.type], old, new) == [])
    said, reader = (old, new) if issubclass(event, IngressEvent) else (new, old)

    for vector in vectors(event)["taken"]:
        body = json.loads(json.dumps(vector["data"]))
        for name in data.draw(st.sets(st.sampled_from(sorted(body)), max_size=2)):
            body[name] = data.draw(st.sampled_from(["further", "x" * 4001, 61, 100_001, None, [], {}]))
        if Draft202012Validator(said).is_valid(body):
            assert Draft202012Validator(reader).is_valid(body)
