"""MongoDB, the only place that knows its driver: motor, or pymongo's own asyncio client (DESIGN 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from random import randrange
from typing import Any, Literal

import structlog
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.monitoring import ConnectionClosedReason, ConnectionPoolListener
from pymongo.read_concern import ReadConcern

from shared.loop.documents import SAID, Applied, Collection, Outbox, Stored, Unreachable
from shared.loop.envelope import Outgoing

log = structlog.get_logger()

Driver = Literal["motor", "pymongo"]
DUPLICATE = 11000
UNSTORABLE = frozenset((2, 9, 14, 52, 55, 121, 10334, 17280, 17419, 17420))
"""Codes of a write that the document itself is to blame for (types, names, size, validation): waiting mends nothing."""
PAGE = 100
PART = 250
JOURNAL_SLOTS = 64
"""Each process writes a document of its own to have the journal written; this many are enough to be apart."""


class Mongo:
    """One service's database. Writes are acknowledged by a majority and journaled, always stated."""

    def __init__(self, url: str, database: str, driver: Driver = "motor") -> None:
        self._broken = _Broken()
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._client = make(
            url,
            tz_aware=True,
            serverSelectionTimeoutMS=3000,
            connectTimeoutMS=3000,
            socketTimeoutMS=20_000,
            retryWrites=False,  # a write is tried again only after reading again: what came before it may be gone
            uuidRepresentation="standard",
            event_listeners=[self._broken],
        )
        majority = ReadConcern("majority")
        self._database = self._client.get_database(
            database, write_concern=WriteConcern(w="majority", j=True), read_concern=majority
        )
        self._unjournaled = self._client.get_database(
            database, write_concern=WriteConcern(w="majority", j=False), read_concern=majority
        )
        self._slot = randrange(JOURNAL_SLOTS)
        self._driver = driver

    async def ping(self) -> None:
        """Raises :class:`Unreachable` when the database does not answer."""
        await _reached(self._database.command("ping"))

    async def close(self) -> None:
        closing = self._client.close()
        if closing is not None:
            await closing

    async def load(self, names: Iterable[tuple[Collection, str]]) -> dict[tuple[str, str], Stored]:
        wanted: dict[Collection, list[str]] = {}
        for collection, id in names:
            wanted.setdefault(collection, []).append(id)
        found = await asyncio.gather(
            *(self.find(collection, "_id", ids) for collection, ids in wanted.items())
        )
        return {stored.name: stored for group in found for stored in group}

    async def find(self, collection: Collection, field: str, values: Iterable[str]) -> list[Stored]:
        among = list(values)
        query = {field: among[0]} if len(among) == 1 else {field: {"$in": among}}
        return [
            thaw(collection, row) for row in await _reached(self._cursor(collection, query).to_list(None))
        ]

    async def query(
        self,
        collection: Collection,
        query: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> list[Stored]:
        """Documents by a MongoDB filter over their stored shape (``state.<field>`` ...).

        One that cannot be read is left out and logged, so that it does not hide the others.
        """
        cursor = self._cursor(collection, query).skip(skip).limit(limit)
        if sort:
            cursor = cursor.sort(list(sort))
        found = []
        for row in await _reached(cursor.to_list(None)):
            try:
                found.append(thaw(collection, row))
            except ValueError as error:
                log.error("unreadable document", collection=collection.name, id=row["_id"], reason=str(error))
        return found

    async def parts(
        self,
        collection: Collection,
        query: Mapping[str, Any],
        fields: Sequence[str],
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Only these fields (paths below the document) of what a filter finds, as they are stored, some hundreds at a
        time: for who counts thousands and must let others have their turn meanwhile."""
        wanted = dict.fromkeys(fields, 1)
        found = self._database[collection.name].find(dict(query), wanted, batch_size=PART).limit(limit)
        if sort:
            found = found.sort(list(sort))
        while part := await _reached(found.to_list(PART)):
            yield part

    def _cursor(self, collection: Collection, query: Mapping[str, Any]) -> Any:
        return self._database[collection.name].find(dict(query), batch_size=PAGE)

    async def save(self, changed: Sequence[Stored]) -> set[tuple[str, str]]:
        """New documents are inserted, known ones replaced under their version; when this returns all of it is in the
        journal, and so is everything that was read before.

        Replacements of a batch are written first and journaled together by one write after them: the journal is one
        log, so what it holds includes all that came before (docs/decisions/0007), if it is the same server still. One
        replacement alone is journaled by itself.
        """
        broken = self._broken.count
        new: dict[Collection, list[Stored]] = {}
        known: dict[Collection, list[Stored]] = {}
        for stored in changed:
            (new if stored.version == 1 else known).setdefault(stored.collection, []).append(stored)
        writes = [self._insert(collection, group) for collection, group in new.items()]
        alone = sum(map(len, known.values())) == 1
        replace_in = self._database if alone else self._unjournaled
        writes += [self._replace(replace_in[c.name], group) for c, group in known.items()]
        lost = await asyncio.gather(*writes)
        if (known and not alone) or not changed:
            await self._journal()
            if known and self._broken.count != broken:
                raise Unreachable(
                    "database: a connection broke; perhaps the server came back without the batch"
                )
        return {name for names in lost for name in names}

    async def _insert(self, collection: Collection, group: Sequence[Stored]) -> set[tuple[str, str]]:
        return await self._write(
            self._database[collection.name], group, [InsertOne(freeze(s)) for s in group]
        )

    async def _replace(self, where: Any, group: Sequence[Stored]) -> set[tuple[str, str]]:
        # An upsert that finds another version collides with the _id: error 11000 at its index says who lost.
        writes = [ReplaceOne({"_id": s.id, "version": s.version - 1}, freeze(s), upsert=True) for s in group]
        return await self._write(where, group, writes)

    async def _journal(self) -> None:
        await _reached(
            self._database["journal"].update_one({"_id": self._slot}, {"$inc": {"n": 1}}, upsert=True)
        )

    async def _write(
        self, where: Any, group: Sequence[Stored], writes: Sequence[Any]
    ) -> set[tuple[str, str]]:
        """Gives the names of those that lost the race."""
        try:
            await _reached(where.bulk_write(writes, ordered=False))
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            for failure in (*error.details.get("writeConcernErrors", ()), *failures):
                told = f"{where.name}: error {failure.get('code')}: {failure.get('errmsg')}"
                if failure.get("code") in UNSTORABLE:
                    raise ValueError(told) from error
                if failure.get("code") != DUPLICATE:
                    raise Unreachable(told) from error
            return {group[failure["index"]].name for failure in failures}
        return set()

    async def unset_if(self, collection: Collection, field: str, versions: Mapping[str, int]) -> None:
        """Takes ``field`` off the documents still at the version given; versions stay (DESIGN 3, rule 6)."""
        writes = [
            UpdateOne({"_id": id, "version": version}, {"$unset": {field: ""}})
            for id, version in versions.items()
        ]
        if writes:
            await _reached(self._database[collection.name].bulk_write(writes, ordered=False))

    async def create_index(self, collection: str, keys: Sequence[tuple[str, int]], **options: Any) -> None:
        """For the setup step only."""
        await _reached(self._database[collection].create_index(list(keys), **options))

    async def index_names(self, collection: str) -> set[str]:
        return set(await _reached(self._database[collection].index_information()))

    async def count(self, collection: Collection, query: Mapping[str, Any]) -> int:
        counted: int = await _reached(self._database[collection.name].count_documents(dict(query)))
        return counted

    async def command(self, *words: Any, **options: Any) -> Any:
        """A database command as it is, for the setup step (users)."""
        return await _reached(self._database.command(*words, **options))


class _Broken(ConnectionPoolListener):
    """Counts the connections that broke. While none does, the server that answers is the one that answered before."""

    def __init__(self) -> None:
        self.count = 0

    def pool_cleared(self, event: Any) -> None:
        self.count += 1

    def connection_closed(self, event: Any) -> None:
        self.count += event.reason in (ConnectionClosedReason.ERROR, ConnectionClosedReason.STALE)

    def _unheard(self, event: Any) -> None:
        pass

    pool_created = pool_ready = pool_closed = _unheard
    connection_created = connection_ready = connection_checked_out = connection_checked_in = _unheard
    connection_check_out_started = connection_check_out_failed = _unheard


async def _reached(answer: Any) -> Any:
    try:
        return await answer
    except BulkWriteError:
        raise
    except (
        PyMongoError
    ) as error:  # also what a database says that is shutting down, or starting and knows no users
        raise Unreachable(f"database: {error}") from error


def freeze(stored: Stored) -> dict[str, Any]:
    """A document as it is kept."""
    said = (
        [key for key, entry in stored.applied.items() if entry.digest] if stored.collection.ids_once else []
    )
    return {
        **({SAID: said} if said else {}),
        "_id": stored.id,
        "version": stored.version,
        "state": stored.collection.states.dump_python(stored.state, exclude_none=True),
        "applied": [
            [key, entry.day, entry.digest] if entry.digest else [key, entry.day]
            for key, entry in stored.applied.items()
        ],
        "outbox": {
            "inputs": [[stream, sequence] for stream, sequence in stored.outbox.inputs],
            "out": [[o.id, o.subject, o.type, o.time, o.about, o.body] for o in stored.outbox.out],
        },
    }


def thaw(collection: Collection, row: Mapping[str, Any]) -> Stored:
    """A document as the loop sees it. Raises ValidationError for a state that this version does not know."""
    return Stored(
        collection,
        row["_id"],
        row["version"],
        collection.states.validate_python(row["state"]),
        {entry[0]: Applied(*entry[1:]) for entry in row["applied"]},
        Outbox(
            tuple((stream, sequence) for stream, sequence in row["outbox"]["inputs"]),
            tuple(Outgoing(*entry) for entry in row["outbox"]["out"]),
        ),
    )
