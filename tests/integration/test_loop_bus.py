"""JetStream as the loop uses it: batches, repeats, dead letters, floors; and an outsider's bytes in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.loop.bus import FEW, Delivery, JetStreamBus, NotStored
from shared.loop.decision import Input, Out
from shared.loop.documents import Unreachable
from shared.loop.envelope import Outgoing, outgoing
from tests.support.engines import Engines, engines
from tests.support.fakes import START, FakeBus
from tests.support.live import LiveCopy, connect_service, copy, messages, publish, settled, until
from tests.support.messages import own
from tests.support.sample import AGENCY, COUNTERS, SERVICE, Added, Counted, NotApplied, Told, handlers

ATOMIC = "Nats-Batch-Id"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("bus")
    async with engines(
        directory, handled={SERVICE: handlers.events()}, stores={SERVICE: [COUNTERS]}
    ) as started:
        yield started


@pytest.fixture
async def admin(running: Engines) -> AsyncIterator[Client]:
    client = await running.connect()
    yield client
    await client.close()


@pytest.fixture
async def bus(running: Engines) -> AsyncIterator[JetStreamBus]:
    client = await connect_service(running)
    yield JetStreamBus(client, SERVICE)
    await client.close()


def outs(count: int, counter: str = "", cause: str = "") -> list[Outgoing]:
    """Outputs for two streams, as many on each."""
    counter, input = counter or str(uuid4()), Input(cause or str(uuid4()), START)
    made = []
    for index in range(count):
        made.append(
            outgoing(Out(Counted(counter=counter, total=index), about=counter), SERVICE, input, 2 * index)
        )
        made.append(outgoing(Out(Told(counter=counter, place=index)), SERVICE, input, 2 * index + 1))
    return made


async def stored(admin: Client, sent: list[Outgoing]) -> list[dict[str, str]]:
    """The headers under which these outputs lie in their streams."""
    wanted = {out.id for out in sent}
    return [
        headers
        for stream, event in (("INNER", Counted), ("ASSIGNMENT", Told))
        for headers, _ in await messages(admin, stream, event.subject())
        if headers["ce-id"] in wanted
    ]


async def test_a_batch_is_one_atomic_batch_per_stream(admin: Client, bus: JetStreamBus) -> None:
    sent = outs(40)
    await bus.publish(sent)
    found = await stored(admin, sent)
    assert len(found) == 80
    assert len({headers[ATOMIC] for headers in found}) == 2


async def test_a_batch_that_holds_an_id_already_stored_goes_one_by_one(
    admin: Client, bus: JetStreamBus
) -> None:
    sent = outs(40)
    await bus.publish(sent[6:8])
    await bus.publish(sent)
    found = await stored(admin, sent)
    assert len(found) == 80
    assert [h for h in found if ATOMIC in h] == []


@pytest.mark.parametrize(("count", "batches"), [(FEW, 0), (FEW + 1, 2)])
async def test_few_go_singly_and_more_as_a_batch(
    admin: Client, bus: JetStreamBus, count: int, batches: int
) -> None:
    sent = outs(count)
    await bus.publish(sent)
    found = await stored(admin, sent)
    assert len(found) == 2 * count
    assert len({h[ATOMIC] for h in found if ATOMIC in h}) == batches


async def test_the_same_again_stores_nothing_more(admin: Client, bus: JetStreamBus) -> None:
    sent = outs(40)
    for _ in range(3):
        await bus.publish(sent)
    assert len(await stored(admin, sent)) == 80


async def test_one_id_twice_among_the_outputs_is_stored_once(admin: Client, bus: JetStreamBus) -> None:
    sent = outs(3)
    await bus.publish(sent + sent)
    assert len(await stored(admin, sent)) == 6


async def test_more_than_a_batch_may_hold(admin: Client, bus: JetStreamBus) -> None:
    sent = outs(1203)
    await bus.publish(sent)
    found = await stored(admin, sent)
    assert len(found) == 2406
    assert len({headers[ATOMIC] for headers in found}) == 4


async def test_what_is_published_is_a_cloudevent_in_ascii(admin: Client, bus: JetStreamBus) -> None:
    sent = outs(1, counter="暖气")
    await bus.publish(sent)
    [headers] = [h for h in await stored(admin, sent) if h["ce-type"] == Counted.type]
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == sent[0].id
    assert (headers["ce-source"], headers["ce-specversion"]) == (f"/nuanliu/{SERVICE}", "1.0")
    assert headers["ce-subject"] == "%E6%9A%96%E6%B0%94"


@pytest.mark.parametrize(
    ("code", "raised"),
    [(408, Unreachable), (409, Unreachable), (429, Unreachable), (503, Unreachable), (400, NotStored)],
)
async def test_a_refusal_that_passes_is_no_refusal(admin: Client, code: int, raised: type[Exception]) -> None:
    """A responder stands in for a stream that answers so; a real one does on a busy cluster only."""
    subject = f"_INBOX.admin.{uuid4()}"
    answer = orjson.dumps({"error": {"code": code, "description": "busy"}})

    async def refuse(message: Msg) -> None:
        await message.respond(answer)

    await admin.subscribe(subject, cb=refuse)
    with pytest.raises(raised, match=r"busy$"):
        await JetStreamBus(admin, SERVICE).single(subject, b"{}", {})


async def test_an_output_no_stream_can_take_is_no_absent_server(bus: JetStreamBus) -> None:
    [huge] = [
        outgoing(Out(Counted(counter="x" * 2_000_000, total=1)), SERVICE, Input("x", START), 0),
    ]
    with pytest.raises(NotStored):
        await bus.publish([huge])


async def test_a_stream_that_does_not_answer_is_an_absent_server(running: Engines, admin: Client) -> None:
    client = await connect_service(running)
    await client.close()
    with pytest.raises(Unreachable):
        await JetStreamBus(client, SERVICE).publish(outs(1))


HOSTILE = {"foo(bar": "x", "Nats-Rollup": "all", "Nats-Msg-Id": "1", "nuanliu-reason": "none", "ok": "暖\x07"}


@pytest.mark.parametrize(
    "headers", [None, HOSTILE, {"big": "x" * 65_000}, {f"h{n}": "y" * 90 for n in range(600)}]
)
async def test_a_dead_letter_is_kept_whatever_it_was(
    admin: Client, bus: JetStreamBus, headers: dict[str, str] | None
) -> None:
    subject, body = f"response.{AGENCY}.said.v1", uuid4().bytes + b"\xff" * 100_000
    delivery = FakeBus().put(subject, headers, body, stream=f"RESPONSE_{AGENCY}")
    unique = replace(delivery, sequence=hash(body))
    await bus.bury([(unique, "text: 太长 " + "x" * 100_000)])
    await bus.bury([(unique, "again")])
    dead = [
        h for h, data in await messages(admin, "DEAD", f"dead.{SERVICE}.RESPONSE_{AGENCY}") if data == body
    ]
    [kept] = dead
    assert kept["nuanliu-reason"].startswith("text: %E5%A4%AA")
    assert kept["nuanliu-subject"] == subject
    assert "Nats-Rollup" not in kept
    if headers is HOSTILE:
        assert (kept["ok"], kept["nuanliu-original-foo%28bar"]) == ("暖\x07", "x")


async def test_the_floor_is_what_is_acknowledged_without_a_gap(running: Engines, admin: Client) -> None:
    async with copy(running):
        await publish(admin, Added(counter=str(uuid4())))
        await settled(admin)
    bus = JetStreamBus(admin, SERVICE)
    for _ in range(3):
        await publish(admin, Added(counter=str(uuid4())))
    first, second, third = [Delivery.of(message) for message in await pulled(admin, 3)]
    assert await bus.floor("INNER") < first.sequence
    for delivery, floor in ((first, first), (third, first), (second, third)):
        await bus.ack(delivery)
        await admin.flush()
        await until(lambda: bus.floor("INNER"), lambda seen, floor=floor: seen == floor.sequence)


async def pulled(admin: Client, count: int) -> list[Msg]:
    """Messages of the service's consumer on INNER, taken in its place."""
    subscription = await admin.subscribe(inbox := admin.new_inbox())
    request = orjson.dumps({"batch": count, "expires": 5_000_000_000})
    await admin.publish(f"$JS.API.CONSUMER.MSG.NEXT.INNER.{SERVICE}", request, reply=inbox)
    return [await subscription.next_msg(5) for _ in range(count)]


# --- bytes that stop a reader -------------------------------------------------------------------------------


HEADERS = {
    "shorter than its first line": b"X",
    "its first line and no more": b"NATS/1.0",
    "a status that is no text": b"NATS/1.0 \xff\xff\xff \xff\r\n\r\n",
    "a status": b"NATS/1.0 503\r\n\r\n",
    "lines without a name": b"NATS/1.0\r\n:\r\n: x\r\nfoo(bar: \xff\r\n\xff: y\r\n\r\n",
    "no line end": b"NATS/1.0\r\nce-id: x",
}
SUBJECTS = {
    "no text": b"said\xff",
    "a form feed": b"sa\x0cid",
    "a vertical tab": b"said\x0b 7",
    "no break space": b"said\xc2\xa0",
    "nul": b"said\x00",
}


async def still_reads(one: LiveCopy, admin: Client, stream: str) -> None:
    """The copy has answered everything from the tenant and takes what comes after it."""
    await settled(admin, stream)
    counter = str(uuid4())
    await publish(admin, Added(counter=counter))
    await until(lambda: one.total(counter), lambda total: total == 1)


async def last(admin: Client, stream: str) -> int:
    """The place of what was stored last: what was published without asking for a receipt may still be on its way."""
    return int((await admin.jetstream().stream_info(stream)).state.last_seq)


async def test_no_header_and_no_subject_stops_the_reader(running: Engines, admin: Client) -> None:
    tenant = await running.connect_tenant(AGENCY)
    stream = f"RESPONSE_{AGENCY}"
    before = len(await messages(admin, "DEAD", f"dead.{SERVICE}.{stream}"))
    told = len(await messages(admin, "DISPATCH", NotApplied.subject(AGENCY)))
    stored = await last(admin, stream)
    async with copy(running) as one:
        body = b'{"counter":"a"}'
        for header in HEADERS.values():
            size = f"{len(header)} {len(header) + len(body)}".encode()
            await tenant._send_command(b"HPUB response.%s.said.v1 %s\r\n" % (AGENCY.encode(), size))
            await tenant._send_command(header + body + b"\r\n")
        for verb in SUBJECTS.values():
            first = verb.split(b" ")[0]
            await tenant._send_command(b"PUB response.%s.%s.v1 %d\r\n" % (AGENCY.encode(), first, len(body)))
            await tenant._send_command(body + b"\r\n")
        sent = len(HEADERS) + len(SUBJECTS)
        await until(lambda: last(admin, stream), lambda at: at == stored + sent)
        await still_reads(one, admin, stream)
        assert len(await messages(admin, "DEAD", f"dead.{SERVICE}.{stream}")) == before + sent
        assert len(await messages(admin, "DISPATCH", NotApplied.subject(AGENCY))) == told + sent
    await tenant.close()


def test_the_fake_delivers_what_was_put() -> None:
    bus = FakeBus()
    delivery = own(bus, Added(counter="a"))
    assert (bus.again(delivery).delivered, bus.unsettled("INNER")) == (2, [1])
