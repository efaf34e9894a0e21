"""The HTTP front of routing, on documents in memory."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.routing.api import routes
from services.routing.domain.case import MOST_HISTORY
from services.routing.store import CASES
from shared.contracts import intake
from shared.contracts.values import Attachment, Contact, Location, Reading
from shared.loop.documents import Stored
from tests.support.cases import Life, appeal, jurisdiction, merged
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.http_fronts import client, running

CASE = "/api/v1/cases/case-1"


class Front:
    """The service in memory; ``life`` is its one case."""

    def __init__(self) -> None:
        self.documents, self.bus, self.life = FakeDocuments(), FakeBus(), Life()
        self.client = client("routing", running(self.documents, self.bus, jurisdiction()), routes)

    async def get(self, path: str = "") -> Any:
        self._keep()
        return (await self.client.get(CASE + path)).json()

    async def post(self, verb: str, **body: Any) -> httpx.Response:
        self._keep()
        return await self.client.post(f"{CASE}/{verb}", json={"reason": "区里指定"} | body)

    def _keep(self) -> None:
        self.documents.put(Stored(CASES, "case-1", 1, self.life.case))


@pytest.fixture
def front() -> Front:
    return Front()


async def test_a_case_shows_no_door_no_phone_and_no_name(front: Front) -> None:
    front.life.tell(
        appeal(
            text="我是王秀英，301不热，电话13812345678",
            contact=Contact(name="王秀英", phone="13812345678"),
            location=Location(address="幸福路12号院7号楼1单元301室", room="301"),
        )
    )
    front.life.tell(merged(2, location=Location(compound="nh-01-03", building="4", room="1104")))

    shown = await front.get()

    assert shown["summary"].endswith("：我是群众，***不热，电话138****5678")
    assert shown["location"] == {"address": "幸福路12号院7号楼"}
    assert shown["places"] == [shown["location"], {"compound": "nh-01-03", "building": "4"}]
    written = str(shown)
    assert not [secret for secret in ("301", "1104", "王秀英", "13812345678") if secret in written]


async def test_a_timeline_repeats_no_words_of_residents(front: Front) -> None:
    words = "我住301，孙女发烧了"
    said = {"appeal_id": "a1", "channel": "c", "case_id": "case-1"}
    front.life.tell(appeal())
    front.life.tell(merged(2))
    front.life.tell(intake.AppealSupplemented(**said, text=words))
    front.life.tell(intake.AppealWithdrawn(**said, households=1, reason=words))
    front.life.resolve_all()
    front.life.hold()
    front.life.tell(intake.AppealContested(**said, reason=words))

    timeline = await front.get("/timeline")

    assert {"supplemented", "appeal withdrawn", "reopened"} <= {line["what"] for line in timeline}
    assert words not in str(timeline)


async def test_what_an_agency_wrote_names_nobody_and_no_door(front: Front) -> None:
    met = "已联系王秀英13912345678，1104室也不热"
    front.life.tell(
        appeal(
            contact=Contact(name="王秀英", phone="13812345678"),
            location=Location(address="七号楼", room="301"),
        )
    )
    front.life.tell(merged(2, location=Location(compound="nh-01-03", building="4", room="1104")))
    front.life.give_back(reason=met)
    front.life.resolve_all(reply=met)

    case, timeline = await front.get(), await front.get("/timeline")

    (returned,) = (line["why"] for line in timeline if line["what"] == "returned")
    assert returned.endswith("已联系群众139****5678，***室也不热")
    assert not [secret for secret in ("1104", "王秀英", "13912345678") if secret in str([case, timeline])]


def test_a_long_history_keeps_what_was_decided(front: Front) -> None:
    front.life.tell(appeal())
    front.life.give_back()
    decided = {line.what for line in front.life.case.history}

    for number in range(MOST_HISTORY + 5):
        said = {"appeal_id": f"a{number}", "channel": "c", "case_id": "case-1"}
        front.life.tell(intake.AppealUrged(**said, text="快点"))

    history = front.life.case.history
    assert decided < {line.what for line in history}
    assert len(history) == MOST_HISTORY
    assert [line.at for line in history] == sorted(line.at for line in history)


async def test_a_resolved_case_is_not_redispatched(front: Front) -> None:
    front.life.tell(appeal())
    front.life.resolve_all()

    answer = await front.post("redispatch", agency="housing-zy")

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == ["case_id"]
    assert not front.bus.streams


@pytest.mark.parametrize("body", [b"[1]", b"5", b"null", b""])
async def test_what_is_no_object_is_refused_as_a_whole(front: Front, body: bytes) -> None:
    said = {"content-type": "application/json"}
    answer = await front.client.post(f"{CASE}/supervise", content=body, headers=said)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["data"]


@pytest.mark.parametrize(("level", "status"), [(0, 422), (1, 202), (9, 202), (10, 422)])
async def test_a_level_of_supervision_is_one_of_nine(front: Front, level: int, status: int) -> None:
    front.life.tell(appeal())

    assert (await front.post("supervise", level=level)).status_code == status


async def test_a_case_shows_no_id_of_a_file(front: Front) -> None:
    file = Attachment(id="f-1", media_type="image/jpeg", sha256="0" * 64)
    front.life.tell(appeal(attachments=[file]))
    at = front.life.at
    front.life.resolve(readings=[Reading(celsius=20.5, room="bedroom", at=at, photo="f-2")])

    shown = await front.get()

    assert shown["assignments"][0]["done"]["readings"][0]["celsius"] == 20.5
    assert "f-1" not in str(shown)
    assert "f-2" not in str(shown)
