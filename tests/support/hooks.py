"""An installation with agencies that are delivered to over HTTP: engines, copies of response, a receiver."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from nats.aio.client import Client

from deploy.keys import KeyRing
from deploy.registry.changes import checked, with_kept_keys
from deploy.registry.installation import Installation
from services.response.handlers import handlers
from services.response.store import COLLECTIONS
from shared.loop.envelope import now
from tests.support.assignments import SAMPLE
from tests.support.engines import Engines, engines, free_ports
from tests.support.live import until
from tests.support.messages import binary
from tests.support.receiver import Receiver, receiver

AGENCY = "heating-zy"
OTHER = "housing-zy"


@dataclass
class Copy:
    """One running copy of response."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@dataclass
class World:
    """``receiver`` is the agency's; ``secrets`` what the command has handed out for it, in their order."""

    engines: Engines
    installation: Installation
    admin: Client
    receiver: Receiver
    copies: list[Copy] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    @property
    def http(self) -> httpx.AsyncClient:
        return next(copy.http for copy in self.copies if copy.process.returncode is None)

    async def tenant(self, *arguments: str) -> str:
        """`nuanliu tenant ...` on this installation; gives what it put out. AssertionError with its words."""
        code, out, words = await self.try_tenant(*arguments)
        assert code == 0, words
        return out

    async def try_tenant(self, *arguments: str) -> tuple[int, str, str]:
        """The same; gives the exit code, what it put out, its words."""
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "nuanliu"), "tenant", *arguments),
            *("--dir", str(self.installation.directory)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, words = await process.communicate()
        return process.returncode or 0, out.decode().strip(), words.decode()

    async def hook(self, agency: str = AGENCY, url: str = "") -> None:
        """Sets the address, or rotates the secret, as an operator does."""
        self.secrets.append(await self.tenant("webhook", agency, "--url", url or self.receiver.url))

    async def send(self, cases: Sequence[str], each: int, agency: str = AGENCY) -> dict[str, list[str]]:
        """Messages to an agency, turn by turn of the cases; gives per case the ids in their order."""
        sent: dict[str, list[str]] = {case: [] for case in cases}
        for number in range(each):
            for case in cases:
                id = str(uuid4())
                headers = binary("nuanliu.dispatch.updated.v1", id, subject=case) | {"Nats-Msg-Id": id}
                body = json.dumps({"assignment_id": f"a-{case}", "appeals": number, "note": "暖气"})
                subject = f"dispatch.{agency}.updated.v1"
                await self.admin.jetstream().publish(subject, body.encode(), headers=headers)
                sent[case].append(id)
        return sent

    async def arrived(self, sent: dict[str, list[str]], patience: float = 60.0) -> None:
        """Returns when everything has been taken."""
        wanted = {id for ids in sent.values() for id in ids}

        async def missing() -> int:
            return len(wanted - {one.id for one in await self.receiver.taken()})

        await until(missing, lambda number: number == 0, patience)

    async def state(self, agency: str = AGENCY) -> dict[str, Any]:
        """How it stands, as any copy says."""
        answer = await self.http.get("/api/v1/webhooks", params={"agency": agency})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()[0]
        return found

    async def listed(self, agency: str = AGENCY, **which: int) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/api/v1/webhooks/{agency}/undelivered", params=which)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def figure(self, name: str) -> float | None:
        """The highest value that a running copy shows of this sample; None while nobody does."""
        found = []
        for copy in self.copies:
            if copy.process.returncode is None:
                shown = (await copy.http.get("/metrics")).text
                found += [
                    float(line.rpartition(" ")[2]) for line in shown.splitlines() if line.startswith(name)
                ]
        return max(found, default=None)

    async def start_copy(self) -> Copy:
        port = free_ports(1)[0]
        keys, directory = self.installation.keys, self.installation.directory
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NUANLIU_")}
        environment |= {
            "NUANLIU_NATS_URL": self.engines.nats,
            "NUANLIU_NATS_SEED": str(self.engines.seed("response")),
            "NUANLIU_MONGO_URL": self.engines.mongo("response"),
            "NUANLIU_MONGO_DATABASE": "response",
            "NUANLIU_REGISTRY": str(self.installation.registry),
            "NUANLIU_FILES_DIR": str(directory / "files"),
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_WEBHOOK_KEY": str(keys.webhook_key_path()),
            "NUANLIU_WEBHOOK_HTTP": "true",
            "NUANLIU_HTTP_TOKENS": "optional",
            "NUANLIU_WEBHOOK_PRIVATE": "127.0.0.0/8",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.response", env=environment
        )
        copy = Copy(process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
        self.copies.append(copy)
        await until(lambda: _ready(copy), bool, 60)
        return copy


async def _ready(copy: Copy) -> bool:
    assert copy.process.returncode is None, "response ended"
    try:
        return (await copy.http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def hooked_world(directory: Path, copies: int = 1, ack_wait: float = 3.0) -> AsyncIterator[World]:
    """Nobody has a webhook yet. ``ack_wait``: seconds, of the consumers, shorter than usual."""
    tenants = SAMPLE.tenants.tenants
    async with (
        engines(
            directory,
            tenants=tenants,
            handled={"response": handlers.events()},
            stores={"response": COLLECTIONS},
            ack_wait=timedelta(seconds=ack_wait),
        ) as running,
        receiver(directory / "receiver", free_ports(1)[0]) as agency,
        AsyncExitStack() as ending,
    ):
        installation = Installation.describe(
            directory, replace(Installation(directory).shape, ack_wait=ack_wait)
        )
        keys = KeyRing(directory / "keys")
        installation.save(checked(SAMPLE.tenants, with_kept_keys(tenants, keys, now())))
        admin = await running.connect()
        ending.push_async_callback(admin.close)
        world = World(running, installation, admin, agency)
        ending.push_async_callback(_end, world)
        await asyncio.gather(*(world.start_copy() for _ in range(copies)))
        yield world


async def _end(world: World) -> None:
    """As SIGTERM ends a service, which must succeed."""
    running = [copy for copy in world.copies if copy.process.returncode is None]
    for copy in running:
        copy.process.terminate()
    try:
        codes = [await asyncio.wait_for(copy.process.wait(), 20) for copy in running]
        assert codes == [0] * len(running)
    finally:
        for copy in world.copies:
            if copy.process.returncode is None:
                await copy.kill()
            await copy.http.aclose()
