"""A server that had to wait too long for our handshake speaks first and in the clear: we come again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.local.engines import HOST, NATS
from deploy.local.supervisor import Supervisor
from deploy.registry.installation import TRIES, NotRolledOut
from tests.attacks.installed import install, registered, server_part
from tests.support.engines import free_ports


@pytest.mark.parametrize("late", [TRIES - 1, TRIES])
async def test_who_was_late_comes_again_a_few_times(tmp_path: Path, late: int) -> None:
    door, behind, monitor = free_ports(3)
    installation = install(tmp_path, behind, monitor)
    registered(installation, few=True)
    came = 0

    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        if came <= late:
            await reader.read(65_536)
            writer.write(b"INFO {}\r\n")
            await reader.read()
            writer.close()
            return
        inner, outer = await asyncio.open_connection(HOST, behind)
        await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer))

    supervisor = Supervisor()
    server = await asyncio.start_server(let_in, HOST, door)
    try:
        await supervisor.start(server_part(installation, behind))
        await supervisor.until_ready([NATS], 20)
        object.__setattr__(installation.shape, "nats_url", f"tls://{HOST}:{door}")
        if late < TRIES:
            client = await installation.connect()
            assert client.is_connected
            await client.close()
        else:
            with pytest.raises(NotRolledOut, match="WRONG_VERSION_NUMBER"):
                await installation.connect()
    finally:
        server.close()
        await supervisor.kill_all()
    assert came == TRIES


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while said := await reader.read(65_536):
        writer.write(said)
        await writer.drain()
    writer.close()
