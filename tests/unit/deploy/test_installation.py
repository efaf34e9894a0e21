"""An installation's servers are busy machines: a connection that breaks is tried again, a refusal is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import SAMPLE
from deploy.registry.installation import Installation, Shape
from deploy.registry.servers import NotRolledOut
from tests.support.engines import free_ports

INFO = b'INFO {"server_id":"X","version":"2.15.1","max_payload":131072,"nonce":"abc"}\r\n'


@dataclass
class FakeServer:
    """Greets as NATS does; the first ``broken`` connections it closes without a word, and it lets in who it should."""

    broken: int = 0
    lets_in: bool = True
    port: int = 0
    tries: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tries += 1
        if self.tries > self.broken:
            writer.write(INFO)
            while line := await reader.readline():
                if line.startswith(b"CONNECT") and not self.lets_in:
                    writer.write(b"-ERR 'Authorization Violation'\r\n")
                    break
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
        writer.close()


@asynccontextmanager
async def listening(server: FakeServer) -> AsyncIterator[FakeServer]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def installation(directory: Path, port: int) -> Installation:
    url = f"nats://127.0.0.1:{port}"
    return Installation.describe(directory, Shape(str(SAMPLE), url, f"127.0.0.1:{port}", "jetstream"))


@pytest.mark.parametrize("broken", [1, 2])
async def test_a_connection_that_breaks_is_tried_again(tmp_path: Path, broken: int) -> None:
    async with listening(FakeServer(broken)) as server:
        client = await installation(tmp_path, server.port).connect()

        assert client.is_connected
        await client.close()


async def test_who_is_refused_does_not_knock_again(tmp_path: Path) -> None:
    async with listening(FakeServer(lets_in=False)) as server:
        with pytest.raises(NotRolledOut, match="Authorization Violation"):
            await installation(tmp_path, server.port).connect()

    assert server.tries == 1


async def test_where_nobody_listens_is_told_within_seconds(tmp_path: Path) -> None:
    (port,) = free_ports(1)

    async with asyncio.timeout(10):
        with pytest.raises(NotRolledOut, match="not reached"):
            await installation(tmp_path, port).connect()
