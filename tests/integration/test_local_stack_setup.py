"""The setup step on a real server: makes what is missing, mends what differs, leaves the rest and its data alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import import_module

import pytest

from deploy.mongo_users import client
from deploy.setup import set_up
from deploy.topology import SetupError, apply, handled_events, stream_config, topology
from shared.contracts.streams import SERVICES
from shared.policy.tenants import Tenant
from tests.support.engines import OUTSIDERS, Engines, engines, outsider


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    async with engines(tmp_path_factory.mktemp("setup")) as started:
        yield started


async def do(running: Engines, tenants: tuple[Tenant, ...] = OUTSIDERS, **settings: timedelta) -> list[str]:
    return await set_up(
        tenants,
        nats_url=running.nats,
        admin_seed=running.keys.seed("admin"),
        mongo_url=running.mongo(),
        ack_wait=settings.get("ack_wait", timedelta(seconds=30)),
    )


async def test_a_second_run_finds_nothing_to_do(running: Engines) -> None:
    await do(running)

    again = await do(running)

    assert [line for line in again if not line.endswith("indexes in place")] == []


async def test_what_every_service_handles_is_pulled_from_a_consumer_of_its_name(running: Engines) -> None:
    await do(running)
    admin = await running.connect()
    consumers = {(c.stream, c.name) for c in topology(OUTSIDERS, handled_events()).internal}

    for stream, name in consumers:
        info = await admin.jetstream().consumer_info(stream, name)
        assert info.config.max_deliver == -1
    await admin.close()

    assert {name for _, name in consumers} == {"intake", "routing", "response", "revisit", "metrics"}


async def test_what_was_altered_by_hand_is_mended_and_keeps_its_messages(running: Engines) -> None:
    await do(running)
    admin = await running.connect()
    js = admin.jetstream()
    await js.publish("appeal.kept.v1", b"kept")
    config = (await js.stream_info("APPEAL")).config
    config.duplicate_window = 1.0
    await js.update_stream(config)
    await js.delete_consumer("DISPATCH", "heating-zy")

    done = await do(running)

    info = await js.stream_info("APPEAL")
    await admin.close()
    assert {"stream APPEAL updated", "consumer DISPATCH/heating-zy created"} <= set(done)
    assert info.config.duplicate_window == 3600
    assert info.state.messages == 1


async def test_a_changed_setting_reaches_the_services_consumers_only(running: Engines) -> None:
    await do(running)

    done = await do(running, ack_wait=timedelta(seconds=2))

    await do(running)
    assert "consumer RESPONSE_heating-zy/response updated" in done
    assert not any("DISPATCH/" in line for line in done)


async def test_a_new_tenant_gets_its_streams_beside_the_old_ones(running: Engines) -> None:
    await do(running)

    done = await do(running, (*OUTSIDERS, outsider("water-zy", "agency")))

    assert sorted(line for line in done if "index" not in line) == [
        "consumer DISPATCH/water-zy created",
        "consumer RESPONSE_water-zy/response created",
        "stream RESPONSE_water-zy created",
    ]


async def test_what_the_server_refuses_is_named(running: Engines) -> None:
    admin = await running.connect()
    other = {**stream_config(topology((), {}).streams[0]), "name": "OTHER"}
    await admin.jetstream().delete_stream("APPEAL")
    await admin.request("$JS.API.STREAM.CREATE.OTHER", json.dumps(other).encode(), timeout=10)

    with pytest.raises(SetupError, match=r"STREAM\.CREATE\.APPEAL: subjects overlap"):
        await apply(admin, topology(OUTSIDERS, {}))

    await admin.jetstream().delete_stream("OTHER")
    await admin.close()
    await do(running)


async def test_the_indexes_of_every_store_are_made(running: Engines) -> None:
    await do(running)

    wanted = {
        (service, collection.name, tuple(keys))
        for service in SERVICES
        for collection in import_module(f"services.{service}.store").COLLECTIONS
        for keys, _ in collection.indexes
    }
    async with client(running.mongo()) as mongo:
        found = {
            (service, name, tuple((field, int(way)) for field, way in index["key"]))
            for service in SERVICES
            for name in await mongo[service].list_collection_names()
            for index in (await mongo[service][name].index_information()).values()
        }

    assert {service for service, _, _ in wanted} == set(SERVICES)
    assert wanted <= found


async def test_a_store_that_is_still_being_cleared_away_is_waited_for(running: Engines) -> None:
    await do(running)
    admin = await running.connect()
    (kept,) = running.directory.glob("**/streams/APPEAL")
    await admin.jetstream().delete_stream("APPEAL")
    kept.write_text("in the way")

    done = await apply(admin, topology(OUTSIDERS, {}))

    assert "stream APPEAL created" in done
    assert "create failed for 'CORE > APPEAL'" in (running.directory / "logs" / "nats.log").read_text()
    await admin.close()
    await do(running)
