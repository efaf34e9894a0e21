"""How everything on a server stands: messages by stream, positions by consumer, how all is configured."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.attacks.loose import INTRUDER

_AT_ONCE = 64
Ask = Callable[..., Awaitable[dict[str, Any]]]


class Look:
    """What is not the intruder's own. ``ask``: a call of the JetStream API; ``shared``: the stream into which the
    intruder writes beside others, if there is such a one."""

    def __init__(self, monitor: str, ask: Ask, shared: str) -> None:
        self._monitor = httpx.AsyncClient(base_url=f"http://{monitor}")
        self._ask = ask
        self._shared = shared
        self._read: dict[str, tuple[Any, dict[str, str]]] = {}

    async def close(self) -> None:
        await self._monitor.aclose()

    def forget(self) -> None:
        """Every message is read anew the next time."""
        self._read.clear()

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for stream in await self._streams():
            name = stream["name"]
            found[f"stream {name}"] = stream["config"]
            own = INTRUDER in name
            if not own:
                found |= await self._messages(name, stream)
            for consumer in stream.get("consumer_detail") or ():
                key = f"consumer {name}/{consumer['name']}"
                found[key] = consumer["config"]
                if not own and consumer["name"] != INTRUDER and name != self._shared:
                    found[f"{key} stands"] = _position(consumer)
        return found

    async def _streams(self) -> list[dict[str, Any]]:
        """Every stream of every account with its consumers, in one answer of the monitoring port."""
        asked = {"accounts": "true", "streams": "true", "consumers": "true", "config": "true"}
        page = (await self._monitor.get("/jsz", params=asked)).json()
        return [
            s for account in page.get("account_details") or () for s in account.get("stream_detail") or ()
        ]

    async def _messages(self, name: str, stream: dict[str, Any]) -> dict[str, str]:
        state = stream["state"]
        stands = (
            stream["created"],
            *(state.get(key) for key in ("messages", "bytes", "first_seq", "last_seq")),
        )
        known, read_before = self._read.get(name, (None, {}))
        if known != stands:
            first, last = max(1, state["first_seq"]), state["last_seq"]
            grown = known is not None and (known[0], known[3]) == (stands[0], stands[3])
            kept = read_before if grown and not state.get("num_deleted") else {}
            gate = asyncio.Semaphore(_AT_ONCE)

            async def read(sequence: int) -> tuple[str, str]:
                async with gate:
                    answer = await self._ask(f"STREAM.MSG.GET.{name}", seq=sequence)
                message = answer.get("message")
                if message is None:
                    return f"{name}:{sequence}", "gone"
                data = base64.b64decode(message.get("data", ""))
                headers = base64.b64decode(message.get("hdrs", ""))
                return f"{name}:{sequence}", f"{message['subject']} {headers!r} {data!r}"

            missing = [n for n in range(first, last + 1) if f"{name}:{n}" not in kept]
            self._read[name] = (stands, kept | dict(await asyncio.gather(*(read(n) for n in missing))))
        found = self._read[name][1]
        if name == self._shared:
            return {key: text for key, text in found.items() if f".{INTRUDER}." not in text.split(" ")[0]}
        return found


def _position(consumer: dict[str, Any]) -> dict[str, Any]:
    return {
        "delivered": consumer["delivered"]["stream_seq"],
        "acknowledged": consumer["ack_floor"]["stream_seq"],
        "paused": bool(consumer.get("paused")),
        **{name: consumer[name] for name in ("num_ack_pending", "num_pending", "num_redelivered")},
    }
