"""Every example of endpoints.json lives its whole life, and everybody responsible hears what the contracts say."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from tests.e2e.journey import CONTENT, DONE, warm
from tests.e2e.outsider import Heard, Outside, Outsider, now, only

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("accepted", {"by": {"name": "值班员"}}),
    ("contacted", {"how": "电话"}),
    ("arrived", {"note": "已到现场"}),
    ("resolved", DONE),
)
STAGES = ("dispatched", "accepted", "contacted", "arrived", "resolved")


async def test_every_example_is_answered_for_by_the_agencies_and_the_team_it_names(outside: Outside) -> None:
    examples = outside.endpoints["examples"]
    channels = outside.of_kind("channel")
    assert len(examples) >= 20

    lives = await asyncio.gather(
        *(
            whole_life(outside, channels[number % len(channels)], example, number)
            for number, example in enumerate(examples)
        ),
        return_exceptions=True,
    )

    ended = {
        example["submitted"]["text"]: str(error)
        for example, error in zip(examples, lives, strict=True)
        if isinstance(error, BaseException)
    }
    assert not ended
    assert len(set(lives)) == len(examples), "each is a case of its own"


async def whole_life(outside: Outside, channel: Outsider, example: dict[str, Any], number: int) -> str:
    """From the words of a resident to the closing; gives the case's id."""
    body, team = example["submitted"], outside[example["team"]]
    agencies = [outside[name] for name in (example["lead_agency"], *example["assist_agencies"])]

    submitted = await channel.say("submitted", body, structured=number % 2 == 1)
    registered = await channel.hears("registered", in_reply_to=submitted)
    case_id = registered["case_id"]

    await asyncio.gather(*(work(agency, registered, body, example["lead_agency"]) for agency in agencies))

    due = await team.hears("due", case_id=case_id)
    assert (due["case_no"], due["kind"], due["attempt"]) == (registered["case_no"], "revisit", 1)
    assert due["location"]["compound"] == body["location"]["compound"]
    assert "households" not in due.data or due["households"] == 1
    said = {"task_id": due["task_id"], "at": now(), "by": {"name": "网格员"}}
    await team.say("revisited", said | CONTENT | warm(due))

    for agency in agencies:
        assignment = agency.all("assigned", case_id=case_id)[0]["assignment_id"]
        verified = await agency.hears("verified", assignment_id=assignment)
        assert (verified["held"], verified["satisfaction"]) == (True, "satisfied")
        assert len(verified.data.get("readings", [])) == int(due["measure"])

    closed = await channel.hears("closed", case_id=case_id)
    assert closed.data == {
        "appeal_id": registered["appeal_id"],
        "in_reply_to": submitted,
        "case_id": case_id,
        "outcome": "verified",
        "reply": DONE["reply"],
        "solved": True,
        "satisfaction": "satisfied",
    }
    for stage in STAGES:
        await channel.hears("progressed", case_id=case_id, stage=stage)
    assert {one["stage"] for one in channel.all("progressed", case_id=case_id)} == set(STAGES)
    assert not outside.everywhere.all("refused", in_reply_to=submitted)
    return str(case_id)


async def work(agency: Outsider, registered: Heard, body: dict[str, Any], lead: str) -> None:
    """One agency does all there is to do."""
    assigned = await agency.hears("assigned", case_id=registered["case_id"])
    check_assignment(assigned, registered, body, lead)
    for verb, more in STEPS:
        await agency.say(verb, {"assignment_id": assigned["assignment_id"], "at": now(), **more})
    only(agency.all("assigned", case_id=registered["case_id"]))


def check_assignment(assigned: Heard, registered: Heard, body: dict[str, Any], lead: str) -> None:
    """What the contract leaves open by type alone: the values that must agree."""
    data = assigned.data
    assert data["case_no"] == registered["case_no"]
    assert data["lead_agency"] == lead
    assert data["role"] == ("lead" if assigned.to == lead else "assist")
    assert (data["appeals"], data["households"]) == (1, 1)
    assert not data["confidential"]
    assert "rework" not in data
    assert body["location"]["compound"] in str(data["location"])
    clocks = [data.get(name) for name in ("accept_by", "contact_by", "arrive_by", "resolve_by")]
    times = [datetime.fromisoformat(clock) for clock in clocks if clock]
    assert [datetime.fromisoformat(data["reported_at"]), *times] == sorted(
        [datetime.fromisoformat(data["reported_at"]), *times]
    )
