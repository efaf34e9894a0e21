"""The HTTP front of metrics over documents in memory."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.metrics.api import routes
from services.metrics.domain.rollups import marked
from services.metrics.mirror import Mirror
from services.metrics.store import CASE_FACTS
from shared.contracts.revisit import VerificationHeld
from shared.loop.documents import Collection, Stored, Unreachable
from shared.settings import Settings
from tests.support.facts import HEATING, SAMPLE, ZONE, Story
from tests.support.http_fronts import client, running
from tests.support.shelf import Shelf

FROM_TO = "from=2026-11-16&to=2026-11-30"


class Front:
    """The application, over one case that held."""

    def __init__(self) -> None:
        self.documents = Shelf()
        fact = marked(None, Story().done().verified(VerificationHeld).closed(31).fact, ZONE)
        self.documents.put(Stored(CASE_FACTS, fact.id, 1, fact))
        front = running(self.documents, None, SAMPLE, Settings(clock="replay"))
        self.client = client("metrics", front, lambda app, running: routes(app, running, Mirror()))

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)


async def test_an_answer_holds_every_fact_even_if_no_keeper_ever_ran() -> None:
    answer = (await Front().get(f"/api/v1/indicators?{FROM_TO}")).json()

    (row,) = answer["rows"]
    assert (row["value"], row["name"]) == (HEATING, "暖河热力有限公司")
    assert row["indicators"]["solved_rate"] == {"numerator": 1, "denominator": 1, "ratio": 1.0}
    assert answer["total"]["indicators"]["arrival_rate"]["denominator"] == 1


@pytest.mark.parametrize(
    ("by", "value", "name"),
    [
        ("subdistrict", "nh-01", "金桥街道"),
        ("community", "nh-01-01", "锦绣社区"),
        ("channel", "hotline-12345", "12345政务服务热线"),
    ],
)
async def test_by_every_dimension_under_its_chinese_name(by: str, value: str, name: str) -> None:
    (row,) = (await Front().get(f"/api/v1/indicators?by={by}&{FROM_TO}")).json()["rows"]

    assert (row["value"], row["name"]) == (value, name)


async def test_without_days_the_last_seven_are_meant() -> None:
    answer = (await Front().get("/api/v1/indicators")).json()

    assert (answer["from"], answer["to"]) == ("2026-11-11", "2026-11-17")


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/v1/indicators?by=weather", 422, "by"),
        ("/api/v1/indicators?from=yesterday", 422, "from"),
        ("/api/v1/indicators?from=2026-11-20&to=2026-11-10", 422, "from"),
        ("/api/v1/indicators?from=2024-01-01&to=2026-11-10", 422, "from"),
        ("/api/v1/indicators?to=9999-12-31", 422, "to"),
        ("/api/v1/indicators?to=0001-01-02", 422, "to"),
        ("/bulletins/weekly/2026-02-30.json", 422, "date"),
        ("/bulletins/weekly/9999-12-31.json", 422, "date"),
        ("/bulletins/weekly/2026-W46-1.json", 422, "date"),
        ("/bulletins/hourly/2026-11-18.json", 404, "kind"),
        ("/bulletins/weekly/2026-11-18.pdf", 404, "form"),
    ],
)
async def test_a_wrong_question_is_answered_by_field(path: str, status: int, field: str) -> None:
    answer = await Front().get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in {error["field"] for error in answer.json()["errors"]}


async def test_without_the_database_the_front_says_so() -> None:
    front = Front()

    async def away(collection: Collection, *_: Any, **__: Any) -> list[Stored]:
        raise Unreachable("database: away")

    front.documents.query = away  # type: ignore[method-assign, assignment]

    answer = await front.get("/bulletins/weekly/2026-11-18.json")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
