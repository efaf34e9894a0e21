"""What a tenant finds when it connects (CONTRACTS 0): its own consumer, ready to bind, and at least once."""

from __future__ import annotations

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, DeliverPolicy

from tests.e2e.outsider import HEARS, Outside
from tests.e2e.running import Up
from tests.support.live import until

QUESTION = "请问暖气费可以在手机上交吗"


def test_everybody_is_told_where_everything_is(up: Up) -> None:
    told = up.endpoints
    kinds = [tenant["kind"] for tenant in told["tenants"].values()]

    assert told.keys() >= {"nats", "mongo", "http", "seeds", "tenants", "pids", "examples"}
    assert told["http"].keys() == {"intake", "routing", "response", "revisit", "metrics"}
    assert (kinds.count("agency") >= 4, kinds.count("channel") >= 6, kinds.count("team") >= 3) == (True,) * 3
    assert told["seeds"] == {name: tenant["seed"] for name, tenant in told["tenants"].items()}
    assert told["pids"].keys() >= {"nats", "mongo", *told["http"]}
    subjects = {
        (one["submitted"]["location"]["compound"], one["submitted"]["text"]) for one in told["examples"]
    }
    assert len(subjects) == len(told["examples"]) >= 20


@pytest.mark.parametrize("kind", ["channel", "agency", "team"])
async def test_every_tenant_has_a_consumer_of_its_own(outside: Outside, operator: Client, kind: str) -> None:
    for tenant in outside.of_kind(kind):
        config = (await operator.jetstream().consumer_info(HEARS[kind], tenant.name)).config

        assert config.durable_name == tenant.name
        assert config.ack_policy == AckPolicy.EXPLICIT
        assert config.deliver_policy == DeliverPolicy.ALL
        assert (config.ack_wait, config.max_deliver) == (30, -1)
        assert config.deliver_subject is None


async def test_what_is_not_acknowledged_comes_again_as_the_same_event(outside: Outside) -> None:
    channel = outside["qr-door"]
    channel.forgets = 1

    asked = await channel.say("submitted", {"text": QUESTION})
    answered = await channel.hears("answered", in_reply_to=asked)

    async def repeated() -> list[str]:
        return channel.repeated

    await until(repeated, lambda ids: answered.id in ids)
    assert len(channel.all("answered", in_reply_to=asked)) == 1


async def test_an_answer_goes_to_whoever_asked_and_to_nobody_else(outside: Outside) -> None:
    asked = await outside["letter"].say("submitted", {"text": QUESTION})
    await outside["letter"].hears("answered", in_reply_to=asked)

    assert [one.to for one in outside.everywhere.all("answered", in_reply_to=asked)] == ["letter"]
