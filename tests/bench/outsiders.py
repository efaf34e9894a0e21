"""Outsiders that answer at once: the fastest there could be, so that they are not what is timed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

STEPS = ("accepted", "contacted", "arrived", "resolved")
RESOLVED = {
    "outcome": "solved",
    "measures": "上门排气并清洗过滤网。",
    "reply": "已处理完毕，如有反复请联系我们。",
}


def headers(root: str, verb: str, id: str | None = None) -> dict[str, str]:
    return {
        "ce-id": id or str(uuid4()),
        "ce-source": "/bench",
        "ce-specversion": "1.0",
        "ce-type": f"nuanliu.{root}.{verb}.v1",
        "content-type": "application/json",
    }


class Outsiders:
    """All tenants of a stack, each over a connection of its own; ``told`` has the moment of each (kind, key)."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self._endpoints = endpoints
        self._seeds = {name: Path(t["seed"]).read_text().strip() for name, t in endpoints["tenants"].items()}
        self._clients: dict[str, Client] = {}
        self.assigned: dict[str, float] = {}
        self.closed: set[str] = set()
        self.answering = True
        self._pending: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()

    async def __aenter__(self) -> Outsiders:
        for name, tenant in self._endpoints["tenants"].items():
            client = await nats.connect(
                self._endpoints["nats"],
                nkeys_seed_str=self._seeds[name],
                inbox_prefix=tenant["inbox_prefix"].encode(),
                max_reconnect_attempts=-1,
            )
            self._clients[name] = client
            hear = {"agency": self._as_agency, "team": self._as_team, "channel": self._as_channel}[
                tenant["kind"]
            ]
            stream = {"agency": "DISPATCH", "team": "REVISIT", "channel": "NOTICE"}[tenant["kind"]]
            task = asyncio.create_task(self._pull(client, stream, name, hear))
            self._pending.add(task)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._pending:
            task.cancel()
        for client in self._clients.values():
            await client.close()

    async def submit(self, channel: str, body: dict[str, Any]) -> str:
        """Hands in one appeal and waits for its receipt; gives its event id."""
        id = str(uuid4())
        await self._clients[channel].request(
            f"intake.{channel}.submitted.v1",
            json.dumps(body, ensure_ascii=False).encode(),
            headers=headers("intake", "submitted", id),
            timeout=30,
        )
        return id

    async def submit_all(self, channels: Sequence[str], bodies: Sequence[dict[str, Any]]) -> None:
        gate = asyncio.Semaphore(64)

        async def one(number: int, body: dict[str, Any]) -> None:
            async with gate:
                await self.submit(channels[number % len(channels)], body)

        await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies)))

    async def _pull(
        self, client: Client, stream: str, name: str, hear: Callable[[str, Msg], list[Any]]
    ) -> None:
        inbox = client.new_inbox()
        wake = asyncio.Event()
        left = 0

        async def receive(message: Msg) -> None:
            nonlocal left
            if not message.reply.startswith("$JS.ACK."):
                left = 0
                wake.set()
                return
            left -= 1
            await asyncio.gather(*hear(name, message))  # published before acknowledged
            await client.publish(message.reply, b"+ACK")
            if left < 128:
                wake.set()

        await client.subscribe(inbox, cb=receive)
        ask = json.dumps({"batch": 256, "expires": 20_000_000_000}).encode()
        while True:
            wake.clear()
            left += 256
            await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", ask, reply=inbox)
            try:
                await asyncio.wait_for(wake.wait(), 21)
            except TimeoutError:
                left = 0

    def _as_agency(self, name: str, message: Msg) -> list[Any]:
        if not message.subject.endswith(".assigned.v1"):
            return []
        data = json.loads(message.data)
        self.assigned[data["text"] if "text" in data else data["assignment_id"]] = time.perf_counter()
        self.changed.set()
        if not self.answering:
            return []
        at = datetime.now(UTC).isoformat()
        return [
            self._say(name, "response", verb, {"assignment_id": data["assignment_id"], "at": at})
            for verb in STEPS
        ]

    def _as_team(self, name: str, message: Msg) -> list[Any]:
        if not message.subject.endswith(".due.v1"):
            return []
        data = json.loads(message.data)
        now = datetime.now(UTC).isoformat()
        said: dict[str, Any] = {
            "task_id": data["task_id"],
            "at": now,
            "by": {"name": "网格员"},
            "outcome": "reached",
            "solved": True,
            "satisfaction": "satisfied",
        }
        if data["measure"]:
            said["readings"] = [{"celsius": 20.5, "room": "bedroom", "at": now, "doors_closed": True}]
        return [self._say(name, "field", "revisited", said) for _ in range(data.get("households") or 1)]

    def _as_channel(self, _name: str, message: Msg) -> list[Any]:
        if message.subject.endswith(".closed.v1"):
            self.closed.add(json.loads(message.data)["appeal_id"])
            self.changed.set()
        return []

    async def _say(self, name: str, root: str, verb: str, data: dict[str, Any]) -> None:
        body = data | RESOLVED if verb == "resolved" else data
        await self._clients[name].request(
            f"{root}.{name}.{verb}.v1",
            json.dumps(body, ensure_ascii=False).encode(),
            headers=headers(root, verb),
            timeout=30,
        )
