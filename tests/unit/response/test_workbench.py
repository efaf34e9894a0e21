"""The agency's page on documents in memory: what is shown, and to whom."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from services.response.workbench.pages import MOST_BEHIND
from shared.contracts.routing import CaseExtensionDecided, CaseUpdated
from shared.contracts.values import Attachment, Meeting, PlanStep
from shared.files import save
from shared.loop.envelope import now
from tests.support.assignments import AGENCY, OTHER
from tests.support.messages import own, said
from tests.support.tokens import bearer
from tests.support.workbench import HOSTILE, LONG, PHOTO, Desk, with_file


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return await Desk.at_work(tmp_path)


# --- one's own, and nobody else's -----------------------------------------------------------------------------------


async def test_another_agencys_assignment_is_as_if_it_were_not_there(desk: Desk) -> None:
    form = await desk.form("a-1", "accepted")
    await desk.ordered("b-1", agency=OTHER)
    file = save(desk.directory, PHOTO, "image/jpeg", desk.running.receipts)
    await desk.loop.settle([own(desk.bus, with_file("b-1", file))])

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
    await desk.loop.settle([own(desk.bus, with_file("a-1", wrong))])

    answer = await desk.client.get("/workbench/assignments/a-1/files/..%2Fsecret")

    assert answer.status_code == 404


async def test_a_file_that_is_no_picture_is_saved_and_not_opened(desk: Desk) -> None:
    content = b"<script>alert(1)</script>"
    file = save(desk.directory, content, "image/svg+xml", desk.running.receipts)
    await desk.loop.settle([own(desk.bus, with_file("a-1", file))])

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
