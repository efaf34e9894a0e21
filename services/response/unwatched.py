"""Assignments whose silence nobody watches, because they were made under a version or a policy without a ladder for it:
looked for, so that they are watched like all others."""

from __future__ import annotations

from collections.abc import Iterator

from services.response.domain.silence import unwatched_at
from services.response.store import ASSIGNMENTS
from shared.ids import derive
from shared.loop.decision import Out
from shared.loop.documents import Stored
from shared.policy.policy import Policy
from shared.service import Running
from shared.walking import keep_walking

LIVE = {"state.state": {"$in": ["assigned", "accepted", "arrived"]}}


async def watch(running: Running) -> None:
    """Runs until cancelled."""
    await keep_walking(
        running, "response", ASSIGNMENTS, LIVE, lambda stored: unwatched(stored, running.jurisdiction.policy)
    )


def unwatched(stored: Stored, policy: Policy) -> Iterator[Out]:
    """A `late_due` for an assignment of which an answer is owed and no rung is waited for."""
    for due in unwatched_at(stored.state, policy):
        yield Out(due, stored.state.case_id, id=derive(stored.id, "unwatched", stored.version))
