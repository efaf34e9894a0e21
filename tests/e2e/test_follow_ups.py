"""What a channel says about an appeal later on, by its own number or by ours."""

from __future__ import annotations

from tests.e2e.journey import LIFT, Journeys, fresh_ref
from tests.e2e.outsider import Outside


async def test_a_question_is_answered_without_a_case(outside: Outside) -> None:
    channel, ref = outside["wechat-grid"], fresh_ref()

    asked = await channel.say("submitted", {"text": "请问暖气费可以在手机上交吗", "external_ref": ref})

    answered = await channel.hears("answered", in_reply_to=asked)
    assert answered["external_ref"] == ref
    assert "缴" in answered["answer"]
    assert not channel.all("registered", in_reply_to=asked)


async def test_urging_is_passed_on_with_its_count(journeys: Journeys) -> None:
    ref = fresh_ref()
    journey = await journeys.start(LIFT, external_ref=ref)

    for _ in range(2):
        await journey.channel.say("urged", {"external_ref": ref, "text": "怎么还没有人来"})

    for urged in (1, 2):
        updated = await journey.lead.hears(
            "updated", urged=urged, assignment_id=journey.order["assignment_id"]
        )
        assert updated["appeals"] == 1


async def test_what_is_added_reaches_the_agency(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    photo = {"id": "photo-1", "media_type": "image/jpeg", "sha256": "ab" * 32}

    await journey.channel.say("supplemented", {"appeal_id": journey.appeal_id, "attachments": [photo]})

    updated = await journey.lead.hears("updated", attachments=[photo])
    assert updated["assignment_id"] == journey.order["assignment_id"]


async def test_a_withdrawn_appeal_is_closed_and_its_assignment_called_back(journeys: Journeys) -> None:
    ref = fresh_ref()
    journey = await journeys.start(LIFT, external_ref=ref)

    withdrawn = await journey.channel.say("withdrawn", {"external_ref": ref, "reason": "已经自己修好"})

    closed = await journey.channel.hears("closed", appeal_id=journey.appeal_id)
    assert (closed["outcome"], closed["external_ref"]) == ("withdrawn", ref)
    assert closed["case_id"] == journey.case_id
    assert "solved" not in closed.data
    assert closed["in_reply_to"] == withdrawn
    called_back = await journey.lead.hears("withdrawn", assignment_id=journey.order["assignment_id"])
    assert called_back["reason"]

    refused_id = await journey.lead_says("accepted")
    refused = await journey.lead.hears("refused", in_reply_to=refused_id)
    assert [error["field"] for error in refused["errors"]] == ["assignment_id"]


async def test_a_contested_outcome_opens_the_case_again(journeys: Journeys) -> None:
    ref = fresh_ref()
    journey = await journeys.start(LIFT, external_ref=ref)
    lead, before = journey.lead, journey.order
    await journey.finish()

    await journey.channel.say("contested", {"external_ref": ref, "reason": "晚上又停了"})

    again = await journey.assigned_again()
    assert again.to == lead.name
    assert (again["case_no"], again["rework"]["previous"]) == (journey.case_no, before["assignment_id"])
    assert again["rework"]["reason"] == "晚上又停了"
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="rework")
    closed = await journey.finish()
    assert (closed["case_id"], closed["outcome"]) == (journey.case_id, "verified")
    assert len(journey.channel.all("closed", case_id=journey.case_id)) == 2


async def test_an_open_appeal_cannot_be_contested_nor_a_closed_one_urged(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    about = {"appeal_id": journey.appeal_id}

    early = await journey.channel.say("contested", about | {"reason": "不同意"})
    refused = await journey.channel.hears("rejected", in_reply_to=early)
    assert refused["errors"][0]["field"] == "appeal_id"

    await journey.finish()
    late = await journey.channel.say("urged", about)
    refused = await journey.channel.hears("rejected", in_reply_to=late)
    assert refused["errors"][0]["field"] == "appeal_id"
