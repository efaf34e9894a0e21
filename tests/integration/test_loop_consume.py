"""The whole loop on both engines: several copies, engines that die, streams that go, and an orderly stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from deploy.local.engines import MONGO, NATS
from deploy.topology import apply, topology
from shared.contracts.streams import OURS, ingress_consumer
from shared.loop.bus import Delivery
from shared.loop.consume import Check
from shared.loop.guard import check
from shared.loop.inlet import Gone
from shared.loop.loop import Loop
from tests.support.broken import NoFloor
from tests.support.engines import OUTSIDERS, Engines, engines
from tests.support.live import (
    CONSUMERS,
    copy,
    messages,
    publish,
    repeated_ids,
    settled,
    standing,
    until,
)
from tests.support.messages import binary, structured
from tests.support.sample import (
    AGENCY,
    COUNTERS,
    OTHER_AGENCY,
    SERVICE,
    Added,
    Copied,
    Counted,
    Heard,
    NotApplied,
    Spread,
    handlers,
)

HANDLED = {SERVICE: handlers.events()}


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("consume")
    async with engines(directory, handled=HANDLED, stores={SERVICE: [COUNTERS]}) as started:
        yield started


@pytest.fixture
async def admin(running: Engines) -> AsyncIterator[Client]:
    client = await running.connect()
    yield client
    await client.close()


def guarded(client: Client) -> Check:
    """What a service checks while it runs."""
    return lambda: check(client, OURS, CONSUMERS)


async def told(admin: Client, event: type[Any], subject: str, counter: str) -> list[Any]:
    """The events of one counter in their stream."""
    stream = "DISPATCH" if subject.startswith("dispatch") else "INNER"
    found = [event.model_validate_json(body) for _, body in await messages(admin, stream, subject)]
    return [e for e in found if e.counter == counter]


async def counts(admin: Client, counter: str) -> list[int]:
    return [e.total for e in await told(admin, Counted, Counted.subject(), counter)]


async def test_nothing_is_decided_before_it_is_certain_by_which_rules(
    running: Engines, admin: Client
) -> None:
    rules = asyncio.Event()
    counter = str(uuid4())

    async def certain() -> None:
        await rules.wait()

    async with copy(running, certain=certain) as one:
        await publish(admin, Added(counter=counter))
        await until(lambda: standing(admin, "INNER"), lambda info: info["num_ack_pending"] == 1)
        assert not one.outcomes

        rules.set()
        await settled(admin)
        assert await one.total(counter) == 1


# --- the ordinary way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_fan_in_and_fan_out_over_two_copies(running: Engines, admin: Client, driver: Any) -> None:
    group = str(uuid4())
    counters = [str(uuid4()) for _ in range(30)]
    async with copy(running, driver=driver) as one, copy(running, driver=driver) as other:
        await asyncio.gather(
            *(publish(admin, Added(counter=c, group=group, amount=n)) for c in counters for n in range(1, 6))
        )
        await settled(admin)
        assert [await one.total(c) for c in counters] == [15] * 30
        await publish(admin, Spread(group=group))
        await settled(admin)
        assert one.outcomes["applied"] + other.outcomes["applied"] >= 151
    for counter in counters:
        assert len(await told(admin, Copied, Copied.subject(), counter)) == 1
        assert len(await counts(admin, counter)) == 5


BAD: list[tuple[dict[str, str] | None, bytes, str]] = [
    (binary("nuanliu.response.said.v1"), b"not json", "data"),
    (binary("nuanliu.response.said.v1"), b'{"counter":"a","at":"2026-01-01T00:00:00Z","x":1}', "x"),
    (binary("nuanliu.response.said.v1"), b'{"counter":1,"at":"2026-01-01T00:00:00Z"}', "counter"),
    (binary("nuanliu.response.said.v1"), b'{"counter":"a","at":"2026-01-01T00:00:00"}', "at"),
    (binary("nuanliu.response.said.v1"), b'{"counter":"a","at":"0001-01-01T00:00:00+08:00"}', "at"),
    (binary("nuanliu.response.said.v1"), b'{"counter":"' + b"a" * 65_536 + b'"}', "data"),
    (binary("nuanliu.response.accepted.v1"), b"{}", "type"),
    (None, b"{}", "id"),
    (
        {"content-type": "application/cloudevents+json"},
        structured("nuanliu.response.said.v1", {"counter": "a"}),
        "at",
    ),
]


async def test_bad_input_is_answered_by_name_and_its_neighbours_are_applied(
    running: Engines, admin: Client
) -> None:
    counter = str(uuid4())
    tenant = await running.connect_tenant(AGENCY)
    stream, at = f"RESPONSE_{AGENCY}", datetime.now(UTC).isoformat()
    dead = len(await messages(admin, "DEAD", f"dead.{SERVICE}.{stream}"))
    known = {h["ce-id"] for h, _ in await messages(admin, "DISPATCH", NotApplied.subject(AGENCY))}
    await publish(admin, Added(counter=counter))
    async with copy(running) as one:
        await settled(admin)
        for headers, body, _ in BAD:
            good = json.dumps({"counter": counter, "at": at}).encode()
            await tenant.jetstream().publish(
                f"response.{AGENCY}.said.v1", good, headers=binary("nuanliu.response.said.v1")
            )
            await tenant.jetstream().publish(f"response.{AGENCY}.said.v1", body, headers=headers)
        await settled(admin)
        assert await one.total(counter) == 1 + len(BAD)
    answers = [
        json.loads(body)
        for headers, body in await messages(admin, "DISPATCH", NotApplied.subject(AGENCY))
        if headers["ce-id"] not in known
    ]
    named = sorted(answer["errors"][0]["field"] for answer in answers)
    assert named == sorted(field for _, _, field in BAD)
    assert len(await messages(admin, "DEAD", f"dead.{SERVICE}.{stream}")) == dead + len(BAD)
    assert len(await told(admin, Heard, Heard.subject(AGENCY), counter)) == len(BAD)
    await tenant.close()


async def test_three_copies_on_a_trickle_drop_nothing(running: Engines, admin: Client) -> None:
    counter = str(uuid4())
    tenant = await running.connect_tenant(AGENCY)
    async with AsyncExitStack() as stack:
        copies = [await stack.enter_async_context(copy(running)) for _ in range(3)]
        await publish(admin, Added(counter=counter))
        await settled(admin)
        orders = await tenant.jetstream().pull_subscribe_bind(
            consumer=AGENCY, stream="DISPATCH", inbox_prefix=f"_INBOX.{AGENCY}.".encode()
        )
        for amount in range(150):
            body = json.dumps({"counter": counter, "at": datetime.now(UTC).isoformat(), "amount": amount})
            headers = binary("nuanliu.response.said.v1")
            await tenant.jetstream().publish(f"response.{AGENCY}.said.v1", body.encode(), headers=headers)
            await answer(orders, counter)
        await settled(admin)
        assert sum(one.outcomes["repeated"] + one.outcomes["later"] for one in copies) == 0
        assert await copies[0].total(counter) == 1 + sum(range(150))
    await tenant.close()


async def answer(orders: Any, counter: str) -> None:
    """Takes what the agency is sent until it is about this counter."""
    while True:
        for message in await orders.fetch(1, timeout=10):
            await message.ack()
            if json.loads(message.data).get("counter") == counter:
                return


async def test_two_tenants_with_one_id_do_not_meet(running: Engines, admin: Client) -> None:
    counter, id = str(uuid4()), str(uuid4())
    body = json.dumps({"counter": counter, "at": datetime.now(UTC).isoformat()}).encode()
    async with copy(running) as one:
        await publish(admin, Added(counter=counter))
        await settled(admin)
        for agency in (AGENCY, OTHER_AGENCY, AGENCY):
            tenant = await running.connect_tenant(agency)
            await tenant.jetstream().publish(
                f"response.{agency}.said.v1", body, headers=binary("nuanliu.response.said.v1", id)
            )
            await tenant.close()
        await settled(admin)
        assert await one.total(counter) == 3


# --- engines that die ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("mortal")
    wait = timedelta(seconds=2)
    async with engines(directory, handled=HANDLED, stores={SERVICE: [COUNTERS]}, ack_wait=wait) as started:
        yield started


@pytest.mark.parametrize(("part", "where"), [(NATS, 2), (MONGO, 2), (MONGO, 5), (MONGO, 8)])
async def test_an_engine_dies_in_the_middle(mortal: Engines, part: str, where: int) -> None:
    counters = [str(uuid4()) for _ in range(20)]
    async with copy(mortal, check=guarded) as one, copy(mortal, check=guarded):
        sending = asyncio.create_task(_send(mortal, counters, rounds=12))
        await until(lambda: one.total(counters[-1]), lambda total: total >= where)
        await mortal.kill(part)
        await sending
        admin = await mortal.connect()
        await settled(admin)
        assert [await one.total(c) for c in counters] == [12] * 20
        for counter in counters[:5]:
            assert sorted(await counts(admin, counter)) == list(range(1, 13))
        await admin.close()


async def _send(mortal: Engines, counters: list[str], rounds: int) -> None:
    """One to each counter per round; what is not acknowledged is sent again under its id."""
    client = await mortal.connect()
    for number in range(rounds):
        for counter in counters:
            while True:
                try:
                    await publish(client, Added(counter=counter), id=f"{counter}-{number}")
                    break
                except Exception:
                    await asyncio.sleep(0.1)
    await client.close()


# --- stopping -----------------------------------------------------------------------------------------------


class Slow(Loop):
    """Holds its first batch until it is told to go on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.first: list[Delivery] = []

    async def settle(self, deliveries: Any) -> None:
        if not self.begun.is_set():
            self.first = list(deliveries)
            self.begun.set()
            await self.go_on.wait()
        await super().settle(deliveries)


async def test_told_to_stop_it_finishes_the_batch_in_hand_and_gives_back_the_rest(
    running: Engines, admin: Client
) -> None:
    counter = str(uuid4())
    # What is not given back would come again after its ack wait only: in an hour, which nobody here waits for.
    await apply(admin, topology(OUTSIDERS, HANDLED), ack_wait=timedelta(hours=1))
    async with copy(running, Slow) as one:
        slow = one.loop
        assert isinstance(slow, Slow)
        await publish(admin, Added(counter=counter))
        await slow.begun.wait()
        for _ in range(9):
            await publish(admin, Added(counter=counter))
        await until(lambda: standing(admin, "INNER"), lambda info: info["num_ack_pending"] == 10)
        one.inlet.close()
        slow.go_on.set()
        await one.task
        assert (len(slow.first), await one.total(counter)) == (1, 1)
    async with copy(running) as other:
        await until(lambda: other.total(counter), lambda total: total == 10)
    await mended(admin)


async def test_told_to_stop_while_the_database_is_away_it_stops(running: Engines, admin: Client) -> None:
    async with copy(running) as one:
        counter = str(uuid4())
        await publish(admin, Added(counter=counter))
        await settled(admin)
        died = running.supervisor.kill(MONGO)
        await publish(admin, Added(counter=counter))
        await until(lambda: standing(admin, "INNER"), lambda info: info["num_ack_pending"] == 1)
        one.inlet.close()
        await asyncio.wait_for(one.task, 10)
        await running.supervisor.until_restarted(MONGO, died)


# --- what is gone or altered --------------------------------------------------------------------------------


async def mended(admin: Client) -> None:
    await apply(admin, topology(OUTSIDERS, HANDLED))


async def test_a_consumer_deleted_under_it_stops_it_by_name(running: Engines, admin: Client) -> None:
    for stream in ("INNER", f"RESPONSE_{AGENCY}"):
        async with copy(running) as one:
            await publish(admin, Added(counter=str(uuid4())))
            await settled(admin)
            await admin.jetstream().delete_consumer(stream, SERVICE)
            with pytest.raises(Gone, match=f"consumer {SERVICE} on stream {stream} is missing"):
                await asyncio.wait_for(one.task, 10)
        await mended(admin)


async def test_a_stream_deleted_under_it_stops_it_by_name(running: Engines, admin: Client) -> None:
    async with copy(running, check=guarded) as one:
        await publish(admin, Added(counter=str(uuid4())))
        await settled(admin)
        await admin.jetstream().delete_stream("ASSIGNMENT")  # it only writes there
        await publish(admin, Added(counter=str(uuid4()), tell=1))
        with pytest.raises(Gone, match="stream ASSIGNMENT is missing"):
            await asyncio.wait_for(one.task, 15)
    await mended(admin)


ALTERED: list[tuple[str, dict[str, Any]]] = [
    ("subjects", {"subjects": ["verification.>", "more.>"]}),
    ("max_age", {"max_age": 3_600_000_000_000, "duplicate_window": 60_000_000_000}),
    ("duplicate_window", {"duplicate_window": 60_000_000_000}),
    ("max_bytes", {"max_bytes": 10_000_000}),
    ("max_msg_size", {"max_msg_size": 1000}),
    ("discard", {"discard": "old"}),
    ("allow_atomic", {"allow_atomic": False}),
]


@pytest.mark.parametrize(("field", "change"), ALTERED)
async def test_an_altered_stream_is_named(
    running: Engines, admin: Client, field: str, change: dict[str, Any]
) -> None:
    info = json.loads((await admin.request("$JS.API.STREAM.INFO.VERIFICATION", b"", timeout=10)).data)
    await check(admin, OURS, CONSUMERS)
    request = json.dumps(info["config"] | change).encode()
    answer = json.loads((await admin.request("$JS.API.STREAM.UPDATE.VERIFICATION", request, timeout=10)).data)
    assert "error" not in answer, answer
    try:
        with pytest.raises(Gone, match=f"stream VERIFICATION: its {field} is"):
            await check(admin, OURS, CONSUMERS)
    finally:
        await mended(admin)
    await check(admin, OURS, CONSUMERS)


async def test_an_altered_consumer_is_named(running: Engines, admin: Client) -> None:
    config = (await standing(admin, "INNER"))["config"] | {"filter_subjects": ["inner.intake.added.v1"]}
    config.pop("filter_subject", None)
    request = json.dumps({"stream_name": "INNER", "config": config}).encode()
    answer = json.loads(
        (await admin.request(f"$JS.API.CONSUMER.DURABLE.CREATE.INNER.{SERVICE}", request, timeout=10)).data
    )
    assert "error" not in answer, answer
    try:
        with pytest.raises(Gone, match=f"consumer {SERVICE} on stream INNER: its filters are"):
            await check(admin, OURS, CONSUMERS)
    finally:
        await mended(admin)


async def test_a_missing_consumer_is_named(running: Engines, admin: Client) -> None:
    with pytest.raises(Gone, match="consumer revisit on stream RESPONSE_heating-zy is missing"):
        await check(admin, (), [*CONSUMERS, _other_service()])


def _other_service() -> Any:
    return replace(ingress_consumer("agency", AGENCY), name="revisit")


# --- a short window -----------------------------------------------------------------------------------------


async def taken_in_turns(running: Engines, admin: Client, make: type[Loop]) -> dict[str, int]:
    """Two copies get the inputs of some counters in turns, further apart than the window and the floor's second."""
    counters = [str(uuid4()) for _ in range(5)]
    async with copy(running, make) as one, copy(running, make) as other:
        for turn in range(6):
            takes, rests = (one, other) if turn % 2 else (other, one)
            rests.inlet.pause()
            takes.inlet.resume()
            await apart()
            for counter in counters:
                await publish(admin, Added(counter=counter, tell=2))
            await settled(admin)
        assert [await one.total(c) for c in counters] == [6] * 5
        assert min(one.outcomes["applied"], other.outcomes["applied"]) >= 5
    return await repeated_ids(admin)


async def apart() -> None:
    """Longer than the window and than an ack floor is remembered: this is what the test is about."""
    await asyncio.sleep(1.1)


@pytest.fixture(scope="module")
async def short(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("short")
    window = timedelta(milliseconds=100)
    async with engines(directory, handled=HANDLED, stores={SERVICE: [COUNTERS]}, window=window) as started:
        yield started


async def test_two_copies_and_a_short_window_repeat_nothing(short: Engines) -> None:
    admin = await short.connect()
    assert await taken_in_turns(short, admin, Loop) == {}
    await admin.close()


async def test_without_the_floor_they_do(short: Engines) -> None:
    admin = await short.connect()
    assert await taken_in_turns(short, admin, NoFloor) != {}
    await admin.close()
