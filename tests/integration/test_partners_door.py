"""The partners' door on the configuration that ships: who goes through it, at what pace, and what it outlives."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from deploy.local.engines import HOST, NATS, connect
from deploy.local.supervisor import Supervisor
from deploy.production import DOOR
from deploy.registry import changes
from shared.loop.envelope import now
from shared.policy import load
from tests.attacks.installed import SAMPLE, VICTIM, door_of, install, new_seed, public_key, server_part
from tests.attacks.wire import Door, Line
from tests.support.engines import free_ports
from tests.support.front import front_part, nginx
from tests.support.live import until

RATE = 16 * 1024
"""Bytes in a second, as deploy/door/nginx.conf has it."""

WORD = b"x" * 1000


@dataclass
class Front:
    """A NATS server over TLS, and the door before it."""

    supervisor: Supervisor
    door: Door
    monitor: int
    seed: str

    async def enter(self, **options: Any) -> Client:
        """The agency, by the door."""
        return await connect(self.door.url, self.seed, VICTIM, self.door.ca, **options)

    def connections(self) -> list[dict[str, Any]]:
        """As NATS sees them."""
        with urllib.request.urlopen(f"http://{HOST}:{self.monitor}/connz?state=open", timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["connections"]
        return found


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    port, monitor, door = free_ports(3)
    installation = install(tmp_path, port, monitor)
    seed = new_seed()
    tenants = changes.rotate(load(SAMPLE).tenants, VICTIM, public_key(seed), now())
    installation.save(tenants)
    installation.write_config(tenants)
    supervisor = Supervisor()
    try:
        await supervisor.start(server_part(installation, port))
        await supervisor.start(front_part(tmp_path / "door", port, door))
        await supervisor.until_ready([NATS, DOOR], 20)
        await installation.prepare(tenants)
        yield Front(supervisor, door_of(installation, door), monitor, seed)
    finally:
        await supervisor.kill_all()


async def test_a_partner_goes_through_it_and_whoever_is_loud_is_slowed_down(front: Front) -> None:
    """The bound is one from above, by the clock of the same test: a slow machine lets less through, never more."""
    client = await front.enter()
    loud = await Line.enter(front.door, VICTIM, front.seed)
    began = time.monotonic()
    subject = f"response.{VICTIM}.progressed.v1"
    loud.writer.write(b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(WORD), WORD) * 2000)

    for _ in range(20):
        receipt = await client.jetstream().publish(f"response.{VICTIM}.accepted.v1", WORD, timeout=30)
    loudest = max(int(one["in_bytes"]) for one in front.connections())
    lasted = time.monotonic() - began

    assert receipt.stream == f"RESPONSE_{VICTIM}"
    assert 0 < loudest < RATE * (lasted + 1)
    loud.writer.transport.abort()
    await loud.close()
    await client.close()


async def test_it_outlives_the_server_behind_it(front: Front) -> None:
    client = await front.enter(max_reconnect_attempts=-1, reconnect_time_wait=0.1)

    front.supervisor.kill(NATS)
    await until(lambda: asyncio.sleep(0, client.is_connected), lambda connected: not connected)
    await front.supervisor.until_ready([NATS], 20)
    await until(lambda: asyncio.sleep(0, client.is_connected), bool)

    receipt = await client.jetstream().publish(f"response.{VICTIM}.accepted.v1", WORD, timeout=30)
    assert receipt.stream == f"RESPONSE_{VICTIM}"
    await client.close()


def test_nginx_finds_nothing_wrong_with_the_file_that_ships(tmp_path: Path) -> None:
    part = front_part(tmp_path, 4222, 1)
    said = subprocess.run([*part.command, "-t"], capture_output=True, text=True)

    assert nginx()[0] in part.command
    assert "test is successful" in said.stderr, said.stderr
