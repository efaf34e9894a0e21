"""What outsiders say over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from shared import http
from shared.catalogue.sheets import Sheets
from shared.contracts.agency import Accepted
from shared.contracts.base import CATALOGUE
from shared.front import hand_in, id_of, json_object, read
from shared.loop.bus import NotStored
from shared.loop.documents import Unreachable
from shared.loop.envelope import TOO_DEEP, open_letter, read_ingress
from shared.settings import Settings

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
SAID: dict[str, Any] = {"assignment_id": "a-1", "at": "2026-11-20T16:00:00+08:00"}


class Kept:
    """A bus that keeps what it is given, or is away."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.messages: list[tuple[str, bytes, dict[str, str]]] = []

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        if self.away:
            raise Unreachable("nats: away")
        self.messages.append((subject, body, headers))


async def test_what_is_handed_in_reads_like_a_message_of_the_tenant() -> None:
    bus = Kept()
    said = read(Accepted, SAID, NOW)

    await hand_in(bus, said, "heating-zy", "response", "回单 7")

    ((subject, body, headers),) = bus.messages
    letter = open_letter(subject, headers, body)
    assert subject == "response.heating-zy.accepted.v1"
    assert (letter.id, letter.type) == ("回单 7", Accepted.type)
    assert all(value.isascii() for value in headers.values())
    assert read_ingress(letter, Accepted, NOW) == said


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"at": "2026-11-20T16:00:00"}, "at"),
        ({"at": 5}, "at"),
        ({"noet": "x"}, "noet"),
        ({"assignment_id": 7}, "assignment_id"),
        ({"at": (NOW + timedelta(minutes=6)).isoformat()}, "at"),
    ],
)
def test_bad_fields_are_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(http.Problem) as refused:
        read(Accepted, SAID | wrong, NOW)

    assert refused.value.status == 422
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize("levels", [253, 254, 900])
def test_data_nested_too_deeply_are_refused(levels: int) -> None:
    deep = json.loads("[" * levels + "]" * levels)

    with pytest.raises(http.Problem) as refused:
        read(Accepted, SAID | {"x": deep}, NOW)

    assert refused.value.status == 422
    assert refused.value.errors == [TOO_DEEP]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"a": 1}', 200), (b"{", 422), (b"[1]", 422), (b"[" * 5000, 422), (b'"' + b"x" * 65_536 + b'"', 413)],
)
async def test_a_body_is_a_bounded_json_object(body: bytes, status: int) -> None:
    async def ready() -> str:
        return ""

    app: FastAPI = http.create("front", ready, CollectorRegistry(), Sheets("front", ()))

    @app.post("/")
    async def take(request: Request) -> dict[str, Any]:
        return await json_object(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://front") as client:
        assert (await client.post("/", content=body)).status_code == status


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/docs/", "text/html"),
        ("/docs/asyncapi.json", "application/json"),
        ("/docs/contracts/asyncapi.json", "application/json"),
        (f"/docs/schemas/{Accepted.type}.json", "application/schema+json"),
        (f"/docs/vectors/{Accepted.type}.json", "application/json"),
    ],
)
async def test_the_catalogue_is_served_and_may_run_and_fetch_nothing(path: str, media_type: str) -> None:
    async with serving() as client:
        answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_catalogue_names_itself_as_it_was_told() -> None:
    async with serving("http://10.0.0.1/docs/schemas") as client:
        schema = (await client.get(f"/docs/schemas/{Accepted.type}.json")).json()
        document = (await client.get("/docs/contracts/asyncapi.json")).json()

    assert schema["$id"] == f"http://10.0.0.1/docs/schemas/{Accepted.type}.json"
    assert document["components"]["messages"][Accepted.type]["x-dataschema"] == schema["$id"]
    assert CATALOGUE not in json.dumps(document)


@pytest.mark.parametrize("path", ["schemas/", "schemas/none.json", "../pyproject.toml", "%2e%2e/x", "<b>"])
async def test_where_nothing_lies_a_problem_is_answered(path: str) -> None:
    async with serving() as client:
        answer = await client.get(f"/docs/{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "address",
    [
        "intake:8001",
        "/docs/schemas",
        "http://",
        "http://a b/",
        "http://a/x?y",
        "http://a/x#y",
        "http://中文/",
    ],
)
def test_an_address_that_is_none_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValidationError, match="catalogue_url"):
        Settings(catalogue_url=address)


def test_an_address_may_end_with_a_stroke() -> None:
    assert Settings(catalogue_url="https://a.example/schemas/").catalogue_url == "https://a.example/schemas"


@asynccontextmanager
async def serving(catalogue: str = CATALOGUE) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> str:
        return ""

    app = http.create("front", ready, CollectorRegistry(), Sheets("front", (Accepted,), catalogue))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://front") as client:
        yield client


async def test_an_engine_that_is_away_is_said() -> None:
    with pytest.raises(http.Problem) as away:
        await hand_in(Kept(away=True), read(Accepted, SAID, NOW), "heating-zy", "response", "1")

    assert (away.value.status, away.value.retry_after) == (503, 2)


def test_a_key_is_the_id() -> None:
    assert id_of("k-1") == "k-1"
    assert id_of(None) != id_of(None)
    for key in ("", "x" * 257, "a\tb"):
        with pytest.raises(http.Problem):
            id_of(key)


async def asked(what: Exception) -> httpx.Response:
    """What a question is answered whose handler ends so."""

    async def ready() -> str:
        return ""

    app = http.create("x", ready, CollectorRegistry(), Sheets("x", ()))

    @app.get("/question")
    async def _question() -> None:
        raise what

    way = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=way, base_url="http://x") as client:
        return await client.get("/question")


async def test_a_method_that_is_not_allowed_is_answered_with_those_that_are() -> None:
    async with serving() as client:
        answer = await client.post("/health/live")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("what", [Unreachable("mongo: away"), NotStored("nats: no room")])
async def test_while_an_engine_is_away_whoever_asks_is_told_to_come_again(what: Exception) -> None:
    answer = await asked(what)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "away" not in answer.text


async def test_a_defect_of_ours_is_a_problem_too_and_shows_nothing_of_the_inside() -> None:
    answer = await asked(RuntimeError("secret"))

    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "secret" not in answer.text
