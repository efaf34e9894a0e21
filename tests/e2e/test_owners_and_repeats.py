"""Whose a thing is, whether it is over, whether it was said before: what only a history makes wrong, or harmless."""

from __future__ import annotations

from uuid import uuid4

from tests.e2e.journey import CONTENT, DONE, LIFT, Journeys
from tests.e2e.outsider import Outside, now, only


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
