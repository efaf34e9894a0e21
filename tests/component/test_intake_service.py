"""The intake service as a process, on both engines: a channel speaks, routing answers, every appellant is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NothingCame
from nats.js.errors import NotFoundError

from services.intake.domain.receive import appeal_id
from services.intake.handlers import handlers
from services.intake.store import COLLECTIONS
from shared.contracts.base import Event
from tests.support.appeals import CHANNEL, SAMPLE, closed, compound, dispatched, join_refused, sample
from tests.support.engines import engines, free_ports
from tests.support.waiting import until_there

PATIENCE = 20.0


@dataclass
class World:
    """The running service, and what stands around it."""

    admin: Client
    channel: Client
    http: httpx.AsyncClient
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def publish(self, event: Event) -> None:
        """What routing says."""
        id = str(uuid4())
        headers = {"ce-id": id, "ce-source": "/test", "ce-specversion": "1.0", "ce-type": event.type}
        headers |= {"ce-time": datetime.now(UTC).isoformat(), "Nats-Msg-Id": id}
        body = event.model_dump_json(exclude_none=True).encode()
        await self.admin.jetstream().publish(event.subject(), body, headers=headers)

    async def say(self, verb: str, data: Any, id: str | None = None) -> str:
        """What the channel says."""
        id = id or str(uuid4())
        headers = {"ce-id": id, "ce-source": "/channel", "ce-specversion": "1.0"}
        headers["ce-type"] = f"nuanliu.intake.{verb}.v1"
        body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
        await self.channel.jetstream().publish(f"intake.{CHANNEL}.{verb}.v1", body, headers=headers)
        return id

    async def told(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The notice of this kind with these values that the channel hears, or has heard."""

        async def heard() -> dict[str, Any] | None:
            for subject, data in self.heard:
                if subject == f"notice.{CHANNEL}.{kind}.v1" and wanted.items() <= data.items():
                    return data
            await self._listen()
            return None

        return await until_there(heard)

    async def last(self, stream: str, subject: str, **wanted: Any) -> dict[str, Any]:
        """The last event on a subject, once it has these values."""

        async def get() -> dict[str, Any] | None:
            try:
                message = await self.admin.jetstream().get_last_msg(stream, subject)
            except NotFoundError:
                return None
            data: dict[str, Any] = json.loads(message.data or b"{}")
            return data if wanted.items() <= data.items() else None

        return await until_there(get)

    async def _listen(self) -> None:
        inbox = await self.channel.jetstream().pull_subscribe_bind(
            consumer=CHANNEL, stream="NOTICE", inbox_prefix=f"_INBOX.{CHANNEL}.".encode()
        )
        try:
            messages = await inbox.fetch(50, timeout=0.3)
        except (NothingCame, TimeoutError):
            return
        finally:
            await inbox.unsubscribe()
        for message in messages:
            await message.ack()
            self.heard.append((message.subject, json.loads(message.data)))


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("intake")
    async with engines(
        directory,
        tenants=sample().tenants.tenants,
        handled={"intake": handlers.events()},
        stores={"intake": COLLECTIONS},
    ) as running:
        (port,) = free_ports(1)
        environment = os.environ | {
            "NUANLIU_NATS_URL": running.nats,
            "NUANLIU_NATS_SEED": str(running.seed("intake")),
            "NUANLIU_MONGO_URL": running.mongo("intake"),
            "NUANLIU_MONGO_DATABASE": "intake",
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_POLICY": str(SAMPLE),
            "NUANLIU_FILES_DIR": str(directory / "files"),
            "NUANLIU_HTTP_TOKENS": "optional",
        }
        base = f"http://127.0.0.1:{port}"
        async with service(environment, directory), httpx.AsyncClient(base_url=base) as http:

            async def ready() -> bool | None:
                try:
                    return True if (await http.get("/health/ready")).status_code == 200 else None
                except httpx.TransportError:
                    return None

            await until_there(ready)
            admin, channel = await running.connect(), await running.connect_tenant(CHANNEL)
            yield World(admin, channel, http)
            await admin.close()
            await channel.close()


@asynccontextmanager
async def service(environment: dict[str, str], directory: Path) -> AsyncIterator[None]:
    with (directory / "intake.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.intake", env=environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


def cold(at: int, **more: Any) -> dict[str, Any]:
    return {"text": "家里暖气不热，只有14度", "location": {"compound": compound(at).name}} | more


def on_case(notice: dict[str, Any], at: int) -> Any:
    """What routing knows of the case a notice speaks of."""
    policy = sample().policy
    return SimpleNamespace(
        case_id=notice["case_id"],
        case_no=notice["case_no"],
        appeal_id=notice["appeal_id"],
        matter=f"{compound(at).code}|heating.no_heat",
        category=policy.category_ref("heating.no_heat"),
        place=sample().places.place(compound(at).code),
        channel=CHANNEL,
        reported_at=datetime.now(UTC),
    )


async def test_two_neighbours_are_told_from_the_registration_to_the_closing(world: World) -> None:
    first = await world.say("submitted", cold(0, external_ref="H-1"))
    registered = await world.told("registered", in_reply_to=first, external_ref="H-1")
    second = await world.say("submitted", cold(0))
    merged = await world.told("merged", in_reply_to=second, case_id=registered["case_id"], appeals=2)
    assert registered["appeal_id"] == appeal_id(CHANNEL, first)
    case, now = on_case(registered, 0), datetime.now(UTC)
    await world.publish(dispatched(case, now))
    for notice in (registered, merged):
        await world.told("progressed", appeal_id=notice["appeal_id"], stage="dispatched")
    await world.say("urged", {"external_ref": "H-1"})
    await world.last("APPEAL", "appeal.urged.v1", appeal_id=registered["appeal_id"])
    await world.publish(closed(case, now))
    for notice in (registered, merged):
        await world.told("closed", appeal_id=notice["appeal_id"], outcome="verified", solved=True)
    await world.say("contested", {"external_ref": "H-1", "reason": "还是冷"})
    await world.last("APPEAL", "appeal.contested.v1", appeal_id=registered["appeal_id"])
    third = await world.say("submitted", cold(0))
    again = await world.told("registered", in_reply_to=third)
    assert again["case_id"] != registered["case_id"]


async def test_an_appeal_whose_case_had_closed_is_registered_anew(world: World) -> None:
    first = await world.told("registered", in_reply_to=await world.say("submitted", cold(1)))
    id = await world.say("submitted", cold(1))
    merged = await world.told("merged", in_reply_to=id)
    await world.publish(join_refused(on_case(merged, 1), datetime.now(UTC)))
    anew = await world.told("registered", in_reply_to=id)
    assert anew["case_id"] != first["case_id"]


async def test_a_message_that_cannot_be_read_is_answered_and_kept(world: World) -> None:
    bad = await world.say("submitted", cold(2, flavour=1))
    rejected = await world.told("rejected", in_reply_to=bad)
    assert rejected["errors"] == [{"field": "flavour", "problem": "unknown field"}]
    await world.last("APPEAL", "appeal.rejected.v1", in_reply_to=bad)
    await world.last("DEAD", f"dead.intake.INTAKE_{CHANNEL}", flavour=1)
    broken = await world.say("submitted", b"{")
    assert (await world.told("rejected", in_reply_to=broken))["errors"][0]["field"] == "data"


async def test_what_is_posted_becomes_an_appeal_of_its_channel(world: World) -> None:
    body = cold(3, channel=CHANNEL)
    answer = await world.http.post("/api/v1/appeals", json=body, headers={"Idempotency-Key": "p1"})
    assert answer.status_code == 202
    taken = answer.json()

    async def status() -> dict[str, Any] | None:
        answer = await world.http.get(taken["status_url"])
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 and found["state"] == "registered" else None

    found = await until_there(status)
    assert (await world.told("registered", in_reply_to="p1"))["case_no"] == found["case_no"]
    again = await world.http.post("/api/v1/appeals", json=body, headers={"Idempotency-Key": "p1"})
    assert again.json() == taken
    other = await world.http.post(
        "/api/v1/appeals", json=body | {"text": "别的"}, headers={"Idempotency-Key": "p1"}
    )
    assert other.status_code == 409


async def test_open311_hands_in_and_lists_without_naming_anybody(world: World) -> None:
    form = {
        "service_code": "heating.no_heat",
        "address_string": f"{compound(4).name}7号楼2单元501室",
        "description": "王女士家暖气不热，电话13800001234",
        "phone": "13800001234",
        "api_key": CHANNEL,
    }
    answer = await world.http.post("/open311/v2/requests.json", data=form)
    assert answer.status_code == 201
    about = answer.json()[0]["service_request_id"]
    await world.told("registered", appeal_id=about)
    lists = (
        "requests.json?status=open&service_code=heating.no_heat",
        f"requests.json?service_request_id={about}",
        f"requests/{about}.json",
    )
    for url in lists:
        answer = await world.http.get(f"/open311/v2/{url}")
        [shown] = [one for one in answer.json() if one["service_request_id"] == about]
        assert (shown["status"], shown["address"]) == ("open", compound(4).name)
        assert all(secret not in answer.text for secret in ("13800001234", "王女士", "501室"))
    closed_ones = (await world.http.get("/open311/v2/requests.json?status=closed")).json()
    assert about not in {one["service_request_id"] for one in closed_ones}
    whole = (await world.http.get(f"/open311/v2/requests/{about}.xml")).text
    assert f"<service_request_id>{about}</service_request_id>" in whole


async def test_open311_shows_nothing_of_what_was_said_in_confidence(world: World) -> None:
    id = await world.say("submitted", cold(5, nature="report_of_wrongdoing"))
    await world.told("registered", in_reply_to=id)
    about = appeal_id(CHANNEL, id)
    assert (await world.http.get(f"/open311/v2/requests/{about}.json")).status_code == 404
    answer = await world.http.get(f"/open311/v2/requests.json?service_request_id={about}")
    assert answer.json() == []
