"""A task force: five steps owned by five agencies, one after the other; the second came back and blocked the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.journey import DONE, LIFT, Journey, Journeys
from tests.e2e.outsider import Heard, Outside, now
from tests.support.waiting import until_there

TASKS = ("核对户号清单", "二次管网验收", "收齐押金", "开通户号", "逐户通热")


async def test_a_plan_blocked_at_its_second_step_goes_on_and_the_case_is_resolved(
    journeys: Journeys, outside: Outside, endpoints: dict[str, Any], http: dict[str, httpx.AsyncClient]
) -> None:
    journey = await journeys.start(LIFT)
    routing, plan = http["routing"], f"/api/v1/cases/{journey.case_id}/plan"
    agencies = [
        name
        for name, one in sorted(endpoints["tenants"].items())
        if one["kind"] == "agency" and name != journey.lead.name
    ][:5]
    made = {
        "leader": "街道办事处主任",
        "reason": "一小区一方案",
        "steps": [
            {"agency": agency, "task": task, "due": day(number)}
            for number, (agency, task) in enumerate(zip(agencies, TASKS, strict=True), 1)
        ],
    }
    key = {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        assert (await routing.post(plan, json=made, headers=key)).status_code == 202

    first = await opened(outside, journey, agencies[0], 1)
    assert (first["role"], first["mode"], first["summary"]) == ("assist", "taskforce", TASKS[0])
    assert datetime.fromisoformat(first["resolve_by"]) == datetime.fromisoformat(day(1))
    await resolved(outside, first)

    # The second gives it back: the leader has it, and nothing goes on.
    second = await opened(outside, journey, agencies[1], 2)
    about = {"assignment_id": second["assignment_id"], "at": now()}
    await outside[agencies[1]].say(
        "returned", about | {"reason_code": "insufficient", "reason": "验收资料不全"}
    )
    blocked = await stands(routing, plan, "with_leader", 2)
    assert blocked["current"]["reason"] == "验收资料不全"
    assert [step["state"] for step in blocked["ahead"]] == ["ahead"] * 3
    refused = await routing.post(
        f"{plan}/steps/2/redate", json={"due": day(3), "reason": "等资料", "approver": "区专班"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "step")

    # Given out again; a new date for what is open moves its agency's deadline.
    again = {"agency": agencies[1], "due": day(2), "reason": "资料已补齐", "approver": "区专班"}
    assert (await routing.post(f"{plan}/steps/2/reassign", json=again)).status_code == 202
    second = await opened(outside, journey, agencies[1], 2, but=second)
    later = {"due": day(3), "reason": "等待检测报告", "approver": "区专班"}
    assert (await routing.post(f"{plan}/steps/2/redate", json=later)).status_code == 202
    decided = await outside[agencies[1]].hears("extension_decided", assignment_id=second["assignment_id"])
    assert datetime.fromisoformat(decided["resolve_by"]) == datetime.fromisoformat(day(3))
    assert not outside.everywhere.all("assigned", case_id=journey.case_id, summary=TASKS[2])

    # The lead is done early; the case waits for the rest of the plan.
    await journey.lead_says("resolved", **DONE)
    await resolved(outside, second)
    for number, agency in enumerate(agencies[2:], 3):
        step = await opened(outside, journey, agency, number)
        case = (await routing.get(f"/api/v1/cases/{journey.case_id}")).json()
        assert case["state"] == "dispatched"
        await resolved(outside, step)

    await journey.channel.hears("progressed", case_id=journey.case_id, stage="resolved")
    assert (await routing.get(plan)).json()["state"] == "through"
    assert (await journey.finish_revisit())["outcome"] == "verified"


async def test_a_plan_given_up_calls_its_agency_back_and_the_lead_ends_the_case(
    journeys: Journeys, outside: Outside, endpoints: dict[str, Any], http: dict[str, httpx.AsyncClient]
) -> None:
    journey = await journeys.start(LIFT)
    routing, plan = http["routing"], f"/api/v1/cases/{journey.case_id}/plan"
    agency = next(
        name
        for name, one in sorted(endpoints["tenants"].items())
        if one["kind"] == "agency" and name != journey.lead.name
    )
    steps = [{"agency": agency, "task": task, "due": day(number)} for number, task in enumerate(TASKS, 1)]
    made = {"leader": "街道办事处主任", "reason": "一小区一方案", "steps": steps}
    assert (await routing.post(plan, json=made)).status_code == 202
    step = await opened(outside, journey, agency, 1)

    order = {"reason": "改走市政接入", "by": "街道办事处主任"}
    assert (await routing.post(f"{plan}/give_up", json=order)).status_code == 202

    withdrawn = await outside[agency].hears("withdrawn", assignment_id=step["assignment_id"])
    assert "改走市政接入" in withdrawn["reason"]
    found = (await routing.get(plan)).json()
    assert (found["state"], found["by"], len(found["left"])) == ("given_up", order["by"], len(TASKS))
    case = (await routing.get(f"/api/v1/cases/{journey.case_id}")).json()
    assert (case["state"], case["mode"]) == ("dispatched", journey.order["mode"])
    assert (await routing.post(f"{plan}/give_up", json=order)).status_code == 409
    await journey.lead_says("resolved", **DONE)
    assert (await journey.finish_revisit())["outcome"] == "verified"


def day(number: int) -> str:
    """The date of a step."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1 + number)).isoformat()


async def opened(
    outside: Outside, journey: Journey, agency: str, number: int, but: Heard | None = None
) -> Heard:
    """The agency hears that its step is open."""
    step = {"number": number, "of": len(TASKS), "task": TASKS[number - 1]}
    before = {but.id} if but else set()
    return await outside[agency].hears("assigned", but=before, case_id=journey.case_id, step=step)


async def resolved(outside: Outside, step: Heard) -> None:
    about = {"assignment_id": step["assignment_id"], "at": now()}
    await outside[step.to].say("resolved", about | DONE)


async def stands(routing: httpx.AsyncClient, plan: str, state: str, number: int) -> dict[str, Any]:
    """The plan, once its current step stands so."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await routing.get(plan)).json()
        current = found.get("current", {})
        return found if (current.get("state"), current.get("number")) == (state, number) else None

    return await until_there(look)
