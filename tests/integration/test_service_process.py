"""A service as a process: it says what it lacks and ends, or runs until it is told to stop; with any of the loops."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.topology import handled_events
from services.routing.store import COLLECTIONS
from tests.support.engines import Engines, engines, free_ports
from tests.support.live import until

SERVICE = "routing"
PATIENCE = 30


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("process")
    handled = {SERVICE: handled_events([SERVICE])[SERVICE]}
    async with engines(directory, handled=handled, stores={SERVICE: COLLECTIONS}) as started:
        yield started


@asynccontextmanager
async def process(
    running: Engines, command: Sequence[str], port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = os.environ | {
        "NUANLIU_NATS_URL": running.nats,
        "NUANLIU_NATS_SEED": str(running.seed(SERVICE)),
        "NUANLIU_MONGO_URL": running.mongo(SERVICE),
        "NUANLIU_MONGO_DATABASE": SERVICE,
        "NUANLIU_HTTP_PORT": str(port),
        "NUANLIU_POLICY": "deploy/packs/nuanhe",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def ready(port: int) -> tuple[int, str]:
    try:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"http://127.0.0.1:{port}/health/ready")
            return answer.status_code, answer.text
    except httpx.TransportError as error:
        return 0, str(error)


COMMANDS = [["services.routing"], ["tests.support.broken", "ack_first", "services.routing"]]


@pytest.mark.parametrize("command", COMMANDS, ids=["whole", "broken"])
async def test_it_runs_until_it_is_told_to_stop(running: Engines, command: list[str]) -> None:
    [port] = free_ports(1)
    async with process(running, command, port) as child:
        await until(lambda: ready(port), lambda seen: seen[0] == 200)
        child.terminate()
        assert await asyncio.wait_for(child.wait(), PATIENCE) == 0


@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
async def test_a_missing_consumer_ends_it_by_name(running: Engines, when: str) -> None:
    admin = await running.connect()
    js = admin.jetstream()
    config = (await js.consumer_info("APPEAL", SERVICE)).config
    [port] = free_ports(1)
    try:
        if when == "before it starts":
            await js.delete_consumer("APPEAL", SERVICE)
        async with process(running, ["services.routing"], port) as child:
            if when == "while it runs":
                await until(lambda: ready(port), lambda seen: seen[0] == 200)
                await js.delete_consumer("APPEAL", SERVICE)
            out, _ = await asyncio.wait_for(child.communicate(), PATIENCE)
            assert child.returncode == 1
            assert "consumer routing on stream APPEAL is missing" in out.decode().splitlines()[-1]
    finally:
        await js.add_consumer("APPEAL", config)
        await admin.close()
