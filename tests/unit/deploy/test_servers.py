"""Every server of a cluster is told of a change, and one that is not is named."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import nats.errors
import pytest
from nats.aio.client import Client

from deploy.registry.servers import RELOADS, NotRolledOut, reload

HOSTS = ("host1", "host2", "host3")
A_WHILE = 5.0
SOON = 0.3


@dataclass(frozen=True)
class Said:
    data: bytes


@dataclass
class FakeCluster:
    """The servers of a cluster: name -> seconds until it answers that it is there; None: it is away. ``refuses``: what
    a server says when it is told to read its configuration."""

    delays: Mapping[str, float | None]
    refuses: Mapping[str, str] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    # --- what a client is asked for -----------------------------------------------------------------------------

    def new_inbox(self) -> str:
        return "_INBOX.system.1"

    async def subscribe(self, _inbox: str) -> FakeCluster:
        self.answers: asyncio.Queue[Said] = asyncio.Queue()
        return self

    async def publish(self, subject: str, _data: bytes, reply: str) -> None:
        assert (subject, reply) == ("$SYS.REQ.SERVER.PING", self.new_inbox())
        for name, delay in self.delays.items():
            if delay is not None:
                said = Said(json.dumps({"server": {"id": f"N{name}", "name": name}}).encode())
                asyncio.get_running_loop().call_later(delay, self.answers.put_nowait, said)

    async def next_msg(self, seconds: float) -> Said:
        try:
            async with asyncio.timeout(seconds):
                return await self.answers.get()
        except TimeoutError:
            raise nats.errors.TimeoutError from None

    async def unsubscribe(self) -> None:
        pass

    async def request(self, subject: str, _data: bytes, **_within: float) -> Said:
        name = subject.removeprefix("$SYS.REQ.SERVER.N").removesuffix(".RELOAD")
        self.told[name] += 1
        answer: dict[str, Any] = {"server": {"name": name}}
        if name in self.refuses:
            answer["error"] = {"description": self.refuses[name]}
        return Said(json.dumps(answer).encode())

    @property
    def client(self) -> Client:
        return cast(Client, self)


async def test_one_that_answers_late_is_told_too() -> None:
    cluster = FakeCluster({"host1": 0, "host2": 0.7, "host3": 0.05})

    names = await reload(cluster.client, HOSTS, A_WHILE)

    assert sorted(names) == sorted(HOSTS)
    assert cluster.told == dict.fromkeys(HOSTS, RELOADS)


async def test_one_that_does_not_answer_is_named_and_the_others_know() -> None:
    cluster = FakeCluster({"host1": 0, "host2": None, "host3": 0})

    with pytest.raises(
        NotRolledOut, match=r"host2 .*did not answer: it still lets the old key in"
    ) as problem:
        await reload(cluster.client, HOSTS, SOON)

    assert "host1" not in str(problem.value)
    assert cluster.told == {"host1": RELOADS, "host3": RELOADS}


async def test_one_that_refuses_is_named_once_and_the_others_know() -> None:
    cluster = FakeCluster(dict.fromkeys(HOSTS, 0.0), refuses={"host1": "no such file"})

    with pytest.raises(NotRolledOut, match=r"^NATS: host1: no such file$"):
        await reload(cluster.client, HOSTS, SOON)

    assert cluster.told == dict.fromkeys(HOSTS, RELOADS)


async def test_one_server_is_not_waited_for_longer_than_it_takes() -> None:
    cluster = FakeCluster({"nuanliu": 0})

    async with asyncio.timeout(A_WHILE):
        assert await reload(cluster.client, (), 10 * A_WHILE) == ["nuanliu"]


async def test_nobody_at_all_is_told() -> None:
    with pytest.raises(NotRolledOut, match="no server answered"):
        await reload(FakeCluster({}).client, (), SOON)
