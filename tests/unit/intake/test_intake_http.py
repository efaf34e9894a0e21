"""Given intake's HTTP front, when a channel posts or asks, then it is answered as CONTRACTS 5 says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.intake.api import routes
from services.intake.domain.receive import appeal_id
from services.intake.handlers import handlers
from shared.access import Tokens
from shared.contracts.values import Reporter
from shared.loop.bus import Delivery
from shared.loop.envelope import open_letter
from shared.loop.loop import Loop
from shared.settings import Settings
from tests.support.appeals import CHANNEL, OTHER, compound, sample
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.http_fronts import client, running
from tests.support.tokens import bearer, holding


class Front(FakeBus):
    """The bus as an HTTP front uses it; keeps what was handed to the loop."""

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        self.trouble.before("single")
        self.taken.append(self.put(subject, headers, body))

    taken: list[Delivery]


@dataclass
class World:
    client: httpx.AsyncClient
    bus: Front
    documents: FakeDocuments

    async def post(self, body: Any, key: str | None = "k1") -> Any:
        headers = {"Idempotency-Key": key} if key is not None else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/api/v1/appeals", content=data, headers=headers)

    async def apply(self) -> None:
        """The loop takes what was posted, and its own steps."""
        loop = Loop(handlers, self.documents, self.bus, context=lambda _at: sample())
        await loop.settle(self.bus.taken)
        for sequence in (1, 2):
            if len(self.bus.ids("INNER")) >= sequence:
                await loop.settle([self.bus.deliver("INNER", sequence)])


@pytest.fixture
def tokens() -> Tokens:
    return "optional"


@pytest.fixture
def world(tmp_path: Path, tokens: Tokens) -> World:
    bus, documents = Front(), FakeDocuments()
    bus.taken = []
    settings = Settings(files_dir=tmp_path, http_tokens=tokens)
    front = running(documents, bus, holding(sample()), settings)
    return World(client("intake", front, routes), bus, documents)


def cold(**more: Any) -> dict[str, Any]:
    reporter = {"name": "张某", "phone": "13800001234"}
    where = {"compound": compound().name, "building": "3", "room": "301室"}
    return {"channel": CHANNEL, "text": "家里暖气不热", "location": where, "reporter": reporter} | more


def fields(answer: Any) -> set[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return {error["field"] for error in answer.json()["errors"]}


async def test_a_post_is_published_as_the_channels_own_event(world: World) -> None:
    answer = await world.post(cold())
    about = appeal_id(CHANNEL, "k1")
    assert answer.status_code == 202
    assert answer.json() == {"appeal_id": about, "status_url": f"/api/v1/appeals/{about}"}
    [delivery] = world.bus.taken
    assert delivery.subject == f"intake.{CHANNEL}.submitted.v1"
    letter = open_letter(delivery.subject, delivery.headers, delivery.data)
    assert letter.id == "k1"
    assert "Nats-Msg-Id" not in (delivery.headers or {})
    body = cold()
    del body["channel"]
    assert json.loads(delivery.data) == body


@pytest.mark.parametrize("tokens", ["required"])
async def test_a_channel_attaches_the_files_that_it_handed_in_and_no_others(world: World) -> None:
    async def handed_in(channel: str) -> dict[str, Any]:
        file = {"file": ("a.jpg", b"photo", "image/jpeg")}
        return dict((await world.client.post("/api/v1/files", files=file, headers=bearer(channel))).json())

    async def attached(*files: dict[str, Any]) -> httpx.Response:
        body = cold(attachments=list(files))
        return await world.client.post("/api/v1/appeals", json=body, headers=bearer(CHANNEL))

    mine, others = await handed_in(CHANNEL), await handed_in(OTHER)

    assert (await attached(mine)).status_code == 202
    assert len(world.bus.taken) == 1
    for files, field in (
        ((mine, others), "attachments.1.id"),
        ((mine | {"id": "made-up"},), "attachments.0.id"),
        ((mine | {"sha256": "0" * 64},), "attachments.0.sha256"),
        ((mine | {"media_type": "image/png"},), "attachments.0.sha256"),
    ):
        answer = await attached(*files)
        assert (answer.status_code, fields(answer)) == (422, {field})
    assert len(world.bus.taken) == 1


async def test_a_key_with_signs_of_any_kind_names_the_same_appeal(world: World) -> None:
    for key in ("a b", "%41", "k/1+2"):
        about = (await world.post(cold(), key)).json()["appeal_id"]
        delivery = world.bus.taken[-1]
        assert about == appeal_id(CHANNEL, open_letter(delivery.subject, delivery.headers, b"{}").id)


async def test_without_a_key_every_post_is_an_appeal_of_its_own(world: World) -> None:
    assert (await world.post(cold(), None)).json() != (await world.post(cold(), None)).json()


async def test_a_fresh_id_is_unknown_until_it_is_applied(world: World) -> None:
    url = (await world.post(cold())).json()["status_url"]
    answer = await world.client.get(url)
    assert answer.status_code == 404
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"
    await world.apply()
    assert (await world.client.get(url)).status_code == 200


async def test_the_status_tells_state_case_and_history_but_nothing_of_the_person(world: World) -> None:
    url = (await world.post(cold(external_ref="W-7"))).json()["status_url"]
    await world.apply()
    answer = await world.client.get(url)
    status = answer.json()
    assert status["state"] == "registered"
    assert status["case_no"]
    assert status["case_id"]
    assert status["external_ref"] == "W-7"
    assert status["place"] == compound().name
    assert [line["what"] for line in status["history"]] == ["received", "registered"]
    assert {line["policy"] for line in status["history"]} == {sample().policy.label}
    for secret in (Reporter(**cold()["reporter"]).phone, "****", "张某", "301室", "暖气不热"):
        assert str(secret) not in answer.text


async def test_a_consultation_shows_its_answer(world: World) -> None:
    url = (
        await world.post({"channel": CHANNEL, "text": "请问暖气费怎么交？", "nature": "consultation"})
    ).json()["status_url"]
    await world.apply()
    status = (await world.client.get(url)).json()
    assert status["state"] == "answered"
    assert status["answer"]
    assert "case_id" not in status


async def test_the_same_key_with_another_body_is_a_conflict_once_that_is_known(world: World) -> None:
    first = await world.post(cold())
    await world.apply()
    world.bus.taken.clear()
    assert (await world.post(cold())).json() == first.json()
    answer = await world.post(cold(text="电梯坏了"))
    assert answer.status_code == 409
    assert fields(answer) == {"Idempotency-Key"}
    assert world.bus.taken == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"{", {"data"}),
        (b"[]", {"data"}),
        ({"channel": CHANNEL}, {"text"}),
        ({"text": "冷"}, {"channel"}),
        (cold(channel="nobody"), {"channel"}),
        (cold(channel="heating-zy"), {"channel"}),
        (cold(channel=7, text=""), {"channel", "text"}),
        (cold(flavour=1, reporter={"fone": "1"}), {"flavour", "reporter.fone"}),
        (cold(indoor_temperature="14"), {"indoor_temperature"}),
        (cold(reported_at="2026-11-15T08:00:00"), {"reported_at"}),
        (cold(reported_at="2099-01-01T00:00:00Z"), {"reported_at"}),
    ],
)
async def test_what_is_wrong_is_named_field_by_field(world: World, body: Any, wrong: set[str]) -> None:
    answer = await world.post(body)
    assert answer.status_code == 422
    assert fields(answer) == wrong
    assert world.bus.taken == []


async def test_a_body_that_is_too_large_is_refused_by_name(world: World) -> None:
    answer = await world.post(b" " * 65_537)
    assert answer.status_code == 413
    assert fields(answer) == {"data"}


async def test_a_key_that_cannot_be_an_id_is_refused(world: World) -> None:
    assert fields(await world.post(cold(), "k" * 257)) == {"Idempotency-Key"}
    assert fields(await world.post(cold(), "")) == {"Idempotency-Key"}


@pytest.mark.parametrize("engine", ["bus", "documents"])
async def test_an_engine_that_is_away_is_said_so(world: World, engine: str) -> None:
    trouble = world.bus.trouble if engine == "bus" else world.documents.trouble
    trouble.unanswered["single" if engine == "bus" else "load"] = 1
    answer = await world.post(cold())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await world.post(cold())).status_code == 202


async def test_the_api_is_described_with_its_body(world: World) -> None:
    page = (await world.client.get("/openapi.json")).json()
    body = page["paths"]["/api/v1/appeals"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"channel", "text", "location"} <= set(body["properties"])
    assert "$ref" not in json.dumps(body)


async def test_files_are_taken(world: World) -> None:
    answer = await world.client.post(
        "/api/v1/files", files={"file": ("a.jpg", b"\xff\xd8picture", "image/jpeg")}
    )
    assert answer.status_code in (201, 202)
    assert set(answer.json()) == {"id", "media_type", "sha256"}


@pytest.mark.parametrize("tokens", ["required"])
async def test_without_a_token_nothing_is_taken(world: World) -> None:
    assert fields(await world.post(cold())) == {"Authorization"}
    assert world.bus.taken == []


@pytest.mark.parametrize("tokens", ["required", "optional"])
async def test_a_token_speaks_for_its_own_channel(world: World) -> None:
    world.client.headers.update(bearer(OTHER))
    assert fields(await world.post(cold())) == {"channel"}
    unsaid = cold()
    del unsaid["channel"]
    taken = await world.post(unsaid)
    await world.apply()

    assert world.bus.taken[-1].subject == f"intake.{OTHER}.submitted.v1"
    assert (await world.client.get(taken.json()["status_url"])).status_code == 200
    world.client.headers.update(bearer(CHANNEL))
    assert (await world.client.get(taken.json()["status_url"])).status_code == 404
