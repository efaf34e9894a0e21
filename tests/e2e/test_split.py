"""Forty households of one loop turn out to have two problems: the desk splits one compound off, both cases go on and
end each for its own, everybody hears of theirs, and every appeal is counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

import httpx

from services.intake.domain.receive import matter_key
from shared.policy import load
from tests.e2e.journey import CONTENT, DONE, warm
from tests.e2e.outsider import PATIENCE, Heard, Outside, Outsider, now, only
from tests.e2e.test_figures import answered, of, samples
from tests.support.appeals import SAMPLE
from tests.support.live import until

SAID = "家里暖气一点都不热，从早上冷到现在"
HERE, THERE = "双槐树小区", "铁路家属院"
"""Two compounds of the sample district on one secondary network."""
HOUSEHOLDS = 40
LONG = 2 * PATIENCE
WORD = {"reason": "现场核实：该小区楼内立管漏水，与换热站无关", "by": "值班长"}
Http = dict[str, httpx.AsyncClient]
Home = tuple[Outsider, str]


def code(name: str) -> str:
    return next(one.code for one in load(SAMPLE).places.compounds if one.name == name)


async def counted(http: Http) -> tuple[float, float]:
    """Appeals that opened a case and that joined one, as Prometheus reads them."""
    found = await samples(http["metrics"])
    opened, joined = (
        of(found, "nuanliu_appeals_total", outcome=outcome) for outcome in ("registered", "merged")
    )
    return opened, joined


async def hand_in(outside: Outside, number: int) -> Home:
    channels = outside.of_kind("channel")
    channel = channels[number % len(channels)]
    home = {"compound": (HERE, THERE)[number % 2], "building": "2", "room": str(101 + number)}
    return channel, await channel.say("submitted", {"text": SAID, "location": home})


async def each_hears(homes: Iterable[Home], kind: str | tuple[str, ...], **data: Any) -> list[Heard]:
    return await asyncio.gather(
        *(channel.hears(kind, in_reply_to=id, patience=LONG, **data) for channel, id in homes)
    )


async def lead_of(outside: Outside, case_id: str) -> Heard:
    return await outside.everywhere.hears("assigned", case_id=case_id, role="lead", patience=LONG)


async def finished(outside: Outside, case_id: str, homes: list[Home]) -> None:
    """Its agencies say they are done, somebody goes back, and everybody behind it hears that it is closed."""
    for order in outside.everywhere.all("assigned", case_id=case_id):
        about = {"assignment_id": order["assignment_id"], "at": now()}
        await outside[order.to].say("resolved", about | DONE)
    due = await outside.everywhere.hears("due", case_id=case_id, patience=LONG)
    for _ in range(due["households"]):
        answer = {"task_id": due["task_id"], "at": now(), "by": {"name": "网格员"}}
        await outside[due.to].say("revisited", answer | CONTENT | warm(due))
    closed = await each_hears(homes, "closed")
    assert {(one["case_id"], one["outcome"]) for one in closed} == {(case_id, "verified")}


async def test_a_compound_is_split_off_a_burst_and_both_cases_end(outside: Outside, http: Http) -> None:
    places = load(SAMPLE)
    keys = {
        matter_key(places.places.place(code(name)), "heating.no_heat", "", places) for name in (HERE, THERE)
    }
    assert len(keys) == 1, "one loop"
    before = answered(outside)
    opened, joined = (
        sum(times for (_, answer), times in before.items() if answer == kind)
        for kind in ("registered", "merged")
    )

    # a burst: one case
    first = await hand_in(outside, 0)
    [registered] = await each_hears([first], "registered")
    old = registered["case_id"]
    homes = [first, *await asyncio.gather(*(hand_in(outside, n) for n in range(1, HOUSEHOLDS)))]
    told = await each_hears(homes, ("registered", "merged"))
    assert {one["case_id"] for one in told} == {old}
    lead = await lead_of(outside, old)
    await outside[lead.to].hears(
        "updated", assignment_id=lead["assignment_id"], appeals=HOUSEHOLDS, patience=LONG
    )
    staying, leaving = homes[::2], homes[1::2]

    # the desk looks, errs by name, and splits one compound off
    routing = http["routing"]
    seen = (await routing.get(f"/api/v1/cases/{old}/appeals", params={"limit": 5})).json()
    assert {one["code"]: one["appeals"] for one in seen["places"]} == {
        code(HERE): HOUSEHOLDS // 2,
        code(THERE): HOUSEHOLDS // 2,
    }
    assert len(seen["appeals"]) == 5
    wrong = await routing.post(f"/api/v1/cases/{old}/split", json=WORD | {"compounds": [code(HERE), "c001"]})
    assert [one["field"] for one in wrong.json()["errors"]] == ["compounds.0", "compounds.1"]
    order = partial(
        routing.post,
        f"/api/v1/cases/{old}/split",
        json=WORD | {"compounds": [code(THERE)]},
        headers={"Idempotency-Key": f"split-{old}"},
    )
    answers = [await order(), await order()]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()

    # who left hears of the new case; its lead gets an order of its own
    moved = await each_hears(leaving, ("registered", "merged"), instead_of=old)
    [new] = {one["case_id"] for one in moved}
    assert new != old
    assert [one.kind for one in moved].count("registered") == 1
    assert sorted(one["appeals"] for one in moved if one.kind == "merged") == list(range(2, len(leaving) + 1))
    other = await lead_of(outside, new)
    assert other["location"]["compound"] == THERE
    assert other["resolve_by"] > lead["resolve_by"]
    await outside[other.to].hears(
        "updated", assignment_id=other["assignment_id"], appeals=len(leaving), patience=LONG
    )
    last = await fell(outside[lead.to], lead["assignment_id"], len(staying))
    assert (last["households"], {place["compound"] for place in last["places"]}) == (len(staying), {HERE})

    # what comes later goes where it belongs
    late_there, late_here = [await hand_in(outside, HOUSEHOLDS + 1)], [await hand_in(outside, HOUSEHOLDS)]
    assert [one["case_id"] for one in await each_hears(late_there, "merged")] == [new]
    assert [one["case_id"] for one in await each_hears(late_here, "merged")] == [old]

    # each ends for its own
    await finished(outside, new, [*leaving, *late_there])
    assert not any(channel.all("closed", in_reply_to=id) for channel, id in [*staying, *late_here])
    await finished(outside, old, [*staying, *late_here])
    for channel, id in [*homes, *late_there, *late_here]:
        only(channel.all("closed", in_reply_to=id))
    assert not any(
        one.data.get("instead_of") for channel, id in staying for one in channel.all("merged", in_reply_to=id)
    )
    timeline = (await routing.get(f"/api/v1/cases/{old}/timeline")).json()
    assert [(one["who"], one["policy"] != "") for one in timeline if one["what"] == "split"] == [
        ("值班长", True)
    ]
    assert (await routing.get(f"/api/v1/cases/{old}/appeals")).json()["split_into"] == [new]
    case = (await routing.get(f"/api/v1/cases/{new}")).json()
    assert (case["split_from"], case["appeals"]) == (old, len(leaving) + 1)

    # nobody lost, nobody counted twice: two opened a case, all others joined one
    await until(
        partial(counted, http),
        lambda now: now == (opened + 2, joined + HOUSEHOLDS),
    )


async def fell(agency: Outsider, assignment_id: str, appeals: int) -> Heard:
    """The update after the split: the counts have fallen to those who stay."""

    async def last() -> list[Heard]:
        return agency.all("updated", assignment_id=assignment_id)

    found = await until(
        last, lambda all: any(one["appeals"] == HOUSEHOLDS for one in all) and all[-1]["appeals"] == appeals
    )
    return found[-1]
