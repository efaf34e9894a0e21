"""The centre's desk over HTTP, on documents in memory: what waits for it, and its word."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import bson
import httpx
import orjson
import pytest

from services.routing.app import SERVICE
from services.routing.domain.case import Closed
from services.routing.store import CASES
from services.routing.sweep import sweep
from shared.contracts.values import Contact, Location, Proposal
from shared.loop.documents import Applied, Stored
from shared.policy.places import UNPLACED
from shared.settings import Settings
from tests.support.cases import START, Life, appeal, category, jurisdiction
from tests.support.fakes import FakeBus
from tests.support.http_fronts import client, running
from tests.support.shelf import Shelf

WORD = {"lead": "heating-zy", "reason": "电话核实", "by": "值班长"}
PLACE = jurisdiction().places.compounds[3].code


class Front:
    """The service in memory, with the cases it is given."""

    def __init__(self, clock: Any = "wall") -> None:
        self.documents, self.bus = Shelf(), FakeBus()
        settings = Settings(clock=clock, http_tokens="optional")
        self.running = running(self.documents, self.bus, jurisdiction(), settings)
        self.client = client("routing", self.running, SERVICE.routes)

    def case(self, id: str, minutes: int = 0, **changes: Any) -> Life:
        """A case of its own, opened so many minutes after the start."""
        life = Life()
        life.tell(appeal(**{"case_id": id} | changes), after=timedelta(minutes=minutes))
        self.documents.put(Stored(CASES, id, 1, life.case))
        return life

    async def waiting(self, path: str = "/api/v1/desk") -> list[str]:
        return [one["case"]["case_id"] for one in (await self.client.get(path)).json()]

    async def dispatch(
        self, id: str, headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        return await self.client.post(f"/api/v1/cases/{id}/dispatch", json=WORD | changes, headers=headers)

    def published(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        return [(headers, orjson.loads(body)) for _, headers, body, _ in self.bus.streams["INNER"].messages]


def closed(case: Any) -> Closed:
    return Closed(**case.carried(), outcome="verified", closed_at=START)


@pytest.fixture
def front() -> Front:
    return Front()


async def test_the_most_pressing_comes_first_then_who_waits_longest(front: Front) -> None:
    front.case("second", 10, confidence=0.1)
    front.case("sure", 0)
    front.case("first", 5, confidence=0.1)
    front.case("danger", 60, category=category("gas.leak"), text="一股煤气味", place=UNPLACED)

    assert await front.waiting() == ["danger", "first", "second"]


async def test_the_queue_is_read_page_by_page_and_nobody_is_left_out(front: Front) -> None:
    ids = [f"case-{number}" for number in range(5)]
    for id in ids:
        front.case(id, 0, confidence=0.1)

    seen: list[str] = []
    path: str | None = "/api/v1/desk?limit=2"
    while path and len(seen) < len(ids) + 2:
        answer = await front.client.get(path)
        seen += [one["case"]["case_id"] for one in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None

    assert seen == ids


async def test_the_desk_sees_why_and_what_is_proposed_and_who_could_lead(front: Front) -> None:
    front.case("case-1", 0, confidence=0.1, because="提到“凉”")

    (one,) = (await front.client.get("/api/v1/desk")).json()

    assert one["reasons"] == ["category_unclear"]
    assert "提到“凉”" in one["why"]
    assert (one["proposed"]["lead"], one["proposed"]["urgency"]) == ("heating-zy", "urgent")
    assert one["candidates"][0] == {
        "agency": "heating-zy",
        "kind": "heating",
        "name": "暖河热力有限公司",
        "tried": False,
    }
    assert datetime.fromisoformat(one["due"]) - datetime.fromisoformat(one["since"]) == timedelta(hours=2)
    assert "lead_agency" not in one["case"]


async def test_the_desk_sees_what_an_unclear_appeal_is_like(front: Front) -> None:
    like = Proposal(category=category("property.lift"), likeness=0.4, because="与示例“电梯停运”相似")
    front.case("case-1", 0, confidence=0.1, proposals=[like])

    (one,) = (await front.client.get("/api/v1/desk")).json()

    assert one["categories"] == [like.model_dump()]


async def test_the_desk_sees_what_is_open_and_may_be_the_same(front: Front) -> None:
    front.case("waits", 0, confidence=0.1, text="暖气一直不热，家里只有十五度")
    twin = front.case("twin", -60, text="家里只有十五度，暖气一直不热", case_no="20251120-TWIN").case
    front.case("lamp", 0, text="楼下路灯不亮三天了", category=category("city.lamps"))
    there = {"place": jurisdiction().places.place(PLACE), "location": Location()}
    front.case("elsewhere", 0, text="暖气一直不热，家里只有十五度", **there)
    front.case("secret", 0, text="暖气一直不热，家里只有十五度", confidential=True)
    over = front.case("over", 0, text="暖气一直不热，家里只有十五度")
    front.documents.put(Stored(CASES, "over", 2, closed(over.case)))

    (one,) = (await front.client.get("/api/v1/desk")).json()

    (near,) = one["similar"]
    assert 0.5 < near.pop("likeness") < 1
    assert datetime.fromisoformat(near.pop("since")) == twin.reported_at
    assert near == {
        "case_id": "twin",
        "case_no": "20251120-TWIN",
        "category": twin.category.model_dump(),
        "place": {"code": twin.place.code, "name": twin.place.name},
        "state": "dispatched",
    }


async def test_the_desk_sees_the_likeliest_first_and_no_more_than_the_policy_says(front: Front) -> None:
    front.case("waits", 0, confidence=0.1, text="暖气一直不热，家里只有十五度")
    for number in range(7):
        front.case(f"near-{number}", 1, text="暖气一直不热，家里只有十五度" + "，" + "老人受不了" * number)
    front.case(
        "old", -31 * 24 * 60, text="暖气一直不热，家里只有十五度", reported_at=START - timedelta(days=31)
    )

    (one,) = (await front.client.get("/api/v1/desk")).json()

    assert [near["case_id"] for near in one["similar"]] == [f"near-{number}" for number in range(5)]


async def test_of_a_confidential_case_nothing_is_held_against_others(front: Front) -> None:
    front.case("secret", 0, confidence=0.1, text="暖气一直不热，家里只有十五度", confidential=True)
    front.case("waits", 1, confidence=0.1, text="暖气一直不热，家里只有十五度")

    assert [one["similar"] for one in (await front.client.get("/api/v1/desk")).json()] == [[], []]


async def test_the_desk_reads_the_words_without_door_phone_and_name(front: Front) -> None:
    known = {"contact": Contact(name="王秀英", phone="13812345678"), "location": Location(room="301")}
    front.case("case-1", 0, confidence=0.1, text="我是王秀英，301不热，电话13812345678", **known)
    front.case("case-2", 1, confidence=0.1, text="举报经理", confidential=True)

    one, other = (await front.client.get("/api/v1/desk")).json()

    assert one["text"] == "我是群众，***不热，电话138****5678"
    assert other["text"] is None
    assert not [
        secret for secret in ("王秀英", "13812345678", "301", "举报经理") if secret in str([one, other])
    ]


async def test_the_word_is_durable_and_carries_what_the_codes_mean(front: Front) -> None:
    front.case("case-1", 0, confidence=0.1)

    answer = await front.dispatch("case-1", assistants=["housing-zy"], category="property.lift", place=PLACE)

    assert answer.status_code == 202
    ((headers, said),) = front.published()
    assert headers["ce-id"] == answer.json()["event_id"]
    assert (said["lead"], said["assistants"]) == ("heating-zy", ["housing-zy"])
    assert (said["category"]["code"], said["place"]["code"]) == ("property.lift", PLACE)


async def test_the_same_word_under_the_same_key_is_one(front: Front) -> None:
    front.case("case-1", 0, confidence=0.1)

    one = await front.dispatch("case-1", {"Idempotency-Key": "k"})
    again = await front.dispatch("case-1", {"Idempotency-Key": "k"})

    assert one.json()["event_id"] == again.json()["event_id"]
    assert len(front.published()) == 1


async def test_a_word_said_again_after_it_was_applied_is_answered_as_before(front: Front) -> None:
    front.case("case-1", 0, confidence=0.1)
    first = (await front.dispatch("case-1", {"Idempotency-Key": "k"})).json()["event_id"]
    decided = front.case("case-1").case
    front.documents.put(Stored(CASES, "case-1", 2, decided, {first: Applied(0)}))

    again = await front.dispatch("case-1", {"Idempotency-Key": "k"})

    assert (again.status_code, again.json()["event_id"]) == (202, first)


async def test_another_word_under_the_same_key_is_not_swallowed(front: Front) -> None:
    front.case("case-1", 0, confidence=0.1)

    one = await front.dispatch("case-1", {"Idempotency-Key": "k"})
    other = await front.dispatch("case-1", {"Idempotency-Key": "k"}, lead="housing-zy")

    assert one.json()["event_id"] != other.json()["event_id"]
    assert [said["lead"] for _, said in front.published()] == ["heating-zy", "housing-zy"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lead": "nobody"}, "lead"),
        ({"lead": "hotline-12345"}, "lead"),
        ({"assistants": ["housing-zy", "nobody"]}, "assistants.1"),
        ({"assistants": ["heating-zy"]}, "assistants.0"),
        ({"category": "heating.nonsense"}, "category"),
        ({"place": "c999"}, "place"),
        ({"urgency": "soon"}, "urgency"),
        ({"mode": "alone"}, "mode"),
        ({"reason": ""}, "reason"),
        ({"due": "now"}, "due"),
    ],
)
async def test_a_word_that_cannot_be_meant_is_refused_by_field(
    front: Front, changes: dict[str, Any], field: str
) -> None:
    front.case("case-1", 0, confidence=0.1)

    answer = await front.dispatch("case-1", **changes)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not front.bus.streams


async def test_a_case_that_does_not_wait_takes_no_word(front: Front) -> None:
    front.case("sure")

    refused, unknown = await front.dispatch("sure"), await front.dispatch("not-here")

    assert (refused.status_code, unknown.status_code) == (409, 404)
    assert [error["field"] for error in refused.json()["errors"]] == ["case_id"]
    assert "Retry-After" in unknown.headers


@pytest.mark.parametrize("after", ["yesterday case-1", "2025-11-20T08:00:00 case-1", "x"])
async def test_a_page_that_no_link_named_is_refused(front: Front, after: str) -> None:
    answer = await front.client.get("/api/v1/desk", params={"after": after})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["after"]


@pytest.mark.parametrize(("clock", "taken"), [("replay", True), ("wall", False)])
async def test_only_a_replay_says_what_time_it_is(clock: str, taken: bool) -> None:
    front = Front(clock)
    front.case("case-1", 0, confidence=0.1)

    await front.dispatch("case-1", {"ce-time": START.isoformat()})

    ((headers, _),) = front.published()
    assert (datetime.fromisoformat(headers["ce-time"]) == START) is taken


async def test_a_sweep_finds_what_the_desk_is_late_with_and_nothing_else(front: Front) -> None:
    late = front.case("late", 0, confidence=0.1)
    front.case("in-time", 30, confidence=0.1)
    front.case("sure", 0)
    at = late.at + timedelta(hours=2, seconds=1)

    (found,) = await sweep(front.running, at)
    (again,) = await sweep(front.running, at + timedelta(minutes=1))

    assert found.about == "late"
    assert found.id == again.id
    told = late.tell(found.event)
    assert [type(event).__name__ for event in told] == ["CaseDeskOverdue"]
    front.documents.put(Stored(CASES, "late", 2, late.case))
    assert await sweep(front.running, at) == []
    assert await front.waiting("/api/v1/desk?overdue=true") == ["late"]


async def test_a_case_that_a_version_without_questions_left_on_the_desk_comes_into_the_queue(
    front: Front,
) -> None:
    life = front.case("case-1", 0, confidence=0.1)
    row = bson.decode(front.documents.rows[CASES.name, "case-1"])
    row["state"] = {**row["state"], "why": "没有可再派遣的单位"}
    del row["state"]["question"]
    front.documents.rows[CASES.name, "case-1"] = bson.encode(row)
    assert await front.waiting() == []

    (found,) = await sweep(front.running, life.at)

    life.case = front.documents.stored(CASES, "case-1").state
    assert [type(event).__name__ for event in life.tell(found.event)] == ["CaseDeskOverdue"]
    front.documents.put(Stored(CASES, "case-1", 2, life.case))
    assert await front.waiting() == ["case-1"]
    assert await sweep(front.running, life.at) == []
