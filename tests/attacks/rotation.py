"""Keys changed by `nuanliu tenant rotate` while every agency works: what the one notices, and that nobody else does.

The system sends orders all the time; each agency takes its own, says something about each, and acknowledges. Two
agencies change their key: one in its own time (a second key, then ``--end``), one whose key was stolen (``--now``).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client
from rich.table import Table

from deploy import SAMPLE
from deploy.keys import ADMIN, new_seed, public_key
from deploy.local.engines import NATS, program
from deploy.local.supervisor import Supervisor
from deploy.registry import changes
from deploy.registry.installation import Installation
from shared.loop.envelope import now
from shared.policy import load
from tests.attacks.agencies import Agency, Session, enter
from tests.attacks.installed import door_of, install, server_part
from tests.attacks.wire import Door
from tests.support.engines import free_ports

TURNING, STOLEN = "housing-zy", "city-management-zy"
OTHERS = ("heating-zy", "water-zy", "power-zy")
EVERYBODY = (TURNING, STOLEN, *OTHERS)
IN_HAND = 3
"""Orders that the old key's program has taken and not acknowledged when its session ends."""

PATIENCE = 60.0
"""Seconds; what was in hand comes again after the consumer's ack wait of 30."""

_PAUSE = 0.02


@dataclass(frozen=True)
class Turn:
    """What came of one change of key. ``lost``: orders never acknowledged; ``in_hand``: those the old session held,
    ``again``: how many of them the new one got, by the same id; ``overlapped``: whether the old session lived on beside
    the new key, where it should; ``seconds``: from the command's start to the end of the session."""

    way: str
    orders: int
    lost: int
    in_hand: int
    again: int
    overlapped: bool | None
    seconds: float
    refused: str
    words_lost: int

    @property
    def as_promised(self) -> bool:
        whole = self.lost == self.words_lost == 0 and self.again == self.in_hand == IN_HAND
        return whole and self.overlapped is not False and "authorization" in self.refused.lower()


@dataclass(frozen=True)
class Neighbour:
    """What an agency that changed nothing noticed."""

    id: str
    orders: int
    lost: int
    repeated: int
    words: int
    words_lost: int
    words_repeated: int
    broken: int

    @property
    def undisturbed(self) -> bool:
        return not (self.lost or self.repeated or self.words_lost or self.words_repeated or self.broken)


@dataclass(frozen=True)
class Result:
    turns: tuple[Turn, ...]
    neighbours: tuple[Neighbour, ...]

    @property
    def as_promised(self) -> bool:
        return all(t.as_promised for t in self.turns) and all(n.undisturbed for n in self.neighbours)


async def rotate_under_load(directory: Path) -> Result:
    """Both ways, under load."""
    async with _running(directory) as (installation, door, seeds):
        admin = await enter(door, ADMIN, installation.keys.seed(ADMIN))
        agencies = {id: Agency(id) for id in EVERYBODY}
        sent: dict[str, list[str]] = {id: [] for id in EVERYBODY}
        stop = asyncio.Event()
        load = asyncio.create_task(_send(admin, sent, stop))
        hold = {TURNING: IN_HAND, STOLEN: IN_HAND}
        sessions = {
            id: await Session.begin(door, agencies[id], seeds[id], hold.get(id, 0)) for id in EVERYBODY
        }
        await _until(lambda: all(len(agency.done) > 20 for agency in agencies.values()))

        began = time.monotonic()
        seed = await _command(directory, "rotate", TURNING)
        overlapped = not sessions[TURNING].client.is_closed and agencies[TURNING].broken == 0
        newer = [await Session.begin(door, agencies[TURNING], seed)]
        done = len(agencies[TURNING].done)
        await _until(lambda: len(agencies[TURNING].done) > done + 20)
        began = time.monotonic()
        await _command(directory, "rotate", TURNING, "--end")
        ended = [await _ended(sessions[TURNING], began)]
        refusals = [await _refusal(door, TURNING, seeds[TURNING])]

        began = time.monotonic()
        seed = await _command(directory, "rotate", STOLEN, "--now")
        ended.append(await _ended(sessions[STOLEN], began))
        refusals.append(await _refusal(door, STOLEN, seeds[STOLEN]))
        newer.append(await Session.begin(door, agencies[STOLEN], seed))
        done = len(agencies[STOLEN].done)
        await _until(lambda: len(agencies[STOLEN].done) > done + 20)

        stop.set()
        await load
        await _until(lambda: all(set(sent[id]) <= agency.done for id, agency in agencies.items()))
        words = {id: await _stored(admin, id) for id in EVERYBODY}
        broken = {id: agency.broken for id, agency in agencies.items()}
        for session in (*sessions.values(), *newer):
            await session.end()
        await admin.close()

    turns = []
    for place, (id, way) in enumerate(((TURNING, "rotate, then --end"), (STOLEN, "rotate --now"))):
        agency, old = agencies[id], sessions[id]
        again = sum(agency.got[order] > 1 and order in agency.done for order in old.held)
        lost = len(set(sent[id]) - agency.done)
        kept = agency.said - words[id].keys()
        both = overlapped if id == TURNING else None
        turns.append(
            Turn(
                way, len(sent[id]), lost, len(old.held), again, both, ended[place], refusals[place], len(kept)
            )
        )
    neighbours = [
        Neighbour(
            id,
            orders=len(sent[id]),
            lost=len(set(sent[id]) - agencies[id].done),
            repeated=sum(count > 1 for count in agencies[id].got.values()),
            words=len(agencies[id].said),
            words_lost=len(agencies[id].said - words[id].keys()),
            words_repeated=sum(count > 1 for count in words[id].values()),
            broken=broken[id],
        )
        for id in OTHERS
    ]
    return Result(tuple(turns), tuple(neighbours))


@asynccontextmanager
async def _running(directory: Path) -> AsyncIterator[tuple[Installation, Door, dict[str, str]]]:
    """The shipped configuration, the sample district, keys handed out to everybody who plays."""
    port, monitor = free_ports(2)
    installation = install(directory, port, monitor)
    tenants, seeds = load(SAMPLE).tenants, {id: new_seed() for id in EVERYBODY}
    for id, seed in seeds.items():
        tenants = changes.rotate(tenants, id, public_key(seed), now())
    installation.save(tenants)
    installation.write_config(tenants)
    supervisor = Supervisor()
    try:
        await supervisor.start(server_part(installation, port))
        await supervisor.until_ready([NATS], 20)
        await installation.prepare(tenants)
        yield installation, door_of(installation), seeds
    finally:
        await supervisor.kill_all()


def table(result: Result) -> Table:
    """For people."""
    shown = Table(
        "谁 who",
        "派单 orders",
        "丢 lost",
        "重 repeated",
        "丢话 words lost",
        "断线 broken",
        "",
        title_justify="left",
    )
    shown.title = "换钥匙 keys changed under load"
    for turn in result.turns:
        told = (
            f"session ended after {turn.seconds:.1f} s, then: {turn.refused}; "
            f"{turn.again} of {turn.in_hand} in hand came again by the same id"
        )
        shown.add_row(turn.way, str(turn.orders), str(turn.lost), "", str(turn.words_lost), "", told)
    for one in result.neighbours:
        counts = (one.orders, one.lost, one.repeated + one.words_repeated, one.words_lost, one.broken)
        shown.add_row(one.id, *map(str, counts), "changed nothing")
    return shown


async def _send(admin: Client, sent: dict[str, list[str]], stop: asyncio.Event) -> None:
    """Orders for everybody until told to stop; each is in ``sent`` when it is stored."""
    number = 0

    async def one(id: str, order: str) -> None:
        await admin.jetstream().publish(f"dispatch.{id}.assigned.v1", b"{}", headers={"ce-id": order})
        sent[id].append(order)

    while not stop.is_set():
        number += 1
        await asyncio.gather(*(one(id, f"{id}-{number}") for id in sent))
        await asyncio.sleep(_PAUSE)


async def _command(directory: Path, *words: str) -> str:
    """`nuanliu tenant ...` as an operator runs it; what it hands out."""
    process = await asyncio.create_subprocess_exec(
        program("nuanliu"),
        "tenant",
        *words,
        "--dir",
        str(directory),
        "--by",
        "the test",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {error.decode()}")
    return out.decode().strip()


async def _ended(session: Session, began: float) -> float:
    await _until(lambda: session.client.is_closed)
    return time.monotonic() - began


async def _refusal(door: Door, id: str, seed: str) -> str:
    """What the server says to the old key; nothing when it lets it in."""
    try:
        client = await enter(door, id, seed)
    except (nats.errors.Error, OSError, TimeoutError) as refused:
        return str(refused)
    await client.close()
    return ""


async def _stored(admin: Client, agency: str) -> Counter[str]:
    """The ids in an agency's ingress, and how often each is there."""
    stream = f"RESPONSE_{agency}"
    info = await admin.jetstream().stream_info(stream)
    gate = asyncio.Semaphore(64)

    async def id(sequence: int) -> str:
        async with gate:
            body = json.dumps({"seq": sequence}).encode()
            answer = await admin.request(f"$JS.API.STREAM.MSG.GET.{stream}", body, timeout=10)
        kept = json.loads(answer.data)["message"]
        return str(_header(kept["hdrs"], "ce-id"))

    return Counter(await asyncio.gather(*(id(n) for n in range(1, info.state.last_seq + 1))))


def _header(encoded: str, name: str) -> str:
    lines: Sequence[str] = base64.b64decode(encoded).decode().split("\r\n")
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


async def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE:.0f} s")
        await asyncio.sleep(0.05)
