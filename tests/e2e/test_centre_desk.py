"""What nobody can be sure of goes to the centre's desk, and where the desk says; danger does not wait for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx

from services.intake.domain.lesson import Lesson
from services.intake.lessons import lessons
from shared.loop.mongo import Mongo
from shared.policy import load
from tests.e2e.journey import COLD
from tests.e2e.outsider import Heard, Outside
from tests.support.appeals import SAMPLE
from tests.support.live import until

SMELL = "楼道里有很浓的燃气味道，不敢开灯"
COMPOUND = load(SAMPLE).places.compounds[5]
ROOM = "那个投屏会议室老是预约不上，去了又空着"
ROOM_AGAIN = "投屏会议室又预约不上，去看明明空着"
LAWN = "中心草坪的自动喷灌头歪了，水都喷到步道上"
LAWN_AGAIN = "草坪自动喷灌头歪了，水全喷到中心步道上"
BENCH = "凉亭的长椅板子断了两根，坐不了人，孩子会夹到手"
BENCH_AGAIN = "长椅板子断了两根，凉亭坐不了人，小孩会夹到手"
COMMUNITY = "community.service"
WORD = {"reason": "电话核实", "by": "值班长"}
Http = dict[str, httpx.AsyncClient]


async def waiting(http: Http, limit: int = 1) -> dict[str, dict[str, Any]]:
    """Everything that waits for the desk, by case, read one by one or ``limit`` at once."""
    found: dict[str, dict[str, Any]] = {}
    path: str | None = f"/api/v1/desk?limit={limit}"
    while path:
        answer = await http["routing"].get(path)
        found |= {one["case"]["case_id"]: one for one in answer.json()}
        path = answer.links["next"]["url"] if "next" in answer.links else None
    return found


async def handed_in(outside: Outside, text: str) -> tuple[str, Heard]:
    """An appeal that says nothing of where; gives its case and what the channel heard."""
    channel = outside["hotline-12345"]
    id = await channel.say("submitted", {"text": text, "reporter": {"phone": "13812340000"}})
    registered = await channel.hears("registered", in_reply_to=id)
    return registered["case_id"], registered


async def test_an_appeal_without_a_place_waits_for_the_desk_and_goes_where_it_says(
    outside: Outside, http: Http, endpoints: dict[str, Any]
) -> None:
    case, registered = await handed_in(outside, COLD)
    other, _ = await handed_in(outside, COLD)
    desk = await until(partial(waiting, http), lambda found: {case, other} <= found.keys())
    assert desk[case]["reasons"] == ["place_unknown"]
    assert not outside.everywhere.all("assigned", case_id=case)
    assert not outside.everywhere.all("progressed", case_id=case)

    word = WORD | {"lead": "heating-zy", "place": COMPOUND.code}
    answer = await http["routing"].post(f"/api/v1/cases/{case}/dispatch", json=word)

    assert answer.status_code == 202
    order = await outside["heating-zy"].hears("assigned", case_id=case)
    assert (order["role"], order["location"]["compound"]) == ("lead", COMPOUND.name)
    told = await outside["hotline-12345"].hears("progressed", case_id=case, stage="dispatched")
    assert told["appeal_id"] == registered["appeal_id"]
    left = await waiting(http)
    assert case not in left
    assert other in left
    again = await http["routing"].post(f"/api/v1/cases/{case}/dispatch", json=word)
    assert again.status_code == 409

    documents = Mongo(endpoints["mongo"], "intake", "pymongo")

    async def learnt() -> dict[str, Lesson]:
        return {lesson.case_id: lesson for lesson in await lessons(documents)}

    try:
        known = await until(learnt, lambda found: case in found)
    finally:
        await documents.close()
    assert (known[case].text, known[case].place.code) == (COLD, COMPOUND.code)


async def test_danger_without_a_place_is_dispatched_at_once_and_looked_at_meanwhile(
    outside: Outside, http: Http
) -> None:
    case, _ = await handed_in(outside, SMELL)

    order = await outside["gas-zy"].hears("assigned", case_id=case)
    desk = await until(partial(waiting, http), lambda found: case in found)
    assert order["urgency"] == "emergency"
    assert desk[case]["dispatched"]

    word = WORD | {"lead": "gas-zy", "place": COMPOUND.code}
    await http["routing"].post(f"/api/v1/cases/{case}/dispatch", json=word)

    found = await outside["gas-zy"].hears("assigned", but={order.id}, case_id=case)
    assert found["location"]["compound"] == COMPOUND.name
    gone = await outside["gas-zy"].hears("withdrawn", assignment_id=order["assignment_id"])
    assert gone["reason"] == WORD["reason"]


async def test_what_the_desk_decided_is_proposed_for_the_next_one_like_it(
    outside: Outside, http: Http
) -> None:
    case, _ = await handed_in(outside, ROOM)
    desk = await until(partial(waiting, http), lambda found: case in found)
    assert "category_unclear" in desk[case]["reasons"]
    assert not named(case, desk[case])
    word = WORD | {"lead": "heating-zy", "category": COMMUNITY, "place": COMPOUND.code}
    await http["routing"].post(f"/api/v1/cases/{case}/dispatch", json=word)
    await outside["heating-zy"].hears("assigned", case_id=case)

    async def next_one() -> dict[str, Any]:
        later, _ = await handed_in(outside, ROOM_AGAIN)
        return (await until(partial(waiting, http, 100), lambda found: later in found))[later]

    asked = await until(next_one, lambda one: bool(named(case, one)))

    assert named(case, asked) == [COMMUNITY]
    assert asked["categories"][0]["category"]["code"] == COMMUNITY


async def test_two_that_say_the_same_are_shown_beside_each_other(outside: Outside, http: Http) -> None:
    first, _ = await handed_in(outside, BENCH)
    second, _ = await handed_in(outside, BENCH_AGAIN)

    desk = await until(partial(waiting, http, 100), lambda found: {first, second} <= found.keys())

    assert {near["case_id"]: near["state"] for near in desk[first]["similar"]} == {second: "registered"}
    (near,) = desk[second]["similar"]
    assert (near["case_id"], near["place"]["code"]) == (first, "unplaced")
    assert 0.35 <= near["likeness"] < 1

    word = WORD | {"lead": "heating-zy", "place": COMPOUND.code}
    await http["routing"].post(f"/api/v1/cases/{first}/dispatch", json=word)
    await outside["heating-zy"].hears("assigned", case_id=first)
    (near,) = (await waiting(http, 100))[second]["similar"]
    assert (near["state"], near["place"]["code"]) == ("dispatched", COMPOUND.code)


async def test_the_desk_joins_a_case_to_one_that_is_at_work_and_everybody_hears_of_it(
    outside: Outside, http: Http
) -> None:
    first, _ = await handed_in(outside, LAWN)
    second, registered = await handed_in(outside, LAWN_AGAIN)
    await until(partial(waiting, http, 100), lambda found: {first, second} <= found.keys())
    word = WORD | {"lead": "heating-zy", "category": "property.green", "place": COMPOUND.code}
    answer = await http["routing"].post(f"/api/v1/cases/{first}/dispatch", json=word)
    assert answer.status_code == 202, answer.text
    order = await outside["heating-zy"].hears("assigned", case_id=first)
    (near,) = (await waiting(http, 100))[second]["similar"]
    assert near["case_id"] == first

    answer = await http["routing"].post(f"/api/v1/cases/{second}/join", json=WORD | {"into": first})

    assert answer.status_code == 202, answer.text
    told = await outside["hotline-12345"].hears("merged", case_id=first)
    assert (told["appeal_id"], told["appeals"]) == (registered["appeal_id"], 2)
    updated = await outside["heating-zy"].hears("updated", assignment_id=order["assignment_id"])
    assert updated["appeals"] == 2
    assert second not in await waiting(http, 100)
    over = (await http["routing"].get(f"/api/v1/cases/{second}")).json()
    assert (over["state"], over["outcome"], over["joined_to"]) == ("closed", "joined", first)
    appeal = (await http["intake"].get(f"/api/v1/appeals/{registered['appeal_id']}")).json()
    assert (appeal["state"], appeal["case_id"]) == ("merged", first)


def named(case: str, asked: dict[str, Any]) -> list[str]:
    """The categories that the desk is proposed because of a case."""
    return [one["category"]["code"] for one in asked["categories"] if case in one["because"]]
