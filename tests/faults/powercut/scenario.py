"""Appeals are sent and acknowledged, the power goes, and the system starts again on what the disk kept.

Everything runs as it is shipped: the local stack's servers and their configuration, the setup step, five services. The
channel knows only its contract: the acknowledgement of its publish is the receipt, and every receipt is owed a notice
and an appeal that can be looked up.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import nats.errors
from nats.aio.client import Client

from deploy.keys import KeyRing, tenant_key
from deploy.local.engines import MONGO, NATS, connect
from deploy.local.up import LocalStack, StackOptions, module_command
from tests.faults.powercut.disk import lossy_disk

_OUTCOMES = ("registered", "merged", "answered", "not_accepted")
_SENDERS = 16
_QUIET_SECONDS = 8.0
_LONGEST_SECONDS = 90.0


@dataclass(frozen=True)
class Way:
    """One way to run the system. ``sync``: how NATS flushes; ``command``: how a service is started."""

    name: str
    durable: bool
    sync: str = "always"
    command: Callable[[str], list[str]] = module_command


def _unjournaled(service: str) -> list[str]:
    return [sys.executable, "-m", "tests.faults.powercut.unjournaled", service]


SHIPPED = Way("as shipped", durable=True)
NATS_DEFAULT = Way("NATS flushing by default", durable=False, sync="2m")
DATABASE_DEFAULT = Way("database flushing by default", durable=False, command=_unjournaled)
WAYS = (SHIPPED, NATS_DEFAULT, DATABASE_DEFAULT)


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
    """Send appeals until ``appeals`` are acknowledged, cut the power, start again, count what is left."""
    started = time.monotonic()
    options = StackOptions(
        directory=directory, port_base=port_base, sync=way.sync, service_command=way.command
    )
    with lossy_disk(directory, below=(NATS, MONGO)) as disk:
        async with LocalStack(options) as stack:
            channel, sender = await _channel(stack)
            bodies = [example["submitted"] for example in stack.endpoints["examples"]]
            acknowledged = await _send(sender, channel, bodies, appeals)
            await stack.supervisor.kill_all()
            await sender.close()
            report = disk.cut_power()
        async with LocalStack(replace(options)) as stack:
            channel, receiver = await _channel(stack)
            notices = await _notices(receiver, channel, acknowledged)
            found = await _found(stack.http("intake"), notices.values())
            await receiver.close()
            await stack.supervisor.kill_all()
    elapsed = time.monotonic() - started
    return Outcome(way, len(acknowledged), len(notices), found, report, elapsed)


async def _channel(stack: LocalStack) -> tuple[str, Client]:
    """A channel of the registry, and its connection."""
    name = next(tenant.id for tenant in stack.tenants if tenant.kind == "channel")
    seed = KeyRing(stack.directory / "keys").seed(tenant_key(name))
    return name, await connect(stack.nats, seed, name)


async def _send(sender: Client, channel: str, bodies: list[dict[str, Any]], enough: int) -> set[str]:
    """The ids of the appeals that were acknowledged, at least ``enough`` of them; more were on their way."""
    acknowledged: set[str] = set()
    numbers = itertools.count()
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


async def _notices(receiver: Client, channel: str, owed: set[str]) -> dict[str, str]:
    """Event id -> appeal id, from the notices; until all that are owed came, or none comes any more."""
    subscription = await receiver.jetstream().pull_subscribe_bind(
        consumer=channel, stream="NOTICE", inbox_prefix=f"_INBOX.{channel}.".encode()
    )
    told: dict[str, str] = {}
    deadline = time.monotonic() + _LONGEST_SECONDS
    quiet_at = time.monotonic() + _QUIET_SECONDS
    while owed - told.keys() and time.monotonic() < min(deadline, quiet_at):
        try:
            messages = await subscription.fetch(200, timeout=1)
        except (TimeoutError, nats.errors.TimeoutError):
            continue
        for message in messages:
            if _kind(message.subject) in _OUTCOMES:
                notice: Mapping[str, str] = json.loads(message.data)
                if notice["in_reply_to"] in owed:
                    told[notice["in_reply_to"]] = notice["appeal_id"]
            await message.ack()
        quiet_at = time.monotonic() + _QUIET_SECONDS
    return told


def _kind(subject: str) -> str:
    """notice.<channel>.<kind>.v1"""
    return subject.split(".")[2]


async def _found(intake: str, appeals: Any) -> int:
    """How many of these appeals intake still knows."""
    async with httpx.AsyncClient(base_url=intake, timeout=20) as client:
        answers = [await client.get(f"/api/v1/appeals/{appeal}") for appeal in appeals]
    return sum(answer.status_code == 200 for answer in answers)
