"""NATS' client protocol, bare: says what it is told to, valid or not, and keeps all that it hears.

The libraries check subjects, headers and sizes before they send; an attacker does not.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
import nkeys
from nats.aio.client import Client

_SECONDS = 3.0
_TRIES = 5
_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True)
class Door:
    """How the server is reached; the one place that knows of TLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    ca: Path | None = None

    @property
    def url(self) -> str:
        return f"{'tls' if self.tls else 'nats'}://{self.host}:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """For the libraries' own connections."""
        return {"tls": self.tls} if self.tls else {}


@dataclass(frozen=True)
class Heard:
    """One thing the server said. ``kind``: INFO, MSG, +OK, -ERR, PONG; a message's ``status`` without its name."""

    kind: str
    text: str = ""
    subject: str = ""
    reply: str = ""
    headers: str = ""
    data: bytes = b""

    @property
    def status(self) -> str:
        first = self.headers.partition("\r\n")[0]
        return first.removeprefix("NATS/1.0").strip()

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object, empty when it is none."""
        try:
            found = json.loads(self.data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass
class Line:
    """One connection to the client port."""

    door: Door
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    inbox: str
    info: dict[str, Any] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Task[None] | None = None
    _subscriptions: int = 0

    @classmethod
    async def open(cls, door: Door, name: str) -> Line:
        """Connected, and nothing said yet. On a busy machine the server may have waited too long for a handshake."""
        for left in reversed(range(_TRIES)):
            try:
                return await cls._open(door, name)
            except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                if not left:
                    raise
            await asyncio.sleep(_SECONDS / 10)
        raise AssertionError

    @classmethod
    async def _open(cls, door: Door, name: str) -> Line:
        reader, writer = await asyncio.open_connection(door.host, door.port, limit=_LONGEST_LINE)
        line = cls(door, reader, writer, f"_INBOX.{name}.answer")
        line.info = json.loads((await reader.readuntil(b"\r\n")).partition(b" ")[2])
        if door.tls:
            await writer.start_tls(door.tls, server_hostname=door.host)
        line._reading = asyncio.create_task(line._read())
        return line

    @classmethod
    async def enter(cls, door: Door, name: str, seed: str, **options: Any) -> Line:
        """Connected and identified with a key; whether the server let it in is ``let_in``."""
        line = await cls.open(door, name)
        await line.identify(seed, **options)
        return line

    async def identify(self, seed: str, **options: Any) -> None:
        """Says CONNECT with a signature of the server's nonce, and asks for a sign of life."""
        key = nkeys.from_seed(seed.encode())
        signature = base64.b64encode(key.sign(self.info["nonce"].encode())).decode()
        await self.connect(nkey=key.public_key.decode(), sig=signature, **options)
        await self.settled()

    async def connect(self, **options: Any) -> None:
        """Says CONNECT with just these options beside the usual ones."""
        usual = {"verbose": False, "pedantic": False, "lang": "attacks", "version": "1", "protocol": 1}
        usual |= {"headers": True, "no_responders": True, "tls_required": bool(self.door.tls)}
        await self.raw(f"CONNECT {json.dumps(usual | options)}\r\n")

    async def raw(self, said: str | bytes) -> None:
        """Says this as it is; on a line the server has closed it is said to nobody."""
        if self.closed.is_set() or self.writer.transport.is_closing():
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            self.writer.write(said.encode() if isinstance(said, str) else said)
            async with asyncio.timeout(_SECONDS):
                await self.writer.drain()

    async def publish(
        self,
        subject: str,
        body: str | bytes = "",
        *,
        reply: str | None = None,
        headers: dict[str, str] | str | None = None,
    ) -> None:
        """Publishes; without ``reply`` the answers come to this line's own inbox, with an empty one nowhere."""
        if reply is None:
            reply = self.inbox
            if not self._subscriptions:
                await self.listen(f"{self.inbox}.>", f"{self.inbox}")
        data = body.encode() if isinstance(body, str) else body
        to = f"{subject} {reply}".rstrip()
        if headers is None:
            await self.raw(f"PUB {to} {len(data)}\r\n".encode() + data + b"\r\n")
            return
        if isinstance(headers, dict):
            headers = "NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        head = headers.encode()
        await self.raw(f"HPUB {to} {len(head)} {len(head) + len(data)}\r\n".encode() + head + data + b"\r\n")

    async def listen(self, *subjects: str, group: str = "") -> None:
        for subject in subjects:
            self._subscriptions += 1
            to = f"{subject} {group}".rstrip()
            await self.raw(f"SUB {to} {self._subscriptions}\r\n")

    async def settled(self) -> None:
        """Waits until the server has taken in all that was said, or has closed the line."""
        before = self.pongs
        await self.raw("PING\r\n")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while self.pongs == before and not self.closed.is_set():
                    self._arrived.clear()
                    await self._arrived.wait()

    async def message(self, seconds: float = _SECONDS, skip: int = 0) -> Heard | None:
        """The next message after ``skip`` of them, or None when none comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self.messages) <= skip and not self.closed.is_set():
                    self._arrived.clear()
                    await self._arrived.wait()
        return self.messages[skip] if len(self.messages) > skip else None

    @property
    def messages(self) -> list[Heard]:
        return [one for one in self.heard if one.kind == "MSG"]

    @property
    def pongs(self) -> int:
        return sum(one.kind == "PONG" for one in self.heard)

    @property
    def let_in(self) -> bool:
        """Whether the server ever answered a ping: it does so only to who is let in."""
        return self.pongs > 0

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(_SECONDS):
                await self.writer.wait_closed()

    async def _read(self) -> None:
        try:
            while said := await self.reader.readline():
                self.heard.append(await self._one(said.decode(errors="replace").rstrip("\r\n")))
                if self.heard[-1].kind == "PING":
                    await self.raw("PONG\r\n")
                self._arrived.set()
        except (OSError, asyncio.IncompleteReadError, ValueError) as ended:
            self.heard.append(Heard("ended", str(ended)))
        finally:
            self.closed.set()
            self._arrived.set()

    async def _one(self, said: str) -> Heard:
        kind, _, rest = said.partition(" ")
        if kind not in ("MSG", "HMSG"):
            return Heard(kind, rest)
        words = rest.split(" ")
        sizes = 2 if kind == "HMSG" else 1
        total = int(words[-1])
        head = int(words[-2]) if sizes == 2 else 0
        reply = words[2] if len(words) == 3 + sizes else ""
        body = (await self.reader.readexactly(total + 2))[:-2]
        headers = body[:head].decode(errors="replace")
        return Heard("MSG", said, subject=words[0], reply=reply, headers=headers, data=body[head:])


async def leave(client: Client) -> None:
    """Closes a connection of nats-py. Over one that was cut under it, by an attack or a restart, it cannot say its last
    words, and over TLS it stumbles over that with an AttributeError."""
    with contextlib.suppress(AttributeError, OSError, nats.errors.Error):
        await client.close()
