"""What residents say once their case is at work, or said to be done: it is heard, and where it is danger at once."""

from __future__ import annotations

from tests.e2e.journey import COLD, CONTENT, LIFT, Journey, Journeys, fresh_ref
from tests.e2e.outsider import Outside

DANGER = "暖气片冰凉，老人冻得昏迷了，快来人"


async def joins(outside: Outside, journey: Journey, text: str) -> str:
    """Another home of the same compound hands in the same matter over another channel."""
    other = outside["wechat-grid"]
    location = {**journey.order["location"], "building": "5", "room": "101"}
    said = await other.say("submitted", {"text": text, "location": location, "external_ref": fresh_ref()})
    await other.hears("merged", in_reply_to=said)
    return said


async def test_danger_said_by_who_joins_brings_a_new_order(outside: Outside, journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    before = journey.order
    assert before["urgency"] != "emergency"

    await joins(outside, journey, f"家里暖气不热。{DANGER}")

    called_back = await journey.lead.hears("withdrawn", assignment_id=before["assignment_id"])
    assert called_back["reason"]
    again = await journey.assigned_again()
    assert (again["urgency"], again["mode"], again.to) == ("emergency", "whistle", before.to)
    assert again["appeals"] == 2
    assert DANGER in again["supplements"][0]
    assert again["resolve_by"] < before["resolve_by"]


async def test_words_that_are_added_reach_who_is_at_work(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)

    await journey.channel.say("supplemented", {"appeal_id": journey.appeal_id, "text": "门也关不上了"})

    updated = await journey.lead.hears("updated", assignment_id=journey.order["assignment_id"])
    assert updated["text"] == "门也关不上了"


async def test_who_joins_after_the_done_is_asked_too(outside: Outside, journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    await journey.resolve()
    first = await journey.due()

    said = await joins(outside, journey, COLD)
    second = await journey.due(attempt=2)
    assert (second["task_id"], second["location"]["building"]) == (first["task_id"], "5")
    await journey.answer(first, **CONTENT)
    await journey.answer(second, **CONTENT)

    closed = await outside["wechat-grid"].hears("closed", in_reply_to=said)
    assert (closed["case_id"], closed["outcome"], closed["solved"]) == (journey.case_id, "verified", True)


async def test_danger_after_the_done_calls_the_team_off(outside: Outside, journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    before = journey.order
    await journey.resolve()
    due = await journey.due()

    await joins(outside, journey, f"家里暖气不热，修完还是不热。{DANGER}")

    await outside[due.to].hears("withdrawn", task_id=due["task_id"])
    again = await journey.assigned_again()
    assert (again["urgency"], again["rework"]["previous"]) == ("emergency", before["assignment_id"])
