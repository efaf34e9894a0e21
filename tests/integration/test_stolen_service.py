"""One of our own services, its seed or password stolen: on the real servers it gets no further than the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import OperationFailure

from deploy.keys import service_key
from deploy.local.engines import connect
from deploy.mongo_users import create_users
from deploy.topology import handled_events
from shared.contracts.streams import SERVICES
from tests.support.engines import Engines, engines
from tests.support.live import until

UNAUTHORIZED = 13
Client = AsyncMongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    async with engines(tmp_path_factory.mktemp("rights"), handled=handled_events()) as started:
        yield started


ADMINISTERING = {
    "makes a stream": ("STREAM.CREATE.SPY", {"name": "SPY", "subjects": ["spy.>"]}),
    "alters a stream": ("STREAM.UPDATE.CASE", {"name": "CASE", "subjects": ["case.>"], "deny_delete": False}),
    "deletes a stream": ("STREAM.DELETE.CASE", {}),
    "empties a stream": ("STREAM.PURGE.CASE", {}),
    "deletes a message": ("STREAM.MSG.DELETE.CASE", {"seq": 1}),
    "reads a message": ("STREAM.MSG.GET.CASE", {"seq": 1}),
    "takes a snapshot": ("STREAM.SNAPSHOT.CASE", {"deliver_subject": "_INBOX.spy"}),
    "makes a consumer": ("CONSUMER.CREATE.CASE.spy", {"stream_name": "CASE", "config": {"name": "spy"}}),
    "alters its consumer": ("CONSUMER.DURABLE.CREATE.INNER.intake", {"stream_name": "INNER", "config": {}}),
    "deletes a neighbour's consumer": ("CONSUMER.DELETE.CASE.intake", {}),
    "reads as a neighbour": ("CONSUMER.MSG.NEXT.CASE.intake2", {"batch": 1}),
}


async def refused(engines: Engines, service: str, act: Callable[[Any], Awaitable[Any]]) -> bool:
    """Whether the server said no to what a service tried."""
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error).lower())

    client = await connect(engines.nats, engines.keys.seed(service_key(service)), service, error_cb=note)
    try:
        await act(client)
        await client.flush()  # the refusal of what came before comes before the answer to this

        async def said() -> list[str]:
            return told

        return bool(await until(said, lambda seen: any("permissions violation" in one for one in seen), 5))
    finally:
        await client.close()


@pytest.mark.parametrize(("call", "body"), ADMINISTERING.values(), ids=ADMINISTERING.keys())
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_s_seed_administers_nothing(
    running: Engines, service: str, call: str, body: dict[str, Any]
) -> None:
    assert await refused(
        running, service, lambda nats: nats.publish(f"$JS.API.{call}", json.dumps(body).encode())
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_hears_nobody_else_s_answers(running: Engines, service: str) -> None:
    others = [other for other in (*SERVICES, "admin", "heating-zy") if other != service]

    for subject in (">", "_INBOX.>", *(f"_INBOX.{other}.>" for other in others), "case.>", "$SYS.>"):
        assert await refused(running, service, lambda nats, to=subject: nats.subscribe(to)), subject


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_speaks_for_nobody_else(running: Engines, service: str) -> None:
    roots = {"intake": "appeal", "routing": "case", "response": "assignment", "revisit": "verification"}

    for other, root in roots.items():
        if other != service:
            for subject in (
                f"{root}.forged.v1",
                f"inner.{other}.forged.v1",
                f"dead.{other}.CASE",
                f"tick.{other}",
            ):
                assert await refused(running, service, lambda nats, to=subject: nats.publish(to, b"{}")), (
                    subject
                )


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_s_database_user_reads_and_writes_documents(running: Engines, service: str) -> None:
    async with Client(running.mongo(service), retryWrites=False) as mongo:
        things = mongo[service]["things"]
        await things.bulk_write([InsertOne({"_id": id, "version": 1}) for id in range(300)], ordered=False)
        await things.bulk_write([ReplaceOne({"_id": 7, "version": 1}, {"version": 2}, upsert=True)])
        await things.bulk_write([UpdateOne({"_id": 7, "version": 2}, {"$unset": {"dirty": ""}})])
        await mongo[service]["journal"].update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        await mongo[service].command("ping")

        assert len(await things.find({}, batch_size=100).to_list(None)) == 300
        assert await things.count_documents({"version": 2}) == 1


FORBIDDEN: dict[str, Callable[[Client, str], Awaitable[Any]]] = {
    "reads a neighbour's": lambda m, s: m[neighbour(s)]["things"].find_one({}),
    "writes a neighbour's": lambda m, s: m[neighbour(s)]["things"].insert_one({}),
    "copies into a neighbour's": lambda m, s: m[s].command(
        "aggregate", "things", pipeline=[{"$out": {"db": neighbour(s), "coll": "things"}}], cursor={}
    ),
    "takes a neighbour's away": lambda m, s: m.admin.command(
        "renameCollection", f"{neighbour(s)}.things", to=f"{s}.stolen"
    ),
    "deletes a document": lambda m, s: m[s]["things"].delete_one({}),
    "drops a collection": lambda m, s: m[s].drop_collection("things"),
    "drops its database": lambda m, s: m.drop_database(s),
    "makes an index": lambda m, s: m[s]["things"].create_index([("a", 1)]),
    "drops the indexes": lambda m, s: m[s].command("dropIndexes", "things", index="*"),
    "alters a collection": lambda m, s: m[s].command("collMod", "things", validationLevel="off"),
    "makes a user": lambda m, s: m[s].command("createUser", "spy", pwd="x", roles=[]),
    "gives itself more": lambda m, s: m[s].command(
        "grantRolesToUser", s, roles=[{"role": "root", "db": "admin"}]
    ),
    "widens its role": lambda m, s: m[s].command("updateRole", "service", privileges=[], roles=["dbOwner"]),
    "lists the databases": lambda m, s: m.admin.command("listDatabases"),
}


def neighbour(service: str) -> str:
    return SERVICES[(SERVICES.index(service) + 1) % len(SERVICES)]


@pytest.mark.parametrize("attempt", FORBIDDEN.values(), ids=FORBIDDEN.keys())
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_s_database_user_does_nothing_else(
    running: Engines, service: str, attempt: Callable[[Client, str], Awaitable[Any]]
) -> None:
    async with Client(running.mongo()) as admin:
        for name in (service, neighbour(service)):
            await admin[name]["things"].update_one({"_id": 0}, {"$set": {"kept": True}}, upsert=True)

    async with Client(running.mongo(service), retryWrites=False) as mongo:
        with pytest.raises(OperationFailure) as refusal:
            await attempt(mongo, service)

    assert refusal.value.code == UNAUTHORIZED


async def test_making_the_users_again_takes_back_what_they_were_given(
    running: Engines, tmp_path: Path
) -> None:
    async with Client(running.mongo()) as admin:
        await admin["revisit"].command(
            "grantRolesToUser", "revisit", roles=[{"role": "dbOwner", "db": "revisit"}]
        )
        await create_users(running.mongo(), lambda user: running.keys.password(f"mongo/{user}"))

    async with Client(running.mongo("revisit")) as mongo:
        with pytest.raises(OperationFailure):
            await mongo["revisit"].drop_collection("things")
