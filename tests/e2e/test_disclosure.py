"""Who learns what about a resident, and when."""

from __future__ import annotations

import json

from tests.e2e.journey import COLD, LIFT, Journeys, started
from tests.e2e.outsider import Outside

WHO, CALL, ROOM = "欧阳某某", "13712345678", "1203"
TOLD = f"我是{WHO}，住{ROOM}室，电话{CALL}，{COLD}"


async def test_heating_learns_room_and_phone_with_acceptance_and_not_before(journeys: Journeys) -> None:
    location, team = journeys.place(COLD)
    body = {
        "text": TOLD,
        "location": {**location, "room": ROOM, "address": f"{location['compound']}2号楼1单元{ROOM}"},
        "reporter": {"name": WHO, "phone": CALL},
    }

    journey = await started(journeys.outside, "zhengzhou-app", body, team)

    before = json.dumps(journey.order.data, ensure_ascii=False)
    assert not [secret for secret in (WHO, CALL, ROOM) if secret in before]
    assert journey.order["contact"] == {"phone_masked": "137****5678"}

    await journey.lead_says("accepted")

    updated = await journey.lead.hears("updated", assignment_id=journey.order["assignment_id"])
    assert updated["contact"] == {"name": WHO, "phone": CALL}
    assert ROOM in {place.get("room") for place in updated["places"]}


async def test_an_assistant_never_learns_who_it_is(outside: Outside, journeys: Journeys) -> None:
    location, team = journeys.place(COLD)
    body = {
        "text": f"家里暖气管爆了，水流到楼下，{WHO}，{ROOM}室，{CALL}",
        "location": {**location, "room": ROOM},
        "reporter": {"name": WHO, "phone": CALL},
    }
    journey = await started(outside, "walk-in", body, team)
    assisting = await outside.everywhere.hears("assigned", case_id=journey.case_id, role="assist")
    journey.assigned[assisting.to] = assisting

    await journey.says(outside[assisting.to], "accepted")
    await journey.finish()
    await outside[assisting.to].hears("verified", assignment_id=assisting["assignment_id"])

    everything = [
        one.data for one in outside[assisting.to].heard if one.headers.get("ce-subject") == journey.case_id
    ]
    said = json.dumps(everything, ensure_ascii=False)
    assert len(everything) >= 2
    assert not [secret for secret in (WHO, CALL, ROOM) if secret in said]


async def test_of_a_confidential_caller_nobody_outside_learns_anything(
    outside: Outside, journeys: Journeys
) -> None:
    location, team = journeys.place(LIFT)
    body = {
        "text": f"我是{WHO}，{ROOM}室，{CALL}，{LIFT}",
        "location": {**location, "room": ROOM},
        "reporter": {"name": WHO, "phone": CALL, "confidential": True},
    }
    journey = await started(outside, "letter", body, team)

    assert journey.order["confidential"] is True
    assert not {"text", "contact"} & journey.order.data.keys()
    assert "room" not in journey.order["location"]
    await journey.lead_says("accepted")
    await journey.lead_says("contacted")
    closed = await journey.finish()

    assert closed["outcome"] == "verified"
    told = [one.data for one in outside.everywhere.heard if one.headers.get("ce-subject") == journey.case_id]
    said = json.dumps(told, ensure_ascii=False)
    assert not [secret for secret in (WHO, CALL, ROOM) if secret in said]


async def test_a_report_of_wrongdoing_is_always_confidential(outside: Outside, journeys: Journeys) -> None:
    location, team = journeys.place(LIFT)
    body = {
        "text": "举报电梯维保单位偷工减料，收了钱不维保",
        "nature": "report_of_wrongdoing",
        "location": {**location, "room": ROOM},
        "reporter": {"name": WHO, "phone": CALL},
    }

    journey = await started(outside, "letter", body, team)

    assert (journey.order["nature"], journey.order["confidential"]) == ("report_of_wrongdoing", True)
    assert not {"text", "contact"} & journey.order.data.keys()
    assert "room" not in journey.order["location"]
