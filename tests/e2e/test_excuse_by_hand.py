"""A flat that is cold for a reason of its own: the centre approves the reason, and the case ends."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx

from tests.e2e.journey import COLD, CONTENT, Journeys, warm
from tests.support.live import until

Http = dict[str, httpx.AsyncClient]


async def read(http: Http, service: str, path: str) -> Any:
    answer = await http[service].get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_cold_flat_whose_excuse_the_centre_approved_holds(journeys: Journeys, http: Http) -> None:
    journey = await journeys.start(COLD)
    await journey.resolve(outcome="user_side", excuse={"code": "user_alteration"})
    due = await journey.due()
    waiting = await read(http, "routing", "/api/v1/excuses?limit=200")
    (one,) = (one for one in waiting if one["case_id"] == journey.case_id)
    assert (one["excuse"], one["agency"]) == ("user_alteration", journey.lead.name)

    order = {"reason": "入户核实，用户自行拆改暖气片", "by": "值班长"}
    answer = await http["routing"].post(f"/api/v1/cases/{journey.case_id}/excuse", json=order)

    assert answer.status_code == 202
    task = partial(read, http, "revisit", f"/api/v1/tasks/{due['task_id']}")
    await until(task, lambda found: found.get("excuse_approver") == "值班长")
    await journey.answer(due, **CONTENT | warm(due, 15.0))
    assert (await journey.channel.hears("closed", case_id=journey.case_id))["outcome"] == "verified"
    timeline = await read(http, "routing", f"/api/v1/cases/{journey.case_id}/timeline")
    approved = next(entry for entry in timeline if entry["what"] == "excuse approved")
    assert (approved["who"], approved["why"]) == (order["by"], order["reason"])
    again = await http["routing"].post(f"/api/v1/cases/{journey.case_id}/excuse", json=order)
    assert again.status_code == 409
