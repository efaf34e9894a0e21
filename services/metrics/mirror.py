"""What one process remembers of the rollups, so that it reads only those that changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.metrics.domain.rollups import Rollup
from services.metrics.store import ROLLUPS
from shared.loop.envelope import now
from shared.loop.mongo import Mongo
from shared.service import Running

LOOK_BACK = timedelta(seconds=20)
"""Rollups are read again that were computed within this span before the newest one known: clocks of copies differ."""


class Mirror:
    """All rollups, without their durations, as this process last read them."""

    def __init__(self) -> None:
        self.rollups: dict[str, Rollup] = {}
        self._newest: datetime | None = None

    async def refresh(self, documents: Mongo) -> None:
        """Reads what was computed since the last time. Raises Unreachable."""
        since = {"state.computed_at": {"$gt": self._newest - LOOK_BACK}} if self._newest else {}
        for stored in await documents.query(ROLLUPS, since):
            rollup: Rollup = stored.state
            known = self.rollups.get(stored.id)
            if known is not None and known.computed_at >= rollup.computed_at:
                continue
            cells = tuple(cell.model_copy(update={"times": {}}) for cell in rollup.cells)
            self.rollups[stored.id] = rollup.model_copy(update={"cells": cells})
            self._newest = max(self._newest or rollup.computed_at, rollup.computed_at)

    def present(self, running: Running) -> datetime:
        """What time it is for a figure: the wall clock, or in a replay the newest event behind any figure."""
        latest = (rollup.latest for rollup in self.rollups.values() if rollup.latest is not None)
        newest = None if running.settings.clock == "wall" else max(latest, default=None)
        return (newest or now()).astimezone(running.jurisdiction.policy.zone)
