"""The NATS servers of an installation, and having all of them read their configuration again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import nats.errors
from nats.aio.client import Client

RELOADS = 2
"""After the first, a newcomer is let in but what it says reaches nobody (nats-server 2.15)."""

ANSWER_SECONDS = 10.0


class NotRolledOut(Exception):
    """The registry says it, NATS does not yet: which step failed and why."""


class Server(NamedTuple):
    """As a server calls itself; ``name`` is its host in a cluster."""

    id: str
    name: str


async def reload(client: Client, hosts: Collection[str], within: float = ANSWER_SECONDS) -> list[str]:
    """Have every server of the cluster of these ``hosts`` read its configuration, or the one there is; returns their
    names. ``client`` is in the account in which servers take orders.

    Raises NotRolledOut naming who did not; all others have.
    """
    servers = await answering(client, hosts, within)
    missed = sorted(set(hosts) - {server.name for server in servers})
    problems = [
        f"{host} 没有应答，旧密钥在那里仍有效 (did not answer: it still lets the old key in)"
        for host in missed
    ]
    if not (servers or hosts):
        problems.append("没有服务器应答 (no server answered)")
    for _ in range(RELOADS):
        problems += filter(
            None, await asyncio.gather(*(_reload(client, server, within) for server in servers))
        )
    if problems:
        raise NotRolledOut("NATS: " + "; ".join(dict.fromkeys(problems)))
    return [server.name for server in servers]


async def answering(
    client: Client, hosts: Collection[str], within: float = ANSWER_SECONDS
) -> Sequence[Server]:
    """Who answers: as soon as all of ``hosts`` have, without hosts as soon as one has; at the latest ``within`` seconds
    from now."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    await client.publish("$SYS.REQ.SERVER.PING", b"", reply=inbox)
    found: dict[str, Server] = {}
    clock = asyncio.get_running_loop().time
    end = clock() + within
    while not found or not set(hosts) <= {server.name for server in found.values()}:
        try:
            said = json.loads((await answers.next_msg(max(end - clock(), 0.001))).data)["server"]
        except nats.errors.TimeoutError:
            break
        found[said["id"]] = Server(said["id"], said["name"])
    await answers.unsubscribe()
    return tuple(found.values())


async def _reload(client: Client, server: Server, within: float) -> str:
    """What was the matter; empty when nothing was."""
    try:
        answer = await client.request(f"$SYS.REQ.SERVER.{server.id}.RELOAD", b"", timeout=within)
    except (nats.errors.Error, TimeoutError) as error:
        return f"{server.name}: {error or type(error).__name__}"
    said: dict[str, Any] = json.loads(answer.data)
    refusal = said.get("error")
    return f"{server.name}: {refusal.get('description')}" if refusal else ""
