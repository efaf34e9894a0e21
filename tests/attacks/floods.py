"""The floods: at NATS itself, and through a response service, with what cannot be applied and with what was said
before. Eight neighbours go about their work meanwhile; everybody comes in by the partners' door."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from deploy.keys import ADMIN, new_seed, public_key
from deploy.local.engines import NATS
from deploy.local.supervisor import Supervisor
from deploy.production import DOOR
from deploy.registry import changes
from deploy.registry.installation import Installation
from shared.loop.envelope import now
from shared.policy import load
from tests.attacks.agencies import enter
from tests.attacks.flood import PATIENCE, SLICES, Flooder, Ratio, compare, fetching, publishing
from tests.attacks.installed import SAMPLE, door_of, install, server_part
from tests.attacks.wire import Door, leave
from tests.support.around import service_part, start_database
from tests.support.assignments import order
from tests.support.engines import free_ports
from tests.support.front import front_part
from tests.support.live import until
from tests.support.messages import binary

LOUD = "power-zy"
NEIGHBOURS = (
    "heating-zy",
    "housing-zy",
    "water-zy",
    "city-management-zy",
    "gas-zy",
    "property-anju",
    "property-hexin",
    "subdistrict-jinqiao",
)
"""Not half of a district's agencies. A service gives all who have something waiting the same share, so of so many each
keeps eight ninths at least."""
SLICE_SECONDS = 2.0
EACH = 50
"""Messages of one neighbour in one slice through the service."""

ORDERS = 300
"""Of one neighbour in one slice."""

MANY = 8_000
"""Messages of one flood through the service: bounded, and enough to last longer than a slice."""

_ASSIGNMENTS = 10
_numbers = itertools.count()


async def floods(directory: Path, tell: Callable[[str], None] = lambda _: None) -> list[Ratio]:
    """All of them, one after the other, on one server: through the partners' door, one of them also past it."""
    async with _running(directory) as scene:
        admin = scene.admin
        arrived, emptied = partial(_arrived, admin), partial(_emptied, admin)
        found = []
        for what, guarded in (
            ("NATS: receipts of the others", True),
            ("NATS: receipts of the others, past the door", False),
        ):
            tell(what)
            neighbours = await scene.enter(guarded)
            loud = scene.flooder({"ce-id": "flood-{n}"}, ["{"], guarded)
            work = partial(publishing, neighbours, SLICE_SECONDS)
            slices = SLICES if guarded else 2
            told = compare(
                what, work, loud, arrived=arrived, quiet_again=emptied, slices=slices, guarded=guarded
            )
            found.append(await told)
        neighbours = await scene.enter()
        tell("NATS: orders fetched by the others")
        found.append(
            await compare(
                "NATS: orders fetched by the others",
                lambda: fetching(admin, neighbours, ORDERS),
                scene.flooder({"ce-id": "flood-{n}"}, ["{"]),
                arrived=arrived,
                quiet_again=emptied,
            )
        )
        await scene.serve()
        await _assign(admin)
        for what, headers, bodies in (
            ("response: others' words applied, flood of unusable ones", {"ce-id": "flood-{n}"}, ["{"]),
            (
                "response: others' words applied, flood of one said before",
                {"ce-id": "always-the-same"},
                [json.dumps(_word(f"{LOUD}-0"))],
            ),
        ):
            tell(what)
            found.append(
                await compare(
                    what,
                    lambda: _applied(admin, neighbours),
                    scene.flooder(headers, bodies),
                    arrived=arrived,
                    quiet_again=lambda: _worked_off(admin),
                    many=MANY,
                    slices=3,
                )
            )
        return found


@dataclass
class Scene:
    """The server, the door before it, and who goes in by which. ``loudest``: connections that a tenant may have."""

    installation: Installation
    supervisor: Supervisor
    seeds: Mapping[str, str]
    door: Door
    past: Door
    admin: Client
    loudest: int
    _entered: list[Client] = field(default_factory=list)

    async def enter(self, guarded: bool = True) -> Mapping[str, Client]:
        """The neighbours, each on a connection of its own."""
        door = self.door if guarded else self.past
        found = {id: await enter(door, id, self.seeds[id]) for id in NEIGHBOURS}
        self._entered += found.values()
        return found

    def flooder(self, headers: dict[str, str], bodies: list[str], guarded: bool = True) -> Flooder:
        """Past the door one connection is as loud as the server can bear."""
        usual = binary("nuanliu.response.progressed.v1")
        subject = f"response.{LOUD}.progressed.v1"
        door, lines = (self.door, self.loudest) if guarded else (self.past, 1)
        return Flooder(door, LOUD, self.seeds[LOUD], subject, usual | headers, bodies, lines)

    async def serve(self) -> None:
        """The response service, and what it needs."""
        (port,) = free_ports(1)
        mongo = await start_database(self.supervisor, self.installation, ("response",))
        await self.supervisor.start(service_part(self.installation, "response", mongo, port))
        await self.supervisor.until_ready(["response"], 60)

    async def close(self) -> None:
        for client in (*self._entered, self.admin):
            await leave(client)


@asynccontextmanager
async def _running(directory: Path) -> AsyncIterator[Scene]:
    port, monitor, front = free_ports(3)
    installation = install(directory, port, monitor)
    tenants = load(SAMPLE).tenants
    seeds = {id: new_seed() for id in (*NEIGHBOURS, LOUD)}
    for id, seed in seeds.items():
        tenants = changes.rotate(tenants, id, public_key(seed), now())
    installation.save(tenants)
    installation.write_config(tenants)
    supervisor = Supervisor()
    scene = None
    try:
        await supervisor.start(server_part(installation, port))
        await supervisor.start(front_part(directory / "door", port, front))
        await supervisor.until_ready([NATS, DOOR], 20)
        await installation.prepare(tenants)
        past = door_of(installation)
        admin = await enter(past, ADMIN, installation.keys.seed(ADMIN))
        loudest = next(t.quota.connections for t in tenants.tenants if t.id == LOUD)
        scene = Scene(installation, supervisor, seeds, door_of(installation, front), past, admin, loudest)
        yield scene
    finally:
        if scene is not None:
            await scene.close()
        await supervisor.kill_all()


def _word(assignment: str) -> dict[str, Any]:
    return {"assignment_id": assignment, "at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}


async def _assign(admin: Client) -> None:
    """Everybody has assignments to speak about."""
    at = now()
    for id in (*NEIGHBOURS, LOUD):
        for number in range(_ASSIGNMENTS):
            event = order(
                assignment_id=f"{id}-{number}",
                case_id=f"case-{id}-{number}",
                agency=id,
                lead_agency=id,
                at=at,
                accept_by=at + timedelta(hours=1),
                contact_by=None,
                arrive_by=None,
                resolve_by=at + timedelta(days=2),
            )
            headers = binary(event.type, f"assign-{id}-{number}", time=at.isoformat())
            await admin.jetstream().publish(
                event.subject(), event.model_dump_json().encode(), headers=headers
            )
    await until(lambda: _unread(admin), lambda left: left == 0, PATIENCE)


async def _applied(admin: Client, neighbours: Mapping[str, Client]) -> float:
    """Each says so much about its assignments and waits until all of it is worked off: words per second."""
    began = time.monotonic()

    async def one(id: str, client: Client) -> None:
        for _ in range(EACH):
            number = next(_numbers)
            await client.jetstream().publish(
                f"response.{id}.progressed.v1",
                json.dumps(_word(f"{id}-{number % _ASSIGNMENTS}")).encode(),
                headers=binary("nuanliu.response.progressed.v1", f"word-{number}"),
                timeout=10,
            )
        await until(lambda: _waiting(admin, id), lambda left: left == 0, PATIENCE)

    await asyncio.gather(*(one(id, client) for id, client in neighbours.items()))
    return EACH * len(neighbours) / (time.monotonic() - began)


async def _arrived(admin: Client) -> int:
    answer = await admin.request(f"$JS.API.STREAM.INFO.RESPONSE_{LOUD}", b"", timeout=10)
    return int(json.loads(answer.data)["state"]["last_seq"])


async def _emptied(admin: Client) -> None:
    """What was said is thrown away, and nothing more is on its way."""
    before = -1
    while (so_far := await _arrived(admin)) != before:
        before = so_far
        await asyncio.sleep(0.5)
    for id in (LOUD, *NEIGHBOURS):
        await admin.request(f"$JS.API.STREAM.PURGE.RESPONSE_{id}", b"", timeout=30)


async def _worked_off(admin: Client) -> None:
    await until(lambda: _waiting(admin, LOUD), lambda left: left == 0, PATIENCE)


async def _waiting(admin: Client, id: str) -> int:
    answer = await admin.request(f"$JS.API.STREAM.INFO.RESPONSE_{id}", b"", timeout=10)
    return int(json.loads(answer.data)["state"]["messages"])


async def _unread(admin: Client) -> int:
    """What the service has not acknowledged of what routing said."""
    answer = await admin.request("$JS.API.CONSUMER.INFO.CASE.response", b"", timeout=10)
    found = json.loads(answer.data)
    return int(found["num_pending"]) + int(found["num_ack_pending"])
