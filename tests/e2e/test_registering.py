"""Tenants come, change their keys and go while the system runs, by the command an operator has (docs/running.md)."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from functools import partial
from operator import lt
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import nats
import nats.errors
import pytest
from nats.aio.client import Client

from deploy import SAMPLE
from shared.policy import load
from tests.e2e.outsider import Outside, now
from tests.e2e.running import Up, nuanliu
from tests.support.live import until

NEWCOMER = "gas-newcomer"
SMELL = "楼道里有很浓的燃气味道，不敢开灯"


def tenant(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`nuanliu tenant ...` on the stack."""
    by = () if arguments[0] == "show" else ("--by", "tests")
    command = nuanliu("tenant", *arguments, "--dir", str(up.directory), *by)
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


async def changed(up: Up, *arguments: str) -> str:
    """The command in the background; gives what was handed out. It must have succeeded."""
    done = await asyncio.to_thread(tenant, up, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def connected(endpoints: dict[str, Any], seed: str, id: str = NEWCOMER, **options: Any) -> Client:
    async def quiet(_: Exception) -> None:
        pass

    return await nats.connect(
        endpoints["nats"],
        nkeys_seed_str=seed,
        inbox_prefix=f"_INBOX.{id}".encode(),
        error_cb=quiet,
        **{"allow_reconnect": False} | options,
    )


async def refused(endpoints: dict[str, Any], seed: str) -> bool:
    try:
        client = await connected(endpoints, seed)
    except nats.errors.Error:
        return True
    await client.close()
    return False


async def received(client: Client, kind: str, **wanted: Any) -> dict[str, Any]:
    """The next order of a kind; what comes before it is acknowledged and left alone."""
    bound = await client.jetstream().pull_subscribe_bind(
        consumer=NEWCOMER, stream="DISPATCH", inbox_prefix=f"_INBOX.{NEWCOMER}.".encode()
    )
    while True:
        for message in await bound.fetch(1, timeout=20):
            data = json.loads(message.data)
            await message.ack()
            if message.subject.split(".")[2] == kind and wanted.items() <= data.items():
                return data


async def said(client: Client, verb: str, data: dict[str, Any]) -> str:
    id = str(uuid4())
    headers = {
        "ce-id": id,
        "ce-source": "/tests",
        "ce-specversion": "1.0",
        "ce-type": f"nuanliu.response.{verb}.v1",
    }
    await client.jetstream().publish(
        f"response.{NEWCOMER}.{verb}.v1", json.dumps(data).encode(), headers=headers
    )
    return id


async def knows(up: Up, service: str) -> int:
    """How many tenants a service last said it knows; it looks at the registry every second. 0 before any change."""
    lines = (up.directory / "logs" / f"{service}.log").read_text().splitlines()
    said = [json.loads(line) for line in lines if "registry or rules changed" in line]
    return int(said[-1]["tenants"]) if said else 0


@dataclass
class Newcomer:
    """Who was registered while the system ran: where it serves, and its key as it was handed out last."""

    compound: str
    seed: str


@pytest.fixture(scope="module")
async def newcomer(up: Up, endpoints: dict[str, Any]) -> Newcomer:
    """A gas company of one compound of which no example speaks."""
    spoken_of = {one["submitted"]["location"]["compound"] for one in endpoints["examples"]}
    compound = next(c for c in load(SAMPLE).places.compounds if c.name not in spoken_of)
    before = {service: await knows(up, service) for service in ("routing", "response")}
    seed = await changed(
        up,
        "add",
        NEWCOMER,
        *("--kind", "agency", "--agency-kind", "gas", "--name-zh", "新燃气公司", "--name-en", "New gas"),
        *("--serves", compound.code, "--contact", "调度室:0371-12345678"),
    )
    for service, known in before.items():
        await until(partial(knows, up, service), partial(lt, known), 10)
    return Newcomer(compound.name, seed)


async def test_a_newcomer_is_served_while_everything_runs_and_nobody_else_is_dropped(
    up: Up, endpoints: dict[str, Any], outside: Outside, newcomer: Newcomer
) -> None:
    before = {one.name: one.client.stats["reconnects"] for one in outside.of_kind("agency")}
    client = await connected(endpoints, newcomer.seed)
    channel = outside.of_kind("channel")[0]

    await channel.say("submitted", {"text": SMELL, "location": {"compound": newcomer.compound}})
    order = await received(client, "assigned")
    await said(client, "accepted", {"assignment_id": order["assignment_id"], "at": now()})
    strange = await said(client, "accepted", {"assignment_id": "none", "at": now()})
    refusal = await received(client, "refused", in_reply_to=strange)

    assert order["lead_agency"] == NEWCOMER
    assert refusal["errors"][0]["field"] == "assignment_id"
    async with httpx.AsyncClient(base_url=endpoints["http"]["response"]) as http:
        path = f"/api/v1/assignments/{order['assignment_id']}"

        async def state() -> str:
            return str((await http.get(path)).json().get("state"))

        await until(state, lambda found: found == "accepted")
    assert {one.name: one.client.stats["reconnects"] for one in outside.of_kind("agency")} == before
    await client.close()


async def test_both_keys_let_in_while_they_are_rotated_and_then_only_the_new_one(
    up: Up, endpoints: dict[str, Any], newcomer: Newcomer
) -> None:
    ended = asyncio.Event()

    async def end() -> None:
        ended.set()

    old = await connected(endpoints, newcomer.seed, closed_cb=end)

    fresh = await changed(up, "rotate", NEWCOMER)
    assert not await refused(endpoints, newcomer.seed)
    new = await connected(endpoints, fresh)
    await changed(up, "rotate", NEWCOMER, "--end")

    await asyncio.wait_for(ended.wait(), 10)
    assert await refused(endpoints, newcomer.seed)
    assert new.is_connected
    await new.close()
    await old.close()
    newcomer.seed = fresh


async def test_a_token_speaks_for_one_agency_over_http(
    up: Up, endpoints: dict[str, Any], newcomer: Newcomer, outside: Outside
) -> None:
    token = await changed(up, "token", NEWCOMER)
    async with httpx.AsyncClient(
        base_url=endpoints["http"]["response"], headers={"Authorization": f"Bearer {token}"}
    ) as http:

        async def mine() -> httpx.Response:
            return await http.get("/api/v1/assignments")

        listed = await until(mine, lambda answer: answer.status_code == 200, 10)
        other = await http.get("/api/v1/assignments", params={"agency": "heating-zy"})

    assert {one["agency"] for one in listed.json()} == {NEWCOMER}
    assert other.status_code == 403


async def test_a_suspended_tenant_is_kept_out_and_a_removed_one_leaves_nothing_behind(
    up: Up, endpoints: dict[str, Any], outside: Outside, newcomer: Newcomer
) -> None:
    await changed(up, "suspend", NEWCOMER, "--reason", "试")
    assert await refused(endpoints, newcomer.seed)
    await changed(up, "resume", NEWCOMER)
    assert not await refused(endpoints, newcomer.seed)

    early = await asyncio.to_thread(tenant, up, "remove", NEWCOMER, "--reason", "试")
    assert early.returncode == 1
    assert "state" in early.stderr
    await changed(up, "suspend", NEWCOMER, "--reason", "试")
    await changed(up, "remove", NEWCOMER, "--reason", "试")

    shown = json.loads(await changed(up, "show", NEWCOMER))
    assert shown["state"] == "removed"
    assert [one["action"] for one in shown["changes"]] == [
        "add",
        "rotate",
        "rotation_ended",
        "token",
        "suspend",
        "resume",
        "suspend",
        "remove",
    ]
    assert all(one["by"] == "tests" for one in shown["changes"])
    async with httpx.AsyncClient(base_url=endpoints["http"]["response"]) as http:

        async def ready() -> int:
            return (await http.get("/health/ready")).status_code

        assert await until(ready, lambda status: status == 200) == 200


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("show", "nobody"), "id"),
        (("rotate", "nobody"), "id"),
        (("suspend", "team-district", "--reason", "试"), "tenants"),
        (
            ("add", "UPPER", "--kind", "agency", "--agency-kind", "gas", "--name-zh", "a", "--name-en", "b"),
            "id",
        ),
        (("add", "some-new", "--kind", "agency", "--name-zh", "a", "--name-en", "b"), "agency_kind"),
        (
            ("add", "some-new", "--kind", "team", "--name-zh", "a", "--name-en", "b", "--serves", "nowhere"),
            "no place",
        ),
        (("set", "heating-zy", "--quota", "connections=0"), "quota.connections"),
        (("token", "heating-zy", "--revoke", "none"), "tokens"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else str(value),
)
def test_what_cannot_be_changed_is_answered_by_field_and_changes_nothing(
    up: Up, arguments: tuple[str, ...], field: str
) -> None:
    registry = Path(up.directory) / "tenants.yaml"
    before = registry.read_bytes()

    done = tenant(up, *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert field in done.stderr
    assert registry.read_bytes() == before
