"""The response service, two copies of it, on both engines: an assignment is sent, spoken about, forgotten, refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NothingCame
from pymongo import AsyncMongoClient

from deploy.registry.file import write
from services.response.handlers import handlers
from services.response.store import ASSIGNMENTS, COLLECTIONS
from shared.contracts.base import Event
from shared.contracts.routing import CaseConcluded, CaseUpdated
from tests.support.assignments import AGENCY, OTHER, SAMPLE, order
from tests.support.engines import Engines, engines, free_ports
from tests.support.tokens import bearer, holding
from tests.support.waiting import until_there

PATIENCE = 30.0
COPIES = 2
T = TypeVar("T")


@dataclass
class World:
    """The running copies, and what stands around them. ``heard``: what agencies were sent, by their id."""

    engines: Engines
    admin: Client
    agencies: dict[str, Client]
    http: httpx.AsyncClient
    copies: list[str]
    heard: dict[str, list[tuple[str, dict[str, str], dict[str, Any]]]] = field(default_factory=dict)

    async def publish(self, event: Event) -> None:
        """What routing says."""
        id = str(uuid4())
        headers = {"ce-id": id, "ce-source": "/test", "ce-specversion": "1.0", "ce-type": event.type}
        headers |= {"ce-time": datetime.now(UTC).isoformat(), "Nats-Msg-Id": id}
        body = event.model_dump_json(exclude_none=True).encode()
        await self.admin.jetstream().publish(event.subject(), body, headers=headers)

    async def assigned(self, **changes: Any) -> str:
        """A new assignment, which its agency has received."""
        id, start = str(uuid4()), datetime.now(UTC)
        clocks = {
            "accept_by": start + timedelta(minutes=30),
            "contact_by": None,
            "arrive_by": None,
            "resolve_by": start + timedelta(hours=48),
        }
        await self.publish(
            order(**{"assignment_id": id, "case_id": f"case-{id}", "at": start} | clocks | changes)
        )
        await self.told(changes.get("agency", AGENCY), "assigned", id)
        return id

    async def say(self, agency: str, verb: str, data: dict[str, Any] | bytes, id: str | None = None) -> str:
        """What an agency says, by its own account."""
        id = id or str(uuid4())
        headers = {"ce-id": id, "ce-source": "/agency", "ce-specversion": "1.0"}
        headers["ce-type"] = f"nuanliu.response.{verb}.v1"
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        await self.agencies[agency].jetstream().publish(f"response.{agency}.{verb}.v1", body, headers=headers)
        return id

    async def told(self, agency: str, kind: str, about: str) -> dict[str, Any]:
        """The message of this kind about an assignment, or in reply to a message, that the agency gets."""

        async def heard() -> dict[str, Any] | None:
            for subject, _, data in self.heard.get(agency, []):
                if subject.split(".")[2] == kind and about in (
                    data.get("assignment_id"),
                    data.get("in_reply_to"),
                ):
                    return data
            await self._listen(agency)
            return None

        return await until_there(heard)

    async def _listen(self, agency: str) -> None:
        inbox = (
            await self.agencies[agency]
            .jetstream()
            .pull_subscribe_bind(
                consumer=agency, stream="DISPATCH", inbox_prefix=f"_INBOX.{agency}.".encode()
            )
        )
        try:
            messages = await inbox.fetch(50, timeout=0.3)
        except (NothingCame, TimeoutError):
            return
        finally:
            await inbox.unsubscribe()
        for message in messages:
            await message.ack()
            entry = (message.subject, dict(message.headers or {}), json.loads(message.data))
            self.heard.setdefault(agency, []).append(entry)

    async def state(self, id: str) -> str:
        shown = await self.http.get(f"/api/v1/assignments/{id}")
        return str(shown.json()["state"])

    async def dead(self, id: str) -> list[str]:
        """Why a message was not applied, as it is kept with the dead letters."""
        info = await self.admin.jetstream().stream_info("DEAD")
        letters = [
            dict((await self.admin.jetstream().get_msg("DEAD", sequence)).headers or {})
            for sequence in range(info.state.first_seq, info.state.last_seq + 1)
        ]
        return [letter["nuanliu-reason"] for letter in letters if letter.get("ce-id") == id]

    async def published(self, stream: str, id: str) -> list[str]:
        """The subjects on one of our streams that are about this assignment, in their order."""
        info = await self.admin.jetstream().stream_info(stream)
        found = []
        for sequence in range(1, info.state.last_seq + 1):
            message = await self.admin.jetstream().get_msg(stream, sequence)
            if json.loads(message.data or b"{}").get("assignment_id") == id:
                found.append(str(message.subject))
        return found


@contextlib.asynccontextmanager
async def copies(running: Engines, directory: Path, ports: list[int]) -> AsyncIterator[None]:
    """The service, as often as there are ports; ended with SIGTERM, which must succeed. Every agency holds a token that
    nobody has to show."""
    registry = directory / "tenants.yaml"
    write(registry, holding(SAMPLE).tenants)
    environment = os.environ | {
        "NUANLIU_NATS_URL": running.nats,
        "NUANLIU_NATS_SEED": str(running.seed("response")),
        "NUANLIU_MONGO_URL": running.mongo("response"),
        "NUANLIU_MONGO_DATABASE": "response",
        "NUANLIU_TICK_SECONDS": "0.5",
        "NUANLIU_HTTP_TOKENS": "optional",
        "NUANLIU_POLICY": "deploy/packs/nuanhe",
        "NUANLIU_REGISTRY": str(registry),
        "NUANLIU_FILES_DIR": str(directory / "files"),
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.response", env=environment | {"NUANLIU_HTTP_PORT": str(port)}
        )
        for port in ports
    ]
    try:
        yield
        for process in processes:
            process.terminate()
        assert [await asyncio.wait_for(process.wait(), 15) for process in processes] == [0] * len(ports)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("response")
    ports = free_ports(COPIES)
    async with (
        engines(
            directory,
            tenants=SAMPLE.tenants.tenants,
            handled={"response": handlers.events()},
            stores={"response": COLLECTIONS},
        ) as running,
        copies(running, directory, ports),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}") as http,
    ):
        for port in ports:
            await until_there(lambda port=port: _ready(http, port))  # type: ignore[misc]
        admin = await running.connect()
        agencies = {agency: await running.connect_tenant(agency) for agency in (AGENCY, OTHER)}
        yield World(running, admin, agencies, http, [f"http://127.0.0.1:{port}" for port in ports])
        for client in (admin, *agencies.values()):
            await client.close()


async def _ready(http: httpx.AsyncClient, port: int) -> bool | None:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200 or None
    except httpx.TransportError:
        return None


async def test_an_assignment_from_order_to_verdict(world: World) -> None:
    id = await world.assigned()
    now = datetime.now(UTC).isoformat()

    await world.say(AGENCY, "accepted", {"assignment_id": id, "at": now, "by": {"name": "值班员"}})
    disclosed = await world.told(AGENCY, "updated", id)
    done = {"outcome": "solved", "measures": "更换阀门", "reply": "已恢复供暖"}
    await world.say(AGENCY, "resolved", {"assignment_id": id, "at": now, **done})
    await until_there(lambda: _when(world, id, "resolved"))
    await world.publish(CaseConcluded(case_id=f"case-{id}", assignment_id=id, at=now, held=True, closed=True))
    verified = await world.told(AGENCY, "verified", id)

    assert disclosed["contact"] == {"name": "王秀英", "phone": "13812345678"}
    assert disclosed["places"][0]["room"] == "502"
    assert verified["held"] is True
    assert await world.state(id) == "concluded"
    assert await world.published("ASSIGNMENT", id) == ["assignment.accepted.v1", "assignment.resolved.v1"]
    assert {
        headers["ce-subject"] for s, headers, data in world.heard[AGENCY] if data.get("assignment_id") == id
    } == {f"case-{id}"}


async def test_bad_messages_are_answered_by_name_and_those_around_them_applied(world: World) -> None:
    id, foreign = await world.assigned(), await world.assigned(agency=OTHER)
    at = datetime.now(UTC).isoformat()
    bad: list[tuple[dict[str, Any] | bytes, str]] = [
        (b"{", "data"),
        ({"assignment_id": id, "at": at, "colour": "red"}, "colour"),
        ({"assignment_id": id, "at": 5}, "at"),
        ({"assignment_id": id, "at": "2026-11-20T08:00:00"}, "at"),
        ({"assignment_id": id, "at": at, "note": "x" * 65_600}, "data"),
        ({"assignment_id": foreign, "at": at}, "assignment_id"),
        ({"assignment_id": "nowhere", "at": at}, "assignment_id"),
    ]

    sent = [(await world.say(AGENCY, "accepted", body), field) for body, field in bad]
    await world.say(AGENCY, "accepted", {"assignment_id": id, "at": at})
    told = {reply: (await world.told(AGENCY, "refused", reply))["errors"] for reply, _ in sent}
    await until_there(lambda: _when(world, id, "accepted"))

    assert [told[reply][0]["field"] for reply, _ in sent] == [field for _, field in sent]
    assert told[sent[-1][0]] == told[sent[-2][0]]
    assert await world.state(foreign) == "assigned"


async def test_after_the_end_the_agency_is_refused(world: World) -> None:
    id = await world.assigned()
    at = datetime.now(UTC).isoformat()
    await world.say(
        AGENCY, "returned", {"assignment_id": id, "at": at, "reason_code": "not_ours", "reason": "不在范围"}
    )
    await until_there(lambda: _when(world, id, "returned"))

    reply = await world.say(AGENCY, "accepted", {"assignment_id": id, "at": at})

    assert (await world.told(AGENCY, "refused", reply))["errors"][0]["field"] == "assignment_id"
    spoken = await world.http.post(f"/api/v1/assignments/{id}/accepted", json={"at": at})
    assert spoken.status_code == 409


async def test_the_sweep_finds_what_was_forgotten(world: World) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    id = await world.assigned(accept_by=soon)

    reminded = await world.told(AGENCY, "reminded", id)
    await until_there(lambda: _published(world, id, "assignment.overdue.v1"))

    assert reminded["deadline"] == "accept"
    assert (await world.published("ASSIGNMENT", id)).count("assignment.overdue.v1") == 1


async def test_what_is_said_over_http_goes_the_same_way(world: World) -> None:
    id = await world.assigned()
    at = datetime.now(UTC).isoformat()

    answers = [
        await world.http.post(
            f"/api/v1/assignments/{id}/accepted", json={"at": at}, headers={"Idempotency-Key": f"k-{id}"}
        )
        for _ in range(2)
    ]
    await until_there(lambda: _when(world, id, "accepted"))
    listed = await world.http.get("/api/v1/assignments", params={"agency": AGENCY, "state": "accepted"})

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == {"event_id": f"k-{id}", "status_url": f"/api/v1/assignments/{id}"}
    assert id in [one["assignment_id"] for one in listed.json()]

    async def published() -> list[str] | None:
        return await world.published("ASSIGNMENT", id) or None

    assert await until_there(published) == ["assignment.accepted.v1"]
    uploaded = await world.http.post("/api/v1/files", files={"file": ("a.jpg", b"photo", "image/jpeg")})
    assert uploaded.json().keys() == {"id", "media_type", "sha256"}


async def test_evidence_is_attached_by_the_agency_that_handed_it_in_whichever_copy_took_it(
    world: World,
) -> None:
    mine, theirs = await world.assigned(), await world.assigned(agency=OTHER)
    at = datetime.now(UTC).isoformat()
    done = {"at": at, "outcome": "solved", "measures": "更换阀门", "reply": "已恢复供暖"}
    photo = {"file": ("a.jpg", b"\xff\xd8\xff a valve", "image/jpeg")}
    taken = [(await world.http.post("/api/v1/files", files=photo, headers=bearer(AGENCY))).json()]
    taken += [
        (await world.http.post(f"{copy}/api/v1/files", files=photo, headers=bearer(AGENCY))).json()
        for copy in world.copies
    ]

    foreign = await world.say(OTHER, "resolved", done | {"assignment_id": theirs, "evidence": taken[:1]})
    altered = [taken[0] | {"sha256": "0" * 64}]
    wrong = await world.say(AGENCY, "resolved", done | {"assignment_id": mine, "evidence": altered})
    told = [await world.told(OTHER, "refused", foreign), await world.told(AGENCY, "refused", wrong)]
    over_http = await world.http.post(
        f"/api/v1/assignments/{theirs}/resolved", json=done | {"evidence": taken[:1]}, headers=bearer(OTHER)
    )
    dead = await world.dead(foreign)
    states = [await world.state(id) for id in (mine, theirs)]
    await world.say(AGENCY, "resolved", done | {"assignment_id": mine, "evidence": taken[:1]})
    await until_there(lambda: _when(world, mine, "resolved"))
    path = f"/api/v1/assignments/{mine}/files/{taken[0]['id']}"
    read = [(await world.http.get(path, headers=bearer(who))).status_code for who in (AGENCY, OTHER)]

    assert len({one["id"] for one in taken}) == 1
    assert [one["errors"][0]["field"] for one in told] == ["evidence.0.id", "evidence.0.sha256"]
    assert (over_http.status_code, over_http.json()["errors"]) == (422, told[0]["errors"])
    assert dead
    assert states == ["assigned", "assigned"]
    assert read == [200, 404]


async def test_the_server_reads_an_agencys_month_and_its_list_by_an_index(world: World) -> None:
    start = datetime.now(UTC)
    queries: dict[str, dict[str, Any]] = {
        "state.assigned_at": {"$gte": start - timedelta(days=30), "$lt": start},
        "state.state": {"$in": ["assigned", "accepted"]},
    }
    raw: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(world.engines.mongo())
    try:
        assignments = raw["response"][ASSIGNMENTS.name]
        plans = {
            path: (await assignments.find({"state.agency": AGENCY, path: query}).explain())["queryPlanner"]
            for path, query in queries.items()
        }
    finally:
        await raw.close()

    for path, plan in plans.items():
        assert "COLLSCAN" not in str(plan["winningPlan"])
        assert f"'state.agency': 1, '{path}': 1" in str(plan["winningPlan"])


async def test_a_burst_of_updates_over_two_copies_tells_each_once(world: World) -> None:
    id = await world.assigned()
    at = datetime.now(UTC)
    for number in range(60):
        later = at + timedelta(milliseconds=number)
        await world.publish(
            CaseUpdated(
                case_id=f"case-{id}", assignment_id=id, at=later, appeals=number + 2, households=number + 2
            )
        )

    async def all_told() -> bool | None:
        updates = [s for s in await world.published("DISPATCH", id) if s.endswith(".updated.v1")]
        return len(updates) >= 60 or None

    await until_there(all_told)
    shown = (await world.http.get(f"/api/v1/assignments/{id}")).json()

    assert len(await world.published("DISPATCH", id)) == 61
    assert shown["appeals"] == 61


async def _when(world: World, id: str, state: str) -> bool | None:
    return await world.state(id) == state or None


async def _published(world: World, id: str, subject: str) -> bool | None:
    return subject in await world.published("ASSIGNMENT", id) or None
