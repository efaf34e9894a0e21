"""Messages that cannot be applied, how each is made, and what its sender is to be told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.e2e.journey import CONTENT, DONE, Journey
from tests.e2e.outsider import Outsider, now

ASKED = "请问暖气费可以在手机上交吗"
LARGEST = 65_536
STRUCTURED = "application/cloudevents+json"
Post = tuple[str, bytes, dict[str, str]]


@dataclass(frozen=True)
class Bad:
    """One thing that cannot be applied: how it is made, and what its sender is to be told."""

    name: str
    make: Callable[[Outsider, Journey], Post]
    field: str
    problem: str = ""
    known: bool = True
    """Whether its id could be made out."""


@dataclass(frozen=True)
class Sent:
    """What was published, and under which id."""

    id: str | None
    subject: str
    body: bytes


def binary(who: Outsider, verb: str, body: bytes, **attributes: str | None) -> Post:
    """Bytes as they are, with all the attributes there must be but those set to None."""
    said = who.attributes(verb) | attributes
    headers = {f"ce-{name}": value for name, value in said.items() if value is not None}
    return verb, body, {"content-type": "application/json"} | headers


def data(who: Outsider, verb: str, value: Any, **attributes: str | None) -> Post:
    return binary(who, verb, json.dumps(value, ensure_ascii=False).encode(), **attributes)


def compressed(post: Post) -> Post:
    verb, body, headers = post
    return verb, gzip.compress(body), headers | {"content-encoding": "gzip"}


def bytes_of(size: int, about: dict[str, Any]) -> bytes:
    """These data as JSON of exactly this size."""
    body = json.dumps(about).encode()
    return body + b" " * (size - len(body))


def whole(who: Outsider, verb: str, event: Any) -> Post:
    return verb, json.dumps(event).encode(), {"content-type": STRUCTURED}


def deep(post: Post) -> Post:
    """With one more field, of more levels than are read; it is closed again on each."""
    verb, body, headers = post
    return verb, body.replace(b'"DEEP"', b"[" * 300 + b"]" * 300), headers


def soon(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def appeal(**changes: Any) -> Callable[[Outsider, Journey], Post]:
    return lambda who, _: data(who, "submitted", {"text": ASKED} | changes)


def mine(verb: str, **changes: Any) -> Callable[[Outsider, Journey], Post]:
    """Something about the lead's own assignment; a field set to None is left out."""

    def make(who: Outsider, journey: Journey) -> Post:
        said = {"assignment_id": journey.order["assignment_id"], "at": now()} | changes
        return data(who, verb, {name: value for name, value in said.items() if value is not None})

    return make


def door(**changes: Any) -> Callable[[Outsider, Journey], Post]:
    """An answer from the door of the team's own task."""

    def make(who: Outsider, journey: Journey) -> Post:
        task = journey.team.all("due", case_id=journey.case_id)[0]["task_id"]
        said = {"task_id": task, "at": now(), "by": {"name": "网格员"}} | CONTENT | changes
        return data(who, "revisited", {name: value for name, value in said.items() if value is not None})

    return make


FROM_CHANNELS = (
    Bad("not JSON", lambda who, _: binary(who, "submitted", b'{"text": "'), "data", "not JSON"),
    Bad("not UTF-8", lambda who, _: binary(who, "submitted", b'{"text": "\xff\xfe"}'), "data"),
    Bad("nothing at all", lambda who, _: binary(who, "submitted", b""), "data", "not JSON"),
    Bad("a list", lambda who, _: data(who, "submitted", [{"text": ASKED}]), "data"),
    Bad("no text", lambda who, _: data(who, "submitted", {}), "text", "required"),
    Bad("an empty text", appeal(text=""), "text"),
    Bad("a text too long", appeal(text="冷" * 4001), "text"),
    Bad("an unknown field", appeal(colour="red"), "colour", "unknown field"),
    Bad("an unknown field within", appeal(location={"flat": "1"}), "location.flat", "unknown field"),
    Bad("a number for a text", appeal(text=12), "text"),
    Bad("a text for a number", appeal(indoor_temperature="16"), "indoor_temperature"),
    Bad("a number for a flag", appeal(reporter={"anonymous": 1}), "reporter.anonymous"),
    Bad("no such nature", appeal(nature="rage"), "nature"),
    Bad("a time without offset", appeal(reported_at="2026-11-20T08:00:00"), "reported_at", "offset"),
    Bad("no such day", appeal(reported_at="2026-02-30T08:00:00+08:00"), "reported_at"),
    Bad("six minutes ahead", lambda who, j: appeal(reported_at=soon(6))(who, j), "reported_at", "ahead"),
    Bad(
        "one byte too many",
        lambda who, _: binary(who, "submitted", bytes_of(LARGEST + 1, {"text": ASKED})),
        "data",
        "65537 bytes",
    ),
    Bad(
        "no id",
        lambda who, _: data(who, "submitted", {"text": ASKED}, id=None),
        "id",
        "required",
        known=False,
    ),
    Bad(
        "no source", lambda who, _: data(who, "submitted", {"text": ASKED}, source=None), "source", "required"
    ),
    Bad(
        "no version",
        lambda who, _: data(who, "submitted", {"text": ASKED}, specversion=None),
        "specversion",
        "required",
    ),
    Bad(
        "another version",
        lambda who, _: data(who, "submitted", {"text": ASKED}, specversion="0.3"),
        "specversion",
    ),
    Bad("no type", lambda who, _: data(who, "submitted", {"text": ASKED}, type=None), "type", "required"),
    Bad(
        "a type that does not fit",
        lambda who, _: data(who, "submitted", {"text": ASKED}, type="nuanliu.intake.urged.v1"),
        "type",
    ),
    Bad(
        "a ce-time without offset",
        lambda who, _: data(who, "submitted", {"text": ASKED}, time="2026-11-20T08:00:00"),
        "time",
    ),
    Bad(
        "a ce-time ahead",
        lambda who, _: data(who, "submitted", {"text": ASKED}, time=soon(6)),
        "time",
        "ahead",
    ),
    Bad("no such verb", lambda who, _: data(who, "shouted", {"text": ASKED}), "type"),
    Bad(
        "another content type",
        lambda who, _: (
            "submitted",
            b"text=cold",
            {f"ce-{k}": v for k, v in who.attributes("submitted").items()} | {"content-type": "text/plain"},
        ),
        "content-type",
    ),
    Bad(
        "structured, not JSON",
        lambda who, _: ("submitted", b"<event/>", {"content-type": STRUCTURED}),
        "data",
        "not JSON",
        known=False,
    ),
    Bad("structured, no data", lambda who, _: whole(who, "submitted", who.attributes("submitted")), "data"),
    Bad(
        "structured, no id",
        lambda who, _: whole(
            who,
            "submitted",
            {k: v for k, v in who.attributes("submitted").items() if k != "id"} | {"data": {}},
        ),
        "id",
        "required",
        known=False,
    ),
    Bad("nested too deeply", lambda w, j: deep(appeal(x="DEEP")(w, j)), "data", "nested too deeply"),
    Bad(
        "structured, nested too deeply",
        lambda who, _: deep(
            whole(who, "submitted", who.attributes("submitted") | {"data": {"text": ASKED, "x": "DEEP"}})
        ),
        "data",
        "nested too deeply",
    ),
    Bad("about nothing", lambda who, _: data(who, "urged", {}), "appeal_id", "required"),
    Bad("withdrawn without a reason", lambda who, _: data(who, "withdrawn", {"external_ref": "x"}), "reason"),
    Bad(
        "an unknown appeal",
        lambda who, _: data(who, "urged", {"appeal_id": str(uuid4())}),
        "appeal_id",
    ),
    Bad(
        "an unknown number",
        lambda who, _: data(who, "withdrawn", {"external_ref": "no such", "reason": "x"}),
        "external_ref",
    ),
    Bad(
        "another channel's appeal",
        lambda who, journey: data(who, "urged", {"appeal_id": journey.appeal_id}),
        "appeal_id",
    ),
)

FROM_AGENCIES = (
    Bad("not JSON", lambda who, _: binary(who, "accepted", b"accepted"), "data", "not JSON"),
    Bad("an unknown field", mine("accepted", hurry=True), "hurry", "unknown field"),
    Bad("no time", mine("accepted", at=None), "at", "required"),
    Bad("a time without offset", mine("accepted", at="2026-11-20T08:00:00"), "at", "offset"),
    Bad("a bare number for a time", mine("accepted", at=1_763_600_000), "at"),
    Bad("six minutes ahead", lambda who, j: mine("accepted", at=soon(6))(who, j), "at", "ahead"),
    Bad("before it was made", lambda who, j: mine("accepted", at=soon(-600))(who, j), "at", "before"),
    Bad(
        "UTF-16",
        lambda who, j: binary(
            who,
            "accepted",
            json.dumps({"assignment_id": j.order["assignment_id"], "at": now()}).encode("utf-16"),
        ),
        "data",
        "UTF-16",
    ),
    Bad(
        "a byte order mark",
        lambda who, j: binary(
            who,
            "accepted",
            json.dumps({"assignment_id": j.order["assignment_id"], "at": now()}).encode("utf-8-sig"),
        ),
        "data",
        "byte order mark",
    ),
    Bad("compressed", lambda who, j: compressed(mine("accepted")(who, j)), "content-encoding", "gzip"),
    Bad(
        "one byte too many",
        lambda who, j: binary(
            who,
            "accepted",
            bytes_of(LARGEST + 1, {"assignment_id": j.order["assignment_id"], "at": now()}),
        ),
        "data",
        "65537 bytes",
    ),
    Bad("no id", lambda who, _: data(who, "accepted", {}, id=None), "id", "required", known=False),
    Bad("an unknown assignment", mine("accepted", assignment_id=str(uuid4())), "assignment_id"),
    Bad("resolved without a reply", mine("resolved", outcome="solved", measures="x"), "reply", "required"),
    Bad("no such outcome", mine("resolved", **DONE | {"outcome": "done"}), "outcome"),
    Bad("no such reason", mine("returned", reason_code="tired", reason="x"), "reason_code"),
    Bad(
        "no such agency",
        mine("returned", reason_code="not_ours", reason="x", suggested_agency="nobody"),
        "suggested_agency",
    ),
    Bad(
        "time that is past",
        lambda w, j: mine("extension_requested", until=soon(-9), reason="x")(w, j),
        "until",
    ),
    Bad(
        "a reading without a room",
        lambda w, j: mine("resolved", **DONE, readings=[{"celsius": 20, "at": now()}])(w, j),
        "readings.0.room",
        "required",
    ),
)

FROM_TEAMS = (
    Bad("not JSON", lambda who, _: binary(who, "revisited", b"{}}"), "data", "not JSON"),
    Bad("an unknown field", door(weather="snow"), "weather", "unknown field"),
    Bad("nobody", door(by=None), "by", "required"),
    Bad("a time without offset", door(at="2026-11-20 08:00:00"), "at", "offset"),
    Bad("six minutes ahead", lambda w, j: door(at=soon(6))(w, j), "at", "ahead"),
    Bad("no such satisfaction", door(satisfaction="delighted"), "satisfaction"),
    Bad(
        "a reading without offset",
        door(readings=[{"celsius": 20.1, "room": "bedroom", "at": "2026-11-20T08:00:00"}]),
        "readings.0.at",
        "offset",
    ),
    Bad("an unknown task", door(task_id=str(uuid4())), "task_id"),
    Bad("fewer than no findings", lambda w, _: data(
        w, "patrolled", {"at": now(), "by": {"name": "网格员"}, "grid_code": "g", "findings": -1}
    ), "findings"),
)  # fmt: skip
