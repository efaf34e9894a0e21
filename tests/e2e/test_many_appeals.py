"""Several residents about one thing: one case, everybody told, everybody counted."""

from __future__ import annotations

import asyncio

from tests.e2e.journey import COLD, CONTENT, Journeys, fresh_ref
from tests.e2e.outsider import Outside, only


async def test_a_second_appeal_joins_the_case_and_both_hear_how_it_ended(
    outside: Outside, journeys: Journeys
) -> None:
    journey = await journeys.start(COLD)
    other, ref = outside["wechat-grid"], fresh_ref()
    location = {**journey.order["location"], "building": "5", "room": "101"}

    second = await other.say("submitted", {"text": COLD, "location": location, "external_ref": ref})

    merged = await other.hears("merged", in_reply_to=second)
    assert merged["external_ref"] == ref
    assert (merged["case_id"], merged["case_no"], merged["appeals"]) == (journey.case_id, journey.case_no, 2)
    assert merged["appeal_id"] != journey.appeal_id
    updated = await journey.lead.hears("updated", assignment_id=journey.order["assignment_id"])
    assert (updated["appeals"], updated["households"]) == (2, 2)
    assert {place.get("building") for place in updated["places"]} == {"2", "5"}

    await journey.resolve()
    due = await journey.due()
    assert due["households"] == 2
    for _ in range(2):
        await journey.answer(due, **CONTENT)

    for channel, id in ((journey.channel, journey.appeals[0][1]), (other, second)):
        closed = await channel.hears("closed", in_reply_to=id)
        assert (closed["case_id"], closed["outcome"], closed["solved"]) == (journey.case_id, "verified", True)
    assert not other.all("registered", in_reply_to=second)


async def test_after_the_closing_the_same_complaint_is_a_new_case(
    outside: Outside, journeys: Journeys
) -> None:
    journey = await journeys.start(COLD)
    closed = await journey.finish()
    assert closed["outcome"] == "verified"

    async def anew() -> str:
        again = await outside["qr-door"].say(
            "submitted", {"text": COLD, "location": {**journey.order["location"], "room": "402"}}
        )
        registered = await outside["qr-door"].hears("registered", in_reply_to=again)
        return str(registered["case_id"])

    assert await anew() != journey.case_id


async def test_a_burst_from_one_compound_is_one_case(outside: Outside, journeys: Journeys) -> None:
    location, _ = journeys.place(COLD)
    channels = outside.of_kind("channel")

    said = await asyncio.gather(
        *(
            channels[number % len(channels)].say(
                "submitted", {"text": COLD, "location": {**location, "building": str(1 + number % 8)}}
            )
            for number in range(40)
        )
    )

    told = await asyncio.gather(
        *(
            channels[number % len(channels)].hears(("registered", "merged"), in_reply_to=id)
            for number, id in enumerate(said)
        )
    )
    assert len({notice["case_id"] for notice in told}) == 1
    assert [notice.kind for notice in told].count("registered") == 1
    assert sorted(notice["appeals"] for notice in told if notice.kind == "merged") == list(range(2, 41))
    assigned = await outside.everywhere.hears("assigned", case_id=told[0]["case_id"])
    last = await outside[assigned.to].hears("updated", assignment_id=assigned["assignment_id"], appeals=40)
    assert last["households"] == 40
    only(outside.everywhere.all("assigned", case_id=told[0]["case_id"]))


async def test_one_appeal_may_speak_for_several_households(outside: Outside, journeys: Journeys) -> None:
    reporter = {"name": "周某", "phone": "13900001111", "represents_households": 3}

    journey = await journeys.start(COLD, reporter=reporter)

    assert (journey.order["appeals"], journey.order["households"]) == (1, 3)
    await journey.resolve()
    due = await journey.due()
    assert due["households"] == 3
    for _ in range(3):
        await journey.answer(due, **CONTENT)
    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert closed["outcome"] == "verified"
