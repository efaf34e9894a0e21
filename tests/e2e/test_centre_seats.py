"""The centre's seats over HTTP: made by the operator's command while everything runs, bound by their tokens, in the
history under their own name."""

from __future__ import annotations

import asyncio
import json
import subprocess
from functools import partial
from typing import Any

import httpx
import pytest

from tests.e2e.journey import LIFT, Journeys
from tests.e2e.running import Up, nuanliu
from tests.support.live import until

SEATS = {"duty-desk": ("desk", "值班席"), "head": ("leader", "分管领导")}


def centre(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`nuanliu centre ...` on the stack."""
    command = nuanliu("centre", *arguments, "--dir", str(up.directory))
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


async def done(up: Up, *arguments: str) -> str:
    """The command in the background; gives what was handed out. It must have succeeded."""
    ended = await asyncio.to_thread(centre, up, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
async def tokens(up: Up) -> dict[str, str]:
    """Two seats that nobody had before, each with a token."""
    held = {}
    for id, (role, name) in SEATS.items():
        await done(up, "add", id, "--role", role, "--name-zh", name, "--name-en", id)
        held[id] = await done(up, "token", id)
    return held


async def asked(http: httpx.AsyncClient, method: str, path: str, token: str, **said: Any) -> httpx.Response:
    return await http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **said)


async def status(http: httpx.AsyncClient, path: str, token: str) -> int:
    return (await asked(http, "GET", path, token)).status_code


async def test_an_order_stands_in_the_history_under_the_seat_that_gave_it(
    up: Up, endpoints: dict[str, Any], journeys: Journeys, tokens: dict[str, str]
) -> None:
    journey = await journeys.start(LIFT)
    case = f"/api/v1/cases/{journey.case_id}"
    order = {"reason": "拖得太久", "level": 2}
    async with httpx.AsyncClient(base_url=endpoints["http"]["routing"]) as routing:
        look = partial(status, routing, case, tokens["head"])
        assert await until(look, lambda status: status == 200, 10) == 200

        forbidden = await asked(routing, "POST", f"{case}/supervise", tokens["head"], json=order)
        forged = await asked(
            routing, "POST", f"{case}/supervise", tokens["duty-desk"], json=order | {"by": "head"}
        )
        given = await asked(routing, "POST", f"{case}/supervise", tokens["duty-desk"], json=order)

        async def history() -> list[dict[str, Any]]:
            lines = (await asked(routing, "GET", f"{case}/timeline", tokens["head"])).json()
            return [line for line in lines if line["what"] == "supervised"]

        (line,) = await until(history, bool)

    assert [answer.status_code for answer in (forbidden, forged, given)] == [403, 403, 202]
    assert [answer.json()["errors"][0]["field"] for answer in (forbidden, forged)] == ["Authorization", "by"]
    assert line["who"] == "duty-desk"


async def test_a_token_changes_and_is_taken_back_while_everything_runs(
    up: Up, endpoints: dict[str, Any], tokens: dict[str, str]
) -> None:
    path = "/api/v1/indicators"
    async with httpx.AsyncClient(base_url=endpoints["http"]["metrics"]) as metrics:
        newest = await done(up, "token", "duty-desk", "--now")
        known = await until(partial(status, metrics, path, newest), lambda status: status == 200, 10)
        old = await status(metrics, path, tokens["duty-desk"])
        listed = [json.loads(line) for line in (await done(up, "list", "--json")).splitlines()]
        await done(up, "remove", "duty-desk", "--reason", "试")
        ended = await until(partial(status, metrics, path, newest), lambda status: status == 401, 10)

    assert (known, old, ended) == (200, 401, 401)
    assert {one["id"]: len(one["tokens"]) for one in listed} == {"duty-desk": 1, "head": 1}
    again = centre(up, "add", "duty-desk", "--role", "desk", "--name-zh", "a", "--name-en", "b")
    assert (again.returncode, again.stdout) == (1, "")
    assert "id" in again.stderr
