"""The agency's page on documents in memory: who gets in, what is shown, what a form says."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.response.workbench.pages import MOST_BEHIND
from services.response.workbench.session import COOKIE
from shared.contracts.routing import CaseExtensionDecided, CaseUpdated
from shared.contracts.values import Attachment, Meeting, PlanStep
from shared.files import save
from shared.loop.envelope import now
from shared.policy import Jurisdiction
from tests.support.assignments import AGENCY, OTHER, SAMPLE
from tests.support.messages import own, said
from tests.support.tokens import bearer, holding
from tests.unit.response.test_response_http import Front

DISTRICT = holding(SAMPLE)
PHOTO = b"\xff\xd8\xff\xe0 a photo"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
LONG = "暖" * 900 + "x" * 900


class Desk(Front):
    """The service as in production, and a browser in front of it."""

    def __init__(self, directory: Path, district: Jurisdiction = DISTRICT) -> None:
        super().__init__(directory, "required", district)
        self.directory = directory
        self.client.base_url = httpx.URL("https://response")

    async def sign_in(self, agency: str = AGENCY) -> httpx.Response:
        return await self.client.post("/workbench/sign-in", data={"token": f"nl_{agency}"})

    async def page(self, path: str = "/", status: int = 200) -> str:
        answer = await self.client.get(f"/workbench{path}")
        assert answer.status_code == status, answer.text
        return answer.text

    async def form(self, id: str, verb: str) -> dict[str, str]:
        """The hidden inputs and the time of a form, as they were sent."""
        text = await self.page(f"/assignments/{id}")
        (part,) = re.findall(rf'<form id="say-{verb}".*?</form>', text, re.S)
        found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', part))
        (at,) = re.findall(r'name="at" type="datetime-local" value="([^"]+)"', part)
        return found | {"at": at}

    async def send(self, id: str, verb: str, typed: dict[str, str], **more: Any) -> httpx.Response:
        return await self.client.post(f"/workbench/assignments/{id}/{verb}", data=typed, **more)

    async def says(self, id: str, verb: str, **typed: str) -> httpx.Response:
        form = await self.form(id, verb)
        return await self.send(id, verb, form | {k.replace("__", "."): v for k, v in typed.items()})

    def said(self) -> list[dict[str, Any]]:
        stream = self.bus.streams.get(f"RESPONSE_{AGENCY}")
        return [json.loads(body) for _, _, body, _ in stream.messages] if stream else []


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    """Signed in, with one assignment."""
    made = Desk(tmp_path)
    assert (await made.sign_in()).status_code == 303
    await made.ordered("a-1")
    return made


# --- who gets in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/list", "/assignments/a-1", "/assignments/a-1/facts", "/rates"])
async def test_who_is_not_signed_in_is_asked_for_the_token(tmp_path: Path, path: str) -> None:
    desk = Desk(tmp_path)
    await desk.ordered("a-1")

    answer = await desk.client.get(f"/workbench{path}", headers=bearer(AGENCY))

    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/sign-in")


async def test_a_token_opens_a_session_whose_cookie_is_not_the_token(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    answer = await desk.sign_in()

    cookie = answer.headers["set-cookie"]
    assert answer.headers["location"] == "/workbench/"
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/workbench"} <= set(cookie.split("; "))
    assert f"nl_{AGENCY}" not in cookie
    assert "没有承办单" in await desk.page()


@pytest.mark.parametrize("token", ["nl_wrong", "", f"nl_{SAMPLE.tenants.of_kind('channel')[0].id}"])
async def test_another_token_is_refused_beside_the_field(tmp_path: Path, token: str) -> None:
    desk = Desk(tmp_path)

    answer = await desk.client.post("/workbench/sign-in", data={"token": token})

    assert answer.status_code == 401
    assert "token-problem" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "district", [SAMPLE, holding(SAMPLE, state="suspended"), holding(SAMPLE, rights=("nats",))]
)
async def test_a_token_taken_back_ends_the_session_at_the_next_request(
    desk: Desk, district: Jurisdiction
) -> None:
    form = await desk.form("a-1", "accepted")
    desk.running.live.now = district  # type: ignore[misc]

    shown = await desk.client.get("/workbench/assignments/a-1")
    spoken = await desk.send("a-1", "accepted", form)

    assert (shown.status_code, spoken.status_code) == (401, 401)
    assert "王秀英" not in shown.text
    assert desk.said() == []


async def test_a_cookie_of_another_seal_is_no_session(desk: Desk, tmp_path: Path) -> None:
    elsewhere = Desk(tmp_path)
    await elsewhere.sign_in()
    desk.client.cookies = elsewhere.client.cookies

    assert (await desk.client.get("/workbench/")).status_code == 401


async def test_signing_out_forgets_the_session(desk: Desk) -> None:
    text = await desk.page()
    (mark,) = re.findall(r'name="mark" value="([^"]+)"', text)

    forged = await desk.client.post("/workbench/sign-out", data={"mark": "x"})
    out = await desk.client.post("/workbench/sign-out", data={"mark": mark})

    assert (forged.status_code, out.status_code) == (403, 303)
    assert COOKIE not in desk.client.cookies


# --- posts of this page only ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://elsewhere"}],
)
async def test_a_post_of_another_site_says_nothing(desk: Desk, headers: dict[str, str]) -> None:
    form = await desk.form("a-1", "accepted")

    answer = await desk.send("a-1", "accepted", form, headers=headers)
    entered = await desk.client.post("/workbench/sign-in", data={"token": f"nl_{OTHER}"}, headers=headers)

    assert (answer.status_code, entered.status_code) == (403, 403)
    assert desk.said() == []


@pytest.mark.parametrize("mark", ["", "x", "暖"])
async def test_a_form_without_the_mark_of_the_session_says_nothing(desk: Desk, mark: str) -> None:
    form = await desk.form("a-1", "accepted")

    assert (await desk.send("a-1", "accepted", form | {"mark": mark})).status_code == 403
    assert desk.said() == []


async def test_what_the_page_is_allowed_is_said_with_every_answer(desk: Desk) -> None:
    for path in ("/", "/assignments/a-1", "/nowhere", "/face/workbench.css"):
        answer = await desk.client.get(f"/workbench{path}")
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
    text = await desk.page("/assignments/a-1")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=|https?://", text)


# --- one's own, and nobody else's -----------------------------------------------------------------------------------


async def test_another_agencys_assignment_is_as_if_it_were_not_there(desk: Desk) -> None:
    form = await desk.form("a-1", "accepted")
    await desk.ordered("b-1", agency=OTHER)
    file = save(desk.directory, PHOTO, "image/jpeg", desk.running.receipts)
    await desk.loop.settle([own(desk.bus, _more("b-1", file))])

    foreign, absent = await desk.page("/assignments/b-1", 404), await desk.page("/assignments/nowhere", 404)
    said = await desk.send("b-1", "accepted", form)
    photo = await desk.client.get(f"/workbench/assignments/b-1/files/{file.id}")
    through_mine = await desk.client.get(f"/workbench/assignments/a-1/files/{file.id}")

    assert foreign == absent
    assert [said.status_code, photo.status_code, through_mine.status_code] == [404, 404, 404]
    assert "b-1" not in await desk.page()
    assert not desk.bus.streams.get(f"RESPONSE_{OTHER}")


async def test_the_list_counts_by_state_and_shows_what_is_awaited(desk: Desk) -> None:
    await desk.ordered("a-2", summary="二号楼漏水")
    await desk.says("a-2", "returned", reason_code="not_ours", reason="不在范围")
    await desk.settled()

    awaited, returned = await desk.page(), await desk.page("/?state=returned")

    assert ("a-a-1" in awaited, "a-a-2" in awaited) == (True, False)
    assert ("a-a-1" in returned, "a-a-2" in returned) == (False, True)
    assert "已退单 <b>1</b>" in awaited


async def test_the_list_is_sent_again_only_when_it_changed(desk: Desk) -> None:
    (ask,) = re.findall(r'hx-get="([^"]+)"', await desk.page())

    before = await desk.client.get(unescape(ask))
    await desk.ordered("a-2")
    after = await desk.client.get(unescape(ask))

    assert (before.status_code, after.status_code) == (204, 200)
    assert "a-a-2" in after.text
    assert "<html" not in after.text


async def test_what_changes_is_shown_beside_a_form_that_stays(desk: Desk) -> None:
    (ask,) = re.findall(r'hx-get="([^"]+)"', await desk.page("/assignments/a-1"))

    assert (await desk.client.get(unescape(ask))).status_code == 204
    await desk.client.post(
        "/api/v1/assignments/a-1/accepted", json={"at": now().isoformat()}, headers=bearer(AGENCY)
    )
    await desk.settled()
    after = await desk.client.get(unescape(ask))

    assert "状态已变为“已签收”" in after.text
    assert "<form" not in after.text


# --- what is said ---------------------------------------------------------------------------------------------------


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


# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [HOSTILE, LONG])
async def test_hostile_and_endless_words_are_shown_as_words(desk: Desk, words: str) -> None:
    await desk.ordered("a-2", summary=words, text=words, disclose="at_once")
    await desk.says("a-2", "accepted", note=words, by__name=words[:200])
    await desk.settled()

    for text in (await desk.page(), await desk.page("/assignments/a-2"), await desk.page("/rates")):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert words in unescape(text)


async def test_before_acceptance_the_page_shows_no_door_and_no_phone(desk: Desk) -> None:
    shown = await desk.page("/assignments/a-1") + await desk.page()

    assert not [secret for secret in ("502室", "家502", "13812345678", "王秀英") if secret in shown]
    assert "138****5678" in shown


async def test_a_name_that_is_a_path_finds_no_file(desk: Desk) -> None:
    (desk.directory.parent / "secret").write_bytes(PHOTO)
    wrong = Attachment(id="../secret", media_type="image/jpeg", sha256="0" * 64)
    await desk.loop.settle([own(desk.bus, _more("a-1", wrong))])

    answer = await desk.client.get("/workbench/assignments/a-1/files/..%2Fsecret")

    assert answer.status_code == 404


async def test_a_file_that_is_no_picture_is_saved_and_not_opened(desk: Desk) -> None:
    content = b"<script>alert(1)</script>"
    file = save(desk.directory, content, "image/svg+xml", desk.running.receipts)
    await desk.loop.settle([own(desk.bus, _more("a-1", file))])

    answer = await desk.client.get(f"/workbench/assignments/a-1/files/{file.id}")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_whistle_a_meeting_and_a_step_of_a_plan_are_shown(desk: Desk) -> None:
    soon = now() + timedelta(minutes=20)
    step = PlanStep(number=2, of=5, task="<b>管网验收</b>")
    await desk.ordered("a-2", report_in_by=soon, step=step)
    meeting = Meeting(when=soon, where="3 号换热站", agenda="现场调平")
    called = CaseUpdated(
        case_id="case-1", at=now(), assignment_id="a-2", appeals=1, households=1, meeting=meeting
    )
    await desk.loop.settle([own(desk.bus, called)])

    text, listed = await desk.page("/assignments/a-2"), await desk.page("/")

    assert "专班计划第 2/5 步：&lt;b&gt;管网验收" in text
    assert "3 号换热站。议题：现场调平" in text
    assert '<th scope="row">报到</th>' in text
    assert "<span>报到</span>" in listed

    await desk.says("a-2", "accepted")
    await desk.settled()

    assert "<span>报到</span>" not in await desk.page("/")


async def test_more_time_is_shown_while_asked_for_and_when_given(desk: Desk) -> None:
    await desk.says("a-1", "extension_requested", until="2030-05-01T08:00", reason="等配件")
    await desk.settled()
    asked = await desk.page("/assignments/a-1")
    until = now().replace(year=2030, month=5, day=1, hour=0, minute=0)
    decided = CaseExtensionDecided(
        case_id="case-1",
        agency=AGENCY,
        at=now(),
        assignment_id="a-1",
        granted=True,
        resolve_by=until,
        reason="同意",
    )
    await desk.loop.settle([own(desk.bus, decided)])

    assert "已申请延期到 2030-05-01 08:00" in asked
    assert "<td>2030-05-01 08:00</td>" in await desk.page("/assignments/a-1")


async def test_what_ones_programs_were_refused_is_listed_and_nobody_elses(desk: Desk) -> None:
    for tenant in (AGENCY, OTHER):
        message = said(
            desk.bus, {"assignment_id": HOSTILE, "at": now().isoformat()}, f"{tenant}-1", tenant, "accepted"
        )
        await desk.loop.settle([message])
    for sequence in range(1, len(desk.bus.ids("INNER")) + 1):
        await desk.loop.settle([desk.bus.deliver("INNER", sequence)])

    text = await desk.page("/refusals")

    assert f"编号 {AGENCY}-1" in text
    assert "没有这个承办单" in text
    assert f"{OTHER}-1" not in text
    assert "<script>alert" not in text


async def test_all_of_a_month_is_counted_and_the_first_hundred_are_named(desk: Desk) -> None:
    for number in range(MOST_BEHIND + 20):
        await desk.ordered(f"m-{number:03}")

    text = re.sub(r"\s+", " ", await desk.page("/rates"))

    assert f"本月派来 {MOST_BEHIND + 21} 件" in text
    assert f"<small>0 / {MOST_BEHIND + 21}</small>" in text
    assert text.count('href="/workbench/assignments/') == MOST_BEHIND
    assert "另有 21 件未列出" in text


async def test_the_rates_show_what_was_counted(desk: Desk) -> None:
    await desk.ordered("a-2", case_no="NH-2")
    await desk.says("a-1", "accepted")
    await desk.says("a-2", "returned", reason_code="other", reason="不归我们")
    await desk.settled()

    text = re.sub(r"\s+", " ", await desk.page("/rates"))

    assert re.search(r"按时签收率</h2> <p class=\"figure\">100.0 % <small>1 / 1", text)
    assert re.search(r"退单率</h2> <p class=\"figure\">50.0 % <small>1 / 2", text)
    assert re.search(r"返工率</h2> <p class=\"figure\">— <small>0 / 0", text)
    assert "本月派来 0 件" in await desk.page("/rates?month=2020-12")


def _more(id: str, file: Attachment) -> CaseUpdated:
    return CaseUpdated(
        case_id="case-1", at=now(), assignment_id=id, appeals=2, households=2, attachments=[file]
    )
