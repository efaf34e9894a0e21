"""Answers routing, which shows the desk who stands behind a case (docs/decisions/0043)."""

from __future__ import annotations

import asyncio

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.intake.domain.appeal import Appealed, Merged, OnCase, Registered
from services.intake.store import APPEALS
from shared.contracts.behind import (
    APPEALS_ASKED,
    MOST_SHOWN,
    MOST_WORDS,
    AppealsAsked,
    Appellant,
    Behind,
    PlaceBehind,
)
from shared.loop.documents import Unreachable
from shared.loop.mongo import Mongo
from shared.service import Running
from shared.veil import veiled, without_room

log = structlog.get_logger()


async def answer(running: Running) -> None:
    """Answers until cancelled; of several copies one does."""

    async def one(message: Msg) -> None:
        try:
            found = await behind(running.documents, AppealsAsked.model_validate_json(message.data))
        except (Unreachable, ValidationError) as problem:
            log.warning("cannot say who stands behind a case", reason=str(problem))
            found = Behind(unreachable=type(problem).__name__)
        await message.respond(found.model_dump_json(exclude_none=True).encode())

    await running.broker.connection.subscribe(APPEALS_ASKED, queue="intake", cb=one)
    await asyncio.Event().wait()


async def behind(documents: Mongo, asked: AppealsAsked) -> Behind:
    """Who stands behind a case: open appeals, in the order of their ids. Raises Unreachable."""
    stored = await documents.query(APPEALS, {"state.case_id": asked.case_id}, sort=[("_id", 1)])
    states = [one.state for one in stored if isinstance(one.state, Registered | Merged)]
    limit = min(asked.limit, MOST_SHOWN)
    later = [state for state in states if state.appeal_id > asked.after]
    named = await documents.load((APPEALS, id) for id in dict.fromkeys(asked.named))
    return Behind(
        places=_places(states),
        appeals=[_shown(state) for state in later[:limit]],
        next=later[limit - 1].appeal_id if len(later) > limit else None,
        named=[_shown(one.state) for one in named.values()],
    )


def _places(states: list[Registered | Merged]) -> list[PlaceBehind]:
    """The place of most appeals first."""
    found: dict[str, list[Registered | Merged]] = {}
    for state in states:
        found.setdefault(state.place.code, []).append(state)
    return [
        PlaceBehind(
            code=code,
            name=here[0].place.name,
            appeals=len(here),
            households=sum(state.households for state in here),
            key_households=sum(state.key_household for state in here),
        )
        for code, here in sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def _shown(state: Appealed) -> Appellant:
    hidden = state.confidential
    return Appellant(
        appeal_id=state.appeal_id,
        channel=state.channel,
        state=getattr(state, "state", ""),
        case_id=state.case_id if isinstance(state, OnCase) else None,
        place=state.place,
        received_at=state.received_at,
        households=state.households,
        key_household=state.key_household,
        confidential=hidden,
        location=None if hidden else without_room(state.location),
        text=None if hidden else veiled(state.text, state.contact, state.location.room)[:MOST_WORDS],
    )
