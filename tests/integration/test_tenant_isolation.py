"""One agency against another, tried on a real server: the shipped configuration withstands, looser ones do not.

The looser servers are the controls: on one without any bounds every attempt must succeed, or it would prove nothing
about the shipped one; on one that bounds tenants by permissions alone the attempts by reply subject and `+NXT` do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.keys import KeyRing
from deploy.local.engines import connect
from tests.support.tenancy import (
    CHANNEL,
    INTRUDER,
    VICTIM,
    Attempt,
    Server,
    World,
    gain,
    one_account,
    pull,
    server,
)

AT_ONCE, AT_LAST = 0.2, 5.0
"""Seconds to watch an attempt that must fail (one let through shows within milliseconds), and one that must not."""

OWN = f"response.{INTRUDER}.accepted.v1"
OWN_PULL = f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{INTRUDER}"


@dataclass(frozen=True)
class Case:
    """``harms``: judged by changes too. ``sly``: succeeds also where permissions within one account are set."""

    name: str
    attempt: Attempt
    harms: bool = True
    sly: bool = False


def listens(subject: str) -> Case:
    async def attempt(world: World) -> None:
        await world.listen(subject)

    return Case(f"listens on {subject}", attempt, harms=False)


def says(subject: str, body: str = "", *, sly: bool = False) -> Case:
    async def attempt(world: World) -> None:
        await world.say(subject, body)

    return Case(f"publishes {subject} {body}".strip(), attempt, sly=sly)


def acks(body: str, *, sly: bool = False) -> Case:
    async def attempt(world: World) -> None:
        await world.say(world.outstanding, body)

    return Case(f"acknowledges the victim's order with {body}", attempt, sly=sly)


def sends_the_receipt_to(reply: str) -> Case:
    """An allowed publish; the stream's receipt goes wherever the publisher says."""

    async def attempt(world: World) -> None:
        await world.say(OWN, "mine", reply=reply)

    return Case(f"has its receipt sent to {reply}", attempt, sly=True)


def sends_its_order_to(reply: str) -> Case:
    """An allowed pull; the order goes wherever the puller says, so its body can be forged beforehand."""

    async def attempt(world: World) -> None:
        await world.say(OWN_PULL, '{"batch": 1}', reply=reply)

    return Case(f"has its order sent to {reply}", attempt, sly=True)


CASES = [
    listens(f"dispatch.{VICTIM}.>"),
    listens("dispatch.>"),
    listens(">"),
    listens("*.*.*.*"),
    listens(f"response.{VICTIM}.>"),
    listens(f"_INBOX.{VICTIM}.>"),
    listens("_INBOX.>"),
    listens(f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{VICTIM}"),
    says(f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{VICTIM}", '{"batch": 2}'),
    says("$JS.API.CONSUMER.MSG.NEXT.RESPONSE_heating-zy.response", '{"batch": 1}'),
    acks("+ACK", sly=True),
    acks("+TERM", sly=True),
    acks("+NXT", sly=True),
    says(f"response.{VICTIM}.accepted.v1", "forged"),
    says(f"dispatch.{VICTIM}.withdrawn.v1", "forged"),
    says(f"intake.{CHANNEL}.submitted.v1", "forged"),
    says("case.closed.v1", "forged"),
    sends_the_receipt_to(f"response.{VICTIM}.accepted.v1"),
    sends_the_receipt_to(f"intake.{CHANNEL}.submitted.v1"),
    sends_its_order_to(f"response.{VICTIM}.accepted.v1"),
    sends_its_order_to(f"intake.{CHANNEL}.submitted.v1"),
    sends_its_order_to(f"dispatch.{VICTIM}.assigned.v1"),
    sends_its_order_to("case.closed.v1"),
    says(f"$JS.API.STREAM.DELETE.RESPONSE_{VICTIM}"),
    says("$JS.API.STREAM.PURGE.DISPATCH"),
    says(f"$JS.API.CONSUMER.DELETE.DISPATCH.{VICTIM}"),
    says(
        "$JS.API.CONSUMER.CREATE.DISPATCH.spy",
        '{"stream_name": "DISPATCH", "config": {"name": "spy", "ack_policy": "none", '
        f'"deliver_subject": "_INBOX.{INTRUDER}.answer"}}}}',
    ),
    says(
        "$JS.API.STREAM.CREATE.SPY",
        f'{{"name": "SPY", "subjects": ["{VICTIM}.>"], "sources": [{{"name": "DISPATCH"}}]}}',
    ),
    says("$JS.API.STREAM.MSG.GET.DISPATCH", '{"seq": 1}'),
    says("$JS.API.DIRECT.GET.DISPATCH", '{"seq": 1}'),
    says("$JS.API.STREAM.INFO.DISPATCH", '{"subjects_filter": ">"}'),
    says("$JS.API.STREAM.NAMES"),
]


@pytest.fixture(scope="module")
async def shipped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with server(tmp_path_factory.mktemp("shipped")) as running:
        yield running


@pytest.fixture(scope="module")
async def unbounded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with server(tmp_path_factory.mktemp("unbounded"), one_account({})) as running:
        yield running


@pytest.fixture(scope="module")
async def by_permissions(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    bounds = {
        "publish": [f"response.{INTRUDER}.>", OWN_PULL, "$JS.ACK.>"],
        "subscribe": [f"_INBOX.{INTRUDER}.>"],
    }
    async with server(tmp_path_factory.mktemp("permissions"), one_account({INTRUDER: bounds})) as running:
        yield running


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_the_shipped_configuration_gives_nothing_away(shipped: Server, case: Case) -> None:
    async with shipped.world() as world:
        assert await gain(world, case.attempt, case.harms, AT_ONCE) == ""


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_without_bounds_the_attempt_succeeds(unbounded: Server, case: Case) -> None:
    async with unbounded.world() as world:
        assert await gain(world, case.attempt, case.harms, AT_LAST) != ""


@pytest.mark.parametrize("case", [case for case in CASES if case.sly], ids=named)
async def test_permissions_within_one_account_are_not_enough(by_permissions: Server, case: Case) -> None:
    async with by_permissions.world() as world:
        assert await gain(world, case.attempt, case.harms, AT_LAST) != ""


async def test_an_agency_does_its_own_work_undisturbed(shipped: Server) -> None:
    async with shipped.world() as world:
        (order,) = await pull(world.intruder, INTRUDER)
        await order.ack_sync()
        await world.answer(INTRUDER)

        js = world.admin.jetstream()
        consumer = await js.consumer_info("DISPATCH", INTRUDER)

        assert order.data == b"your own order"
        assert (consumer.num_pending, consumer.num_ack_pending) == (0, 0)
        assert (await js.stream_info(f"RESPONSE_{INTRUDER}")).state.messages == 1


async def test_a_stolen_message_id_swallows_nothing_of_a_neighbours(shipped: Server) -> None:
    async with shipped.world() as world:
        await world.answer(INTRUDER, headers={"Nats-Msg-Id": "the-same"})
        await world.answer(VICTIM, headers={"Nats-Msg-Id": "the-same"})

        state = (await world.admin.jetstream().stream_info(f"RESPONSE_{VICTIM}")).state

        assert state.messages == 2


async def test_nobody_enters_without_a_key(shipped: Server, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"(?i)authorization|nkey"):
        await connect(shipped.url, KeyRing(tmp_path).seed("unknown"), INTRUDER, allow_reconnect=False)
