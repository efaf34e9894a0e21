"""The revisit service as a process, on both engines: a case is resolved, a team goes back, the verdict is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NothingCame
from nats.js.errors import NotFoundError

from services.revisit.domain.task import task_id
from services.revisit.handlers import handlers
from services.revisit.store import COLLECTIONS
from shared.contracts.base import Event
from shared.contracts.revisit import VerificationFailed, VerificationHeld, VerificationOverdue
from tests.support.engines import engines, free_ports
from tests.support.revisits import SAMPLE, TEAM, closed, resolved
from tests.support.waiting import until_there

PATIENCE = 20.0
T = TypeVar("T")


@dataclass
class World:
    """The running service, and what stands around it."""

    admin: Client
    team: Client
    http: httpx.AsyncClient
    files: Path
    heard: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def publish(self, event: Event, about: str = "") -> None:
        """What another service says."""
        id = str(uuid4())
        headers = {"ce-id": id, "ce-source": "/test", "ce-specversion": "1.0", "ce-type": event.type}
        headers |= {"ce-time": datetime.now(UTC).isoformat(), "Nats-Msg-Id": id, "ce-subject": about}
        body = event.model_dump_json(exclude_none=True).encode()
        await self.admin.jetstream().publish(event.subject(), body, headers=headers)

    async def say(self, verb: str, data: dict[str, Any], id: str | None = None) -> str:
        """What the team says."""
        id = id or str(uuid4())
        headers = {"ce-id": id, "ce-source": "/team", "ce-specversion": "1.0"}
        headers["ce-type"] = f"nuanliu.field.{verb}.v1"
        await self.team.jetstream().publish(
            f"field.{TEAM}.{verb}.v1", json.dumps(data).encode(), headers=headers
        )
        return id

    async def told(self, kind: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The event of this kind that the team hears, or has heard."""

        async def heard() -> dict[str, Any] | None:
            for data in self.heard.get(kind, []):
                if wanted(data):
                    return data
            await self._listen()
            return None

        return await until_there(heard)

    async def _listen(self) -> None:
        inbox = await self.team.jetstream().pull_subscribe_bind(
            consumer=TEAM, stream="REVISIT", inbox_prefix=f"_INBOX.{TEAM}.".encode()
        )
        try:
            messages = await inbox.fetch(10, timeout=0.5)
        except (NothingCame, TimeoutError):
            return
        finally:
            await inbox.unsubscribe()
        for message in messages:
            await message.ack()
            self.heard.setdefault(message.subject.split(".")[2], []).append(json.loads(message.data))

    async def verdict(self, event: type[Event], case_id: str) -> dict[str, Any]:
        """What the other services hear of a case."""

        async def last() -> dict[str, Any] | None:
            try:
                message = await self.admin.jetstream().get_last_msg("VERIFICATION", event.subject())
            except NotFoundError:
                return None
            data: dict[str, Any] = json.loads(message.data or b"{}")
            return data if data["case_id"] == case_id else None

        return await until_there(last)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("revisit")
    async with engines(
        directory,
        tenants=SAMPLE.tenants.tenants,
        handled={"revisit": handlers.events()},
        stores={"revisit": COLLECTIONS},
    ) as running:
        (port,) = free_ports(1)
        environment = os.environ | {
            "NUANLIU_NATS_URL": running.nats,
            "NUANLIU_NATS_SEED": str(running.seed("revisit")),
            "NUANLIU_MONGO_URL": running.mongo("revisit"),
            "NUANLIU_MONGO_DATABASE": "revisit",
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_TICK_SECONDS": "0.5",
            "NUANLIU_POLICY": "deploy/packs/nuanhe",
            "NUANLIU_FILES_DIR": str(directory / "files"),
            "NUANLIU_HTTP_TOKENS": "optional",
        }
        async with service(environment), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool | None:
                try:
                    return True if (await http.get("/health/ready")).status_code == 200 else None
                except httpx.TransportError:
                    return None

            await until_there(ready)
            admin, team = await running.connect(), await running.connect_tenant(TEAM)
            yield World(admin, team, http, directory / "files")
            await admin.close()
            await team.close()


@asynccontextmanager
async def service(environment: dict[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.revisit", env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def a_task(world: World, done: timedelta = timedelta(minutes=5), **changes: Any) -> dict[str, Any]:
    """A case is resolved; the task its team hears of."""
    case_id, at = str(uuid4()), datetime.now(UTC) - done
    fields = {"case_id": case_id, "at": at, "resolved_at": at} | changes
    await world.publish(resolved(**fields), case_id)
    due = await world.told("due", lambda data: data["task_id"] == task_id(case_id, 0))
    assert due["attempt"] == 1
    return due


def answers(id: str, refused: dict[str, Any]) -> bool:
    return refused.get("in_reply_to") == id


def answer(task: dict[str, Any], **changes: Any) -> dict[str, Any]:
    said = {"task_id": task["task_id"], "at": datetime.now(UTC).isoformat(), "by": {"name": "网格员"}}
    return said | {"outcome": "reached"} | changes


async def test_a_team_goes_back_and_it_held(world: World) -> None:
    task = await a_task(world)

    await world.say("revisited", answer(task, solved=True, satisfaction="satisfied"))

    held = await world.verdict(VerificationHeld, task["case_id"])
    assert (held["solved"], held["satisfaction"]) == (1, "satisfied")


async def test_nobody_there_is_tried_again_and_then_it_failed(world: World) -> None:
    task = await a_task(world)

    await world.say("revisited", answer(task, outcome="unreachable"))
    again = await world.told("due", lambda data: data["task_id"] == task["task_id"] and data["attempt"] == 2)
    await world.say("revisited", answer(again, solved=False))

    failed = await world.verdict(VerificationFailed, task["case_id"])
    assert failed["reason"] == "居民表示问题未解决"


async def test_what_is_wrong_is_told_by_name(world: World) -> None:
    task = await a_task(world)

    foreign = await world.say("revisited", answer({"task_id": "another"}, solved=True))
    misspelt = await world.say("revisited", answer(task, sovled=True))

    for id, name in ((foreign, "task_id"), (misspelt, "sovled")):
        refused = await world.told("refused", partial(answers, id))
        assert [error["field"] for error in refused["errors"]] == [name]


async def test_a_withdrawn_case_calls_the_team_back(world: World) -> None:
    task = await a_task(world)

    await world.publish(closed(case_id=task["case_id"], at=datetime.now(UTC)), task["case_id"])

    gone = await world.told("withdrawn", lambda data: data["task_id"] == task["task_id"])
    assert gone["reason"]


async def test_a_sweep_finds_what_nobody_went_to(world: World) -> None:
    task = await a_task(world, done=timedelta(hours=25))

    late = await world.verdict(VerificationOverdue, task["case_id"])

    assert late["team"] == TEAM
    shown = (await world.http.get(f"/api/v1/tasks/{task['task_id']}")).json()
    assert shown["overdue"] is True


async def test_over_http(world: World) -> None:
    task = await a_task(world)
    path = f"/api/v1/tasks/{task['task_id']}"

    shown = (await world.http.get(path)).json()
    assert (shown["state"], shown["team"]) == ("due", TEAM)
    assert "contact" not in shown
    assert "room" not in shown["location"]
    body = answer(task, solved=True, note="老人独居")
    taken = await world.http.post(f"{path}/revisited", json=body, headers={"Idempotency-Key": "h-1"})
    assert (taken.status_code, taken.json()["event_id"]) == (202, "h-1")
    await world.verdict(VerificationHeld, task["case_id"])

    shown = (await world.http.get(path)).json()
    assert shown["state"] == "held"
    assert "note" not in shown["visits"][0]
    over = await world.http.post(f"{path}/revisited", json=body)
    assert (over.status_code, over.json()["errors"][0]["field"]) == (409, "task_id")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"outcome": "gone"}, "outcome"),
        ({"sovled": True}, "sovled"),
        ({"at": "2026-11-20T08:00:00"}, "at"),
        ({"task_id": "another"}, "task_id"),
    ],
)
async def test_a_bad_body_is_answered_by_field(world: World, change: dict[str, Any], name: str) -> None:
    task = await a_task(world)

    answered = await world.http.post(f"/api/v1/tasks/{task['task_id']}/revisited", json=answer(task) | change)

    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answered.json()["errors"]] == [name]


async def test_an_unknown_task_may_still_come(world: World) -> None:
    answered = await world.http.get("/api/v1/tasks/none")

    assert answered.status_code == 404
    assert answered.headers["retry-after"] == "1"


async def test_tasks_are_listed_page_by_page(world: World) -> None:
    ours = {(await a_task(world))["task_id"] for _ in range(3)}
    query: dict[str, Any] = {"team": TEAM, "state": "due", "limit": 2}

    seen: list[str] = []
    while True:
        page = (await world.http.get("/api/v1/tasks", params=query)).json()
        seen += [task["task_id"] for task in page["tasks"]]
        if "next" not in page:
            break
        query["after"] = page["next"]

    assert ours <= set(seen)
    assert len(seen) == len(set(seen))
    nobody = await world.http.get("/api/v1/tasks", params={"team": "team-liuhu", "state": "due"})
    assert nobody.json()["tasks"] == []
    assert (await world.http.get("/api/v1/tasks", params={"state": "lost"})).status_code == 422


async def test_a_photo_is_kept_once_under_its_digest(world: World) -> None:
    photo = {"file": ("t.jpg", b"\xff\xd8 18.5", "image/jpeg")}

    first = await world.http.post("/api/v1/files", files=photo)
    second = await world.http.post("/api/v1/files", files=photo)

    assert first.status_code == 202
    assert first.json() == second.json()
    assert first.json()["media_type"] == "image/jpeg"
    kept = [path for path in world.files.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"\xff\xd8 18.5"]


async def test_a_file_too_large_or_missing_is_answered(world: World) -> None:
    large = {"file": ("t.jpg", bytes(10 * 1024 * 1024 + 1), "image/jpeg")}

    assert (await world.http.post("/api/v1/files", files=large)).status_code == 413
    assert (await world.http.post("/api/v1/files", files={"photo": b"1"})).status_code == 422
