"""When everything that was said is dealt with: two looks in a row see no consumer with anything to do (DESIGN 6).

A look over all streams costs the server more than the work it waits for; so while one consumer is seen busy, only that
one is asked, until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client

BETWEEN_LOOKS, LONGEST = 0.006, 0.1
"""Seconds: what is waited for long, because something died, is asked less and less often."""


@dataclass(frozen=True)
class _Busy:
    """A stream of ours and the consumer that has something to do, or a tenant's queue that is not empty."""

    stream: str
    consumer: str = ""

    def __str__(self) -> str:
        return f"{self.stream}/{self.consumer}" if self.consumer else self.stream


class Stillness:
    """Watches all streams of one installation as its administrator."""

    def __init__(self, client: Client, unheeded: Collection[str] = ()) -> None:
        """``unheeded``: consumers nobody waits for, for what they do leads to nothing further."""
        self._client = client
        self._unheeded = frozenset(unheeded)
        self._quiet: dict[str, int] = {}

    async def reached(self, seconds: float = 300.0) -> None:
        """Returns once nothing is pending and nothing unacknowledged, twice. Raises TimeoutError with what is left."""
        deadline = asyncio.get_running_loop().time() + seconds
        last: dict[str, int] | None = None
        while True:
            try:
                sequences, busy = await self._look()
                waiting = str(busy or "messages still come")
                if busy is None and sequences == last:
                    return
                last = sequences if busy is None else None
                wait = BETWEEN_LOOKS
                while busy is not None and asyncio.get_running_loop().time() < deadline:
                    await asyncio.sleep(wait)
                    wait = min(1.1 * wait, LONGEST)
                    busy = busy if await self._has_work(busy) else None
            except Exception as error:  # the server is being restarted; look again
                waiting, last = f"{type(error).__name__}: {error}", None
                await asyncio.sleep(BETWEEN_LOOKS)
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"still busy after {seconds:.0f} s: {waiting}")

    async def _look(self) -> tuple[dict[str, int], _Busy | None]:
        """Last sequence per stream, and one place where there is something to do."""
        streams = await self._pages("STREAM.LIST", "streams")
        sequences = {s["config"]["name"]: s["state"]["last_seq"] for s in streams}
        moved = []
        for stream in streams:
            name = stream["config"]["name"]
            if stream["config"]["retention"] == "workqueue":
                if stream["state"]["messages"]:
                    return sequences, _Busy(name)
            elif self._quiet.get(name) != sequences[name]:
                moved.append(name)
        lists = await asyncio.gather(*(self._pages(f"CONSUMER.LIST.{name}", "consumers") for name in moved))
        for name, consumers in zip(moved, lists, strict=True):
            for consumer in consumers:
                if consumer["name"] not in self._unheeded and _doing(consumer):
                    return sequences, _Busy(name, consumer["name"])
            self._quiet[name] = sequences[name]
        return sequences, None

    async def _has_work(self, busy: _Busy) -> bool:
        if busy.consumer:
            return _doing(await self._ask(f"CONSUMER.INFO.{busy.stream}.{busy.consumer}", b""))
        return bool((await self._ask(f"STREAM.INFO.{busy.stream}", b""))["state"]["messages"])

    async def _pages(self, call: str, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = await self._ask(call, orjson.dumps({"offset": len(found)}))
            found += answer[what] or []
            if len(found) >= answer["total"] or not answer[what]:
                return found

    async def _ask(self, call: str, body: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = orjson.loads(
            (await self._client.request(f"$JS.API.{call}", body, timeout=5)).data
        )
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def _doing(consumer: dict[str, Any]) -> bool:
    return bool(consumer["num_pending"] or consumer["num_ack_pending"])
