"""On a tick: deferred cases whose review has come. Reads and publishes; the loop does the rest (DESIGN 6)."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.case import Deferred
from services.routing.store import CASES
from shared.contracts.routing import CaseReviewDue
from shared.ids import derive
from shared.loop.decision import Out
from shared.service import Running

MOST = 1000


async def reviews(running: Running, at: datetime) -> list[Out]:
    """A `review_due` for each; its id is made of case, deadline and instant, so that sweeping twice says it once."""
    due = await running.documents.query(
        CASES,
        {"state.state": "deferred", "state.review_at": {"$lte": at}},
        sort=[("state.review_at", 1)],
        limit=MOST,
    )
    return [
        Out(
            CaseReviewDue(case_id=case.case_id, review_at=case.review_at),
            case.case_id,
            id=derive(case.case_id, "review", case.review_at.isoformat()),
        )
        for stored in due
        if isinstance(case := stored.state, Deferred)
    ]
