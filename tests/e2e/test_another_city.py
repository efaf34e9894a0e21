"""Given a stack for a Lanzhou subdistrict, when residents are cold, then whom it whistles for, by when, and when
somebody above hears of it is what that city's pack says; the code is the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy import SAMPLE
from deploy.local.engines import connect
from deploy.local.up import LocalStack, StackOptions
from tests.e2e.journey import COLD
from tests.e2e.outsider import Heard, Outside
from tests.support.engines import free_port_base

MORNING = datetime.fromisoformat("2025-11-03T09:00:00+08:00")
"""In the season there; in Zhengzhou heat is not due for twelve days."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(scope="module")
async def lanzhou(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Outside, Any]]:
    """Everybody of the subdistrict, and a tick at an instant; the clock is what outsiders say it is."""
    options = StackOptions(
        directory=tmp_path_factory.mktemp("lanzhou"),
        port_base=free_port_base(),
        jurisdiction=SAMPLE.parent / "lanzhou",
        clock="replay",
        tick="external",
    )
    async with LocalStack(options) as stack, Outside(stack.endpoints) as outside:
        admin = await connect(stack.nats, stack.admin_seed, "admin")

        async def tick(at: datetime) -> None:
            for service in ("response", "routing"):
                await admin.request(
                    f"tick.{service}", json.dumps({"at": at.isoformat()}).encode(), timeout=10
                )

        yield outside, tick
        assert not outside.problems
        await admin.close()


async def cold(outside: Outside, compound: str, at: datetime) -> str:
    """A flat is cold; gives the event's id."""
    location = {"compound": compound, "building": "2", "entrance": "1", "room": "402"}
    said = {"text": COLD, "location": location}
    return await outside["hotline-12345"].say("submitted", said, time=at.isoformat())


def after(order: Heard, field: str) -> timedelta:
    return datetime.fromisoformat(order[field]) - MORNING


async def test_a_cold_flat_is_whistled_for_merged_and_watched_as_the_pack_says(
    lanzhou: tuple[Outside, Any],
) -> None:
    outside, tick = lanzhou
    channel, lead = outside["hotline-12345"], outside["heating-hebei"]

    registered = await channel.hears("registered", in_reply_to=await cold(outside, "台地花园", MORNING))

    case = {"case_id": registered["case_id"]}
    order = await lead.hears("assigned", **case)
    assert (order["role"], order["mode"], order["urgency"]) == ("lead", "whistle", "urgent")
    assert order["policy"] == "hewan-warm@2026.1"
    assert [
        after(order, f"{step}_by") for step in ("report_in", "accept", "contact", "arrive", "resolve")
    ] == [
        30 * MINUTE,
        30 * MINUTE,
        HOUR,
        24 * HOUR,
        48 * HOUR,
    ]
    assert order["location"]["room"] == "402"  # there the lead need not accept first
    for agency in ("property-changan", "housing-jh"):
        assert (await outside[agency].hears("assigned", **case))["role"] == "assist"

    # Another compound of the same exchange station is the same case, and two compounds are a mass incident.
    merged = await channel.hears("merged", in_reply_to=await cold(outside, "沙枣苑", MORNING + 20 * MINUTE))
    assert merged["case_id"] == registered["case_id"]
    assert await lead.hears("updated", assignment_id=order["assignment_id"], mass_incident=True)

    # Nobody answers: the subdistrict hears of it once, and the district two hours after the order should be accepted.
    for _ in range(2):
        await tick(MORNING + 31 * MINUTE)
    first = await lead.hears("supervised", assignment_id=order["assignment_id"])
    await tick(MORNING + 2 * HOUR)
    await tick(MORNING + 2 * HOUR + 31 * MINUTE)
    second = await lead.hears("supervised", assignment_id=order["assignment_id"], level=2)

    assert (first["level"], first["reason"]) == (1, "吹哨后未在时限内报到")
    assert second["reason"] == "超期 2 小时未签收"
    assert len(lead.all("supervised", assignment_id=order["assignment_id"])) == 2
