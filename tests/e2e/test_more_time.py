"""An agency that needs longer, or cannot do it now: the centre decides, and says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.journey import LIFT, Journeys


def later(than: str, hours: int) -> str:
    return (datetime.fromisoformat(than) + timedelta(hours=hours)).isoformat()


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


async def test_more_time_is_given_once(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    about = journey.order["assignment_id"]
    until = later(journey.order["resolve_by"], 24)
    await journey.lead_says("accepted")

    await journey.lead_says("extension_requested", until=until, reason="需等待配件")

    granted = await journey.lead.hears("extension_decided", assignment_id=about, granted=True)
    assert moment(granted["resolve_by"]) == moment(until)
    assert granted["reason"]
    await journey.lead_says("extension_requested", until=later(until, 24), reason="配件还未到货")
    refused = await journey.lead.hears("extension_decided", assignment_id=about, granted=False)
    assert moment(refused["resolve_by"]) == moment(until)
    assert refused["reason"]
    assert (await journey.finish())["outcome"] == "verified"


async def test_more_time_that_is_none_is_refused_by_name(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)

    asked = await journey.lead_says(
        "extension_requested", until=journey.order["resolve_by"], reason="忙不过来"
    )

    refused = await journey.lead.hears("refused", in_reply_to=asked)
    assert refused["errors"][0]["field"] == "until"


async def test_what_cannot_be_done_now_is_deferred_and_may_still_be_done(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    review_at = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="seconds")

    await journey.lead_says(
        "deferral_requested",
        kind="engineering",
        reason="立管需要整体更换",
        plan="列入明年改造，先安排电暖器",
        review_at=review_at,
    )

    decided = await journey.lead.hears("deferral_decided", assignment_id=journey.order["assignment_id"])
    assert (decided["granted"], decided["kind"]) == (True, "engineering")
    assert moment(decided["review_at"]) == moment(review_at)
    assert decided["reason"]
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="deferred")
    assert (await journey.finish())["outcome"] == "verified"


async def test_a_deferral_beyond_what_the_policy_allows_is_not_granted(journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    far = (datetime.now(UTC) + timedelta(days=400)).isoformat()

    await journey.lead_says("deferral_requested", kind="funding", reason="无预算", plan="再议", review_at=far)

    decided = await journey.lead.hears("deferral_decided", assignment_id=journey.order["assignment_id"])
    assert decided["granted"] is False
    assert decided["reason"]
    assert not journey.channel.all("progressed", case_id=journey.case_id, stage="deferred")
