"""Channels, agencies and field teams as programs of their own: nats-py, the seed and inbox prefix out of
endpoints.json, and what the contracts say. Nothing of the system's own code is used here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.js.client import JetStreamContext

from tests.e2e.contract import wrong_with

SAYS = {"channel": "intake", "agency": "response", "team": "field"}
HEARS = {"channel": "NOTICE", "agency": "DISPATCH", "team": "REVISIT"}
PATIENCE = 90.0


def now() -> str:
    """This moment as everybody writes it."""
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True)
class Heard:
    """One event that a tenant was sent."""

    to: str
    subject: str
    headers: dict[str, str]
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.subject.split(".")[2]

    @property
    def id(self) -> str:
        return self.headers["ce-id"]

    def __getitem__(self, field: str) -> Any:
        return self.data[field]


@dataclass
class Ear:
    """What was heard so far, and who waits to hear something."""

    heard: list[Heard] = field(default_factory=list)
    _waiting: list[tuple[Callable[[Heard], bool], asyncio.Future[Heard]]] = field(default_factory=list)

    def take(self, one: Heard) -> None:
        self.heard.append(one)
        for wanted, future in self._waiting:
            if not future.done() and wanted(one):
                future.set_result(one)
        self._waiting = [waiter for waiter in self._waiting if not waiter[1].done()]

    def all(self, kind: str, **data: Any) -> list[Heard]:
        """Everything of this kind with these data."""
        return [one for one in self.heard if _fits(one, kind, data)]

    async def hears(
        self,
        kind: str | tuple[str, ...],
        *,
        but: Collection[str] = (),
        patience: float = PATIENCE,
        **data: Any,
    ) -> Heard:
        """The first event of this kind with these data, also if it comes only later; ``but``: none of these ids.
        AssertionError if there is none in time."""

        def wanted(one: Heard) -> bool:
            return _fits(one, kind, data) and one.id not in but

        for one in self.heard:
            if wanted(one):
                return one
        future: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        try:
            return await asyncio.wait_for(future, patience)
        except TimeoutError:
            about = [one for one in self.heard if any(one.data.get(k) == v for k, v in data.items())]
            last = "\n".join(f"  {one.subject} {one.data}" for one in about[-8:])
            raise AssertionError(f"never heard {kind} {data}; of that was heard:\n{last}") from None


def _fits(one: Heard, kind: str | tuple[str, ...], data: dict[str, Any]) -> bool:
    kinds = (kind,) if isinstance(kind, str) else kind
    return one.kind in kinds and all(one.data.get(name) == value for name, value in data.items())


class Outsider(Ear):
    """One tenant: a connection, its consumer pulled without pause, and its own subjects to publish on."""

    def __init__(self, name: str, kind: str, client: Client) -> None:
        super().__init__()
        self.name = name
        self.kind = kind
        self.client = client
        self.forgets = 0
        """So many of the next messages it gives back instead of acknowledging them."""
        self.repeated: list[str] = []
        """The ids of what came more than once."""

    def subject(self, verb: str) -> str:
        return f"{SAYS[self.kind]}.{self.name}.{verb}.v1"

    def attributes(self, verb: str, id: str | None = None, **more: str) -> dict[str, str]:
        """The attributes of an event that says ``verb``; ``time="..."`` and the like are added or replace."""
        return {
            "id": id or str(uuid4()),
            "source": f"/tests/{self.name}",
            "specversion": "1.0",
            "type": f"nuanliu.{SAYS[self.kind]}.{verb}.v1",
        } | more

    async def say(
        self, verb: str, data: dict[str, Any], *, structured: bool = False, id: str | None = None, **more: str
    ) -> str:
        """Publishes an event in binary or structured mode and waits for its receipt; gives its id."""
        attributes = self.attributes(verb, id, **more)
        if structured:
            event = attributes | {"datacontenttype": "application/json", "data": data}
            headers, body = {"content-type": "application/cloudevents+json"}, event
        else:
            headers = {f"ce-{name}": value for name, value in attributes.items()}
            headers["content-type"], body = "application/json", data
        await self.post(verb, json.dumps(body, ensure_ascii=False).encode(), headers)
        return attributes["id"]

    async def post(self, verb: str, body: bytes, headers: dict[str, str]) -> None:
        """Publishes these bytes as they are and waits for the receipt."""
        await self.client.jetstream().publish(self.subject(verb), body, headers=headers, timeout=10)


class Outside:
    """Everybody outside. ``everywhere`` hears all; ``problems`` collects what was sent against the contract."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self.endpoints = endpoints
        self.everywhere = Ear()
        self.problems: list[str] = []
        self._outsiders: dict[str, Outsider] = {}
        self._seen: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._pulling: list[asyncio.Task[None]] = []
        self._left = False

    def __getitem__(self, tenant: str) -> Outsider:
        return self._outsiders[tenant]

    def of_kind(self, kind: str) -> list[Outsider]:
        return [one for one in self._outsiders.values() if one.kind == kind]

    async def __aenter__(self) -> Outside:
        await asyncio.gather(*(self._join(name, about) for name, about in self.endpoints["tenants"].items()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left = True  # Python 3.11's wait_for forgets a cancelling that comes together with an answer
        for task in self._pulling:
            task.cancel()
        await asyncio.gather(*self._pulling, return_exceptions=True)
        await asyncio.gather(*(one.client.close() for one in self._outsiders.values()))

    async def _join(self, name: str, about: dict[str, Any]) -> None:
        client = await connect(self.endpoints, name)
        outsider = self._outsiders[name] = Outsider(name, about["kind"], client)
        bound = await client.jetstream().pull_subscribe_bind(
            consumer=name, stream=HEARS[outsider.kind], inbox_prefix=f"{about['inbox_prefix']}.".encode()
        )
        self._pulling.append(asyncio.create_task(self._pull(outsider, bound)))

    async def _pull(self, outsider: Outsider, bound: JetStreamContext.PullSubscription) -> None:
        while not self._left:
            with contextlib.suppress(nats.errors.TimeoutError):
                for message in await bound.fetch(1, timeout=20):
                    self._take(outsider, message.subject, dict(message.headers or {}), message.data)
                    if outsider.forgets:
                        outsider.forgets -= 1
                        await message.nak()
                    else:
                        await message.ack()

    def _take(self, outsider: Outsider, subject: str, headers: dict[str, str], body: bytes) -> None:
        data = json.loads(body)
        key, said = (outsider.name, headers.get("ce-id", "")), (subject, data)
        if key in self._seen:
            if self._seen[key] != said:
                self.problems.append(f"{subject}: the same id {key[1]} for something else")
            outsider.repeated.append(key[1])
            return
        self._seen[key] = said
        self.problems += [
            f"{subject}: {what}: {data}" for what in wrong_with(outsider.name, subject, headers, data)
        ]
        heard = Heard(outsider.name, subject, headers, data)
        outsider.take(heard)
        self.everywhere.take(heard)


async def connect(endpoints: dict[str, Any], tenant: str, **options: Any) -> Client:
    """A connection as the contracts describe it; over TLS where endpoints.json names whom to trust."""
    about = endpoints["tenants"][tenant]
    seed = Path(about["seed"])
    if "ca" in endpoints:
        options = {"tls": ssl.create_default_context(cafile=endpoints["ca"])} | options
    return await nats.connect(
        endpoints["nats"],
        nkeys_seed_str=seed.read_text().strip(),
        inbox_prefix=about["inbox_prefix"].encode(),
        **{"max_reconnect_attempts": -1, "reconnect_time_wait": 0.2} | options,
    )


def only(found: Iterable[Heard]) -> Heard:
    """The one event there is."""
    one, *more = found
    assert not more, [other.data for other in more]
    return one
