"""Assignments that nobody watches, because they were made under a version or a policy without a ladder: looked for, so
that they are watched like all others."""

from __future__ import annotations

from collections.abc import Iterator

from services.routing.store import CASES
from shared.contracts.routing_orders import CaseWatchDue
from shared.ids import derive
from shared.loop.decision import Out
from shared.loop.documents import Stored
from shared.service import Running
from shared.walking import keep_walking

AT_WORK = {"state.state": {"$in": ["registered", "dispatched", "deferred"]}}


async def watch(running: Running) -> None:
    """Runs until cancelled."""

    def look(stored: Stored) -> Iterator[Out]:
        return unwatched(stored) if running.jurisdiction.policy.rungs("resolve") else iter(())

    await keep_walking(running, "routing", CASES, AT_WORK, look)


def unwatched(stored: Stored) -> Iterator[Out]:
    """A `watch_due` for each assignment of a case that is late by no rung and waits for none."""
    for mine in stored.state.live:
        if mine.unwatched:
            due = CaseWatchDue(case_id=stored.id, assignment_id=mine.assignment_id, due=mine.resolve_by)
            yield Out(due, stored.id, id=derive(stored.id, "unwatched", mine.assignment_id, stored.version))
