"""Thousands of messages that hypothesis makes up, thrown at a real service: it lives, a neighbour is served meanwhile,
and every single message is applied, repeated, refused by name, or counted in what its sender is told at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import strategies as st
from nats.aio.client import Client

from shared.contracts.base import IngressEvent
from shared.contracts.streams import EGRESS, INGRESS
from shared.loop.door import DOORS, Limits
from shared.loop.envelope import Letter, digest, read_ingress
from shared.loop.mongo import Mongo
from shared.policy.tenants import TenantKind
from tests.support import boundary
from tests.support.assignments import AGENCY, OTHER, SAMPLE, order, word
from tests.support.boundary import Message, Word
from tests.support.engines import Engines, engines, free_ports
from tests.support.live import messages as stored_messages
from tests.support.live import publish, until

LIMITS = Limits()
NOW = datetime.now(UTC)
AT = NOW.isoformat()
CALM = [f"calm-{n}" for n in range(12)]
LIVELY = [f"lively-{n}" for n in range(60)]
BY = {"name": "值班员"}


@dataclass
class Service:
    """A running service, and what stands around it."""

    name: str
    kind: TenantKind
    engines: Engines
    admin: Client
    http: httpx.AsyncClient
    process: asyncio.subprocess.Process

    @property
    def root(self) -> str:
        return INGRESS[self.kind][1]

    def stream(self, tenant: str) -> str:
        return INGRESS[self.kind][0] + tenant

    async def throw(self, tenant: str, messages: Sequence[Message]) -> None:
        """Publishes them, and waits until the server has every one."""
        client = await self.engines.connect_tenant(tenant)
        js = self.admin.jetstream()
        before = (await js.stream_info(self.stream(tenant))).state.last_seq
        for start in range(0, len(messages), 100):
            part = messages[start : start + 100]
            await boundary.publish(client, self.root, tenant, part)
            wanted = before + start + len(part)

            async def last() -> int:
                return (await js.stream_info(self.stream(tenant))).state.last_seq

            await until(last, lambda seen, wanted=wanted: seen == wanted)  # type: ignore[misc]
        await client.close()

    async def end_of_the_hour(self) -> None:
        body = json.dumps({"at": (datetime.now(UTC) + timedelta(hours=2)).isoformat()}).encode()
        answer = await self.admin.request(
            f"tick.{self.name}", body, timeout=10, headers={"content-type": "application/json"}
        )
        assert "published" in json.loads(answer.data)
        await settled_of(self, "INNER")

    async def books(self, tenant: str) -> Books:
        """What became of everything a tenant sent, as the outside and the database show it."""
        shown = (await self.http.get("/metrics")).text
        found = re.findall(
            rf'nuanliu_loop_messages_total{{outcome="(\w+)",stream="{self.stream(tenant)}"}} (\S+)', shown
        )
        outcomes = {outcome: int(float(count)) for outcome, count in found}
        letters = await stored_messages(self.admin, "DEAD", f"dead.{self.name}.{self.stream(tenant)}")
        kind = "rejected" if self.kind == "channel" else "refused"
        egress = EGRESS[self.kind]
        subject = f"{egress.subjects[0].split('.')[0]}.{tenant}.{kind}.v1"
        told = [orjson.loads(body) for _, body in await stored_messages(self.admin, egress.name, subject)]
        return Books(outcomes, [headers for headers, _ in letters], told, await self._applied(tenant))

    async def submissions(self) -> int:
        """How many appeals there are."""
        documents = Mongo(self.engines.mongo(self.name), self.name)
        found = await documents.count(import_module("services.intake.store").APPEALS, {})
        await documents.close()
        return found

    async def _applied(self, tenant: str) -> dict[str, set[str]]:
        documents = Mongo(self.engines.mongo(self.name), self.name)
        applied: dict[str, set[str]] = {}
        for collection in import_module(f"services.{self.name}.store").COLLECTIONS:
            for document in await documents.query(collection, {}):
                for key, entry in document.applied.items():
                    owner, _, id = key.partition("/")
                    if owner == tenant:
                        applied.setdefault(id, set()).add(entry.digest)
        [door] = await documents.query(DOORS, {"_id": tenant})
        assert len(door.state.seen.buried) + len(door.state.seen.counted) <= 2 * 8192
        await documents.close()
        return applied


@dataclass
class Books:
    """``outcomes`` as the service counts them, ``letters``: the headers of those in DEAD, ``told``: what the tenant
    hears of refusals, ``applied``: digests by id."""

    outcomes: dict[str, int]
    letters: list[dict[str, str]]
    told: list[dict[str, Any]]
    applied: dict[str, set[str]]

    @property
    def refused(self) -> list[dict[str, Any]]:
        return [told for told in self.told if not told.get("closed", {}).get("unanswered")]

    @property
    def counted(self) -> int:
        return sum(told.get("closed", {}).get("unanswered", 0) for told in self.told)

    def places(self) -> set[int]:
        """Where in the tenant's stream those lay that are kept."""
        return {int(headers["Nats-Msg-Id"].rpartition(":")[2]) for headers in self.letters}


def balance(sent: Sequence[Message], books: Books, events: dict[str, type[IngressEvent]]) -> None:
    """Every message is accounted for, and nothing else is."""
    kept, applied = books.places(), set()
    for place, message in enumerate(sent, 1):
        if (found := _digest(message, events)) and found in books.applied.get(message.id or "", ()):
            applied.add(place)
    final = {
        outcome: books.outcomes.get(outcome, 0) for outcome in ("applied", "repeated", "buried", "counted")
    }
    assert sum(final.values()) == len(sent)
    assert final["buried"] == len(books.letters) == len(kept) == len(books.refused)
    assert final["counted"] == books.counted
    assert len(kept) <= LIMITS.refusals_per_hour
    assert not kept & applied

    wrong = [
        sent[place - 1] for place in range(1, len(sent) + 1) if sent[place - 1].good and place not in applied
    ]
    assert not wrong, f"not applied: {wrong[:3]}"
    wrong = [sent[place - 1] for place in applied if sent[place - 1].good is False]
    assert not wrong, f"applied: {wrong[:3]}"

    of_kept = {sent[place - 1].body for place in kept}
    rest = [m for place, m in enumerate(sent, 1) if place not in kept | applied]
    certain = [m for m in rest if not (m.again >= 0 or m.body in of_kept)]
    assert len(certain) <= books.counted <= len(rest)
    assert final["applied"] + final["repeated"] == len(applied) + len(rest) - books.counted

    named = Counter(told.get("in_reply_to") for told in books.refused)
    assert named == Counter(sent[place - 1].id for place in kept)
    assert all(error["field"] and error["problem"] for told in books.told for error in told["errors"])
    assert all(told["errors"] for told in books.told)


def _digest(message: Message, events: dict[str, type[IngressEvent]]) -> str:
    """As it was applied, if it was."""
    event = events.get(message.event)
    if event is None or message.id is None:
        return ""
    body = message.body
    try:
        if b"cloudevents+json" in message.header:
            body = orjson.dumps(orjson.loads(body)["data"])
        return digest(read_ingress(Letter(message.id, event.type, None, body), event, datetime.now(UTC)))
    except Exception:
        return ""


def words_of_agencies() -> st.SearchStrategy[Word]:
    """Every verb about assignments of its own, some of which are given back or done; foreign and unknown ones."""
    steps = st.sampled_from(["accepted", "contacted", "arrived", "progressed"])
    verbs = st.sampled_from(sorted(event.pattern.split(".")[2] for event in _events("response")))
    texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=20)

    def calm(verb: str, id: str, note: str) -> Word:
        return Word(verb, {"assignment_id": id, "at": AT, "note": note})

    def any_verb(verb: str, id: str, good: bool | None) -> Word:
        more = word(verb, NOW).model_dump(mode="json", exclude_unset=True)
        moved = {
            name: (NOW + timedelta(days=9)).isoformat() for name in ("until", "review_at") if name in more
        }
        return Word(
            verb, {"assignment_id": id, "at": AT} | {**more, **moved, "assignment_id": id, "at": AT}, good
        )

    return st.one_of(
        st.builds(calm, steps, st.sampled_from(CALM), texts),
        st.builds(any_verb, verbs, st.sampled_from(LIVELY), st.just(None)),
        st.builds(any_verb, verbs, st.sampled_from(["foreign", "unknown", "no/such 承办单"]), st.just(False)),
        st.builds(
            lambda verb, id: Word(
                verb, {"assignment_id": id, "at": (NOW - timedelta(days=3)).isoformat()}, False
            ),
            steps,
            st.sampled_from(CALM),
        ),
    )


def words_of_channels() -> st.SearchStrategy[Word]:
    return st.one_of(
        st.builds(lambda n: Word("submitted", {"text": f"请问暖气费怎么交 {n}"}), st.integers()),
        st.builds(
            lambda n: Word("submitted", {"text": "暖气不热", "external_ref": f"H-{n}"}),
            st.integers(0, 1 << 40),
        ),
        st.builds(lambda n: Word("urged", {"appeal_id": f"nowhere-{n}"}, False), st.integers(0, 9)),
    )


def words_of_teams() -> st.SearchStrategy[Word]:
    found = {"at": AT, "by": BY, "grid_code": "g-1"}
    return st.one_of(
        st.builds(lambda n: Word("patrolled", found | {"findings": n}), st.integers(0, 50)),
        st.builds(
            lambda n: Word(
                "revisited", {"task_id": f"t-{n}", "at": AT, "by": BY, "outcome": "reached"}, False
            ),
            st.integers(0, 3),
        ),
    )


def _events(service: str) -> list[type[IngressEvent]]:
    handlers = import_module(f"services.{service}.handlers").handlers
    return [event for event in handlers.events() if issubclass(event, IngressEvent)]


@contextlib.asynccontextmanager
async def service(name: str, kind: TenantKind, directory: Path) -> AsyncIterator[Service]:
    handlers = import_module(f"services.{name}.handlers").handlers
    collections = import_module(f"services.{name}.store").COLLECTIONS
    (port,) = free_ports(1)
    async with engines(
        directory,
        tenants=SAMPLE.tenants.tenants,
        handled={name: handlers.events()},
        stores={name: collections},
    ) as running:
        environment = os.environ | {
            "NUANLIU_NATS_URL": running.nats,
            "NUANLIU_NATS_SEED": str(running.seed(name)),
            "NUANLIU_MONGO_URL": running.mongo(name),
            "NUANLIU_MONGO_DATABASE": name,
            "NUANLIU_TICK": "external",
            "NUANLIU_POLICY": "deploy/packs/nuanhe",
            "NUANLIU_FILES_DIR": str(directory / "files"),
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_HTTP_TOKENS": "optional",
        }
        with (directory / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{name}", env=environment, stdout=log, stderr=log
            )
        admin = await running.connect()
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                one = Service(name, kind, running, admin, http, process)
                await until(lambda: ready(one), lambda is_ready: is_ready)
                yield one
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 15) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await admin.close()


async def ready(one: Service) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await one.http.get("/health/ready")).status_code == 200
    return False


async def settled_of(one: Service, *streams: str) -> None:
    """Until the service has acknowledged everything on these streams."""
    for stream in streams:
        await until(
            lambda stream=stream: _waiting(one, stream),  # type: ignore[misc]
            lambda waiting: waiting == 0,
            patience=60,
        )


async def _waiting(one: Service, stream: str) -> int:
    answer = await one.admin.request(f"$JS.API.CONSUMER.INFO.{stream}.{one.name}", b"", timeout=10)
    info = orjson.loads(answer.data)
    return int(info["num_pending"] + info["num_ack_pending"])


async def test_every_response_is_accounted_for(tmp_path: Path) -> None:
    sent = boundary.generate(words_of_agencies(), "response", 3200)
    events = {event.type: event for event in _events("response")}
    async with service("response", "agency", tmp_path) as one:
        for id in (*CALM, *LIVELY):
            await publish(one.admin, assigned(id, AGENCY))
        for id in ("foreign", "neighbour's"):
            await publish(one.admin, assigned(id, OTHER))
        await settled_of(one, "CASE")

        await one.throw(AGENCY, sent[:1600])
        neighbour = Word("accepted", {"assignment_id": "neighbour's", "at": AT})
        await one.throw(OTHER, [boundary.binary("response", neighbour, "n1")])
        await one.throw(AGENCY, sent[1600:])
        await settled_of(one, one.stream(OTHER), one.stream(AGENCY))
        await one.end_of_the_hour()

        assert one.process.returncode is None
        assert await ready(one)
        shown = await one.http.get("/api/v1/assignments/neighbour's")
        assert shown.json()["state"] == "accepted"
        books = await one.books(AGENCY)
        balance(sent, books, events)
        closings = [told["closed"] for told in books.refused if "closed" in told]
        assert [closed["scope"] for closed in closings].count("hour") == 1
        assert books.counted > 500


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [("intake", "channel", words_of_channels()), ("revisit", "team", words_of_teams())],
)
async def test_so_is_what_channels_and_teams_say(
    tmp_path: Path, name: str, kind: TenantKind, words: st.SearchStrategy[Word]
) -> None:
    async with service(name, kind, tmp_path) as one:
        tenant = SAMPLE.tenants.of_kind(kind)[0].id
        sent = boundary.generate(words, one.root, 800, again=name != "intake")

        await one.throw(tenant, sent)
        await settled_of(one, one.stream(tenant))
        await one.end_of_the_hour()

        assert await ready(one)
        books = await one.books(tenant)
        balance(sent, books, {event.type: event for event in _events(name)})
        if name == "intake":
            rejected = [
                orjson.loads(b) for _, b in await stored_messages(one.admin, "APPEAL", "appeal.rejected.v1")
            ]
            taken = await one.submissions()
            submitted = sum(message.verb == "submitted" for message in sent)
            assert submitted == taken + sum(appeal.get("times", 1) for appeal in rejected)


def assigned(id: str, agency: str) -> Any:
    ahead = {"accept_by": 1, "resolve_by": 48}
    clocks = {name: NOW + timedelta(hours=hours) for name, hours in ahead.items()}
    return order(
        assignment_id=id,
        case_id=f"case-{id}",
        agency=agency,
        at=NOW,
        contact_by=None,
        arrive_by=None,
        **clocks,
    )
