"""When everything that was said is dealt with: two looks in a row see no consumer with anything to do (DESIGN 6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any

from nats.aio.client import Client

BETWEEN_LOOKS = 0.004
PAGE = 256


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
            except Exception as error:  # the server is being restarted; look again
                sequences, busy = None, [f"{type(error).__name__}: {error}"]
            if not busy and sequences == last:
                return
            last = sequences if not busy else None
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"still busy after {seconds:.0f} s: {', '.join(busy)}")
            await asyncio.sleep(BETWEEN_LOOKS)

    async def _look(self) -> tuple[dict[str, int], list[str]]:
        """Last sequence per stream, and where there is something to do."""
        streams = await self._pages("STREAM.LIST", "streams")
        sequences = {s["config"]["name"]: s["state"]["last_seq"] for s in streams}
        busy: list[str] = []
        moved = []
        for stream in streams:
            name = stream["config"]["name"]
            if stream["config"]["retention"] == "workqueue":
                if stream["state"]["messages"]:
                    busy.append(name)
            elif self._quiet.get(name) != sequences[name]:
                moved.append(name)
        if busy:
            return sequences, busy
        for name, consumers in zip(
            moved,
            await asyncio.gather(*(self._pages(f"CONSUMER.LIST.{name}", "consumers") for name in moved)),
            strict=True,
        ):
            doing = [
                c["name"]
                for c in consumers
                if c["name"] not in self._unheeded and (c["num_pending"] or c["num_ack_pending"])
            ]
            if doing:
                busy.append(f"{name}: {', '.join(doing)}")
            else:
                self._quiet[name] = sequences[name]
        return sequences, busy

    async def _pages(self, call: str, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            message = await self._client.request(
                f"$JS.API.{call}", json.dumps({"offset": len(found)}).encode(), timeout=5
            )
            answer = json.loads(message.data)
            if "error" in answer:
                raise RuntimeError(answer["error"])
            found += answer[what] or []
            if len(found) >= answer["total"] or not answer[what]:
                return found
