"""What cannot be applied: told to its sender by field and problem, kept with the dead letters as it came, and in
nobody's way. Everything bad is sent in one stretch, with something good before it and after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from tests.e2e.journey import CONTENT, DONE, LIFT, Journey, Journeys
from tests.e2e.outsider import Heard, Outside, Outsider, connect, now, only
from tests.support.live import until

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


def bytes_of(size: int, about: dict[str, Any]) -> bytes:
    """These data as JSON of exactly this size."""
    body = json.dumps(about).encode()
    return body + b" " * (size - len(body))


def whole(who: Outsider, verb: str, event: Any) -> Post:
    return verb, json.dumps(event).encode(), {"content-type": STRUCTURED}


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


@dataclass(frozen=True)
class Posted:
    """A case around which everything bad was said, and what that was."""

    journey: Journey
    good: tuple[str, str]
    sent: dict[tuple[str, str], Sent]


@pytest.fixture(scope="module")
async def posted(outside: Outside, journeys: Journeys) -> Posted:
    """A question, an acceptance, then all that is bad, then a question, a contact and the answer from the door."""
    journey = await journeys.start(LIFT, channel="grid-patrol")
    channel, agency = outside["warm-card"], journey.lead
    sent: dict[tuple[str, str], Sent] = {}

    async def post_all(who: Outsider, bad: tuple[Bad, ...]) -> None:
        for one in bad:
            verb, body, headers = one.make(who, journey)
            await who.post(verb, body, headers)
            id = headers.get("ce-id")
            if id is None and one.known:
                id = json.loads(body)["id"]
            sent[who.kind, one.name] = Sent(id, who.subject(verb), body)

    before = await channel.say("submitted", {"text": ASKED})
    await journey.lead_says("accepted")
    await asyncio.gather(post_all(channel, FROM_CHANNELS), post_all(agency, FROM_AGENCIES))
    after = await channel.say("submitted", {"text": ASKED})
    await journey.lead_says("contacted")
    await journey.lead_says("resolved", **DONE)
    due = await journey.due()
    await post_all(journey.team, FROM_TEAMS)
    await journey.answer(due, **CONTENT)
    return Posted(journey, (before, after), sent)


async def told(ear: Outsider, kind: str, sent: Sent, bad: Bad) -> Heard:
    """The answer to it: by its id, else by what is the matter."""
    if sent.id is not None:
        return await ear.hears(kind, in_reply_to=sent.id)
    found = await until(
        lambda: _now([one for one in ear.all(kind) if "in_reply_to" not in one.data and _names(one, bad)]),
        bool,
    )
    return found[0]


async def _now(value: list[Heard]) -> list[Heard]:
    return value


def _names(one: Heard, bad: Bad) -> bool:
    return any(error["field"] == bad.field and bad.problem in error["problem"] for error in one["errors"])


@pytest.mark.parametrize("bad", FROM_CHANNELS, ids=lambda bad: bad.name)
async def test_a_channel_is_told_by_name(outside: Outside, posted: Posted, bad: Bad) -> None:
    sent = posted.sent["channel", bad.name]

    rejected = await told(outside["warm-card"], "rejected", sent, bad)

    assert _names(rejected, bad), rejected.data


@pytest.mark.parametrize("bad", FROM_AGENCIES, ids=lambda bad: bad.name)
async def test_an_agency_is_told_by_name(posted: Posted, bad: Bad) -> None:
    sent = posted.sent["agency", bad.name]

    refused = await told(posted.journey.lead, "refused", sent, bad)

    assert _names(refused, bad), refused.data


@pytest.mark.parametrize("bad", FROM_TEAMS, ids=lambda bad: bad.name)
async def test_a_field_team_is_told_by_name(posted: Posted, bad: Bad) -> None:
    sent = posted.sent["team", bad.name]

    refused = await told(posted.journey.team, "refused", sent, bad)

    assert _names(refused, bad), refused.data


async def test_what_was_said_around_it_is_applied(outside: Outside, posted: Posted) -> None:
    for id in posted.good:
        await outside["warm-card"].hears("answered", in_reply_to=id)
    journey = posted.journey
    for stage in ("accepted", "contacted", "resolved"):
        await journey.channel.hears("progressed", case_id=journey.case_id, stage=stage)
    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert (closed["outcome"], closed["solved"]) == ("verified", True)


async def test_the_dead_letters_hold_every_one_of_them_as_it_came(posted: Posted, operator: Client) -> None:
    bad = {
        (kind, one.name): one
        for kind, many in (("channel", FROM_CHANNELS), ("agency", FROM_AGENCIES), ("team", FROM_TEAMS))
        for one in many
    }
    services = {
        "channel": ("intake", "INTAKE_"),
        "agency": ("response", "RESPONSE_"),
        "team": ("revisit", "FIELD_"),
    }

    async def missing() -> list[Any]:
        letters = await dead_letters(operator)
        return [
            key
            for key, sent in posted.sent.items()
            if not any(
                letter.body == sent.body
                and letter.headers["nuanliu-subject"] == sent.subject
                and bad[key].field in letter.headers["nuanliu-reason"]
                and letter.subject
                == f"dead.{services[key[0]][0]}.{services[key[0]][1]}{sent.subject.split('.')[1]}"
                and (sent.id is None or sent.id in (letter.headers.get("ce-id"), _structured_id(letter)))
                for letter in letters
            )
        ]

    await until(missing, lambda left: not left)


@dataclass(frozen=True)
class Letter:
    subject: str
    headers: dict[str, str]
    body: bytes


def _structured_id(letter: Letter) -> str | None:
    if letter.headers.get("content-type") != STRUCTURED:
        return None
    found: str | None = json.loads(letter.body).get("id")
    return found


async def dead_letters(operator: Client) -> list[Letter]:
    """Everything in the stream DEAD, as an operator reads it."""
    js = operator.jetstream()
    state = (await js.stream_info("DEAD")).state
    found = await asyncio.gather(
        *(js.get_msg("DEAD", sequence) for sequence in range(state.first_seq, state.last_seq + 1))
    )
    return [Letter(one.subject or "", one.headers or {}, one.data or b"") for one in found if one]


# --- what takes a history ---------------------------------------------------------------------------------------


async def test_another_agencys_assignment_is_refused_and_untouched(
    outside: Outside, journeys: Journeys
) -> None:
    journey = await journeys.start(LIFT)
    intruder = next(one for one in outside.of_kind("agency") if one.name not in journey.assigned)
    about = {"assignment_id": journey.order["assignment_id"], "at": now()}

    tried = [await intruder.say("accepted", about), await intruder.say("resolved", about | DONE)]
    unknown = await intruder.say("accepted", about | {"assignment_id": str(uuid4())})

    refusals = [await intruder.hears("refused", in_reply_to=id) for id in (*tried, unknown)]
    assert {error["field"] for refusal in refusals for error in refusal["errors"]} == {"assignment_id"}
    assert len({error["problem"] for refusal in refusals for error in refusal["errors"]}) == 1, (
        "whether it exists is not told"
    )
    assert not journey.channel.all("progressed", case_id=journey.case_id, stage="accepted")
    assert (await journey.finish())["outcome"] == "verified"


async def test_another_teams_task_is_refused_and_untouched(outside: Outside, journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    await journey.resolve()
    due = await journey.due()
    intruder = next(one for one in outside.of_kind("team") if one is not journey.team)

    tried = await intruder.say(
        "revisited", {"task_id": due["task_id"], "at": now(), "by": {"name": "网格员"}} | CONTENT
    )

    refused = await intruder.hears("refused", in_reply_to=tried)
    assert refused["errors"][0]["field"] == "task_id"
    assert not journey.channel.all("closed", case_id=journey.case_id)


async def test_after_the_closing_nothing_more_is_taken(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    await journey.finish()
    task = journey.team.all("due", case_id=journey.case_id)[0]
    await journey.lead.hears("verified", assignment_id=journey.order["assignment_id"])

    for verb, more in (("accepted", {}), ("resolved", DONE), ("progressed", {"note": "还在做"})):
        late = await journey.lead_says(verb, **more)
        refused = await journey.lead.hears("refused", in_reply_to=late)
        assert [error["field"] for error in refused["errors"]] == ["assignment_id"]
    late = await journey.answer(task, **CONTENT)
    refused = await journey.team.hears("refused", in_reply_to=late)
    assert [error["field"] for error in refused["errors"]] == ["task_id"]


async def test_the_same_again_is_answered_with_nothing_new(outside: Outside, journeys: Journeys) -> None:
    location, _ = journeys.place(LIFT)
    channel, id = outside["letter"], str(uuid4())
    body = {"text": LIFT, "location": location}
    reordered = {"location": dict(reversed(location.items())), "text": LIFT}

    await channel.say("submitted", body, id=id)
    registered = await channel.hears("registered", in_reply_to=id)
    await channel.say("submitted", reordered, id=id)
    await channel.say("submitted", body, id=id, structured=True)
    await channel.say("submitted", body | {"text": LIFT + "。"}, id=id)

    rejected = await channel.hears("rejected", in_reply_to=id)
    assert [error["field"] for error in rejected["errors"]] == ["id"]
    assert rejected["appeal_id"] == registered["appeal_id"]
    answers = [one.kind for one in channel.heard if one.data.get("in_reply_to") == id]
    assert [kind for kind in answers if kind != "progressed"] == ["registered", "rejected"]
    await outside.everywhere.hears("assigned", case_id=registered["case_id"])
    only(outside.everywhere.all("assigned", case_id=registered["case_id"]))


async def test_an_agency_that_says_it_twice_is_heard_once(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    about = {"assignment_id": journey.order["assignment_id"], "at": now()}
    id = str(uuid4())

    await journey.lead.say("accepted", about, id=id)
    await journey.lead.say("accepted", about, id=id)
    await journey.lead.say("accepted", about | {"note": "另一句话"}, id=id)

    refused = await journey.lead.hears("refused", in_reply_to=id)
    assert [error["field"] for error in refused["errors"]] == ["id"]
    await journey.finish()
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="accepted")
    assert len(journey.channel.all("progressed", case_id=journey.case_id, stage="accepted")) == 1
    assert len(journey.lead.all("refused", in_reply_to=id)) == 1


async def test_a_step_already_taken_changes_nothing_and_is_not_refused(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)

    await journey.resolve()
    late = [await journey.lead_says(verb) for verb in ("contacted", "accepted", "arrived")]
    closed = await journey.finish_revisit()

    assert closed["outcome"] == "verified"
    assert not [one for id in late for one in journey.lead.all("refused", in_reply_to=id)]


async def test_the_largest_that_is_taken_is_taken(outside: Outside) -> None:
    channel = outside["walk-in"]
    verb, body, headers = binary(channel, "submitted", bytes_of(LARGEST, {"text": ASKED}))

    await channel.post(verb, body, headers)

    await channel.hears("answered", in_reply_to=headers["ce-id"])


async def test_four_minutes_ahead_is_a_clock_that_is_wrong(outside: Outside) -> None:
    asked = await outside["walk-in"].say("submitted", {"text": ASKED, "reported_at": soon(4)}, time=soon(4))

    await outside["walk-in"].hears("answered", in_reply_to=asked)


async def test_over_128_kib_the_server_closes_the_connection_and_nobody_else_notices(
    outside: Outside,
) -> None:
    closed = asyncio.Event()

    async def note() -> None:
        closed.set()

    flooding = await connect(
        outside.endpoints, "walk-in", allow_reconnect=False, closed_cb=note, error_cb=_quiet
    )
    flooding._max_payload = 1 << 20  # a program that does not read what the server told it
    await flooding.publish("intake.walk-in.submitted.v1", b" " * (131_072 + 1))

    await asyncio.wait_for(closed.wait(), 10)
    after = await outside["walk-in"].say("submitted", {"text": ASKED})
    await outside["walk-in"].hears("answered", in_reply_to=after)


async def _quiet(_error: Exception) -> None:
    """Being thrown out is what is expected here."""
