"""The HTTP front of response, and its page for agencies, over documents in memory that answer what it asks."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import bson
import httpx
from bson.codec_options import CodecOptions

from services.response.api import routes
from services.response.handlers import handlers
from services.response.workbench.pages import workbench
from shared.access import Tokens
from shared.loop.documents import Collection, Stored, Unreachable
from shared.loop.envelope import now
from shared.loop.loop import Loop
from shared.policy import Jurisdiction
from shared.settings import Settings
from tests.support.assignments import AGENCY, OTHER, SAMPLE, order
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.http_fronts import client, running
from tests.support.messages import own

_AS_STORED: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$lt": operator.lt,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$in": lambda value, among: value in among,
}


class Shelf(FakeDocuments):
    """Documents that can be asked the questions of the front and of the sweep."""

    async def query(
        self,
        collection: Collection,
        query: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> list[Stored]:
        found = [self.stored(collection, id) for _, id in self.rows]
        for path, wanted in query.items():
            found = [stored for stored in found if _meets(_value(stored, path), wanted)]
        by = sort[0][0] if sort else "_id"
        return sorted(found, key=lambda s: cast(Any, _value(s, by)))[: limit or None]

    async def parts(
        self,
        collection: Collection,
        query: Mapping[str, Any],
        fields: Sequence[str],
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        for one in await self.query(collection, query, sort, limit):
            yield [bson.decode(self.rows[collection.name, one.id], codec_options=_AS_STORED)]

    async def count(self, collection: Collection, query: Mapping[str, Any]) -> int:
        return len(await self.query(collection, query))


class Ingress(FakeBus):
    """A bus on which an outsider's message is stored singly, or refused because the engine is away."""

    away = False

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        if self.away:
            raise Unreachable("nats: away")
        self.put(subject, headers, body)


class Front:
    """The service in memory, on one's own machine."""

    def __init__(self, directory: Path, tokens: Tokens = "optional", district: Jurisdiction = SAMPLE) -> None:
        self.documents, self.bus = Shelf(), Ingress()
        self.bus.now = now()
        settings = Settings(files_dir=directory, http_tokens=tokens)
        self.running = running(self.documents, self.bus, district, settings)
        self.client = client("response", self.running, routes, workbench)
        vet = self.running.receipts.wrong
        self.loop = Loop(handlers, self.documents, self.bus, context=lambda _at: SAMPLE, vet=vet)

    async def ordered(self, id: str, **changes: Any) -> None:
        start = now()
        made = order(
            assignment_id=id,
            at=start,
            accept_by=start + timedelta(minutes=30),
            contact_by=None,
            arrive_by=None,
            resolve_by=start + timedelta(hours=48),
            **changes,
        )
        await self.loop.settle([own(self.bus, made, time=start)])

    async def say(self, id: str, verb: str, key: str | None = None, **data: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"at": now().isoformat()} | data
        return await self.client.post(f"/api/v1/assignments/{id}/{verb}", json=body, headers=headers)

    async def settled(self) -> None:
        """What lies on the agencies' ingress is processed."""
        for stream in (f"RESPONSE_{AGENCY}", f"RESPONSE_{OTHER}"):
            for sequence in self.bus.unsettled(stream):
                await self.loop.settle([self.bus.deliver(stream, sequence)])


def _value(stored: Stored, path: str) -> Any:
    return stored.id if path == "_id" else getattr(stored.state, path.removeprefix("state."), None)


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return value is not None and all(_OPERATORS[name](value, bound) for name, bound in wanted.items())
    return bool(value == wanted)
