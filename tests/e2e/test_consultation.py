"""A consultation: what was tried before had failed; the table meets, households vote, 85.4 % are for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.journey import LIFT, Journeys
from tests.support.waiting import until_there

TWO_THIRDS = {"numerator": 2, "denominator": 3}
COMMITTEE = {"role": "committee", "name": "社区居委会"}


async def test_205_of_240_households_consent_and_the_case_goes_on(
    journeys: Journeys, http: dict[str, httpx.AsyncClient]
) -> None:
    journey = await journeys.start(LIFT)
    routing, case = http["routing"], f"/api/v1/cases/{journey.case_id}"
    here = f"{case}/consultation"
    opened = {
        "question": "是否按户改造",
        "reason": "多方意见不一",
        "parties": [COMMITTEE, {"role": "owners_committee", "name": "业委会"}],
        "ballot": {"households": 240, "quorum": TWO_THIRDS, "threshold": TWO_THIRDS, "of": "households"},
        "prior": [
            {"kind": "police_mediation", "outcome": "未达成一致"},
            {"kind": "lawsuit", "outcome": "撤诉", "on": "2026-03-02"},
        ],
    }
    wrong = opened | {"ballot": opened["ballot"] | {"households": 0}}  # type: ignore[operator]
    refused = await routing.post(here, json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "ballot.households")
    assert (await routing.post(here, json=opened)).status_code == 202
    await shown(routing, here, state="open")

    # The lead is called to the table; what was agreed is kept.
    when = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    meeting = {"when": when, "where": "社区议事室", "agenda": "改造方案", "agencies": [journey.lead.name]}
    assert (await routing.post(f"{here}/meetings", json=meeting)).status_code == 202
    called = await journey.lead.hears(
        "updated", assignment_id=journey.order["assignment_id"], patience=30, but=without_meeting(journey)
    )
    assert called["meeting"]["where"] == "社区议事室"
    minutes = {"present": [COMMITTEE], "agreed": "入户征求意见"}
    assert (await routing.post(f"{here}/meetings/1/minutes", json=minutes)).status_code == 202

    # 240 doors: some say no first and yes later, every word is sent twice.
    changed = [(f"{number}-101", "no") for number in range(20)]
    words = [(f"{number}-101", "yes" if number < 205 else "no") for number in range(240)]
    for said in (changed, words):
        for start in range(0, len(said), 40):
            await asyncio.gather(*(vote(routing, here, *word) for word in said[start : start + 40]))
    await shown(routing, here, counts={"yes": 205, "no": 35, "abstain": 0})
    full = await routing.post(f"{here}/votes", json={"household": "999-999", "choice": "yes"})
    assert (full.status_code, full.json()["errors"][0]["field"]) == (422, "household")

    assert (await routing.post(f"{here}/close", json={"reason": "表决期满"})).status_code == 202
    closed = await shown(routing, here, state="closed")
    assert closed["result"] == {
        "outcome": "adopted",
        "yes": 205,
        "no": 35,
        "abstain": 0,
        "cast": 240,
        "households": 240,
        "consent": 205,
        "of_all": 240,
        "percent": "85.4",
    }
    assert closed["meetings"][0]["agreed"] == "入户征求意见"
    assert "-101" not in str(closed["history"])
    late = await routing.post(f"{here}/votes", json={"household": "1-101", "choice": "no"})
    assert late.status_code == 409

    assert [one["kind"] for one in (await routing.get(case)).json()["prior"]] == [
        "police_mediation",
        "lawsuit",
    ]
    assert (await journey.finish())["outcome"] == "verified"


def without_meeting(journey: Any) -> set[str]:
    """What the lead heard before it was called."""
    return {one.id for one in journey.lead.all("updated") if "meeting" not in one.data}


async def vote(routing: httpx.AsyncClient, here: str, household: str, choice: str) -> None:
    """One household's word, said twice."""
    key = {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        said = await routing.post(
            f"{here}/votes", json={"household": household, "choice": choice}, headers=key
        )
        assert said.status_code == 202, said.text


async def shown(routing: httpx.AsyncClient, here: str, **wanted: Any) -> dict[str, Any]:
    """The consultation, once it stands so."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await routing.get(here)).json()
        return found if wanted.items() <= found.items() else None

    return await until_there(look)
