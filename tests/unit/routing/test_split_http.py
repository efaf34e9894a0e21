"""Splitting a case over HTTP: the desk sees who stands behind it, and each name that cannot leave is answered."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import nats.errors
import orjson
import pytest

from services.intake import behind as intake
from services.intake.store import APPEALS
from services.routing.app import SERVICE
from services.routing.store import CASES
from shared.contracts.behind import APPEALS_ASKED, AppealsAsked
from shared.contracts.channel import Withdrawn
from shared.contracts.intake import AppealMerged, AppealRegistered
from shared.contracts.values import Location, Reporter
from shared.loop.documents import Applied, Stored
from shared.settings import Settings
from tests.support.appeals import CHANNEL, T0, appeal, cold_flat, compound, desk, sample
from tests.support.cases import Life
from tests.support.fakes import FakeBus
from tests.support.http_fronts import client, running
from tests.support.shelf import Shelf

HERE, THERE = (
    next(n for n, one in enumerate(sample().places.compounds) if one.name == name)
    for name in ("双槐树小区", "铁路家属院")
)
WORD = {"reason": "楼内立管漏水", "by": "值班长"}
CALLER = Reporter(name="王秀英", phone="13812345678")


class Front:
    """Routing's HTTP in memory, with intake's answer to what it asks; ``life`` is the case that these appeals are."""

    def __init__(self, here: int = 2, there: int = 2) -> None:
        self.intake, self.life = desk(), Life()
        for number in range(1, here + there + 1):
            self.hand_in(number, HERE if number <= here else THERE)
        self.bus, self.documents, self.theirs = FakeBus(), Shelf(), Shelf()
        self.away = False
        self.asked: list[AppealsAsked] = []
        broker = SimpleNamespace(connection=SimpleNamespace(request=self._request))
        settings = Settings(clock="wall", http_tokens="optional")
        self.running = running(self.documents, self.bus, sample(), settings, broker)
        self.client = client("routing", self.running, SERVICE.routes)
        self.store()

    def hand_in(self, number: int, at: int, **more: Any) -> None:
        fields = {"reporter": CALLER, "text": "家里暖气不热，302室，打13812345678"} | more
        location = Location(compound=compound(at).code, building="3号楼", room="302")
        out = self.intake.settle(cold_flat(at, location=location, **fields), T0, CHANNEL, f"e{number}")
        for one in out:
            if isinstance(one.event, AppealRegistered | AppealMerged):
                self.life.tell(one.event)

    def store(self) -> None:
        """What the services have by now."""
        self.documents.put(Stored(CASES, self.case_id, 1, self.life.case))
        for state in self.intake.states(APPEALS):
            self.theirs.put(Stored(APPEALS, state.appeal_id, 1, state))

    @property
    def case_id(self) -> str:
        return str(self.life.case.case_id)

    def id(self, number: int) -> str:
        return str(appeal(self.intake, f"e{number}").appeal_id)

    async def split(self, key: str = "k1", **named: Any) -> httpx.Response:
        return await self.client.post(
            f"/api/v1/cases/{self.case_id}/split", json=WORD | named, headers={"Idempotency-Key": key}
        )

    async def behind(self, **query: Any) -> Any:
        return (await self.client.get(f"/api/v1/cases/{self.case_id}/appeals", params=query)).json()

    def published(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, _, body, _ in self.bus.streams["INNER"].messages]

    async def _request(self, subject: str, data: bytes, **_waiting: float) -> Any:
        assert subject == APPEALS_ASKED
        if self.away:
            raise nats.errors.NoRespondersError
        asked = AppealsAsked.model_validate_json(data)
        self.asked.append(asked)
        found = await intake.behind(cast(Any, self.theirs), asked)
        return SimpleNamespace(data=found.model_dump_json(exclude_none=True).encode())


def problems(answer: httpx.Response) -> dict[str, str]:
    return {one["field"]: one["problem"] for one in answer.json()["errors"]}


async def test_the_desk_sees_places_and_appeals_veiled() -> None:
    front = Front()
    front.hand_in(5, THERE, reporter=CALLER.model_copy(update={"confidential": True}))
    front.store()

    found = await front.behind()

    assert [(one["code"], one["appeals"]) for one in found["places"]] == [
        (compound(THERE).code, 3),
        (compound(HERE).code, 2),
    ]
    assert (found["opened_by"], found["opened_at"]) == (front.id(1), compound(HERE).code)
    by_id = {one["appeal_id"]: one for one in found["appeals"]}
    assert by_id.keys() == {front.id(number) for number in range(1, 6)}
    said = str(found)
    assert "302" not in said
    assert "13812345678" not in said
    assert "王秀英" not in said
    assert by_id[front.id(2)]["text"].startswith("家里暖气不热")
    confidential = by_id[front.id(5)]
    assert confidential["confidential"] is True
    assert "text" not in confidential
    assert "location" not in confidential


async def test_many_appeals_are_shown_page_by_page() -> None:
    front = Front(3, 4)
    shown: list[str] = []
    page = await front.behind(limit=3)
    while True:
        shown += [one["appeal_id"] for one in page["appeals"]]
        if page["next"] is None:
            break
        page = await front.behind(limit=3, after=page["next"])

    assert sorted(shown) == sorted(front.id(number) for number in range(1, 8))
    assert len(front.asked) == 3
    assert sum(one["appeals"] for one in page["places"]) == 7


async def test_who_withdrew_does_not_stand_behind_the_case() -> None:
    front = Front()
    front.intake.settle(Withdrawn(appeal_id=front.id(4), reason="好了"), T0, CHANNEL)
    front.store()

    found = await front.behind()

    assert front.id(4) not in [one["appeal_id"] for one in found["appeals"]]
    assert problems(await front.split(appeal_ids=[front.id(4)])).keys() == {"appeal_ids.0"}


async def test_a_compound_or_appeals_are_split_off_by_an_order_to_the_loop() -> None:
    front = Front()

    whole = await front.split(compounds=[compound(THERE).code])
    named = await front.split("k2", appeal_ids=[front.id(2)])

    assert (whole.status_code, named.status_code) == (202, 202)
    first, second = front.published()
    assert (first["compounds"], first["appeal_ids"], first["by"]) == ([compound(THERE).code], [], "值班长")
    assert (second["compounds"], second["appeal_ids"]) == ([], [front.id(2)])


async def test_the_same_order_again_is_the_same_order() -> None:
    front = Front()
    first = await front.split(compounds=[compound(THERE).code])
    case = front.documents.stored(CASES, front.case_id)
    taken = {first.json()["event_id"]: Applied(day=1)}
    front.documents.put(replace(case, version=2, applied=taken))
    front.away = True

    again = await front.split(compounds=[compound(THERE).code])

    assert (again.status_code, again.json()) == (202, first.json())
    assert len(front.published()) == 1


NEVER = "00000000-0000-5000-8000-000000000000"


@pytest.mark.parametrize(
    ("named", "fields"),
    [
        ({}, {"compounds"}),
        ({"compounds": ["c001"]}, {"compounds.0"}),
        ({"compounds": ["HERE"]}, {"compounds.0"}),
        ({"compounds": ["THERE", "nowhere"]}, {"compounds.1"}),
        ({"appeal_ids": [NEVER]}, {"appeal_ids.0"}),
        ({"appeal_ids": ["e1"]}, {"appeal_ids.0"}),
        ({"appeal_ids": ["e3", "elsewhere", NEVER]}, {"appeal_ids.1", "appeal_ids.2"}),
    ],
)
async def test_whatever_cannot_leave_is_answered_by_name(named: dict[str, Any], fields: set[str]) -> None:
    front = Front()
    front.intake.settle(cold_flat(0), T0, CHANNEL, "elsewhere")
    front.store()
    codes = {"HERE": compound(HERE).code, "THERE": compound(THERE).code}
    ids = {"elsewhere": appeal(front.intake, "elsewhere").appeal_id, "e1": front.id(1), "e3": front.id(3)}

    answer = await front.split(
        **{
            "compounds": [codes.get(code, code) for code in named.get("compounds", [])],
            "appeal_ids": [ids.get(id, id) for id in named.get("appeal_ids", [])],
        }
    )

    assert answer.status_code == 422
    assert problems(answer).keys() == fields
    assert "INNER" not in front.bus.streams or front.published() == []


async def test_somebody_must_stay() -> None:
    front = Front(1, 2)
    front.intake.settle(Withdrawn(appeal_id=front.id(1), reason="好了"), T0, CHANNEL)
    front.store()

    answer = await front.split(compounds=[compound(THERE).code])

    assert answer.status_code == 422
    assert "somebody must stay" in problems(answer)["compounds"]


async def test_a_case_that_is_resolved_closed_or_unknown_is_not_split() -> None:
    front = Front()
    front.life.resolve_all()
    front.store()
    resolved = await front.split(compounds=[compound(THERE).code])
    front.life.hold()
    front.store()
    closed = await front.split(compounds=[compound(THERE).code])
    unknown = await front.client.post("/api/v1/cases/none/split", json=WORD | {"compounds": ["c001"]})

    assert [problems(one).keys() for one in (resolved, closed)] == [{"case_id"}] * 2
    assert (resolved.status_code, closed.status_code, unknown.status_code) == (409, 409, 404)


async def test_while_intake_does_not_answer_both_say_so() -> None:
    front = Front()
    front.away = True

    asked = await front.client.get(f"/api/v1/cases/{front.case_id}/appeals")
    ordered = await front.split(compounds=[compound(THERE).code])

    assert (asked.status_code, ordered.status_code) == (503, 503)
    assert asked.headers["Retry-After"]
