"""Evidence is of who handed it in: an agency attaches its own files, reads those of its assignments, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.response.store import ASSIGNMENTS, REFUSALS
from shared.contracts.routing import CaseUpdated
from shared.contracts.values import Attachment
from shared.files import save
from shared.loop.envelope import now
from shared.receipts import Receipts
from tests.support.assignments import AGENCY, OTHER, SAMPLE
from tests.support.messages import own, said
from tests.support.response_front import Front
from tests.support.tokens import bearer, holding

PHOTO = b"\xff\xd8\xff photo"
INTAKE = Receipts(b"the seed of intake", "required")


class Agencies(Front):
    """In production, with an assignment of heating's, and one of another agency's."""

    async def begin(self) -> Agencies:
        await self.ordered("a-1")
        await self.ordered("b-1", agency=OTHER)
        return self

    async def handed_in(self, agency: str, content: bytes = PHOTO) -> dict[str, Any]:
        file = {"file": ("阀门.jpg", content, "image/jpeg")}
        answer = await self.client.post("/api/v1/files", files=file, headers=bearer(agency))
        assert answer.status_code == 202
        return dict(answer.json())

    async def resolves(self, id: str, agency: str, **files: Any) -> httpx.Response:
        body = DONE | {"at": now().isoformat()} | files
        return await self.client.post(f"/api/v1/assignments/{id}/resolved", json=body, headers=bearer(agency))

    async def reads(self, id: str, file: str, agency: str) -> httpx.Response:
        return await self.client.get(f"/api/v1/assignments/{id}/files/{file}", headers=bearer(agency))

    def state(self, id: str) -> str:
        return str(self.documents.state(ASSIGNMENTS, id).state)


DONE = {"outcome": "solved", "measures": "更换阀门", "reply": "已恢复供暖"}


@pytest.fixture
async def here(tmp_path: Path) -> Agencies:
    return await Agencies(tmp_path, "required", holding(SAMPLE)).begin()


async def test_an_agency_attaches_what_it_handed_in(here: Agencies) -> None:
    mine = await here.handed_in(AGENCY)
    reading = {"celsius": 19, "room": "bedroom", "at": now().isoformat(), "photo": mine["id"]}

    answer = await here.resolves("a-1", AGENCY, evidence=[mine], readings=[reading])

    assert answer.status_code == 202
    assert len(here.bus.streams[f"RESPONSE_{AGENCY}"].messages) == 1


async def test_what_another_handed_in_or_nobody_did_or_is_not_that_file_is_refused_by_field(
    here: Agencies,
) -> None:
    mine, theirs = await here.handed_in(AGENCY), await here.handed_in(OTHER)
    reading = {"celsius": 19, "room": "bedroom", "at": now().isoformat()}

    for files, field in (
        ({"evidence": [mine, theirs]}, "evidence.1.id"),
        ({"evidence": [mine | {"id": "f-1"}]}, "evidence.0.id"),
        ({"evidence": [mine | {"id": mine["id"][:36]}]}, "evidence.0.id"),
        ({"evidence": [mine | {"sha256": "0" * 64}]}, "evidence.0.sha256"),
        ({"readings": [reading | {"photo": theirs["id"]}]}, "readings.0.photo"),
    ):
        answer = await here.resolves("a-1", AGENCY, **files)
        assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, [field])
    assert not here.bus.streams.get(f"RESPONSE_{AGENCY}")


async def test_over_nats_the_same_is_refused_kept_and_listed_and_once_its_own_applied(here: Agencies) -> None:
    mine, theirs = await here.handed_in(AGENCY), await here.handed_in(OTHER)
    word = DONE | {"assignment_id": "a-1", "at": now().isoformat()}

    foreign = said(here.bus, word | {"evidence": [theirs]}, id="m-1", verb="resolved")
    await here.loop.settle([foreign])
    await here.loop.settle([here.bus.again(foreign)])
    refused = [json.loads(body) for body in here.bus.bodies(f"dispatch.{AGENCY}.refused.v1")]
    await here.loop.settle([here.bus.deliver("INNER", len(here.bus.ids("INNER")))])
    before = here.state("a-1")
    await here.loop.settle([said(here.bus, word | {"evidence": [mine]}, id="m-2", verb="resolved")])

    assert [(one["in_reply_to"], one["errors"][0]["field"]) for one in refused] == [("m-1", "evidence.0.id")]
    (listed,) = here.documents.state(REFUSALS, AGENCY).latest
    assert [error.field for error in listed.errors] == ["evidence.0.id"]
    assert {delivery.sequence for delivery, _ in here.bus.buried} == {foreign.sequence}
    assert (before, here.state("a-1")) == ("assigned", "resolved")


async def test_what_was_applied_before_files_were_looked_at_is_taken_again(here: Agencies) -> None:
    word = DONE | {"assignment_id": "a-1", "at": now().isoformat(), "evidence": [_bare()]}
    sent = said(here.bus, word, id="m-1", verb="resolved")
    here.loop._fold._vet = lambda _event, _tenant: ()
    await here.loop.settle([sent])
    here.loop._fold._vet = here.running.receipts.wrong

    await here.loop.settle([here.bus.again(sent)])

    assert here.state("a-1") == "resolved"
    assert here.bus.bodies(f"dispatch.{AGENCY}.refused.v1") == []


async def test_files_of_the_appeal_are_read_by_whom_the_case_is_dispatched_to_and_attached_by_nobody_else(
    here: Agencies,
) -> None:
    directory = here.running.settings.files_dir
    file = save(directory, PHOTO, "image/jpeg", INTAKE, SAMPLE.tenants.of_kind("channel")[0])
    await here.loop.settle([own(here.bus, _more("a-1", file))])

    read = await here.reads("a-1", file.id, AGENCY)
    others = [
        (await here.reads(id, file.id, agency)).status_code
        for id, agency in (("a-1", OTHER), ("b-1", OTHER), ("b-1", AGENCY))
    ]
    attached = await here.resolves("b-1", OTHER, evidence=[file.model_dump()])

    assert (read.content, read.headers["content-type"]) == (PHOTO, "image/jpeg")
    assert others == [404] * 3
    assert (attached.status_code, attached.json()["errors"][0]["field"]) == (422, "evidence.0.id")


def _more(id: str, file: Attachment) -> CaseUpdated:
    return CaseUpdated(
        case_id="case-1", at=now(), assignment_id=id, appeals=2, households=2, attachments=[file]
    )


def _bare() -> dict[str, str]:
    return {"id": "photo-1", "media_type": "image/jpeg", "sha256": "ab" * 32}
