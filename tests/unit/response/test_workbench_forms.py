"""What a form of the agency's page says, and how it is refused."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.assignments import AGENCY, SAMPLE
from tests.support.workbench import PHOTO, Desk


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return await Desk.at_work(tmp_path)


async def test_a_form_says_what_the_api_would(desk: Desk) -> None:
    form = await desk.form("a-1", "contacted")
    answer = await desk.send("a-1", "contacted", form | {"how": "电话", "by.name": "李师傅", "note": "  "})
    await desk.settled()

    assert answer.status_code == 303
    (word,) = desk.said()
    local = datetime.fromisoformat(word.pop("at")).astimezone(SAMPLE.policy.zone)
    assert f"{local:%Y-%m-%dT%H:%M}" == form["at"]
    assert word == {"assignment_id": "a-1", "how": "电话", "by": {"name": "李师傅"}}
    shown = await desk.page(answer.headers["location"].removeprefix("/workbench"))
    assert "“已联系群众”已生效" in shown
    assert "tel:13812345678" in shown


async def test_a_double_click_says_it_once(desk: Desk) -> None:
    form = await desk.form("a-1", "accepted")

    answers = [await desk.send("a-1", "accepted", form) for _ in range(2)]
    await desk.settled()
    answers.append(await desk.send("a-1", "accepted", form))
    await desk.settled()

    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(desk.bus.bodies("assignment.accepted.v1")) == 1
    assert desk.bus.bodies(f"dispatch.{AGENCY}.refused.v1") == []


async def test_what_is_not_applied_yet_is_said_to_be_on_its_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.response.workbench.assignment.PATIENCE", 0.0)
    answer = await desk.says("a-1", "accepted")

    where = answer.headers["location"].removeprefix("/workbench")
    before = await desk.page(where)
    await desk.settled()

    assert "“签收”已提交，正在处理" in before
    assert "“签收”已生效" in await desk.page(where)


async def test_done_comes_with_readings_and_photos(desk: Desk) -> None:
    form = await desk.form("a-1", "resolved")
    typed = form | {
        "outcome": "solved",
        "measures": "更换阀门\r\n排气",
        "reply": "已恢复供暖",
        "readings.0.celsius": "20.5",
        "readings.0.room": "bedroom",
        "readings.0.signed": "1",
        "readings.1.celsius": "",
        "readings.1.room": "living_room",
    }

    answer = await desk.send("a-1", "resolved", typed, files=[("evidence", ("阀门.jpg", PHOTO, "text/html"))])
    await desk.settled()

    assert answer.status_code == 303
    (word,) = desk.said()
    assert word["measures"] == "更换阀门\n排气"
    assert [(one["celsius"], one["room"], one["signed"]) for one in word["readings"]] == [
        (20.5, "bedroom", True)
    ]
    (file,) = word["evidence"]
    assert file["media_type"] == "image/jpeg"
    shown = await desk.client.get(f"/workbench/assignments/a-1/files/{file['id']}")
    assert (shown.content, shown.headers["content-type"]) == (PHOTO, "image/jpeg")
    assert "sandbox" in shown.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("verb", "typed", "field", "problem"),
    [
        ("resolved", {"outcome": "solved", "measures": "换阀"}, "reply", "必填"),
        (
            "resolved",
            {"outcome": "solved", "measures": "x", "reply": "y", "readings.0.celsius": "热"},
            "readings",
            "请填数字",
        ),
        (
            "resolved",
            {"outcome": "solved", "measures": "x", "reply": "y", "excuse.until": "2030-01-01T00:00"},
            "excuse.code",
            "必填",
        ),
        ("returned", {"reason_code": "", "reason": "x"}, "reason_code", "必填"),
        (
            "returned",
            {"reason_code": "other", "reason": "x", "suggested_agency": "nobody"},
            "suggested_agency",
            "没有这个承办单位",
        ),
        ("extension_requested", {"until": "2020-01-01T00:00", "reason": "x"}, "until", "必须晚于"),
        ("extension_requested", {"until": "not a day", "reason": "x"}, "until", "完整的日期"),
        ("accepted", {"at": "2099-01-01T00:00"}, "at", "时间还没到"),
        ("accepted", {"at": "2020-01-01T00:00"}, "at", "早于派单"),
        ("accepted", {"at": ""}, "at", "必填"),
    ],
)
async def test_a_refusal_stands_beside_its_field_and_what_was_typed_stays(
    desk: Desk, verb: str, typed: dict[str, str], field: str, problem: str
) -> None:
    form = await desk.form("a-1", verb)

    answer = await desk.send("a-1", verb, form | typed | {"by.name": "原话不丢"})

    assert answer.status_code == 422
    assert desk.said() == []
    (part,) = re.findall(rf'<form id="say-{verb}".*?</form>', answer.text, re.S)
    (wrong,) = re.findall(r'<(?:div|fieldset) class="field wrong">(.*?)\n</(?:div|fieldset)>', part, re.S)
    assert problem in wrong
    assert f'name="{field}"' in wrong or field == "readings"
    assert "原话不丢" in part


async def test_files_that_were_taken_need_not_be_sent_again(desk: Desk) -> None:
    form = await desk.form("a-1", "resolved")
    photo = ("evidence", ("1.jpg", PHOTO, "image/jpeg"))

    first = await desk.send("a-1", "resolved", form | {"outcome": "solved", "measures": "x"}, files=[photo])
    (kept,) = re.findall(r'name="evidence.kept" value="([^"]+)"', first.text)
    typed = form | {"outcome": "solved", "measures": "x", "reply": "y", "evidence.kept": kept}
    second = await desk.send("a-1", "resolved", typed)

    assert (first.status_code, second.status_code) == (422, 303)
    assert [one["media_type"] for one in desk.said()[0]["evidence"]] == ["image/jpeg"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([("page.html", b"<script>alert(1)</script>")], "不是照片"),
        ([("big.jpg", PHOTO + bytes(10 * 1024 * 1024))], "超过 10 MB"),
        ([(f"{n}.jpg", PHOTO + bytes([n])) for n in range(7)], "至多 6 张"),
    ],
)
async def test_a_file_that_is_no_photo_is_refused_beside_the_field(
    desk: Desk, files: list[tuple[str, bytes]], problem: str
) -> None:
    form = await desk.form("a-1", "resolved") | {"outcome": "solved", "measures": "x", "reply": "y"}

    answer = await desk.send("a-1", "resolved", form, files=[("evidence", file) for file in files])

    assert answer.status_code == 422
    assert problem in answer.text
    assert desk.said() == []


async def test_a_form_that_cannot_be_read_is_answered_by_a_page(desk: Desk) -> None:
    files = [("evidence", (f"{n}.jpg", PHOTO)) for n in range(41)]

    answer = await desk.send("a-1", "resolved", {}, files=files)

    assert (answer.status_code, "没有提交" in answer.text) == (400, True)
    assert desk.said() == []


async def test_an_assignment_that_is_over_offers_nothing_and_says_so_to_an_old_form(desk: Desk) -> None:
    form = await desk.form("a-1", "accepted")
    await desk.says("a-1", "returned", reason_code="other", reason="不归我们")
    await desk.settled()

    late = await desk.send("a-1", "accepted", form)

    assert late.status_code == 409
    assert "<form id=" not in await desk.page("/assignments/a-1")


async def test_an_engine_that_is_away_leaves_what_was_typed(desk: Desk) -> None:
    desk.bus.away = True

    answer = await desk.says("a-1", "accepted", note="马上到")

    assert answer.status_code == 503
    assert "马上到" in answer.text
