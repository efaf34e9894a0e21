"""What the centre's desk is shown beside a case that waits for it: open cases that may be about the same problem."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from services.routing.domain.case import Case
from services.routing.domain.similar import Alike, most_alike, told
from services.routing.store import CASES
from shared.policy import Jurisdiction
from shared.service import Running

OPEN = ("registered", "dispatched", "deferred", "resolved")
MOST_LOOKED_AT = 1000
"""Open cases that a look at the queue is held against, the latest; so that it stays cheap where thousands are open."""

Near = Mapping[str, Sequence[dict[str, Any]]]


async def similar(running: Running, waiting: Sequence[Case]) -> Near:
    """By case that waits: what is open and may be the same, the likeliest first. Nothing for a confidential one."""
    if not waiting:
        return {}
    here = running.jurisdiction
    within = here.policy.similar.within
    reported = [case.reported_at for case in waiting]
    query = {
        "state.state": {"$in": list(OPEN)},
        "state.reported_at": {"$gte": min(reported) - within, "$lte": max(reported) + within},
    }
    found = await running.documents.query(
        CASES, query, sort=[("state.reported_at", -1), ("_id", 1)], limit=MOST_LOOKED_AT
    )
    return await asyncio.to_thread(_held_against, waiting, [stored.state for stored in found], here)


def _held_against(waiting: Sequence[Case], cases: Sequence[Case], here: Jurisdiction) -> Near:
    by_id = {case.case_id: case for case in (*cases, *waiting)}
    heard = {id: one for id, case in by_id.items() if (one := told(case, here)) is not None}
    others = [heard[case.case_id] for case in cases if case.case_id in heard]
    rule, places = here.policy.similar, here.places
    return {
        case.case_id: [
            _shown(by_id[one.id], one)
            for one in (
                most_alike(heard[case.case_id], others, rule, places) if case.case_id in heard else ()
            )
        ]
        for case in waiting
    }


def _shown(case: Case, one: Alike) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "case_no": case.case_no,
        "category": case.category.model_dump(),
        "place": {"code": case.place.code, "name": case.place.name},
        "since": case.reported_at,
        "likeness": round(one.likeness, 2),
        "state": case.state,
    }
