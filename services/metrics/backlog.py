"""What waits and what was put aside, asked of NATS: the lag of every service's consumers, the dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client

from shared.contracts.streams import DEAD, INGRESS, OURS, SERVICES, ingress
from shared.loop.documents import Unreachable
from shared.policy import Jurisdiction


@dataclass(frozen=True)
class Backlog:
    """``lag``: (service, stream) -> messages not yet acknowledged; ``dead``: service -> letters kept."""

    lag: Mapping[tuple[str, str], int]
    dead: Mapping[str, int]


async def backlog(client: Client, jurisdiction: Jurisdiction) -> Backlog:
    """How things stand now. Raises Unreachable."""
    own = [stream.name for stream in OURS if stream is not DEAD]
    tenants = [
        (ingress(tenant.kind, tenant.id).name, INGRESS[tenant.kind][2])
        for tenant in jurisdiction.tenants.present
    ]
    lists = await asyncio.gather(*(_consumers(client, stream) for stream in own))
    singles = await asyncio.gather(
        *(_ask(client, f"CONSUMER.INFO.{stream}.{service}") for stream, service in tenants)
    )
    lag = {
        (found["name"], stream): _waiting(found)
        for stream, consumers in zip(own, lists, strict=True)
        for found in consumers
        if found["name"] in SERVICES
    }
    lag |= {
        (service, stream): _waiting(found) for (stream, service), found in zip(tenants, singles, strict=True)
    }
    return Backlog(lag, await _dead(client))


async def _dead(client: Client) -> dict[str, int]:
    root = DEAD.subjects[0].split(".")[0]
    info = await _ask(client, f"STREAM.INFO.{DEAD.name}", {"subjects_filter": f"{root}.>"})
    counts = dict.fromkeys(SERVICES, 0)
    for subject, count in (info["state"].get("subjects") or {}).items():
        service = subject.split(".")[1]
        counts[service] = counts.get(service, 0) + int(count)
    return counts


async def _consumers(client: Client, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = await _ask(client, f"CONSUMER.LIST.{stream}", {"offset": len(found)})
        found += answer.get("consumers") or []
        if not answer.get("consumers") or len(found) >= answer["total"]:
            return found


async def _ask(client: Client, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    try:
        message = await client.request(f"$JS.API.{call}", orjson.dumps(body) if body else b"", timeout=5)
    except (nats.errors.Error, TimeoutError) as error:
        raise Unreachable(f"nats: {call}: {error or type(error).__name__}") from error
    answer: dict[str, Any] = orjson.loads(message.data)
    if refusal := answer.get("error"):
        raise Unreachable(f"nats: {call}: {refusal.get('description')}")
    return answer


def _waiting(found: Mapping[str, Any]) -> int:
    return int(found["num_pending"]) + int(found["num_ack_pending"])
