"""Documents in memory that answer what the keeper of metrics asks."""

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
            if name == collection.name and all(
                _meets(bson.decode(row), path, wanted) for path, wanted in query.items()
            ):
                found.append(self.stored(collection, id))
        return found[: limit or None]

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


def _meets(row: Any, path: str, wanted: Mapping[str, Any]) -> bool:
    """The operators metrics uses, on a value or on any element of a list."""
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    values = row if isinstance(row, list) else [row]
    return any(value is not None and all(_holds(value, *one) for one in wanted.items()) for value in values)


def _holds(value: Any, operator: str, bound: Any) -> bool:
    if isinstance(bound, datetime):
        bound = bound.astimezone(UTC).replace(tzinfo=None)
    match operator:
        case "$gt":
            return bool(value > bound)
        case "$gte":
            return bool(value >= bound)
        case "$lte":
            return bool(value <= bound)
        case _:
            return value in bound
