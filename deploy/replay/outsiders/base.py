"""What every outsider's program does: connect with a seed, pull its own messages, send its own, keep a diary.

The clock is given line by line on standard input (RFC 3339). Of what is due, one message about each matter is sent; the
line is answered with how many were, and is to be given again until none is: who has something to say about a matter
first hears what became of the last word on it. ``report`` is answered with what was seen.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

SPACE = uuid.UUID("0f6b7d6e-1c2a-5b43-8e55-1f0c9b1f7a52")
PULL = 200
AT_ONCE = 50
LOCAL = timezone(timedelta(hours=8))
Planned = tuple[datetime, int, dict[str, Any]]
"""(when, the order in which it was planned, what)"""


def chance(*what: object) -> float:
    """A number in [0, 1) that is the same for the same thing in every run."""
    digest = blake2b("|".join(map(str, what)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def event_id(*what: object) -> str:
    return str(uuid.uuid5(SPACE, "|".join(map(str, what))))


class Tenant:
    """One outsider: a connection of its own, a durable consumer named after it, a plan of what to send when."""

    def __init__(
        self, name: str, url: str, seed: str, inbox: str, listen: tuple[str, str], root: str
    ) -> None:
        self.name = name
        self.now = datetime.min.replace(tzinfo=LOCAL)
        self.seen: Counter[str] = Counter()
        self.received: set[str] = set()
        self.sent = 0
        self._url, self._seed, self._inbox = url, seed, inbox
        self._stream, self._stream_root = listen
        self._root = root
        self._client: Client
        self._plan: list[Planned] = []
        self._order = 0
        self._planned: set[str] = set()

    async def connect(self, on_event: Callable[[Tenant, str, dict[str, Any], datetime], None]) -> None:
        self._client = await nats.connect(
            self._url,
            nkeys_seed_str=self._seed,
            inbox_prefix=self._inbox.encode(),
            name=self.name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
        )
        asyncio.create_task(self._listen(on_event)).add_done_callback(_loud)

    async def _listen(self, on_event: Callable[[Tenant, str, dict[str, Any], datetime], None]) -> None:
        inbox = self._client.new_inbox()
        left = 0
        wake = asyncio.Event()

        async def receive(message: Msg) -> None:
            nonlocal left
            if not message.reply.startswith("$JS.ACK."):
                if (message.headers or {}).get("Status") != "100":
                    left = 0
                    wake.set()
                return
            left -= 1
            self._take(message, on_event)
            await message.ack()
            if left <= PULL // 2:
                wake.set()

        await self._client.subscribe(inbox, cb=receive)
        ask = json.dumps({"batch": PULL, "expires": 3_000_000_000}).encode()
        while True:
            wake.clear()
            left += PULL
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self.name}", ask, reply=inbox
            )
            try:
                await asyncio.wait_for(wake.wait(), 4)
            except TimeoutError:
                left = 0

    def _take(self, message: Msg, on_event: Callable[[Tenant, str, dict[str, Any], datetime], None]) -> None:
        headers = message.headers or {}
        if headers["ce-id"] in self.received:  # at least once: the same id is the same event
            return
        self.received.add(headers["ce-id"])
        kind = message.subject.split(".")[2]
        self.seen[kind] += 1
        data = json.loads(message.data)
        data["_about"] = unquote(headers.get("ce-subject", ""))
        on_event(self, kind, data, datetime.fromisoformat(headers["ce-time"]))

    def plan(
        self,
        at: datetime,
        verb: str,
        data: dict[str, Any] | bytes,
        id: str,
        *,
        about: str = "",
        **envelope: Any,
    ) -> None:
        """Sends ``verb`` once the clock reads ``at``; the same id is planned once. ``about``: the matter, by default
        one of its own."""
        if id in self._planned and not envelope.get("again"):
            return
        self._planned.add(id)
        self._order += 1
        what = {"verb": verb, "data": data, "id": id, "about": about or id, **envelope}
        heapq.heappush(self._plan, (max(at, self.now), self._order, what))

    def cancel(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Drops from the plan what is no longer wanted."""
        self._plan = [entry for entry in self._plan if not wanted(entry[2])]
        heapq.heapify(self._plan)

    def due(self, now: datetime) -> list[Planned]:
        """Takes out of the plan what is due."""
        self.now = now
        due = []
        while self._plan and self._plan[0][0] <= now:
            due.append(heapq.heappop(self._plan))
        return due

    def put_back(self, planned: Planned) -> None:
        """For the next time it is asked what is due."""
        heapq.heappush(self._plan, planned)

    async def send(self, group: Sequence[Planned]) -> None:
        """Sends these, each waiting for its receipt; at most 50 receipts are awaited at once."""
        for start in range(0, len(group), AT_ONCE):
            part = group[start : start + AT_ONCE]
            await asyncio.gather(*(self._send(at, what) for at, _, what in part))
        self.sent += len(group)

    async def _send(self, at: datetime, what: dict[str, Any]) -> None:
        subject = f"{self._root}.{self.name}.{what['verb']}.v1"
        headers = {
            "ce-id": what["id"],
            "ce-source": f"/outside/{self.name}",
            "ce-specversion": "1.0",
            "ce-type": f"nuanliu.{self._root}.{what['verb']}.v1",
            "ce-time": at.isoformat(),
            "content-type": "application/json",
        } | what.get("headers", {})
        data = what["data"]
        body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
        if what.get("structured"):
            attributes = {k[3:]: v for k, v in headers.items() if k.startswith("ce-")}
            body = json.dumps({**attributes, "data": data}, ensure_ascii=False).encode()
            headers = {"content-type": "application/cloudevents+json"}
        while True:  # the JetStream ack is the receipt; without it the same event is sent again
            try:
                answer = await self._client.request(
                    subject, body, timeout=5, headers={k: v for k, v in headers.items() if v}
                )
                if "seq" in json.loads(answer.data):
                    return
                print(f"{self.name}: {answer.data!r}", file=sys.stderr)
            except Exception as error:
                print(f"{self.name}: {type(error).__name__} {error}", file=sys.stderr)
            await asyncio.sleep(0.1)

    def diary(self) -> dict[str, Any]:
        return {"sent": self.sent, "seen": dict(self.seen), "received": sorted(self.received)}


def local_hours(at: datetime, earliest: int, latest: int) -> datetime:
    """The same moment if it lies in working hours, else the next morning's first."""
    if at.hour < earliest:
        return at.replace(hour=earliest, minute=at.minute % 60)
    if at.hour >= latest:
        return (at + timedelta(days=1)).replace(hour=earliest, minute=at.minute % 60)
    return at


async def serve(speak: Callable[[datetime], Awaitable[int]], report: Callable[[], dict[str, Any]]) -> None:
    """Answers the clock until standard input ends. ``speak``: says what is due and gives how much that was."""
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    _say({"ready": True})
    while line := (await reader.readline()).decode().strip():
        if line == "report":
            _say(report())
            continue
        _say({"published": await speak(datetime.fromisoformat(line))})


async def speak_about_each(tenants: list[Tenant], now: datetime, span: timedelta | None = None) -> int:
    """Sends the earliest due message about each matter, whoever has it to say; gives how many that were. ``span``: how
    far apart may lie what is said at once."""
    due = [(planned, tenant) for tenant in tenants for planned in tenant.due(now)]
    due.sort(key=lambda one: (one[0][0], one[1].name, one[0][1]))
    until = due[0][0][0] + span if due and span else None
    spoken: set[str] = set()
    groups: dict[Tenant, list[Planned]] = {}
    for planned, tenant in due:
        if planned[2]["about"] in spoken or (until and planned[0] >= until):
            tenant.put_back(planned)
        else:
            spoken.add(planned[2]["about"])
            groups.setdefault(tenant, []).append(planned)
    await asyncio.gather(*(tenant.send(group) for tenant, group in groups.items()))
    return len(spoken)


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _loud(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        print(f"listening ended: {error!r}", file=sys.stderr)
        sys.exit(1)
