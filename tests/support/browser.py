"""A real browser: Debian's Chromium, and axe to judge what it shows."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
AXE = "axe-core@4.14.1"
DEVICES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 360, "height": 740},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
    "desk": {"viewport": {"width": 1280, "height": 800}},
}


def picture(colour: tuple[int, int, int], width: int = 640, height: int = 480) -> bytes:
    """A PNG of one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def axe(directory: Path) -> str:
    """The source of axe, installed into a directory of the test's own."""
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(directory),
        AXE,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return (directory / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-cjk"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--lang=zh-CN"]
        )
        yield browser
        await browser.close()


class Looking:
    """One device's page. ``complaints``: what the browser itself found wrong, a refused script for instance."""

    def __init__(self, page: Page, axe: str, shots: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._axe = axe
        self._shots = shots
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    async def judged(self, name: str) -> None:
        """Takes a picture of all of it; AssertionError if axe finds something, or if it is wider than the device."""
        await self.page.screenshot(path=self._shots / f"{name}.png", full_page=True)
        wide = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name}: {wide} pixels too wide"
        await self.page.evaluate(self._axe)
        found = await self.page.evaluate("axe.run(document)")
        wrong = [
            f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
            for one in found["violations"]
        ]
        assert not wrong, f"{name}: {json.dumps(wrong, ensure_ascii=False, indent=1)}"
        assert not self.complaints


async def context(browser: Browser, device: str) -> BrowserContext:
    return await browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **DEVICES[device])
