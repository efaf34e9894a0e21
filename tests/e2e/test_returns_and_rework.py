"""Agencies that give a case back, and revisits that do not hold."""

from __future__ import annotations

from tests.e2e.journey import COLD, CONTENT, DISCONTENT, LIFT, Journeys, warm
from tests.e2e.outsider import Outside

NOT_OURS = {"reason_code": "not_ours", "reason": "不属于我单位职责范围"}


async def test_a_returned_case_goes_to_another_agency_and_the_first_is_refused_from_then_on(
    journeys: Journeys,
) -> None:
    journey = await journeys.start(LIFT)
    first, old = journey.lead, journey.order

    await journey.lead_says("returned", **NOT_OURS)

    taken = await journey.assigned_again()
    assert taken.to != first.name
    assert (taken["case_id"], taken["role"], taken["lead_agency"]) == (journey.case_id, "lead", taken.to)
    assert taken["assignment_id"] != old["assignment_id"]
    late = await first.say("accepted", {"assignment_id": old["assignment_id"], "at": old["reported_at"]})
    refused = await first.hears("refused", in_reply_to=late)
    assert [error["field"] for error in refused["errors"]] == ["assignment_id"]
    closed = await journey.finish()
    assert closed["outcome"] == "verified"


async def test_the_agency_that_is_suggested_is_asked_next(outside: Outside, journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)

    await journey.lead_says("returned", suggested_agency="housing-zy", **NOT_OURS)

    assert (await journey.assigned_again()).to == "housing-zy"


async def test_three_agencies_that_return_it_send_it_up_to_somebody_who_can_end_it(
    journeys: Journeys,
) -> None:
    journey = await journeys.start(LIFT)
    asked = [journey.lead.name]

    for _ in range(2):
        await journey.lead_says("returned", **NOT_OURS)
        asked.append((await journey.assigned_again()).to)
    await journey.lead_says("returned", **NOT_OURS)

    escalated = await journey.channel.hears("progressed", case_id=journey.case_id, stage="escalated")
    assert escalated["appeal_id"] == journey.appeal_id
    last = await journey.assigned_again()
    assert len(set(asked)) == 3
    assert last["lead_agency"] == last.to
    assert (await journey.finish())["outcome"] == "verified"


async def test_a_dissatisfied_resident_makes_it_rework_for_the_same_lead(journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    lead, before = journey.lead, journey.order
    await journey.lead_says("accepted")
    await journey.resolve()
    due = await journey.due()

    await journey.answer(due, **DISCONTENT)

    verified = await lead.hears("verified", assignment_id=before["assignment_id"])
    assert (verified["held"], verified["satisfaction"]) == (False, "dissatisfied")
    again = await journey.assigned_again()
    assert again.to == lead.name
    assert again["assignment_id"] != before["assignment_id"]
    assert (again["rework"]["previous"], again["rework"]["count"]) == (before["assignment_id"], 1)
    assert again["rework"]["reason"]
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="rework")
    assert not journey.channel.all("closed", case_id=journey.case_id)
    closed = await journey.finish()
    assert (closed["outcome"], closed["satisfaction"]) == ("verified", "satisfied")


async def test_a_return_ping_pong_ends_at_the_limit_also_for_those_who_name_each_other(
    journeys: Journeys,
) -> None:
    """Each suggests the one that had it before; nobody is asked twice, and at the limit it goes up."""
    journey = await journeys.start(LIFT)
    asked = [journey.lead.name]
    await journey.lead_says("returned", suggested_agency="city-management-zy", **NOT_OURS)
    asked.append((await journey.assigned_again()).to)
    await journey.lead_says("returned", suggested_agency=asked[0], **NOT_OURS)
    asked.append((await journey.assigned_again()).to)

    await journey.lead_says("returned", suggested_agency=asked[1], **NOT_OURS)

    await journey.channel.hears("progressed", case_id=journey.case_id, stage="escalated")
    last = await journey.assigned_again()
    assert asked[1] == "city-management-zy"
    assert len({*asked, last.to}) == 4
    assert not journey.outside.everywhere.all("assigned", case_id=journey.case_id, role="assist")
    assert (await journey.finish())["outcome"] == "verified"


async def test_a_resident_at_20_degrees_who_wants_24_gets_an_explanation_and_a_closing_that_says_so(
    journeys: Journeys,
) -> None:
    """The measured flat is not cold, so nobody goes round for ever; nothing is claimed to be solved either."""
    wish = {"nature": "complaint", "indoor_temperature": 20.0}
    journey = await journeys.start(COLD, **wish)
    explained = {
        "outcome": "explained",
        "reply": "实测 20 ℃，已达到 18 ℃ 标准；24 ℃ 不在供热合同之内，已当面说明。",
    }
    asked = [journey.lead.name]

    while True:
        await journey.resolve(**explained)
        due = await journey.due()
        await journey.answer(due, **DISCONTENT | warm(due, 20.0))
        heard = await journey.outside.everywhere.hears(
            ("assigned", "closed"), but=journey.known, case_id=journey.case_id
        )
        if heard.kind == "closed":
            break
        asked.append((await journey.assigned_again()).to)
        assert len(asked) < 9, "a loop"

    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert (closed["outcome"], closed["solved"], closed["satisfaction"]) == (
        "verified",
        False,
        "dissatisfied",
    )
    assert closed["reply"] == explained["reply"]


async def test_what_three_reworks_did_not_mend_goes_up_and_ends_with_an_explanation(
    journeys: Journeys,
) -> None:
    """A resident who wants 24 C at 20 C gets an explanation and a closing that says so, not a loop."""
    journey = await journeys.start(LIFT)
    first = journey.lead.name

    for count in range(1, 5):
        await journey.resolve()
        await journey.answer(await journey.due(), **DISCONTENT)
        again = await journey.assigned_again()
        assert again["rework"]["count"] == count
        assert (again.to == first) is (count <= 3)
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="escalated")

    await journey.resolve(outcome="explained", reply="已向您当面说明标准和原因。")
    await journey.answer(await journey.due(), **DISCONTENT)

    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert (closed["outcome"], closed["solved"]) == ("verified", False)
    assert closed["satisfaction"] == "dissatisfied"
    assert closed["reply"] == "已向您当面说明标准和原因。"


async def test_whoever_is_never_at_home_is_tried_again_and_then_counted_apart(journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    await journey.resolve()

    for attempt in (1, 2, 3):
        due = await journey.due(attempt)
        await journey.answer(due, outcome="unreachable")

    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert closed["outcome"] == "not_verified"
    assert "satisfaction" not in closed.data
    assert "solved" not in closed.data
    assert len({due["task_id"] for due in journey.team.all("due", case_id=journey.case_id)}) == 1


async def test_reached_at_the_second_try_it_still_holds(journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    await journey.resolve()
    await journey.answer(await journey.due(), outcome="unreachable")

    await journey.answer(await journey.due(2), **CONTENT)

    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert (closed["outcome"], closed["solved"]) == ("verified", True)


async def test_whoever_will_not_speak_verifies_nothing(journeys: Journeys) -> None:
    journey = await journeys.start(COLD)
    await journey.resolve()

    await journey.answer(await journey.due(), outcome="declined")

    closed = await journey.channel.hears("closed", case_id=journey.case_id)
    assert closed["outcome"] == "not_verified"
    assert "satisfaction" not in closed.data
