"""Webhooks: two copies of response, an agency's receiver, both engines; and whoever of them is killed."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.local.engines import NATS
from tests.support.assignments import order
from tests.support.hooks import AGENCY, OTHER, Copy, World, hooked_world
from tests.support.live import publish, standing, until
from tests.support.receiver import Received, firsts

CIRCUIT = f'nuanliu_webhook_circuit_open{{agency="{AGENCY}"}}'


def deliveries(outcome: str) -> str:
    return f'nuanliu_webhook_deliveries_total{{agency="{AGENCY}",outcome="{outcome}"}}'


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """With the acknowledgement wait as it ships: it is longer than the pin, so whoever takes over is given new messages
    before it is given those that the other copy had in hand."""
    async with hooked_world(tmp_path_factory.mktemp("webhooks"), copies=2, ack_wait=30.0) as running:
        await running.hook()
        yield running


def fresh(*names: str) -> list[str]:
    """Cases nobody has heard of."""
    return [f"{name}-{uuid4()}" for name in names]


async def of_cases(world: World, sent: dict[str, list[str]]) -> list[Received]:
    return [one for one in await world.receiver.taken() if one.case in sent]


async def test_an_order_comes_as_its_event_signed(world: World) -> None:
    id, start = str(uuid4()), datetime.now(UTC)
    clocks = {"accept_by": start + timedelta(minutes=30), "resolve_by": start + timedelta(hours=48)}
    await publish(
        world.admin,
        order(assignment_id=id, case_id=f"case-{id}", at=start, contact_by=None, arrive_by=None, **clocks),
    )

    async def came() -> Received | None:
        return next((one for one in await world.receiver.taken() if one.case == f"case-{id}"), None)

    got = await until(came, bool)

    assert got is not None
    assert got.headers["ce-type"] == "nuanliu.dispatch.assigned.v1"
    assert got.headers["ce-id"] == got.id
    assert id.encode() in got.body
    assert got.signed_with(world.secrets[-1])
    assert not Received(got.headers, got.body + b" ", 200).signed_with(world.secrets[-1])


async def test_cases_come_in_order_each_message_once(world: World) -> None:
    sent = await world.send(fresh("a", "b", "c", "d", "e", "f"), 10)

    await world.arrived(sent)

    got = await of_cases(world, sent)
    assert firsts(got) == sent
    assert len(got) == 60
    assert {one.attempt for one in got} == {1}


async def test_a_receiver_that_was_killed_gets_everything_when_it_is_back(world: World) -> None:
    before = await world.send(fresh("a", "b", "c"), 4)
    await world.receiver.kill()
    sent = {**before, **await world.send(fresh("d", "e", "f"), 4)}

    await until(lambda: world.figure(CIRCUIT), lambda value: value == 1)
    told = await world.state()
    assert told["circuit"]["state"] == "open"
    assert told["circuit"]["reason"].startswith("ConnectError")
    assert told["last_failure"]["reason"] == told["circuit"]["reason"]
    assert told["waiting"] >= 12

    await world.receiver.start()
    await world.arrived(sent)
    await until(lambda: world.figure(CIRCUIT), lambda value: value == 0)

    assert firsts(await of_cases(world, sent)) == sent
    assert (await world.state())["circuit"] == {"state": "closed"}
    assert await world.listed() == []


async def test_a_copy_that_is_killed_while_it_delivers_leaves_order_and_loses_nothing(world: World) -> None:
    earlier = len(await world.receiver.taken())
    sent = await world.send(fresh("a", "b", "c", "d", "e"), 30)
    await until(lambda: taken_since(world, earlier), lambda number: number > 10)
    await (await the_pinned(world)).kill()
    more = await world.send(list(sent), 2)
    whole = {case: sent[case] + more[case] for case in sent}
    await world.arrived(whole)
    await world.start_copy()

    got = await of_cases(world, sent)
    assert firsts(got) == whole
    repeated = {one.id for one in got if one.attempt > 1}
    assert {one.id for one in got if [o.id for o in got].count(one.id) > 1} <= repeated
    assert await world.listed() == []


async def test_a_copy_that_stood_still_finds_that_another_delivers(world: World) -> None:
    earlier = len(await world.receiver.taken())
    sent = await world.send(fresh("a", "b", "c"), 30)
    await until(lambda: taken_since(world, earlier), lambda number: number > 10)
    still = await the_pinned(world)

    still.process.send_signal(signal.SIGSTOP)
    try:
        more = await world.send(list(sent), 2)
        whole = {case: sent[case] + more[case] for case in sent}
        await world.arrived(whole)
    finally:
        still.process.send_signal(signal.SIGCONT)
    after = await world.send(list(sent), 2)
    whole = {case: whole[case] + after[case] for case in sent}
    await world.arrived(whole)

    assert firsts(await of_cases(world, sent)) == whole
    assert await world.listed() == []


async def test_nats_is_killed_while_deliveries_are_made(world: World) -> None:
    earlier = len(await world.receiver.taken())
    sent = await world.send(fresh("a", "b", "c", "d"), 30)
    await until(lambda: taken_since(world, earlier), lambda number: number > 10)

    await world.engines.kill(NATS)
    await world.arrived(sent)

    assert firsts(await of_cases(world, sent)) == sent


async def taken_since(world: World, earlier: int) -> int:
    return len(await world.receiver.taken()) - earlier


async def the_pinned(world: World) -> Copy:
    """The copy that delivers; only that one shows the agency's gauges."""

    async def look() -> Copy | None:
        for copy in world.copies:
            if copy.process.returncode is None and CIRCUIT in (await copy.http.get("/metrics")).text:
                return copy
        return None

    found = await until(look, bool)
    assert found is not None
    return found


async def test_what_the_receiver_refuses_is_listed_and_can_be_sent_again(world: World) -> None:
    poison, healthy = fresh("poison", "healthy")
    world.receiver.answer(**{poison: 422})
    sent = await world.send([poison, healthy], 2)

    await world.arrived({healthy: sent[healthy]})
    entries = await until(world.listed, lambda listed: len(listed) == 2)

    assert [entry["event_id"] for entry in entries] == sent[poison]
    first, second = entries
    assert first["reason"] == "422: answer 422"
    assert first["attempts"] == 5
    assert first["case_id"] == poison
    assert first["subject"] == f"dispatch.{AGENCY}.updated.v1"
    assert first["data"]["note"] == "暖气"
    assert (await world.state())["undelivered"] == 2
    assert await world.figure(deliveries("given_up")) is not None

    page = await world.http.get(f"/api/v1/webhooks/{AGENCY}/undelivered", params={"limit": 1})
    assert [entry["seq"] for entry in page.json()] == [first["seq"]]
    assert 'rel="next"' in page.headers["link"]
    assert [entry["seq"] for entry in await world.listed(after=first["seq"])] == [second["seq"]]

    world.receiver.answer()
    path = f"/api/v1/webhooks/{AGENCY}/undelivered"
    answer = await world.http.post(f"{path}/{first['seq']}/again")
    assert (answer.status_code, answer.json()["event_id"]) == (202, first["event_id"])
    assert (await world.http.post(f"{path}/{first['seq']}/again")).status_code == 404
    await world.arrived({poison: sent[poison][:1]})
    assert (await world.http.delete(f"{path}/{second['seq']}")).status_code == 204
    assert await world.listed() == []

    async def body() -> list[bytes]:
        return [one.body for one in await world.receiver.received() if one.id == first["event_id"]]

    assert len(set(await body())) == 1


async def test_the_list_of_one_agency_is_not_anothers(world: World) -> None:
    (poison,) = fresh("poison")
    world.receiver.answer(**{poison: 410})
    await world.send([poison], 1)
    (entry,) = await until(world.listed, bool)
    world.receiver.answer()

    assert await world.listed(OTHER) == []
    foreign = f"/api/v1/webhooks/{OTHER}/undelivered/{entry['seq']}"
    assert (await world.http.post(f"{foreign}/again")).status_code == 404
    assert (await world.http.delete(foreign)).status_code == 404
    assert [one["seq"] for one in await world.listed()] == [entry["seq"]]
    await world.http.delete(f"/api/v1/webhooks/{AGENCY}/undelivered/{entry['seq']}")


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("GET", "/api/v1/webhooks?agency=nobody", 404, "agency"),
        ("GET", f"/api/v1/webhooks?agency={OTHER}", 404, "agency"),
        ("GET", "/api/v1/webhooks/nobody/undelivered", 404, "agency"),
        ("GET", "/api/v1/webhooks/hotline-12345/undelivered", 404, "agency"),
        ("GET", f"/api/v1/webhooks/{AGENCY}/undelivered?limit=0", 422, "limit"),
        ("GET", f"/api/v1/webhooks/{AGENCY}/undelivered?after=x", 422, "after"),
        ("GET", f"/api/v1/webhooks/{AGENCY}/undelivered?after={2**63}", 422, "after"),
        ("POST", f"/api/v1/webhooks/{AGENCY}/undelivered/99999/again", 404, "sequence"),
        ("POST", f"/api/v1/webhooks/{AGENCY}/undelivered/{2**63}/again", 422, "sequence"),
        ("POST", f"/api/v1/webhooks/{AGENCY}/undelivered/{2**63 - 1}/again", 404, "sequence"),
        ("POST", f"/api/v1/webhooks/{AGENCY}/undelivered/x/again", 422, "sequence"),
        ("DELETE", f"/api/v1/webhooks/{AGENCY}/undelivered/99999", 404, "sequence"),
    ],
)
async def test_what_cannot_be_answered_is_said_by_name(
    world: World, method: str, path: str, status: int, field: str
) -> None:
    answer = await world.http.request(method, path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_receiver_that_asks_to_be_left_alone_is(world: World) -> None:
    world.receiver.answer(all=[429, {"retry-after": "2"}])
    sent = await world.send(fresh("a", "b"), 1)
    await until(lambda: world.figure(CIRCUIT), lambda value: value == 1)
    asked = [one for one in await world.receiver.received() if one.case in sent]
    world.receiver.answer()

    await world.arrived(sent)

    assert {one.answered for one in asked} == {429}
    assert (await world.state())["last_failure"]["reason"] == "429: answer 429"


async def test_another_address_does_not_wait_for_what_the_one_before_asked(world: World) -> None:
    world.receiver.answer(all=[429, {"retry-after": "300"}])
    sent = await world.send(fresh("a", "b"), 1)
    await until(lambda: world.figure(CIRCUIT), lambda value: value == 1)
    world.receiver.answer()

    await world.hook(url=world.receiver.url + "?moved")

    await world.arrived(sent, patience=30)
    await world.hook()


async def test_secrets_are_rotated_two_at_a_time(world: World) -> None:
    old = world.secrets[-1]
    await world.hook()
    new = world.secrets[-1]

    async def signed_by(secret: str) -> bool:
        sent = await world.send(fresh("rotated"), 1)
        await world.arrived(sent)
        return (await of_cases(world, sent))[0].signed_with(secret)

    await until(lambda: signed_by(new), bool)
    assert await signed_by(old)

    await world.hook()
    await until(lambda: signed_by(world.secrets[-1]), bool)
    assert await signed_by(new)
    assert not await signed_by(old)


async def test_a_hook_is_switched_off_and_on_while_services_run(world: World) -> None:
    await world.tenant("webhook", AGENCY, "--off")

    async def still_served() -> int:
        return (await world.http.get("/api/v1/webhooks", params={"agency": AGENCY})).status_code

    await until(still_served, lambda status: status == 404)
    while_off = await world.send(fresh("off"), 2)
    names = [c.name for c in await world.admin.jetstream().consumers_info("DISPATCH")]
    assert f"hook_{AGENCY}" not in names

    await world.hook()
    await world.arrived(while_off)

    assert firsts(await of_cases(world, while_off)) == while_off
    assert (await standing(world.admin, "DISPATCH", f"hook_{AGENCY}"))["config"]["max_ack_pending"] == 256


async def test_a_suspended_agency_gets_nothing_and_everything_when_it_is_resumed(world: World) -> None:
    await world.tenant("suspend", AGENCY, "--reason", "test")

    async def paused() -> bool:
        return all(
            [
                (await copy.http.get("/api/v1/webhooks", params={"agency": AGENCY})).json()[0]["paused"]
                for copy in world.copies
                if copy.process.returncode is None
            ]
        )

    await until(paused, bool)
    sent = await world.send(fresh("suspended"), 2)

    async def in_hand() -> int:
        return int((await standing(world.admin, "DISPATCH", f"hook_{AGENCY}"))["num_ack_pending"])

    await until(in_hand, lambda number: number == 2)
    assert await of_cases(world, sent) == []

    await world.tenant("resume", AGENCY)
    await world.arrived(sent)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((AGENCY, "--url", "ftp://a.example/"), "url: "),
        ((AGENCY, "--url", "http://10.0.0.1/"), "url: 10.0.0.1 是内部或保留地址"),
        ((AGENCY, "--url", "http://0x7f.1/"), "url: IP 地址请写成常规形式"),
        ((AGENCY, "--url", "http://u:p@a.example/"), "url: 不能含用户名或口令"),
        ((AGENCY, "--url", "https://a.example/", "--off"), "--off: "),
        ((OTHER,), "url: "),
        ((OTHER, "--off"), "webhook: 没有设置"),
        (("nobody", "--url", "https://a.example/"), "id: 没有租户"),
        (("hotline-12345", "--url", "https://a.example/"), "webhook belongs to agencies"),
    ],
)
async def test_what_cannot_be_set_is_said_by_name(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    before = world.installation.registry.read_text()

    code, out, words = await world.try_tenant("webhook", *arguments)

    assert (code, out) == (1, "")
    assert said in words
    assert world.installation.registry.read_text() == before


async def test_the_registry_gives_no_secret_away(world: World) -> None:
    everything = world.installation.registry.read_text() + world.installation.audit.read_text()
    shown = await world.tenant("show", AGENCY)

    for secret in world.secrets:
        assert secret not in everything + shown
        assert secret.removeprefix("whsec_") not in everything + shown
