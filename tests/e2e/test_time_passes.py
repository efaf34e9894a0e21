"""Deadlines that pass, cold flats in the season, and tasks nobody goes to: on a stack whose clock is the outsiders'."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from deploy.local.engines import connect
from deploy.local.up import LocalStack, StackOptions
from tests.e2e.journey import COLD
from tests.e2e.outsider import Heard, Outside, Outsider
from tests.support.engines import free_port_base
from tests.support.live import until

MORNING = datetime.fromisoformat("2025-11-20T08:00:00+08:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Past:
    """A day in November 2025, told by whoever speaks."""

    outside: Outside
    admin: Client
    places: list[tuple[dict[str, Any], str]]
    routing: str

    async def say(self, who: Outsider, verb: str, at: datetime, data: dict[str, Any]) -> str:
        """Says it at this moment: it is received then."""
        return await who.say(verb, data, time=at.isoformat())

    async def tick(
        self, at: datetime, services: tuple[str, ...] = ("intake", "routing", "response", "revisit")
    ) -> int:
        """It is now this late: everybody looks for what is due. Gives how much was found."""
        found = 0
        for service in services:
            answer = await self.admin.request(
                f"tick.{service}", json.dumps({"at": at.isoformat()}).encode(), timeout=10
            )
            found += json.loads(answer.data)["published"]
        return found

    async def cold_flat(self, at: datetime = MORNING) -> tuple[Outsider, Heard, Outsider, str]:
        """A flat is cold: channel, what the heating company holds, the team of the place, the event's id."""
        location, team = self.places.pop()
        channel = self.outside["hotline-12345"]
        id = await self.say(channel, "submitted", at, {"text": COLD, "location": location})
        registered = await channel.hears("registered", in_reply_to=id)
        agency = self.outside["heating-zy"]
        return channel, await agency.hears("assigned", case_id=registered["case_id"]), self.outside[team], id


@pytest.fixture(scope="module")
async def past(
    tmp_path_factory: pytest.TempPathFactory, places: dict[str, list[tuple[dict[str, Any], str]]]
) -> AsyncIterator[Past]:
    """A stack of its own, whose clock stands still until somebody speaks or a tick comes."""
    options = StackOptions(
        directory=tmp_path_factory.mktemp("past"), port_base=free_port_base(), clock="replay", tick="external"
    )
    async with LocalStack(options) as stack, Outside(stack.endpoints) as outside:
        admin = await connect(stack.nats, stack.admin_seed, "admin")
        yield Past(outside, admin, list(places[COLD]), stack.endpoints["http"]["routing"])
        assert not outside.problems
        await admin.close()


def moment(event: Heard, field: str) -> datetime:
    return datetime.fromisoformat(event[field])


async def test_an_assignment_nobody_takes_is_reminded_of_before_and_after_its_deadline(past: Past) -> None:
    _, assigned, _, _ = await past.cold_flat()
    agency, about = past.outside["heating-zy"], assigned["assignment_id"]
    accept_by = moment(assigned, "accept_by")
    assert accept_by == MORNING + 30 * MINUTE

    await past.tick(accept_by - 30 * MINUTE)
    assert not agency.all("reminded", assignment_id=about)

    await past.tick(accept_by - MINUTE)
    near = await agency.hears("reminded", assignment_id=about)
    assert (near["deadline"], near["overdue"], moment(near, "due")) == ("accept", False, accept_by)

    for _ in range(2):
        await past.tick(accept_by + MINUTE)
    over = await agency.hears("reminded", assignment_id=about, overdue=True)
    assert (over["deadline"], moment(over, "due")) == ("accept", accept_by)
    assert len(agency.all("reminded", assignment_id=about)) == 2


async def test_every_deadline_has_its_own_clock_and_a_step_taken_stops_it(past: Past) -> None:
    _, assigned, _, _ = await past.cold_flat()
    agency, about = past.outside["heating-zy"], assigned["assignment_id"]
    taken = MORNING + 10 * MINUTE
    await past.say(agency, "accepted", taken, {"assignment_id": about, "at": taken.isoformat()})
    await agency.hears("updated", assignment_id=about)

    await past.tick(MORNING + 60 * HOUR)

    over = [
        await agency.hears("reminded", assignment_id=about, deadline=step, overdue=True)
        for step in ("contact", "arrive", "resolve")
    ]
    assert [one["due"] for one in over] == [assigned[f] for f in ("contact_by", "arrive_by", "resolve_by")]
    assert not agency.all("reminded", assignment_id=about, deadline="accept")


async def test_a_cold_reading_in_the_season_fails_whatever_the_resident_says(past: Past) -> None:
    channel, assigned, team, id = await past.cold_flat()
    agency = past.outside["heating-zy"]
    done, gone = MORNING + HOUR, MORNING + 5 * HOUR
    said = {"outcome": "solved", "measures": "排气", "reply": "已处理"}
    about = {"assignment_id": assigned["assignment_id"], "at": done.isoformat()}
    await past.say(agency, "resolved", done, about | said)
    due = await team.hears("due", case_id=assigned["case_id"])
    assert due["measure"] is True
    assert MORNING < moment(due, "due_by") <= done + 24 * HOUR

    cold = {"celsius": 16.2, "room": "bedroom", "at": gone.isoformat(), "doors_closed": True}
    content = {"outcome": "reached", "solved": True, "satisfaction": "satisfied"}
    visit = {"task_id": due["task_id"], "at": gone.isoformat(), "by": {"name": "网格员"}}
    await past.say(team, "revisited", gone, visit | content | {"readings": [cold]})

    verified = await agency.hears("verified", assignment_id=assigned["assignment_id"])
    assert verified["held"] is False
    assert [reading["celsius"] for reading in verified["readings"]] == [16.2]
    again = await agency.hears("assigned", but=[assigned.id], case_id=assigned["case_id"])
    assert (again["rework"]["previous"], again["rework"]["count"]) == (assigned["assignment_id"], 1)
    assert [reading["celsius"] for reading in again["rework"]["readings"]] == [16.2]
    assert "16.2" in again["rework"]["reason"]
    assert not channel.all("closed", in_reply_to=id)


@pytest.mark.parametrize(
    ("reading", "closes"),
    [
        ({"celsius": 18.0}, True),
        ({"celsius": 17.9}, False),
        ({"celsius": 15.0, "doors_closed": False}, True),
        ({"celsius": 15.0, "room": "other"}, True),
        ({"celsius": 99.0}, None),
    ],
    ids=["at the standard", "just under it", "doors open", "kitchen", "no such temperature"],
)
async def test_only_a_valid_reading_counts(past: Past, reading: dict[str, Any], closes: bool | None) -> None:
    channel, assigned, team, id = await past.cold_flat()
    agency, done, gone = past.outside["heating-zy"], MORNING + HOUR, MORNING + 5 * HOUR
    about = {"assignment_id": assigned["assignment_id"], "at": done.isoformat()}
    said = {"outcome": "solved", "measures": "排气", "reply": "已处理"}
    await past.say(agency, "resolved", done, about | said)
    due = await team.hears("due", case_id=assigned["case_id"])

    found = {"room": "bedroom", "at": gone.isoformat(), "doors_closed": True} | reading
    visit = {"task_id": due["task_id"], "at": gone.isoformat(), "by": {"name": "网格员"}, "solved": True}
    visited = await past.say(team, "revisited", gone, visit | {"outcome": "reached", "readings": [found]})

    if closes is None:
        refused = await team.hears("refused", in_reply_to=visited)
        assert refused["errors"][0]["field"] == "readings.0.celsius"
        return
    verified = await agency.hears("verified", assignment_id=assigned["assignment_id"])
    assert verified["held"] is closes
    if closes:
        assert (await channel.hears("closed", in_reply_to=id))["outcome"] == "verified"


async def test_a_task_nobody_goes_to_shows_in_the_figures(past: Past) -> None:
    _, assigned, team, _ = await past.cold_flat()
    done = MORNING + HOUR
    said = {"outcome": "solved", "measures": "排气", "reply": "已处理"}
    about = {"assignment_id": assigned["assignment_id"], "at": done.isoformat()}
    await past.say(past.outside["heating-zy"], "resolved", done, about | said)
    due = await team.hears("due", case_id=assigned["case_id"])

    await past.tick(moment(due, "due_by") + MINUTE)

    async with httpx.AsyncClient(base_url=past.outside.endpoints["http"]["metrics"]) as client:

        async def overdue() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            return sum(
                float(line.split()[1]) for line in lines if line.startswith("nuanliu_revisits_overdue ")
            )

        await until(overdue, lambda tasks: tasks >= 1)


async def test_a_whistled_agency_that_does_not_report_in_is_supervised_and_one_that_does_is_not(
    past: Past,
) -> None:
    _, silent, _, _ = await past.cold_flat()
    _, prompt, _, _ = await past.cold_flat()
    agency, by = past.outside["heating-zy"], moment(silent, "report_in_by")
    assert silent["mode"] == prompt["mode"] == "whistle"
    word = {"assignment_id": prompt["assignment_id"], "at": MORNING.isoformat()}
    await past.say(agency, "accepted", MORNING, word)
    await agency.hears("updated", assignment_id=prompt["assignment_id"])

    for _ in range(2):
        await past.tick(by + MINUTE)

    told = await agency.hears("supervised", assignment_id=silent["assignment_id"])
    assert (told["level"], told["reason"]) == (1, "吹哨后未在时限内报到")
    async with httpx.AsyncClient(base_url=past.routing, timeout=20) as routing:
        lines = (await routing.get(f"/api/v1/cases/{silent['case_id']}/timeline")).json()
    assert [line["who"] for line in lines if line["what"] == "not reported in"] == ["heating-zy"]
    assert len(agency.all("supervised", assignment_id=silent["assignment_id"])) == 1
    assert not agency.all("supervised", assignment_id=prompt["assignment_id"])


async def test_a_step_past_its_date_is_told_to_its_agency_and_to_the_lead_department(past: Past) -> None:
    # A plan's dates lie ahead of the real day, so the case is a new one: one of years ago were taken away for lateness.
    today = datetime.now(UTC).replace(microsecond=0)
    _, lead, _, _ = await past.cold_flat(today)
    due = today + timedelta(minutes=20)
    step = {"agency": "housing-zy", "task": "二次管网验收", "due": due.isoformat()}
    plan = {"leader": "街道办事处主任", "reason": "一小区一方案", "steps": [step]}
    async with httpx.AsyncClient(base_url=past.routing, timeout=20) as routing:
        answer = await routing.post(f"/api/v1/cases/{lead['case_id']}/plan", json=plan)
        assert answer.status_code == 202, answer.text
    owner = past.outside["housing-zy"]
    order = await owner.hears("assigned", case_id=lead["case_id"])

    for _ in range(2):
        await past.tick(due + MINUTE, ("routing",))

    told = await owner.hears("supervised", assignment_id=order["assignment_id"])
    assert "二次管网验收" in told["reason"]
    about = {"assignment_id": lead["assignment_id"], "reason": told["reason"]}
    await past.outside["heating-zy"].hears("supervised", **about)
    assert len(owner.all("supervised", assignment_id=order["assignment_id"])) == 1
