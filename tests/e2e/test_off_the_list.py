"""What cannot be done now, from the request to the day it leaves the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx

from tests.e2e.journey import LIFT, Journeys
from tests.support.live import until

Http = dict[str, httpx.AsyncClient]
PLAN = "曳引机需更换，已列入维修资金计划"


async def listed(http: Http, path: str, owner: str = "") -> dict[str, dict[str, Any]]:
    """A list of deferrals by case, read page by page."""
    found: dict[str, dict[str, Any]] = {}
    following: str | None = f"{path}?limit=1{owner and f'&owner={owner}'}"
    while following:
        answer = await http["routing"].get(following)
        assert answer.status_code == 200, answer.text
        found |= {one["case_id"]: one for one in answer.json()}
        following = answer.links["next"]["url"] if "next" in answer.links else None
    return found


async def test_a_deferral_is_listed_and_struck_off_and_the_case_ends_with_a_revisit(
    journeys: Journeys, http: Http
) -> None:
    journey = await journeys.start(LIFT)
    owner, old = journey.lead.name, journey.order
    review = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="seconds")
    await journey.lead_says(
        "deferral_requested", kind="funding", reason="维修资金未到位", plan=PLAN, review_at=review
    )
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="deferred")
    waiting = await until(
        partial(listed, http, "/api/v1/deferrals", owner), lambda found: journey.case_id in found
    )
    one = waiting[journey.case_id]
    assert (one["kind"], one["owner"], one["plan"], one["overdue"]) == ("funding", owner, PLAN, False)
    assert datetime.fromisoformat(one["review_at"]) == datetime.fromisoformat(review)
    assert one["approver"]

    order = {"reason": "资金已到位", "by": "值班长"}
    answer = await http["routing"].post(f"/api/v1/cases/{journey.case_id}/clear", json=order)

    assert answer.status_code == 202
    again = await journey.assigned_again()
    assert again.to == owner
    assert datetime.fromisoformat(again["resolve_by"]) > datetime.now(UTC)
    gone = await journey.lead.hears("withdrawn", assignment_id=old["assignment_id"])
    assert order["reason"] in gone["reason"]
    assert journey.case_id not in await listed(http, "/api/v1/deferrals")
    struck = await listed(http, "/api/v1/deferrals/cleared")
    assert (struck[journey.case_id]["kind"], struck[journey.case_id]["plan"]) == ("funding", PLAN)
    twice = await http["routing"].post(f"/api/v1/cases/{journey.case_id}/clear", json=order)
    assert twice.status_code == 409
    closed = await journey.finish()
    assert (closed["outcome"], closed["solved"]) == ("verified", True)
    timeline = (await http["routing"].get(f"/api/v1/cases/{journey.case_id}/timeline")).json()
    cleared = next(entry for entry in timeline if entry["what"] == "cleared")
    assert (cleared["who"], cleared["why"]) == (order["by"], order["reason"])
    assert all(entry["policy"] for entry in timeline)


async def test_by_hand_a_case_goes_up_to_somebody_who_can_end_it(journeys: Journeys, http: Http) -> None:
    journey = await journeys.start(LIFT)
    first, old = journey.lead, journey.order

    order = {"reason": "多次协调未果", "by": "值班长"}
    answer = await http["routing"].post(f"/api/v1/cases/{journey.case_id}/escalate", json=order)

    assert answer.status_code == 202
    await journey.channel.hears("progressed", case_id=journey.case_id, stage="escalated")
    await first.hears("withdrawn", assignment_id=old["assignment_id"])
    again = await journey.assigned_again()
    assert again["lead_agency"] == again.to != first.name
    assert (await journey.finish())["outcome"] == "verified"
