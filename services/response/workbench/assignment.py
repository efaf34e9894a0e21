"""The page of one assignment: what is known of it, what its agency may say, and its files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from services.response.speaking import VERBS, known, speak
from services.response.workbench import forms, photos, view
from services.response.workbench.forms import MOST_PHOTOS
from services.response.workbench.session import PATH, Session
from services.response.workbench.shell import Shell
from shared.contracts.values import Attachment, FieldError
from shared.files import MOST_BYTES
from shared.front import id_of
from shared.http import Problem
from shared.loop.documents import Stored
from shared.loop.envelope import now
from shared.service import Running

MOST_FORM_BYTES = MOST_PHOTOS * MOST_BYTES + 256 * 1024
PATIENCE = 2.0
"""So many seconds a post is waited for before the page says that it is still being worked on."""


@dataclass(frozen=True)
class Posted:
    """A form that was not taken: what was typed, the files that were kept, what is wrong, and where."""

    form: forms.Form
    typed: Mapping[str, str]
    files: Sequence[Attachment]
    beside: Mapping[str, Sequence[str]]
    above: Sequence[str]


def routes(shell: Shell, running: Running) -> None:
    """Adds /assignments/{id} and what lies below it."""
    app, page, sessions = shell.app, shell.page, shell.sessions
    directory = running.settings.files_dir

    async def mine(session: Session, assignment_id: str) -> Stored:
        return await known(running, assignment_id, session.agency)

    def facts(session: Session, stored: Stored, said: str, verb: str) -> dict[str, Any]:
        """The part of an assignment that goes on by itself. ``said``: the id of what was just posted."""
        done = not said or f"{session.agency.id}/{said}" in stored.applied
        done = done or forms.STEP_OF.get(verb) in stored.state.taken
        form, due = forms.BY_VERB.get(verb), view.due(stored.state, now())
        return {
            "one": stored.state,
            "said": said,
            "verb": verb,
            "posted": form.title if said and form is not None else "",
            "done": done,
            "seen": view.fingerprint(stored.version, done, due and (due.overdue, due.near)),
        }

    def spoken(session: Session, stored: Stored, posted: Posted | None = None) -> dict[str, Any]:
        """The part that somebody may be typing into."""
        offered = forms.offered(stored.state)
        agencies = running.jurisdiction.tenants.of_kind("agency")
        others = {one.id: one.name_zh for one in agencies if one.active and one.id != session.agency.id}
        return {
            "offered": offered,
            "posted_form": posted,
            "keys": {form.verb: f"page.{uuid4()}" for form in forms.FORMS},
            "others": others,
            "readings": range(forms.MOST_READINGS),
            "most_bytes": MOST_BYTES,
        }

    @app.get("/assignments/{assignment_id}")
    async def assignment(request: Request, assignment_id: str, said: str = "", verb: str = "") -> Response:
        session = sessions.of(request)
        stored = await mine(session, assignment_id)
        shown = facts(session, stored, said, verb)
        end = asyncio.get_running_loop().time() + PATIENCE
        while not shown["done"] and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.1)
            stored = await mine(session, assignment_id)
            shown = facts(session, stored, said, verb)
        return page("assignment.html", session=session, **shown, **spoken(session, stored))

    @app.get("/assignments/{assignment_id}/facts")
    async def facts_part(
        request: Request, assignment_id: str, said: str = "", verb: str = "", seen: str = "", state: str = ""
    ) -> Response:
        """What is known of it again, or 204 while that is as it was. ``state``: for which the forms were made."""
        session = sessions.of(request)
        shown = facts(session, await mine(session, assignment_id), said, verb)
        if shown["seen"] == seen:
            return Response(status_code=204)
        return page("_facts.html", made_for=state, **shown)

    @app.post("/assignments/{assignment_id}/{verb}")
    async def say(request: Request, assignment_id: str, verb: str) -> Response:
        session = sessions.of(request)
        stored = await mine(session, assignment_id)
        form = forms.BY_VERB.get(verb)
        if form is None:
            raise HTTPException(404)
        _small_enough(request)
        async with request.form(max_files=40, max_fields=60) as sent:
            shell.confirm(request, session, sent)
            files, errors = await photos.taken(sent, directory, running.receipts, session.agency)
            typed = {name: value for name, value in sent.items() if not isinstance(value, UploadFile)}
        try:
            if errors:
                raise Problem(422, "", errors)
            id = id_of(typed.get("key"))
            data = forms.filled(form, typed, files, shell.lens().zone)
            data["assignment_id"] = assignment_id
            if f"{session.agency.id}/{id}" not in stored.applied:
                await speak(running, assignment_id, VERBS[verb], data, id, session.agency)
        except Problem as error:
            posted = Posted(form, typed, files, *forms.placed(form, error.errors or [_plain(error)]))
            shown = facts(session, stored, "", "") | spoken(session, stored, posted)
            return page("assignment.html", error.status, session=session, **shown)
        return RedirectResponse(f"{PATH}/assignments/{assignment_id}?said={id}&verb={verb}", 303)

    @app.get("/assignments/{assignment_id}/files/{file}")
    async def attached(request: Request, assignment_id: str, file: str) -> Response:
        """A file of an assignment of one's own."""
        stored = await mine(sessions.of(request), assignment_id)
        found = await photos.shown(directory, file) if view.may_see(stored.state, file) else None
        if found is None:
            raise HTTPException(404)
        return found


def _small_enough(request: Request) -> None:
    """Raises Problem 411 or 413 before anything is read."""
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) < 15):
        raise Problem(411, "content-length: is required")
    if int(length) > MOST_FORM_BYTES:
        raise Problem(413, f"照片太大：每张至多 10 MB，至多 {MOST_PHOTOS} 张。")


def _plain(error: Problem) -> FieldError:
    return FieldError(field="", problem=error.detail)
