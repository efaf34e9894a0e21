"""The agency's page on documents in memory, as a clerk uses it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx

from shared.contracts.routing import CaseUpdated
from shared.contracts.values import Attachment
from shared.loop.envelope import now
from shared.policy import Jurisdiction
from tests.support.assignments import AGENCY, SAMPLE
from tests.support.response_front import Front
from tests.support.tokens import holding

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

    @classmethod
    async def at_work(cls, directory: Path) -> Desk:
        """Signed in, with one assignment."""
        made = cls(directory)
        assert (await made.sign_in()).status_code == 303
        await made.ordered("a-1")
        return made


def with_file(id: str, file: Attachment) -> CaseUpdated:
    """Another appeal behind an assignment, with a file."""
    return CaseUpdated(
        case_id="case-1", at=now(), assignment_id=id, appeals=2, households=2, attachments=[file]
    )
