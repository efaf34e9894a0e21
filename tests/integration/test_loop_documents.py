"""What the loop relies on in its store, tried on the fake and on the real server with both drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from pymongo import AsyncMongoClient

from shared.loop.decision import Input
from shared.loop.documents import Documents, Stored
from shared.loop.envelope import Outgoing
from shared.loop.mongo import PART, Mongo
from tests.support.engines import Engines, engines
from tests.support.fakes import FakeDocuments
from tests.support.sample import COUNTERS, SERVICE, Counter

AT = datetime(2026, 11, 15, 8, 0, 0, 123_000, tzinfo=UTC)
OUT = Outgoing("o", "inner.response.counted.v1", "nuanliu.inner.response.counted.v1", "t", "暖", '{"a":"气"}')


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engines]:
    directory: Path = tmp_path_factory.mktemp("documents")
    async with engines(directory, stores={SERVICE: [COUNTERS]}) as started:
        yield started


@pytest.fixture(params=["fake", "motor", "pymongo"])
async def documents(request: pytest.FixtureRequest, running: Engines) -> AsyncIterator[Documents]:
    if request.param == "fake":
        yield FakeDocuments()
        return
    mongo = Mongo(running.mongo(SERVICE), SERVICE, request.param)
    yield mongo
    await mongo.close()


def new(total: int = 1, group: str = "") -> Stored:
    id = str(uuid4())
    cause = Input("input", AT, "heating-zy", "d1")
    state = Counter(id=id, total=total, group=group, last=AT)
    return Stored(COUNTERS, id).next(state, [(cause, "INNER", 7)], [OUT])


def after(stored: Stored, total: int, input: str = "next") -> Stored:
    return stored.next(stored.state.model_copy(update={"total": total}), [(Input(input, AT), "CASE", 8)], [])


async def loaded(documents: Documents, stored: Stored) -> Stored | None:
    return (await documents.load([(COUNTERS, stored.id)])).get(stored.name)


async def test_a_document_comes_back_as_it_was_written(documents: Documents) -> None:
    stored = new()
    assert await documents.save([stored]) == set()
    assert await loaded(documents, stored) == stored


async def test_what_was_never_written_is_not_found(documents: Documents) -> None:
    assert await loaded(documents, new()) is None
    assert await documents.load([]) == {}


async def test_the_next_version_replaces_it(documents: Documents) -> None:
    first = new()
    await documents.save([first])
    second = after(first, 2)
    assert await documents.save([second]) == set()
    found = await loaded(documents, first)
    assert found == second
    assert found.version == 2
    assert set(found.applied) == {"heating-zy/input", "next"}


async def test_of_two_that_follow_the_same_version_one_loses(documents: Documents) -> None:
    first = new()
    await documents.save([first])
    assert await documents.save([after(first, 2, "one")]) == set()
    assert await documents.save([after(first, 3, "other")]) == {first.name}
    found = await loaded(documents, first)
    assert found is not None
    assert found.state.total == 2


async def test_of_two_new_ones_one_loses(documents: Documents) -> None:
    first = new()
    assert await documents.save([first]) == set()
    assert await documents.save([first]) == {first.name}


async def test_a_loser_does_not_keep_its_neighbours_from_being_written(documents: Documents) -> None:
    kept, overtaken, fresh = new(), new(), new()
    await documents.save([kept, overtaken])
    await documents.save([after(overtaken, 5)])
    lost = await documents.save([after(kept, 2), after(overtaken, 9), fresh])
    assert lost == {overtaken.name}
    totals = await documents.load([(COUNTERS, s.id) for s in (kept, overtaken, fresh)])
    assert [totals[s.name].state.total for s in (kept, overtaken, fresh)] == [2, 5, 1]


async def test_a_version_ahead_of_what_is_stored_is_not_written_over_it(documents: Documents) -> None:
    first = new()
    await documents.save([first])
    assert await documents.save([after(after(first, 2), 3)]) == {first.name}


async def test_nothing_to_write_is_no_error(documents: Documents) -> None:
    assert await documents.save([]) == set()


async def test_documents_are_found_by_a_field(documents: Documents) -> None:
    group, other = str(uuid4()), str(uuid4())
    members = [new(group=group), new(group=group), new(group=other), new()]
    await documents.save(members)
    for wanted, expected in (([group], 2), ([group, other], 3), ([str(uuid4())], 0)):
        found = await documents.find(COUNTERS, "state.group", wanted)
        assert len(found) == expected
        assert {s.id for s in found} <= {s.id for s in members}


async def test_one_that_cannot_be_read_hides_no_other_from_a_list(running: Engines) -> None:
    group = str(uuid4())
    sound, broken = new(group=group), new(group=group)
    mongo = Mongo(running.mongo(SERVICE), SERVICE)
    raw: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(running.mongo())
    try:
        await mongo.save([sound, broken])
        await raw[SERVICE][COUNTERS.name].update_one({"_id": broken.id}, {"$set": {"state.total": "a word"}})

        assert await mongo.query(COUNTERS, {"state.group": group}) == [sound]
        with pytest.raises(ValidationError):
            await mongo.load([(COUNTERS, broken.id)])
    finally:
        await raw.close()
        await mongo.close()


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_parts_hold_the_fields_asked_for_in_order_and_some_hundreds_at_a_time(
    running: Engines, driver: Any
) -> None:
    group = str(uuid4())
    many = [new(total=total, group=group) for total in range(2 * PART + 10)]
    mongo = Mongo(running.mongo(SERVICE), SERVICE, driver)

    async def read(limit: int = 0) -> list[list[dict[str, Any]]]:
        asked = mongo.parts(
            COUNTERS, {"state.group": group}, ["version", "state.total"], [("state.total", -1)], limit
        )
        return [part async for part in asked]

    try:
        await mongo.save([*many, new(group=str(uuid4()))])

        parts, first = await read(), await read(limit=3)
    finally:
        await mongo.close()

    assert [len(part) for part in parts] == [PART, PART, 10]
    rows = [row for part in parts for row in part]
    assert [row["state"] for row in rows] == [{"total": one.state.total} for one in reversed(many)]
    assert {tuple(sorted(row)) for row in rows} == {("_id", "state", "version")}
    assert first == [rows[:3]]


async def test_many_at_once(documents: Documents) -> None:
    many = [new(total=n) for n in range(300)]
    await documents.save(many)
    assert await documents.save([after(s, s.state.total + 1000) for s in many]) == set()
    found = await documents.load([(COUNTERS, s.id) for s in many])
    assert [found[s.name].state.total for s in many] == [1000 + n for n in range(300)]


@pytest.mark.parametrize("total", [2**70])
async def test_what_cannot_be_stored_is_no_absent_engine(documents: Documents, total: int) -> None:
    with pytest.raises(OverflowError):
        await documents.save([new(total=total)])
