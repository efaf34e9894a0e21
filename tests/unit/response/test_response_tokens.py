"""Over HTTP an agency is who its token says (CONTRACTS 5): it sees its own, and nobody else sees a thing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from shared.loop.envelope import now
from shared.policy import Jurisdiction
from tests.support.assignments import AGENCY, OTHER, SAMPLE
from tests.support.response_front import Front
from tests.support.tokens import bearer, holding

CHANNEL = SAMPLE.tenants.of_kind("channel")[0].id


async def front(tmp_path: Path, district: Jurisdiction) -> Front:
    """In production, with one assignment of heating's."""
    found = Front(tmp_path, "required", district)
    await found.ordered("a-1")
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/assignments"),
        ("GET", "/api/v1/assignments/a-1"),
        ("POST", "/api/v1/assignments/a-1/accepted"),
        ("POST", "/api/v1/files"),
    ],
)
async def test_without_a_token_nothing_is_answered(tmp_path: Path, method: str, path: str) -> None:
    here = await front(tmp_path, holding(SAMPLE))

    answer = await here.client.request(method, path, json={"at": now().isoformat()})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (401, "Authorization")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not here.bus.streams.get(f"RESPONSE_{AGENCY}")


@pytest.mark.parametrize(
    ("shown", "district", "status"),
    [
        ("Bearer nl_wrong", holding(SAMPLE), 401),
        ("Bearer ", holding(SAMPLE), 401),
        (f"Basic nl_{AGENCY}", holding(SAMPLE), 401),
        (f"Bearer nl_{AGENCY}", holding(SAMPLE, state="suspended"), 403),
        (f"Bearer nl_{AGENCY}", holding(SAMPLE, state="removed"), 401),
        (f"Bearer nl_{AGENCY}", holding(SAMPLE, rights=("nats",)), 403),
        (f"Bearer nl_{CHANNEL}", holding(SAMPLE), 403),
    ],
)
async def test_a_token_that_is_not_good_here_is_refused_by_name(
    tmp_path: Path, shown: str, district: Jurisdiction, status: int
) -> None:
    here = await front(tmp_path, district)

    answer = await here.client.get("/api/v1/assignments", headers={"Authorization": shown})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, "Authorization")


async def test_an_agency_sees_and_says_what_is_its_own(tmp_path: Path) -> None:
    here = await front(tmp_path, holding(SAMPLE))
    mine = httpx.Headers(bearer(AGENCY))

    listed = (await here.client.get("/api/v1/assignments", headers=mine)).json()
    said = await here.client.post(
        "/api/v1/assignments/a-1/accepted", json={"at": now().isoformat()}, headers=mine
    )

    assert [one["assignment_id"] for one in listed] == ["a-1"]
    assert said.status_code == 202


@pytest.mark.parametrize("tokens", ["required", "optional"])
async def test_what_is_anothers_is_as_if_it_were_not_there(tmp_path: Path, tokens: str) -> None:
    here = Front(tmp_path, tokens, holding(SAMPLE))  # type: ignore[arg-type]
    await here.ordered("a-1")
    theirs = httpx.Headers(bearer(OTHER))

    foreign = await here.client.get("/api/v1/assignments/a-1", headers=theirs)
    unknown = await here.client.get("/api/v1/assignments/none", headers=theirs)
    said = await here.client.post(
        "/api/v1/assignments/a-1/accepted", json={"at": now().isoformat()}, headers=theirs
    )
    listed = await here.client.get("/api/v1/assignments", headers=theirs)
    asked = await here.client.get("/api/v1/assignments", params={"agency": AGENCY}, headers=theirs)

    assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
    assert said.status_code == 404
    assert not here.bus.streams.get(f"RESPONSE_{AGENCY}")
    assert listed.json() == []
    assert (asked.status_code, asked.json()["errors"][0]["field"]) == (403, "agency")
