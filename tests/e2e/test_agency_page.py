"""The agency's page in a browser, on a phone and at a desk: from the assignment to done, and what is refused."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.journey import COLD, LIFT, Journey, Journeys
from tests.e2e.outsider import now
from tests.e2e.running import ROOT, Up, nuanliu
from tests.support.browser import Looking, axe, chromium, context, picture
from tests.support.waiting import until_there

PATIENCE = 20_000


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def axe_source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe(tmp_path_factory.mktemp("axe"))


def token(up: Up, agency: str) -> str:
    """A fresh token, as the centre gives it out."""
    command = nuanliu("tenant", "token", agency, "--dir", str(up.directory))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


async def signed_in(page: Page, base: str, shown: str) -> None:
    """With the keyboard alone; a token just given out is known within seconds."""

    async def enter() -> bool | None:
        await page.goto(f"{base}/workbench/sign-in")
        await page.keyboard.type(shown)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        return None if page.url.endswith("/sign-in") else True

    await until_there(enter)


def form(page: Page, verb: str) -> Any:
    return page.locator(f"#say-{verb}")


async def opened(page: Page, verb: str) -> Any:
    """The form of a verb, unfolded."""
    said = page.locator("details", has=page.locator(f"#say-{verb}"))
    if await said.get_attribute("open") is None:
        await said.locator("summary").click()
    return form(page, verb)


@pytest.mark.parametrize(("device", "about"), [("phone", COLD), ("desk", LIFT)])
async def test_a_clerk_works_an_assignment_to_its_end(
    device: str,
    about: str,
    up: Up,
    browser: Browser,
    axe_source: str,
    journeys: Journeys,
    http: dict[str, httpx.AsyncClient],
    tmp_path: Path,
) -> None:
    base = str(http["response"].base_url).rstrip("/")
    before = picture((60, 90, 160))
    handed_in = (await http["intake"].post("/api/v1/files", files={"file": ("a.png", before)})).json()
    first = await journeys.start(about, attachments=[handed_in])
    looking = Looking(await (await context(browser, device)).new_page(), axe_source, tmp_path)
    page = looking.page
    page.set_default_timeout(PATIENCE)

    await page.goto(f"{base}/workbench/")
    await looking.judged("0-sign-in")
    await page.get_by_label("本单位的令牌").fill("nl_wrong")
    await page.get_by_role("button", name="登录").click()
    await expect(page.locator(".problem")).to_contain_text("令牌无效")
    await looking.judged("1-not-let-in")
    await signed_in(page, base, await asyncio.to_thread(token, up, first.lead.name))

    await expect(page.locator(f"#a-{first.order['assignment_id']}")).to_be_visible()
    journey = await another(journeys, about, first)
    arrived = page.locator(f"#a-{journey.order['assignment_id']}")
    await expect(arrived).to_be_visible(timeout=PATIENCE)  # the page was not loaded again
    await looking.judged("2-list")

    await page.goto(f"{base}/workbench/assignments/{first.order['assignment_id']}")
    await expect(page.locator(".photos img")).to_be_visible()
    shown = await page.locator(".photos img").evaluate(
        "async (one) => { await one.decode(); return one.naturalWidth; }"
    )
    assert shown == 640
    await looking.judged("3-assigned")

    accept = form(page, "accepted")
    await accept.get_by_label("经办人").fill("李师傅")
    await accept.get_by_role("button", name="签收").dblclick(no_wait_after=True)
    await expect(page.get_by_text("“签收”已生效")).to_be_visible()
    await first.channel.hears("progressed", case_id=first.case_id, stage="accepted")

    contact = form(page, "contacted")
    await contact.get_by_label("怎样联系的").fill("电话")
    await contact.get_by_role("button", name="报已联系").click()
    await expect(page.get_by_text("“已联系群众”已生效")).to_be_visible()
    await looking.judged("4-contacted")

    done = await opened(page, "resolved")
    await done.get_by_label("做了什么").fill("上门检修，更换损坏的部件。")
    await first.channel.say("urged", {"appeal_id": first.appeal_id})
    await expect(page.locator("#facts .tag", has_text="催办")).to_be_visible(timeout=PATIENCE)
    await expect(done.get_by_label("做了什么")).to_have_value("上门检修，更换损坏的部件。")

    await done.locator("select[name=outcome]").select_option("solved")
    await done.get_by_label("第 1 处 ℃").fill("20.5")
    after = {"name": "阀门.png", "mimeType": "image/png", "buffer": picture((170, 90, 40))}
    await done.get_by_label("照片").set_input_files([after])
    await done.get_by_role("button", name="报办结").click()
    await expect(page.get_by_text("没有提交")).to_be_visible()
    await expect(form(page, "resolved").locator(".wrong")).to_contain_text("必填")
    await expect(form(page, "resolved").locator(".kept")).to_contain_text("已收下 1 张")
    await looking.judged("5-refused")

    done = form(page, "resolved")
    await done.get_by_label("给居民的答复").fill("已经修好，请您留意使用情况。")
    await done.get_by_role("button", name="报办结").click()
    await expect(page.get_by_text("“办结”已生效")).to_be_visible()
    await expect(page.locator(".photos img")).to_have_count(2)
    await looking.judged("6-resolved")
    said = (
        await first.lead.hears("updated", assignment_id=first.order["assignment_id"])
        if about == COLD
        else None
    )
    assert said is None or said["contact"]["phone"] == "13812340000"
    await first.finish_revisit()
    await expect(page.locator("#facts .state").first).to_have_text("已了结", timeout=PATIENCE)

    late = await first.lead.say("accepted", {"assignment_id": "no-such", "at": now()})
    await first.lead.hears("refused", in_reply_to=late)
    await until_shown(page, f"{base}/workbench/refusals", late)
    await looking.judged("8-not-applied")

    await page.get_by_role("link", name="我的指标").click()
    await page.locator("summary").first.click()
    await looking.judged("7-rates")
    await page.get_by_role("button", name="退出").click()
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await page.goto(f"{base}/workbench/")
    await expect(page).to_have_url(re.compile("/sign-in$"))
    assert [one["in_reply_to"] for one in first.lead.all("refused")] == [
        late
    ]  # the double click was no second word


async def until_shown(page: Page, address: str, text: str) -> None:
    """Looks again and again, as somebody who waits would."""

    async def look() -> bool | None:
        await page.goto(address)
        return True if text in await page.content() else None

    await until_there(look)


async def another(journeys: Journeys, about: str, first: Journey) -> Journey:
    """One more assignment of the same agency."""
    while (journey := await journeys.start(about)).lead.name != first.lead.name:
        pass
    return journey
