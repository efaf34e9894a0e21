"""A tenant is added to a running server: it is let in after a reload, and nobody else notices (docs/running.md)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import nats.errors
import nats.js.errors

from deploy.keys import tenant_key
from deploy.local.engines import NATS, connect, nats_part
from deploy.topology import apply, topology
from tests.support.engines import OUTSIDERS, Outsider, engines
from tests.support.live import until

NEWCOMER = Outsider("property-new", "agency")


async def test_a_tenant_added_by_a_reload_is_let_in_and_the_others_stay(tmp_path: Path) -> None:
    async with engines(tmp_path, mongo=False) as running:
        admin = await running.connect()
        neighbour = await running.connect_tenant("heating-zy")
        broken: list[str] = []

        async def tell() -> None:
            broken.append("disconnected")

        neighbour._disconnected_cb = tell
        seed = running.keys.seed(tenant_key(NEWCOMER.id))

        async def let_in() -> bool:
            try:
                client = await connect(running.nats, seed, NEWCOMER.id, allow_reconnect=False)
            except nats.errors.Error:
                return False
            await client.close()
            return True

        assert not await let_in()

        port = int(running.nats.rpartition(":")[2])
        nats_part(tmp_path, port, _monitor(tmp_path), [*OUTSIDERS, NEWCOMER], running.keys)
        os.kill(running.supervisor.pids[NATS], signal.SIGHUP)
        await until(let_in, bool)
        await apply(admin, topology([*OUTSIDERS, NEWCOMER], {}))
        newcomer = await running.connect_tenant(NEWCOMER.id)

        async def stream() -> str | None:
            try:
                stored = await newcomer.jetstream().publish(f"response.{NEWCOMER.id}.accepted.v1", b"{}")
            except nats.js.errors.NoStreamResponseError:  # what it says reaches nobody before a second reload
                os.kill(running.supervisor.pids[NATS], signal.SIGHUP)
                return None
            return stored.stream

        assert await until(stream, bool) == f"RESPONSE_{NEWCOMER.id}"
        await neighbour.jetstream().publish("response.heating-zy.accepted.v1", b"{}")
        assert broken == []
        for client in (newcomer, neighbour, admin):
            await client.close()


def _monitor(directory: Path) -> int:
    """The port of the monitoring pages, as the configuration has it."""
    for line in (directory / "nats.conf").read_text().splitlines():
        if line.startswith("http:"):
            return int(line.rpartition(":")[2].strip().strip('"'))
    raise AssertionError("no monitoring port")
