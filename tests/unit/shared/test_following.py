"""What a service makes of a tenant's stream that is not as the registry says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from nats.aio.client import Client

from deploy import SAMPLE
from deploy.topology import consumer_config, stream_config
from shared.contracts.streams import OURS, ingress, ingress_consumer
from shared.following import Following
from shared.loop.inlet import Gone
from shared.policy import Live
from shared.policy.live import NOTICE
from shared.policy.tenants import MOST_QUOTA_BYTES

MIB = 1024 * 1024
CHANNELS = Live(SAMPLE).now.tenants.of_kind("channel")


@dataclass(frozen=True)
class Answer:
    data: bytes


@dataclass
class FakeServer:
    """Says of every stream and consumer how it is; of some, something else: name -> what differs."""

    differs: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def request(self, subject: str, _data: bytes, **_within: float) -> Answer:
        call, name = subject.removeprefix("$JS.API.").split(".INFO.")
        streams = {stream.name: stream for stream in (*OURS, *(ingress(t.kind, t.id) for t in CHANNELS))}
        consumers = {f"{c.stream}.{c.name}": c for c in (ingress_consumer(t.kind, t.id) for t in CHANNELS)}
        config = stream_config(streams[name]) if call == "STREAM" else consumer_config(consumers[name])
        return Answer(json.dumps({"config": config | self.differs.get(name, {})}).encode())


def following(server: FakeServer, live: Live | None = None) -> Following:
    live = live or Live(SAMPLE, Path(SAMPLE) / "tenants.yaml")
    return Following(live, cast(Client, server), (), "channel")


@pytest.mark.parametrize("size", [MIB, MOST_QUOTA_BYTES])
async def test_a_quota_that_the_registry_does_not_know_yet_stops_nobody(size: int) -> None:
    """`nuanliu tenant set --quota` changes the stream first and the registry last, and may be interrupted between."""
    server = FakeServer({f"INTAKE_{CHANNELS[0].id}": {"max_bytes": size}})

    await following(server).check()


@pytest.mark.parametrize(
    "altered", [{"max_bytes": -1}, {"max_bytes": MOST_QUOTA_BYTES + 1}, {"retention": "limits"}]
)
async def test_a_stream_without_a_bound_or_of_another_make_is_a_reason_to_stop(
    altered: dict[str, Any],
) -> None:
    server = FakeServer({f"INTAKE_{CHANNELS[0].id}": altered})

    with pytest.raises(Gone, match=f"INTAKE_{CHANNELS[0].id}: its {next(iter(altered))} is"):
        await following(server).check()


async def test_a_stream_of_our_own_has_the_size_it_was_given() -> None:
    with pytest.raises(Gone, match="stream CASE: its max_bytes is"):
        await following(FakeServer({"CASE": {"max_bytes": MIB}})).check()


async def test_who_could_not_look_for_long_is_certain_only_after_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live(SAMPLE, Path(SAMPLE) / "tenants.yaml")
    follows = following(FakeServer(), live)
    await follows.certain()
    monkeypatch.setattr(live, "_looked", live._looked - NOTICE.total_seconds())
    assert live.known_for() < 0

    waiting = asyncio.create_task(follows.certain())
    keeping = asyncio.create_task(follows.keep(lambda _consumers: None))
    try:
        await asyncio.wait_for(waiting, 20)
        assert live.known_for() > 0
    finally:
        keeping.cancel()
