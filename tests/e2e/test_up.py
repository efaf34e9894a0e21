"""`nuanliu up` with the real services: a killed part is replaced under load, and data outlive a stop and a start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.e2e.journey import COLD, CONTENT, LIFT, Journey, Journeys, started, warm
from tests.e2e.outsider import Outside, only
from tests.e2e.running import Up
from tests.support.engines import free_port_base
from tests.support.live import until
from tests.support.waiting import alive

FIRST_READ = {"intake": "INTAKE_hotline-12345", "routing": "APPEAL", "response": "CASE", "revisit": "CASE"}
"""Where a service first hears of a new case."""


@pytest.mark.parametrize("part", FIRST_READ)
async def test_a_life_goes_on_while_a_killed_service_is_started_again(
    up: Up, outside: Outside, journeys: Journeys, operator: Client, part: str
) -> None:
    location, team = journeys.place(LIFT)
    old = up.endpoints["pids"][part]
    channel = outside["hotline-12345"]
    body = {"text": LIFT, "location": location}

    os.kill(old, signal.SIGKILL)
    await until(
        lambda: operator.jetstream().consumer_info(FIRST_READ[part], part),
        lambda reader: not reader.num_waiting,
    )
    id = await channel.say("submitted", body)
    registered = await channel.hears("registered", in_reply_to=id)
    assigned = await outside.everywhere.hears("assigned", case_id=registered["case_id"])
    journey = Journey(
        outside,
        registered["case_id"],
        registered["case_no"],
        registered["appeal_id"],
        outside[team],
        [(channel, id)],
        {assigned.to: assigned},
    )
    assert (await journey.finish())["outcome"] == "verified"

    only(channel.all("registered", in_reply_to=id))
    only(outside.everywhere.all("assigned", case_id=journey.case_id))

    async def pid() -> int:
        told: int = up.endpoints["pids"][part]
        return told

    new = await until(pid, lambda told: told != old)
    assert alive(new)


async def test_a_case_from_before_a_stop_is_closed_after_the_next_start(
    tmp_path: Path, journeys: Journeys
) -> None:
    base, directory = free_port_base(), tmp_path / "stack"
    location, team = journeys.place(COLD)
    body = {"text": COLD, "location": location}

    with Up(directory, base) as first:
        pids = first.endpoints["pids"]
        async with Outside(first.endpoints) as outside:
            journey = await started(outside, "hotline-12345", body, team)
            await journey.lead_says("accepted")
            await journey.lead.hears("updated", assignment_id=journey.order["assignment_id"])
        assert first.stop(signal.SIGTERM) == 0
    assert not first.file.exists()
    assert not [part for part, pid in pids.items() if alive(pid)]

    with Up(directory, base) as second:
        async with Outside(second.endpoints) as outside:
            lead = outside[journey.lead.name]
            about = journey.order["assignment_id"]
            again = Journey(
                outside,
                journey.case_id,
                journey.case_no,
                journey.appeal_id,
                outside[team],
                [(outside["hotline-12345"], journey.appeals[0][1])],
                journey.assigned,
            )
            await again.resolve()
            due = await again.due()
            await again.answer(due, **CONTENT | warm(due))
            closed = await again.channel.hears("closed", appeal_id=journey.appeal_id)
            assert closed["outcome"] == "verified"
            assert (await lead.hears("verified", assignment_id=about))["held"] is True
            assert not lead.all("assigned"), "what was acknowledged before the stop does not come again"
            assert not outside.problems
        assert second.stop(signal.SIGINT) == 0
    assert not second.file.exists()
