"""HTTP of response (CONTRACTS 5): assignments as their agency may see them, and what an agency says about one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query, Request, Response

from services.response.domain.assignment import Assignment
from services.response.domain.disclosure import as_seen
from services.response.speaking import VERBS, known, speak
from services.response.store import ASSIGNMENTS
from services.response.workbench import photos
from services.response.workbench.view import may_see
from shared import files
from shared.access import Access
from shared.contracts.values import FieldError
from shared.front import Key, id_of, json_object, unusable
from shared.http import Problem
from shared.policy.tenants import Tenant
from shared.service import Running
from shared.veil import without_room

StateName = Literal[
    "assigned", "accepted", "arrived", "deferred", "resolved", "returned", "withdrawn", "concluded"
]
Limit = Annotated[int, Query(ge=1, le=200)]
OPEN_TO_ALL = (
    "assignment_id",
    "case_id",
    "case_no",
    "agency",
    "role",
    "lead_agency",
    "mode",
    "nature",
    "category",
    "urgency",
    "reported_at",
    "assigned_at",
    "accept_by",
    "contact_by",
    "arrive_by",
    "resolve_by",
    "appeals",
    "households",
    "urged",
    "level",
    "round",
    "policy",
    "state",
)
"""What is said of an assignment to who does not ask as its agency; words may hold a name, a phone or a door."""


def routes(app: FastAPI, running: Running) -> None:
    access = Access(lambda: running.jurisdiction.tenants, "agency", running.settings.http_tokens)
    asking: Any = Depends(access)
    files.routes(app, running.settings.files_dir, access, running.receipts)

    @app.get("/api/v1/assignments")
    async def assignments(
        request: Request,
        response: Response,
        asks: Tenant | None = asking,
        agency: str | None = None,
        state: StateName | None = None,
        limit: Limit = 50,
        after: str | None = None,
    ) -> list[dict[str, Any]]:
        """Assignments by id; when there may be more, the header `Link` names the next page.

        Of all agencies together they come without contact, room and anybody's words. Who shows a token sees its own.
        """
        if asks is not None:
            agency = _own(asks, agency)
        query: dict[str, Any] = {}
        if agency is not None:
            query["state.agency"] = agency
        if state is not None:
            query["state.state"] = state
        if after is not None:
            query["_id"] = {"$gt": after}
        found = await running.documents.query(ASSIGNMENTS, query, sort=[("_id", 1)], limit=limit)
        if len(found) == limit:
            more = request.url.include_query_params(after=found[-1].id)
            response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
        shown = _overview if agency is None else as_seen
        return [shown(stored.state) for stored in found]

    @app.get("/api/v1/assignments/{assignment_id}")
    async def assignment(assignment_id: str, asks: Tenant | None = asking) -> dict[str, Any]:
        """One assignment as it stands, in the words of `dispatch.<agency>.assigned`."""
        return as_seen((await known(running, assignment_id, asks)).state)

    @app.get("/api/v1/assignments/{assignment_id}/files/{file}")
    async def attached(assignment_id: str, file: str, asks: Tenant | None = asking) -> Response:
        """A file of the assignment: of the appeals it is about, of a reading, or its agency's own evidence."""
        stored = await known(running, assignment_id, asks)
        directory = running.settings.files_dir
        found = await photos.shown(directory, file) if may_see(stored.state, file) else None
        if found is None:
            problem = "该承办单没有这个文件 (no such file of this assignment)"
            raise Problem(404, f"file: {problem}", [FieldError(field="file", problem=problem)])
        return found

    @app.post("/api/v1/assignments/{assignment_id}/{verb}", status_code=202, openapi_extra=_BODY)
    async def say(
        assignment_id: str, verb: str, request: Request, key: Key = None, asks: Tenant | None = asking
    ) -> dict[str, Any]:
        """What its agency says: the body is the data of `response.<agency>.<verb>` without `assignment_id`."""
        event = VERBS.get(verb)
        if event is None:
            problem = f"没有这个动作 (no such verb; there are {', '.join(VERBS)})"
            raise Problem(404, f"verb: {problem}", [FieldError(field="verb", problem=problem)])
        id = id_of(key)
        data = await json_object(request)
        if data.setdefault("assignment_id", assignment_id) != assignment_id:
            raise unusable([FieldError(field="assignment_id", problem="is not the one in the path")])
        await speak(running, assignment_id, event, data, id, asks)
        return {"event_id": id, "status_url": f"/api/v1/assignments/{assignment_id}"}


def _overview(assignment: Assignment) -> dict[str, Any]:
    seen = as_seen(assignment)
    place = without_room(assignment.order.location).model_dump(mode="json", exclude_none=True)
    return {name: seen[name] for name in OPEN_TO_ALL if name in seen} | {"location": place}


def _own(asks: Tenant, agency: str | None) -> str:
    """Whose assignments are shown to the bearer of a token. Raises Problem 403 for anybody else's."""
    if agency not in (None, asks.id):
        problem = "不是令牌所属的单位 (not the agency of the token)"
        raise Problem(403, f"agency: {problem}", [FieldError(field="agency", problem=problem)])
    return asks.id


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
