"""On a tick: tasks nobody went to in time. Reads and publishes; the loop does the rest (DESIGN 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.revisit.domain.task import Due
from services.revisit.store import TASKS
from shared.contracts.revisit import TaskDue
from shared.ids import derive
from shared.loop.decision import Out
from shared.service import Running

MOST = 1000


async def sweep(running: Running, at: datetime) -> list[Out]:
    """A `task_due` for each; its id is made of task, deadline and instant, so that sweeping twice says it once. A task
    that was late before its team was suspended or removed is found once more: another team goes."""
    late = {"state.state": "due", "state.due_by": {"$lt": at}}
    found = await _found(running, late | {"state.overdue": False}, "due")
    gone = [one.id for one in running.jurisdiction.tenants.tenants if one.kind == "team" and not one.active]
    if gone:
        found += await _found(running, late | {"state.overdue": True, "state.team": {"$in": gone}}, "team")
    return found


async def _found(running: Running, query: dict[str, Any], why: str) -> list[Out]:
    found = await running.documents.query(TASKS, query, sort=[("state.due_by", 1)], limit=MOST)
    return [
        Out(
            TaskDue(task_id=task.task_id, due_by=task.due_by),
            task.case_id,
            id=derive(task.task_id, why, task.due_by.isoformat()),
        )
        for stored in found
        if isinstance(task := stored.state, Due)
    ]
