"""Documents in memory that answer what the keeper of metrics and the centre's desk ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import bson

from shared.loop.documents import Collection, Stored
from tests.support.fakes import FakeDocuments


class Shelf(FakeDocuments):
    """Documents in memory that can be asked by filter, and have a field taken off as long as nobody wrote."""

    async def query(
        self,
        collection: Collection,
        query: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> list[Stored]:
        await self._turn("query")
        found = []
        for (name, id), row in sorted(self.rows.items()):
            if name == collection.name and _all_met(bson.decode(row), query):
                found.append((bson.decode(row), self.stored(collection, id)))
        for path, direction in reversed(sort):
            found.sort(key=lambda one: _at(one[0], path), reverse=direction < 0)
        return [stored for _, stored in found][skip : skip + limit if limit else None]

    async def unset_if(self, collection: Collection, field: str, versions: Mapping[str, int]) -> None:
        await self._turn("unset_if")
        *path, last = field.split(".")
        for id, version in versions.items():
            row = bson.decode(self.rows[collection.name, id])
            if row["version"] == version:
                inner = row
                for name in path:
                    inner = inner[name]
                inner.pop(last, None)
                self.rows[collection.name, id] = bson.encode(row)


def _all_met(row: Any, query: Mapping[str, Any]) -> bool:
    return all(
        any(_all_met(row, other) for other in wanted) if path == "$or" else _meets(row, path, wanted)
        for path, wanted in query.items()
    )


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def _meets(row: Any, path: str, wanted: Any) -> bool:
    """The operators they use, on a value or on any element of a list."""
    row = _at(row, path)
    wanted = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    values = row if isinstance(row, list) else [row]
    return any(value is not None and all(_holds(value, *one) for one in wanted.items()) for value in values)


def _holds(value: Any, operator: str, bound: Any) -> bool:
    if isinstance(bound, datetime):
        bound = bound.astimezone(UTC).replace(tzinfo=None)
    match operator:
        case "$exists":
            return bool(bound)
        case "$eq":
            return bool(value == bound)
        case "$lt":
            return bool(value < bound)
        case "$gt":
            return bool(value > bound)
        case "$gte":
            return bool(value >= bound)
        case "$lte":
            return bool(value <= bound)
        case _:
            return value in bound
