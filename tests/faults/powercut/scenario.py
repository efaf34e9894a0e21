"""Appeals are sent and acknowledged, the power goes, and the system starts again on what the disk kept.

Everything runs as it is shipped: the local stack's servers and their configuration, the setup step, five services. The
channel knows only its contract: the acknowledgement of its publish is the receipt, and every receipt is owed a notice
and an appeal that can be looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import nats.errors
from nats.aio.client import Client

from deploy.keys import ADMIN, KeyRing, tenant_key
from deploy.local.engines import MONGO, NATS, connect
from deploy.local.up import LocalStack, StackOptions, module_command
from deploy.topology import handled_events, topology
from shared.contracts.streams import NOTICE, ingress
from tests.faults.powercut.disk import lossy_disk

_OUTCOMES = ("registered", "merged", "answered", "not_accepted")
_SENDERS = 16
_WARM_UP = 20
_ACK_WAIT = timedelta(seconds=2)
_LOOK_SECONDS = 1.0
_IDLE_LOOKS = 1
_STUCK_LOOKS = 20
_LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Way:
    """One way to run the system and to lose power.

    ``sync``: how NATS flushes; ``command``: how a service is started; ``machine``: the engines whose power goes.
    """

    name: str
    durable: bool
    sync: str = "always"
    command: Callable[[str], list[str]] = module_command
    machine: tuple[str, ...] = (NATS, MONGO)


def _unjournaled(service: str) -> list[str]:
    return [sys.executable, "-m", "tests.faults.powercut.unjournaled", service]


WAYS = (
    Way("as shipped", durable=True),
    Way("as shipped, the database alone", durable=True, machine=(MONGO,)),
    Way("NATS flushing by default", durable=False, sync="2m"),
    Way("database flushing by default, alone", durable=False, command=_unjournaled, machine=(MONGO,)),
)
"""The database loses power alone because NATS, cut off too, forgets some acknowledgements and delivers again: what the
database lost comes back. On machines of their own, as in production, nobody brings it back."""


@dataclass(frozen=True)
class Outcome:
    """What was left of the ``acknowledged`` appeals: told of by a notice, and found by their id."""

    way: Way
    acknowledged: int
    noticed: int
    found: int
    disk: str
    seconds: float

    @property
    def lost(self) -> int:
        """Acknowledged appeals that have no notice or cannot be found."""
        return self.acknowledged - min(self.noticed, self.found)

    @property
    def as_expected(self) -> bool:
        return (self.lost == 0) is self.way.durable


async def cut_power(directory: Path, way: Way, port_base: int, appeals: int = 400) -> Outcome:
    """Have ``appeals`` acknowledged, cut the power, start again, count what is left.

    Half of them are already the database's when the power goes, the other half is still coming in. A few went through
    before them: a collection's first document flushes all that came before it.
    """
    started = time.monotonic()
    options = StackOptions(
        directory=directory,
        port_base=port_base,
        sync=way.sync,
        service_command=way.command,
        ack_wait=_ACK_WAIT,
    )
    with lossy_disk(directory, below=way.machine) as disk:
        async with LocalStack(options) as stack:
            channel, sender = await _channel(stack)
            bodies = [example["submitted"] for example in stack.endpoints["examples"]]
            numbers = itertools.count()
            acknowledged = await _send(sender, channel, bodies, numbers, _WARM_UP)
            await _until_still(stack)
            acknowledged |= await _send(sender, channel, bodies, numbers, appeals // 2)
            await _until_taken(stack, channel)
            acknowledged |= await _send(sender, channel, bodies, numbers, appeals // 2)
            await stack.supervisor.kill_all()
            await sender.close()
            report = disk.cut_power()
        async with LocalStack(options) as stack:
            await _until_still(stack)
            notices = await _notices(stack, channel, acknowledged)
            found = await _found(stack.http("intake"), notices.values())
            await stack.supervisor.kill_all()
    elapsed = time.monotonic() - started
    return Outcome(way, len(acknowledged), len(notices), found, report, elapsed)


async def _channel(stack: LocalStack) -> tuple[str, Client]:
    """A channel of the registry, and its connection."""
    name = next(tenant.id for tenant in stack.jurisdiction.tenants.tenants if tenant.kind == "channel")
    seed = KeyRing(stack.directory / "keys").seed(tenant_key(name))
    return name, await connect(stack.nats, seed, name)


async def _send(
    sender: Client, channel: str, bodies: list[dict[str, Any]], numbers: Iterator[int], enough: int
) -> set[str]:
    """The ids of the appeals that were acknowledged, at least ``enough`` of them."""
    acknowledged: set[str] = set()
    jetstream = sender.jetstream(timeout=10)

    async def keep_sending() -> None:
        while len(acknowledged) < enough:
            number = next(numbers)
            body = bodies[number % len(bodies)]
            body = {**body, "text": f"{body['text']}（第{number}次反映）"}
            headers = {
                "ce-id": f"powercut-{number}",
                "ce-source": quote(f"/channels/{channel}"),
                "ce-specversion": "1.0",
                "ce-type": "nuanliu.intake.submitted.v1",
                "content-type": "application/json",
            }
            payload = json.dumps(body, ensure_ascii=False).encode()
            await jetstream.publish(f"intake.{channel}.submitted.v1", payload, headers=headers)
            acknowledged.add(headers["ce-id"])

    await asyncio.gather(*(keep_sending() for _ in range(_SENDERS)))
    return acknowledged


async def _until_taken(stack: LocalStack, channel: str) -> None:
    """Return when intake has acknowledged all that the channel sent."""
    admin = await connect(stack.nats, stack.admin_seed, ADMIN)
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while True:
                stream = await admin.jetstream().stream_info(ingress("channel", channel).name)
                if not stream.state.messages:
                    return
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def _until_still(stack: LocalStack) -> None:
    """Return when the services have nothing to do in two looks in a row, or have done nothing in twenty.

    The second is what a system that lost something may come to: it waits for ever for what is gone. TimeoutError when
    it never rests.
    """
    consumers = topology(stack.jurisdiction.tenants.tenants, handled_events()).internal
    admin = await connect(stack.nats, stack.admin_seed, ADMIN)
    jetstream = admin.jetstream(timeout=10)
    before: list[tuple[int | None, int | None, int]] = []
    same = 0
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while True:
                infos = [await jetstream.consumer_info(one.stream, one.name) for one in consumers]
                look = [(info.num_pending, info.num_ack_pending, info.ack_floor.stream_seq) for info in infos]
                same = same + 1 if look == before else 0
                idle = not any(pending or unacked for pending, unacked, _ in look)
                if same >= (_IDLE_LOOKS if idle else _STUCK_LOOKS):
                    return
                before = look
                await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await admin.close()


async def _notices(stack: LocalStack, channel: str, owed: set[str]) -> dict[str, str]:
    """Event id -> appeal id of what is owed, from all the notices that are there for the channel."""
    _, receiver = await _channel(stack)
    admin = await connect(stack.nats, stack.admin_seed, ADMIN)
    subscription = await receiver.jetstream().pull_subscribe_bind(
        consumer=channel, stream=NOTICE.name, inbox_prefix=f"_INBOX.{channel}.".encode()
    )
    told: dict[str, str] = {}
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while (await admin.jetstream(timeout=10).consumer_info(NOTICE.name, channel)).num_pending:
                with contextlib.suppress(nats.errors.TimeoutError, asyncio.TimeoutError):
                    for message in await subscription.fetch(200, timeout=5):
                        if _kind(message.subject) in _OUTCOMES:
                            notice: Mapping[str, str] = json.loads(message.data)
                            if notice["in_reply_to"] in owed:
                                told[notice["in_reply_to"]] = notice["appeal_id"]
                        await message.ack()
    finally:
        await receiver.close()
        await admin.close()
    return told


def _kind(subject: str) -> str:
    """notice.<channel>.<kind>.v1"""
    return subject.split(".")[2]


async def _found(intake: str, appeals: Any) -> int:
    """How many of these appeals intake still knows."""
    async with httpx.AsyncClient(base_url=intake, timeout=20) as client:
        answers = [await client.get(f"/api/v1/appeals/{appeal}") for appeal in appeals]
    return sum(answer.status_code == 200 for answer in answers)
