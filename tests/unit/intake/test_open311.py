"""Given the Open311 front, when a client follows GeoReport v2, then it is answered as that says, in JSON and in XML."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.intake.domain.receive import appeal_id
from services.intake.open311 import routes
from shared import http
from shared.catalogue.sheets import Sheets
from shared.receipts import Receipts
from tests.support.appeals import CHANNEL, OTHER, compound, sample
from tests.support.fakes import FakeDocuments
from tests.support.tokens import holding

CODE = "heating.no_heat"


class Front:
    """Keeps what was handed to the loop."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []

    async def single(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        self.taken.append((subject, json.loads(body)))


@pytest.fixture
def front() -> Front:
    return Front()


@pytest.fixture
def tokens() -> str:
    return "optional"


@pytest.fixture
def client(front: Front, tmp_path: Path, tokens: str) -> httpx.AsyncClient:
    async def ready() -> str:
        return ""

    app = http.create("intake", ready, CollectorRegistry(), Sheets("intake", ()))
    settings = SimpleNamespace(http_tokens=tokens)
    running: Any = SimpleNamespace(
        settings=settings,
        documents=FakeDocuments(),
        bus=front,
        jurisdiction=holding(sample()),
        receipts=Receipts(b"", tokens),  # type: ignore[arg-type]
    )
    routes(app, running)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake/open311/v2")


def form(**more: str | None) -> dict[str, str]:
    said = {"service_code": CODE, "lat": str(compound().lat), "long": str(compound().lon)} | more
    return {name: value for name, value in said.items() if value is not None}


async def test_the_services_are_the_category_tree(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/services.json")).json()
    assert {one["service_code"] for one in listed} == {one.code for one in sample().policy.tree.categories}
    answer = await client.get("/services.xml")
    assert answer.headers["content-type"].startswith("text/xml")
    tree = ElementTree.fromstring(answer.text)
    assert (tree.tag, tree[0].tag, len(tree)) == ("services", "service", len(listed))
    assert tree[0].findtext("service_name") == listed[0]["service_name"]


async def test_a_service_has_a_definition_without_attributes(client: httpx.AsyncClient) -> None:
    found = await client.get(f"/services/{CODE}.json")
    assert found.json() == {"service_code": CODE, "attributes": []}
    assert (await client.get("/services/nothing.json")).status_code == 404


async def test_a_request_becomes_a_submission_of_the_channel_named_by_the_key(
    client: httpx.AsyncClient, front: Front
) -> None:
    said = form(description="暖气不热", first_name="某", last_name="张", phone="13800001234", api_key=OTHER)
    said["media_url"] = "https://example.org/a.jpg"
    answer = await client.post("/requests.json", data=said, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 201
    assert answer.json()[0]["service_request_id"] == appeal_id(OTHER, "k1")
    [(subject, body)] = front.taken
    assert subject == f"intake.{OTHER}.submitted.v1"
    assert body["category"] == CODE
    assert body["text"] == "暖气不热\n图片：https://example.org/a.jpg"
    assert body["reporter"] == {"name": "张某", "phone": "13800001234"}
    assert body["location"]["point"] == {"lon": compound().lon, "lat": compound().lat, "crs": "wgs84"}


async def test_without_a_key_and_words_it_is_the_first_channel_and_the_services_name(
    client: httpx.AsyncClient, front: Front
) -> None:
    answer = await client.post("/requests.xml", data=form(lat=None, long=None, address_id=compound().code))
    assert answer.status_code == 201
    assert ElementTree.fromstring(answer.text).findtext("request/service_request_id")
    [(subject, body)] = front.taken
    assert subject == f"intake.{CHANNEL}.submitted.v1"
    assert body["text"] == sample().policy.category(CODE).path[-1]
    assert body["location"] == {"compound": compound().code}


@pytest.mark.parametrize(
    ("said", "code", "named"),
    [
        (form(service_code=None), 400, "service_code"),
        (form(service_code="nothing"), 404, "service_code"),
        (form(lat=None, long=None), 400, "lat, long"),
        (form(lat=None), 400, "lat"),
        (form(lat="north"), 400, "lat"),
        (form(lat="99"), 400, "location.point.lat"),
        (form(api_key="heating-zy"), 403, "api_key"),
        (form(description="冷" * 4001), 400, "text"),
    ],
)
async def test_what_is_wrong_is_said_in_the_standards_way(
    client: httpx.AsyncClient, front: Front, said: dict[str, str], code: int, named: str
) -> None:
    answer = await client.post("/requests.json", data=said)
    assert answer.status_code == code
    [error] = answer.json()
    assert error["code"] == code
    assert named in error["description"]
    tree = ElementTree.fromstring((await client.post("/requests.xml", data=said)).text)
    assert tree.findtext("error/description") == error["description"]
    assert front.taken == []


async def test_another_form_or_kind_of_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/services.yaml")).status_code == 404
    assert (await client.post("/requests.json", json=form())).status_code == 400
    too_much = await client.post("/requests.json", data=form(description="x" * 70_000))
    assert too_much.status_code == 413


@pytest.mark.parametrize("asked", ["status=lost", "start_date=yesterday", "end_date=2026-11-15T08:00:00"])
async def test_a_question_that_cannot_be_read_is_refused(client: httpx.AsyncClient, asked: str) -> None:
    answer = await client.get(f"/requests.json?{asked}")
    assert answer.status_code == 400
    assert asked.split("=")[0] in answer.json()[0]["description"]


async def test_an_unknown_request_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/requests/nothing.json")
    assert (answer.status_code, answer.headers["retry-after"]) == (404, "1")


@pytest.mark.parametrize(
    ("tokens", "key", "status"),
    [
        ("required", None, 401),
        ("required", OTHER, 401),
        ("required", f"nl_{OTHER}", 201),
        ("optional", f"nl_{OTHER}", 201),
        ("optional", "nl_nobody", 401),
    ],
)
async def test_the_standards_key_is_a_token_of_the_channel(
    client: httpx.AsyncClient, front: Front, key: str | None, status: int
) -> None:
    answer = await client.post("/requests.json", data=form(description="暖气不热", api_key=key))

    assert answer.status_code == status
    assert [subject for subject, _ in front.taken] == (
        [f"intake.{OTHER}.submitted.v1"] if status == 201 else []
    )
