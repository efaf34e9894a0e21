"""The floor: the same bulk writes and stored messages by a bare script on the same servers.

The documents are those the run left behind, written into collections with the same indexes, in batches as full as the
loop makes them at most: new ones inserted, known ones replaced under their version, a batch journaled once. Messages of
the same sizes go out as atomic batches. No reading, no validation, no deciding: what is left is what the engines cost
whoever uses them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from nats.aio.client import Client
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, WriteConcern

from deploy.local.up import LocalStack
from tests.bench.lives import COLLECTIONS, Written

BATCH = 256
STREAM = "FLOOR"
Document = dict[str, Any]


async def run(stack: LocalStack, admin: Client, done: Written) -> float:
    """Seconds for what ``done`` counts, one batch of writes and its share of messages after the other."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(stack.mongo())
    database = client["floor"]
    await _stream(admin)
    batches = [batch async for batch in _batches(client, done)]
    bodies = [b"x" * size for count, size in done.messages.values() for _ in range(count)]
    share = -(-len(bodies) // len(batches))
    begin = time.perf_counter()
    for number, (name, new, writes) in enumerate(batches):
        concern = WriteConcern(w="majority", j=new)
        await database.get_collection(name, write_concern=concern).bulk_write(writes, ordered=False)
        if not new:
            journaled = database.get_collection("journal", write_concern=WriteConcern(w="majority", j=True))
            await journaled.update_one({"_id": 0}, {"$inc": {"n": 1}}, upsert=True)
        await _publish(admin, bodies[number * share : (number + 1) * share])
    seconds = time.perf_counter() - begin
    await client.drop_database("floor")
    await admin.jetstream().delete_stream(STREAM)
    await client.close()
    return seconds


async def _batches(client: AsyncMongoClient[Document], done: Written) -> Any:
    """(collection, whether its documents are new, writes) for all that was written."""
    for (service, name), writes in done.writes.items():
        documents = done.documents[service, name]
        if not documents:
            continue
        collection = next(c for c in COLLECTIONS[service] if c.name == name)
        into = f"{service}_{name}"
        for keys, options in collection.indexes:
            await client["floor"][into].create_index(list(keys), **options)
        found = await client[service][name].find().sort("_id").limit(documents).to_list(None)
        for part in _parts([InsertOne({**d, "version": 1}) for d in found]):
            yield into, True, part
        versions = dict.fromkeys((d["_id"] for d in found), 1)
        replacements = []
        for number in range(writes - documents):
            document = found[number % len(found)]
            version = versions[document["_id"]]
            versions[document["_id"]] = version + 1
            where = {"_id": document["_id"], "version": version}
            replacements.append(ReplaceOne(where, {**document, "version": version + 1}, upsert=True))
        for part in _parts(replacements):
            yield into, False, part


def _parts(writes: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(writes), BATCH):
        yield writes[start : start + BATCH]


async def _stream(admin: Client) -> None:
    config = {"name": STREAM, "subjects": ["floor.>"], "storage": "file", "allow_atomic": True, "max_age": 0}
    answer = await admin.request(f"$JS.API.STREAM.CREATE.{STREAM}", json.dumps(config).encode(), timeout=10)
    if b'"error"' in answer.data:
        raise RuntimeError(answer.data.decode())


async def _publish(admin: Client, bodies: list[bytes]) -> None:
    for start in range(0, len(bodies), BATCH):
        part = bodies[start : start + BATCH]
        batch = admin._nuid.next().decode()
        for sequence, body in enumerate(part, 1):
            marks = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(sequence)}
            if sequence < len(part):
                await admin.publish("floor.x", body, headers=marks)
            else:
                marks["Nats-Batch-Commit"] = "1"
                answer = json.loads((await admin.request("floor.x", body, headers=marks, timeout=30)).data)
                if answer.get("count") != len(part):
                    raise RuntimeError(f"the batch was not stored: {answer}")
