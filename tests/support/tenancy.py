"""A server with something to steal, and an agency that should not get at it.

The victim's orders wait on DISPATCH, one of them delivered and not yet acknowledged; its own message waits in its
ingress. An attempt has come to something when the intruder holds anything of the victim's (``World.loot``) or when
anything has changed that is not the intruder's own (``World.state``).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.keys import ADMIN, KeyRing, tenant_key
from deploy.local.engines import NATS, connect, nats_part, nats_url
from deploy.local.supervisor import Supervisor
from deploy.topology import apply, topology
from tests.support.engines import Outsider, free_ports

VICTIM, INTRUDER, CHANNEL = "heating-zy", "housing-zy", "hotline-12345"
TENANTS = (Outsider(VICTIM, "agency"), Outsider(INTRUDER, "agency"), Outsider(CHANNEL, "channel"))
SECRET = "no heat at 4-2-301"


@dataclass
class World:
    """One server as the administrator, the victim and the intruder see it. ``outstanding`` is the ack subject of
    the victim's delivered order, which the intruder is given, though it would have to guess it."""

    admin: Client
    victim: Client
    intruder: Client
    outstanding: str = ""
    loot: list[str] = field(default_factory=list)

    async def listen(self, subject: str) -> None:
        """The intruder subscribes."""
        await self.intruder.subscribe(subject, cb=self._take)
        await self.intruder.flush()

    async def say(
        self, subject: str, body: str = "", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """The intruder publishes; without ``reply`` the answers come to itself."""
        if not reply:
            reply = f"_INBOX.{INTRUDER}.answer"
            await self.listen(reply)
        await self.intruder.publish(subject, body.encode(), reply=reply, headers=headers)
        await self.intruder.flush()

    async def order(self, agency: str = VICTIM, text: str = SECRET) -> None:
        """The system sends an agency an order."""
        await self.admin.jetstream().publish(f"dispatch.{agency}.assigned.v1", text.encode())

    async def answer(self, agency: str = VICTIM, headers: dict[str, str] | None = None) -> None:
        """An agency sends something about an order."""
        client = self.victim if agency == VICTIM else self.intruder
        await client.jetstream().publish(
            f"response.{agency}.accepted.v1", f"{agency}: {SECRET}".encode(), headers=headers
        )

    async def state(self) -> dict[str, Any]:
        """Messages by stream and positions by consumer, without those that are the intruder's own."""
        found: dict[str, Any] = {}
        for stream in await self._names("STREAM.NAMES", "streams"):
            if INTRUDER in stream:
                continue
            found[stream] = await self._messages(stream)
            for consumer in await self._names(f"CONSUMER.NAMES.{stream}", "consumers"):
                if consumer != INTRUDER:
                    found[f"{stream}/{consumer}"] = await self._position(stream, consumer)
        return found

    async def bustle(self) -> None:
        """What goes to and fro on an ordinary day, for those who listen."""
        await self.order()
        for order in await pull(self.victim, VICTIM):
            await order.ack_sync()
        await self.answer()

    async def open_to_direct_reads(self, stream: str) -> None:
        """Ours are not; made so here, that the accounts alone have to keep the intruder out."""
        config = (await self._ask(f"STREAM.INFO.{stream}"))["config"]
        await self._ask(f"STREAM.UPDATE.{stream}", **{**config, "allow_direct": True})

    async def _take(self, message: Msg) -> None:
        text = f"{message.subject} {message.data.decode(errors='replace')}"
        if SECRET in text or VICTIM in text:
            self.loot.append(text)

    async def _ask(self, call: str, **body: Any) -> dict[str, Any]:
        answer = await self.admin.request(f"$JS.API.{call}", json.dumps(body).encode() if body else b"")
        found: dict[str, Any] = json.loads(answer.data)
        return found

    async def _names(self, call: str, field_name: str) -> list[str]:
        return list((await self._ask(call)).get(field_name) or [])

    async def _messages(self, stream: str) -> dict[int, str]:
        info = await self._ask(f"STREAM.INFO.{stream}")
        found = {}
        for sequence in range(info["state"]["first_seq"], info["state"]["last_seq"] + 1):
            message = (await self._ask(f"STREAM.MSG.GET.{stream}", seq=sequence)).get("message")
            if message:
                text = base64.b64decode(message.get("data", "")).decode()
                found[sequence] = f"{message['subject']} {text}"
        return found

    async def _position(self, stream: str, consumer: str) -> dict[str, Any]:
        info = await self._ask(f"CONSUMER.INFO.{stream}.{consumer}")
        return {
            "delivered": info["delivered"]["stream_seq"],
            "acknowledged": info["ack_floor"]["stream_seq"],
            **{name: info[name] for name in ("num_ack_pending", "num_pending", "num_redelivered")},
        }


Attempt = Callable[[World], Awaitable[None]]


async def gain(world: World, attempt: Attempt, harms: bool, patience: float) -> str:
    """Make the attempt; says what came of it, nothing when nothing did.

    ``harms``: a change counts too; otherwise only what the intruder sees while the others go about their work.
    ``patience``: seconds in which it may show.
    """
    before = await world.state()
    await attempt(world)
    deadline = time.monotonic() + patience
    while True:
        if world.loot:
            return f"the intruder saw {world.loot[0]}"
        if not harms:
            await world.bustle()
        elif (after := await world.state()) != before:
            parts = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
            return f"changed: {', '.join(sorted(parts))}"
        if time.monotonic() > deadline:
            return ""
        await asyncio.sleep(0.05)


@asynccontextmanager
async def server(
    directory: Path, loosen: Callable[[str, KeyRing], str] | None = None
) -> AsyncIterator[Server]:
    """A NATS server with the shipped configuration, or with what ``loosen`` makes of it."""
    port, monitor = free_ports(2)
    keys = KeyRing(directory / "keys")
    part = nats_part(directory, port, monitor, TENANTS, keys)
    if loosen:
        config = directory / "nats.conf"
        config.write_text(loosen(config.read_text(), keys))
    supervisor = Supervisor()
    try:
        await supervisor.start(part)
        await supervisor.until_ready([NATS], 20)
        yield Server(nats_url(port), keys)
    finally:
        await supervisor.kill_all()


@dataclass(frozen=True)
class Server:
    """A running server and its keys."""

    url: str
    keys: KeyRing

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        """Everything as new: streams made again, orders sent, one of them delivered to the victim."""
        names = {ADMIN: ADMIN, VICTIM: tenant_key(VICTIM), INTRUDER: tenant_key(INTRUDER)}
        clients = [
            await connect(self.url, self.keys.seed(key), name, error_cb=_quiet) for name, key in names.items()
        ]
        world = World(*clients)
        try:
            for stream in await world._names("STREAM.NAMES", "streams"):
                await world.admin.request(f"$JS.API.STREAM.DELETE.{stream}")
            await apply(world.admin, topology(TENANTS, {}))
            await world.open_to_direct_reads("DISPATCH")
            for agency in (VICTIM, VICTIM, VICTIM, INTRUDER):
                await world.order(agency, SECRET if agency == VICTIM else "your own order")
            await world.answer()
            world.outstanding = (await pull(world.victim, VICTIM))[0].reply
            yield world
        finally:
            for client in clients:
                await client.close()


async def pull(client: Client, agency: str, count: int = 1) -> list[Msg]:
    """An agency takes its orders the way it is told to (CONTRACTS 0)."""
    bound = await client.jetstream().pull_subscribe_bind(
        consumer=agency, stream="DISPATCH", inbox_prefix=f"_INBOX.{agency}.".encode()
    )
    return await bound.fetch(count, timeout=2)


def one_account(permissions: Mapping[str, Mapping[str, list[str]]]) -> Callable[[str, KeyRing], str]:
    """A server on which everybody shares one account, held apart by ``permissions`` (user -> allowed) or not at all."""

    def loosen(shipped: str, keys: KeyRing) -> str:
        users = []
        for name, key in ((ADMIN, ADMIN), *((t.id, tenant_key(t.id)) for t in TENANTS)):
            allowed = {kind: {"allow": subjects} for kind, subjects in permissions.get(name, {}).items()}
            users.append({"nkey": keys.public(key), **({"permissions": allowed} if allowed else {})})
        before_accounts = shipped[: shipped.index("accounts:")]
        return before_accounts + "accounts: " + json.dumps({"CORE": {"jetstream": "enabled", "users": users}})

    return loosen


async def _quiet(_: Exception) -> None:
    """Refusals are what is expected here; the library would print each."""
