"""A main bursts: three hundred households of one loop in two compounds; one case, one order, everybody told."""

from __future__ import annotations

import asyncio
from time import monotonic

from tests.e2e.journey import CONTENT, DONE
from tests.e2e.outsider import PATIENCE, Outside, now, only

SAID = "家里暖气一点都不热，从早上冷到现在"
LOOP = ("双槐树小区", "铁路家属院")
"""Two compounds of the sample district on one secondary network."""
HOUSEHOLDS = 300
LONG = 2 * PATIENCE


async def test_three_hundred_appeals_from_one_loop_are_one_case_and_one_order(outside: Outside) -> None:
    channels = outside.of_kind("channel")

    def home(number: int) -> dict[str, str]:
        building = str(1 + number % 4)
        return {"compound": LOOP[number % len(LOOP)], "building": building, "room": str(101 + number)}

    began = monotonic()
    first = await channels[0].say("submitted", {"text": SAID, "location": home(0)})

    async def hand_in(number: int) -> str:
        return await channels[number % len(channels)].say(
            "submitted", {"text": SAID, "location": home(number)}
        )

    async def dispatched() -> float:
        registered = await channels[0].hears("registered", in_reply_to=first, patience=LONG)
        await outside.everywhere.hears("assigned", case_id=registered["case_id"], patience=LONG)
        return monotonic() - began

    to_dispatch, *others = await asyncio.gather(dispatched(), *map(hand_in, range(1, HOUSEHOLDS)))
    handed_in = monotonic() - began
    told = await asyncio.gather(
        *(
            channels[number % len(channels)].hears(("registered", "merged"), in_reply_to=id, patience=LONG)
            for number, id in enumerate([first, *others])
        )
    )
    all_told = monotonic() - began

    [case_id] = {notice["case_id"] for notice in told}
    assert [notice.kind for notice in told].count("registered") == 1
    assert sorted(one["appeals"] for one in told if one.kind == "merged") == list(range(2, HOUSEHOLDS + 1))
    orders = outside.everywhere.all("assigned", case_id=case_id)
    lead = only([order for order in orders if order["role"] == "lead"])
    agency, id = outside[lead.to], lead["assignment_id"]
    last = await agency.hears("updated", assignment_id=id, appeals=HOUSEHOLDS, patience=LONG)
    assert last["households"] == HOUSEHOLDS
    updates = len(agency.all("updated", assignment_id=id))
    assert last["mass_incident"] is True
    assert last["compounds"] == len(LOOP)
    assert updates < HOUSEHOLDS / 10

    for order in orders:
        about = {"assignment_id": order["assignment_id"], "at": now()}
        await outside[order.to].say("resolved", about | DONE)
    await asyncio.gather(
        *(
            channels[number % len(channels)].hears(
                "progressed", in_reply_to=said, stage="resolved", patience=LONG
            )
            for number, said in enumerate([first, *others])
        )
    )
    due = await outside.everywhere.hears("due", case_id=case_id, patience=LONG)
    for _ in range(due["households"]):
        answer = {"task_id": due["task_id"], "at": now(), "by": {"name": "网格员"}}
        await outside[due.to].say("revisited", answer | CONTENT)
    closed = await asyncio.gather(
        *(
            channels[number % len(channels)].hears("closed", in_reply_to=said, patience=LONG)
            for number, said in enumerate([first, *others])
        )
    )
    assert {(one["case_id"], one["outcome"]) for one in closed} == {(case_id, "verified")}
    assert len(outside.everywhere.all("assigned", case_id=case_id)) == len(orders)
    print(
        f"\nburst of {HOUSEHOLDS}: dispatch after {to_dispatch:.2f} s, all handed in after {handed_in:.2f} s, "
        f"all told after {all_told:.2f} s, {updates} updates to the lead"
    )
