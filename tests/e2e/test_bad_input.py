"""What cannot be applied: told to its sender by field and problem, kept with the dead letters as it came, and in
nobody's way. Everything bad is sent in one stretch, with something good before it and after it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from nats.aio.client import Client

from tests.e2e.bad_messages import (
    ASKED,
    FROM_AGENCIES,
    FROM_CHANNELS,
    FROM_TEAMS,
    LARGEST,
    STRUCTURED,
    Bad,
    Sent,
    binary,
    bytes_of,
    soon,
)
from tests.e2e.journey import CONTENT, DONE, LIFT, Journey, Journeys
from tests.e2e.outsider import Heard, Outside, Outsider, connect
from tests.support.live import until


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
