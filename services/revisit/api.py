"""HTTP of revisit (CONTRACTS 5): the tasks of a team, what a team found at a door, and its photos."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query, Request

from services.revisit.domain.task import Task
from services.revisit.handlers import handlers
from services.revisit.store import TASKS
from shared import files
from shared.access import Access
from shared.contracts.team import Revisited
from shared.contracts.values import FieldError, Id
from shared.front import Key, check, hand_in, id_of, json_object, read, unusable, used_elsewhere
from shared.http import Problem, absent
from shared.loop.decision import Input
from shared.loop.documents import Stored
from shared.loop.envelope import digest, now
from shared.policy.tenants import Tenant
from shared.service import Running

State = Literal["due", "held", "failed", "unverified", "withdrawn"]
HIDDEN: Any = {
    "contact": True,
    "location": {"room", "address"},
    "places": {"__all__": {"room", "address"}},
    "visits": {"__all__": {"note": True, "by": {"phone"}}},
}
"""How to reach a household goes to its team's own stream only, and what it said in its own words to nobody."""


def routes(app: FastAPI, running: Running) -> None:
    access = Access(lambda: running.jurisdiction.tenants, "team", running.settings.http_tokens)
    asking: Any = Depends(access)
    files.routes(app, running.settings.files_dir, access, running.receipts)

    async def known(task_id: str, asks: Tenant | None) -> Stored:
        found = await running.documents.find(TASKS, "_id", [task_id])
        if not found or (asks is not None and asks.id != _team_of(found[0].state)):
            raise absent("task_id", f"没有该任务，或尚未派下 (no task {task_id} yet)")
        return found[0]

    @app.get("/api/v1/tasks")
    async def tasks(
        team: Id | None = None,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: Id | None = None,
        asks: Tenant | None = asking,
    ) -> dict[str, Any]:
        """Tasks by id; ``next`` is the ``after`` of the following page, absent on the last. Who shows a token sees its
        own."""
        if asks is not None:
            team = _own(asks, team)
        asked = {"state.team": team, "state.state": state, "_id": {"$gt": after} if after else None}
        query = {field: value for field, value in asked.items() if value is not None}
        found = await running.documents.query(TASKS, query, sort=[("_id", 1)], limit=limit + 1)
        page = {"tasks": [_shown(stored.state) for stored in found[:limit]]}
        return page | ({"next": found[limit - 1].id} if len(found) > limit else {})

    @app.get("/api/v1/tasks/{task_id}")
    async def task(task_id: str, asks: Tenant | None = asking) -> dict[str, Any]:
        """One task as it stands."""
        return _shown((await known(task_id, asks)).state)

    @app.post("/api/v1/tasks/{task_id}/revisited", status_code=202)
    async def revisited(
        task_id: str, request: Request, key: Key = None, asks: Tenant | None = asking
    ) -> dict[str, str]:
        """The body of `revisited` (CONTRACTS 4); ``task_id`` may be left out of it."""
        body = await json_object(request)
        if body.setdefault("task_id", task_id) != task_id:
            raise unusable([FieldError(field="task_id", problem="is not the task of this address")])
        id = id_of(key)
        said = read(Revisited, body, now())
        stored = await known(task_id, asks)
        team = _team_of(stored.state)
        input = Input(id, now(), team, digest(said))
        await used_elsewhere(running.documents, stored, input)
        check(handlers, stored, said, input, running.jurisdiction, "task_id", running.receipts)
        await hand_in(running.bus, said, team, "revisit", id)
        return {"event_id": id, "status_url": f"/api/v1/tasks/{task_id}"}


def _own(asks: Tenant, team: str | None) -> str:
    """Whose tasks are shown to the bearer of a token. Raises Problem 403 for anybody else's."""
    if team not in (None, asks.id):
        problem = "不是令牌所属的队伍 (not the team of the token)"
        raise Problem(403, f"team: {problem}", [FieldError(field="team", problem=problem)])
    return asks.id


def _team_of(task: Task) -> str:
    return task.team or ""


def _shown(task: Task) -> dict[str, Any]:
    return task.model_dump(mode="json", exclude=HIDDEN, exclude_none=True)
