"""A server with something to steal, and an agency that should not get at it.

The victim's orders wait on DISPATCH, one of them delivered and not yet acknowledged; what it said waits in its ingress,
one of it in the hands of the response service. Streams, consumers and the server's configuration are what production
has: only where the server listens and keeps its files is another.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.keys import ADMIN, new_seed, public_key, service_key
from deploy.local.engines import NATS
from deploy.local.supervisor import Supervisor
from deploy.registry import changes
from deploy.registry.installation import Installation
from deploy.topology import apply, create_stream, handled_events, topology
from shared.loop.envelope import now
from shared.policy.tenants import Tenants
from tests.attacks.installed import (
    CHANNEL,
    NEIGHBOUR,
    TEAM,
    VICTIM,
    door_of,
    install,
    registered,
    server_part,
)
from tests.attacks.looking import Look
from tests.attacks.loose import INTRUDER, Loose, LooseInstallation
from tests.attacks.wire import Door, Line, leave
from tests.support.engines import free_ports

SERVICE = "response"
SECRET = "no heat at 4-2-301"
PATIENCE = 30
"""Seconds for what does not depend on the attempt."""


@dataclass
class Arena:
    """One server as the administrator, the victim and the service see it. ``seeds``: the key a tenant has now;
    ``stolen``: the one the intruder's tenant had before it was rotated away."""

    installation: Installation
    door: Door
    loose: Loose | None
    supervisor: Supervisor
    seeds: dict[str, str]
    stolen: str = ""
    outstanding: str = ""
    """The ack subject of the victim's delivered order, which the intruder is given; it would have to guess."""
    held: str = ""
    """The same of what the service has in hand and the victim said."""
    server: str = ""
    client_ids: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    private: dict[str, list[str]] = field(default_factory=dict)
    _order: Msg | None = None
    _answer: Msg | None = None
    tenants: Tenants = field(init=False)
    _look: Look = field(init=False)
    admin: Client = field(init=False)
    victim: Client = field(init=False)
    service: Client = field(init=False)

    async def __aenter__(self) -> Arena:
        self.tenants = self.installation.district().tenants
        shared = "RESPONSE" if self.loose and self.loose.shared else ""
        self._look = Look(self.installation.shape.monitor, self._ask, shared)
        keys = self.installation.keys
        self.admin = await self._client(ADMIN, keys.seed(ADMIN))
        self.victim = await self._client(VICTIM, self.seeds[VICTIM])
        self.service = await self._client(SERVICE, keys.seed(service_key(SERVICE)))
        for name, client in (("victim", self.victim), ("admin", self.admin), ("service", self.service)):
            self.client_ids[name] = int(client._server_info["client_id"])
        self.server = str(self.admin._server_info["server_id"])
        await self._listen_privately(self.victim, f"_INBOX.{VICTIM}.private")
        await self._listen_privately(self.admin, f"_INBOX.{ADMIN}.private")
        await self._listen_privately(self.service, f"_INBOX.{SERVICE}.private", f"tick.{SERVICE}")
        await self.renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (self.admin, self.victim, self.service):
            await leave(client)
        await self._look.close()

    async def _client(self, name: str, seed: str) -> Client:
        async def quiet(_: Exception) -> None: ...

        async def lost() -> None:
            self.broken += 1

        return await nats.connect(
            self.door.url,
            nkeys_seed_str=seed,
            inbox_prefix=f"_INBOX.{name}".encode(),
            name=name,
            error_cb=quiet,
            disconnected_cb=lost,
            connect_timeout=PATIENCE,  # nats-py waits for ever after a handshake that took too long
            **self.door.options,
        )

    async def _listen_privately(self, client: Client, *subjects: str) -> None:
        for subject in subjects:
            heard = self.private.setdefault(subject, [])

            async def hear(message: Msg, heard: list[str] = heard) -> None:
                heard.append(f"{message.subject} {message.data.decode(errors='replace')}")

            await client.subscribe(subject, cb=hear)
        await client.flush()

    async def enter(self, seed: str, name: str = INTRUDER) -> Line:
        """One more connection of whoever holds this key."""
        return await Line.enter(self.door, name, seed)

    async def renew(self) -> None:
        """Everything as new: streams made again, orders sent, one delivered, one answer in the service's hands."""
        found = await self._ask("STREAM.NAMES")
        await asyncio.gather(*(self._ask(f"STREAM.DELETE.{name}") for name in found.get("streams") or ()))
        handled = handled_events() if self.loose is None else handled_events((SERVICE,))
        await apply(self.admin, topology(self.tenants.tenants, handled))
        if self.loose is not None:
            for call, body in await self.loose.streams(self._ask):
                if call.startswith("STREAM.CREATE."):
                    await create_stream(self.admin, body)
                else:
                    await self._ask(call, **body)
        self._look.forget()
        await self._publish(
            *((f"dispatch.{VICTIM}.assigned.v1", SECRET) for _ in range(3)),
            (f"dispatch.{NEIGHBOUR}.assigned.v1", SECRET),
            (f"dispatch.{INTRUDER}.assigned.v1", "your own order"),
            (f"dispatch.{INTRUDER}.assigned.v1", "your own order"),
            (f"notice.{CHANNEL}.registered.v1", SECRET),
            (f"revisit.{TEAM}.due.v1", SECRET),
            ("case.assigned.v1", SECRET),
            (f"response.{VICTIM}.accepted.v1", f"{VICTIM}: {SECRET}"),
            (f"response.{VICTIM}.resolved.v1", f"{VICTIM}: {SECRET}"),
        )
        self._order = (await pull(self.victim, VICTIM, "DISPATCH", VICTIM))[0]
        ingress = self.loose.ingress(VICTIM) if self.loose else f"RESPONSE_{VICTIM}"
        self._answer = (await pull(self.service, SERVICE, ingress, SERVICE))[0]
        self.outstanding, self.held = self._order.reply, self._answer.reply
        for heard in self.private.values():
            heard.clear()

    async def hold(self) -> None:
        """What is in hand stays so: nothing comes again by itself while an attempt is looked at."""
        for message in (self._order, self._answer):
            assert message is not None
            await message.in_progress()
        await asyncio.gather(self.victim.flush(), self.service.flush())

    async def order(self, agency: str = INTRUDER, text: str = "your own order") -> None:
        """The system sends an agency an order."""
        await self.admin.jetstream(timeout=PATIENCE).publish(f"dispatch.{agency}.assigned.v1", text.encode())

    async def bustle(self) -> None:
        """What goes to and fro on an ordinary day, for those who listen."""
        stored = (
            f"dispatch.{VICTIM}.assigned.v1",
            f"notice.{CHANNEL}.registered.v1",
            f"revisit.{TEAM}.due.v1",
            f"intake.{CHANNEL}.submitted.v1",
            f"field.{TEAM}.revisited.v1",
            "appeal.registered.v1",
            "case.assigned.v1",
            "assignment.accepted.v1",
            "verification.held.v1",
            f"inner.{SERVICE}.due.v1",
            f"dead.{SERVICE}.RESPONSE_{VICTIM}",
        )
        await self._publish(*((subject, SECRET) for subject in stored))
        for subject in (f"tick.{SERVICE}", f"_INBOX.{VICTIM}.private", f"_INBOX.{SERVICE}.private"):
            await self.admin.publish(subject, SECRET.encode())
        await self.served()
        spare = {
            "stream_name": "DISPATCH",
            "config": {"name": "spare", "filter_subject": f"dispatch.{VICTIM}.>"},
        }
        await self._ask("CONSUMER.CREATE.DISPATCH.spare", **spare)
        await self._ask("CONSUMER.DELETE.DISPATCH.spare")

    async def _publish(self, *messages: tuple[str, str]) -> None:
        js = self.admin.jetstream(timeout=PATIENCE)
        await asyncio.gather(*(js.publish(subject, body.encode()) for subject, body in messages))

    async def served(self) -> None:
        """The victim goes about its work: raises when it cannot."""
        await self.order(VICTIM, SECRET)
        for order in await pull(self.victim, VICTIM, "DISPATCH", VICTIM):
            await order.ack_sync(timeout=PATIENCE)
        await self.victim.jetstream(timeout=PATIENCE).publish(
            f"response.{VICTIM}.accepted.v1", f"{VICTIM}: {SECRET}".encode()
        )

    async def state(self, *, thorough: bool = False) -> dict[str, Any]:
        """Everything that is not the intruder's own: on the server (`Look.state`), what others heard, whether anybody
        was thrown out. ``thorough`` reads every message anew."""
        if thorough:
            self._look.forget()
        heard = {f"heard on {subject}": list(heard) for subject, heard in self.private.items()}
        return {"broken connections": self.broken} | heard | await self._look.state()

    async def calm(self) -> dict[str, Any]:
        """The state, once it does not change any more: what was just published is counted a moment later."""
        state = await self.state()
        while (later := await self.state()) != state:
            state = later
        return state

    async def stored(self, stream: str = f"RESPONSE_{INTRUDER}") -> int:
        """How many messages a stream took in ever."""
        return int((await self._ask(f"STREAM.INFO.{stream}"))["state"]["last_seq"])

    async def rotate(self, tenant: str, *, at_once: bool = True) -> str:
        """A new key for a tenant, rolled out to the server as `nuanliu tenant rotate` does; gives the new seed."""
        seed = new_seed()
        if isinstance(self.installation, LooseInstallation):
            self.installation.ever[tenant].append(public_key(seed))
        after = changes.rotate(self.tenants, tenant, public_key(seed), now(), at_once=at_once)
        await self._roll_out(after)
        self.seeds[tenant] = seed
        return seed

    async def end_rotation(self, tenant: str) -> None:
        """Only the newest key from now on, as `nuanliu tenant rotate --end` does."""
        after = changes.end_rotation(self.tenants, tenant)
        await self._roll_out(after)

    async def _roll_out(self, tenants: Tenants) -> None:
        self.installation.save(tenants)
        await self.installation.admit(tenants)
        self.tenants = tenants

    async def _ask(self, call: str, **body: Any) -> dict[str, Any]:
        answer = await self.admin.request(
            f"$JS.API.{call}", json.dumps(body).encode() if body else b"", timeout=PATIENCE
        )
        found: dict[str, Any] = json.loads(answer.data)
        return found


async def pull(client: Client, name: str, stream: str, consumer: str, count: int = 1) -> list[Msg]:
    """A tenant takes its orders the way it is told to (CONTRACTS 0); a service likewise."""
    bound = await client.jetstream(timeout=PATIENCE).pull_subscribe_bind(
        consumer=consumer, stream=stream, inbox_prefix=f"_INBOX.{name}.".encode()
    )
    try:
        return await bound.fetch(count, timeout=PATIENCE)
    finally:
        await bound.unsubscribe()


@asynccontextmanager
async def arena(directory: Path, loose: Loose | None = None) -> AsyncIterator[Arena]:
    """A NATS server with the shipped configuration and the sample district, or a careless one with fewer tenants."""
    port, monitor = free_ports(2)
    installation = install(directory, port, monitor, loose)
    seeds, stolen = registered(installation, few=loose is not None)
    supervisor = Supervisor()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.kill_all)
        await supervisor.start(server_part(installation, port))
        await supervisor.until_ready([NATS], 20)
        running = Arena(installation, door_of(installation), loose, supervisor, seeds, stolen)
        yield await stack.enter_async_context(running)
