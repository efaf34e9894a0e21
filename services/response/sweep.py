"""On a tick: deadlines near or past. Reads and publishes; the loop does the rest (DESIGN 6)."""

from __future__ import annotations

from datetime import datetime

from services.response.domain.clocks import due_at
from services.response.domain.silence import late_at, silent_at
from services.response.store import ASSIGNMENTS
from shared.ids import derive
from shared.loop.decision import Out
from shared.service import Running

MOST = 2000


async def deadlines(running: Running, at: datetime) -> list[Out]:
    """An `assignment_due` for each, the longest overdue first, for at most 2,000 assignments a tick; the rest at the
    next. Its id is made of assignment, deadline and instant, so that sweeping twice says it once; a silence is another
    one after every word of the agency."""
    found = await running.documents.query(
        ASSIGNMENTS, {"state.next_due": {"$lt": at}}, sort=[("state.next_due", 1)], limit=MOST
    )
    near_or_past = [
        Out(
            due,
            stored.state.case_id,
            id=derive(due.assignment_id, due.deadline, due.due.isoformat(), due.overdue),
        )
        for stored in found
        for due in due_at(stored.state, at)
    ]
    silent = [
        Out(due, stored.state.case_id, id=derive(due.assignment_id, "report_in", due.due.isoformat()))
        for stored in found
        for due in silent_at(stored.state, at)
    ]
    late = [
        Out(
            due,
            stored.state.case_id,
            id=derive(due.assignment_id, "late", due.due.isoformat(), stored.state.heard),
        )
        for stored in found
        for due in late_at(stored.state, at)
    ]
    return [*near_or_past, *silent, *late]
