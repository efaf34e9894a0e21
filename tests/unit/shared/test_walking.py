"""Given documents of other rules than today's, when a copy of a service begins, then a walk finds them page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import pytest

from services.response.store import ASSIGNMENTS
from services.response.unwatched import LIVE, unwatched
from shared import walking
from shared.contracts.response import LateDue
from shared.loop.decision import Out
from shared.loop.documents import Stored
from shared.service import Running
from shared.walking import walk
from tests.support.assignments import SAMPLE, given, in_state
from tests.support.shelf import Shelf


class Listening:
    """A service in memory: its documents, and what it publishes."""

    def __init__(self) -> None:
        self.documents = Shelf()
        self.said: list[Out] = []

    async def publish(self, service: str, at: datetime, out: Sequence[Out]) -> None:
        assert (service, at.tzinfo is not None) == ("response", True)
        self.said += out


def from_before(name: str) -> Any:
    """In this state, as a version without a ladder stored it."""
    state = in_state(name)
    assert state is not None
    clocks = {
        step: clock.model_copy(update={"watch_at": None, "rungs": 0}) for step, clock in state.clocks.items()
    }
    return state.model_copy(update={"clocks": clocks})


async def test_only_those_at_work_that_nobody_watches_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "PAGE", 2)
    running = Listening()
    stored = {
        "a": given(),
        "b": from_before("assigned"),
        "c": from_before("deferred"),
        "d": from_before("accepted"),
        "e": from_before("resolved"),
        "f": from_before("assigned"),
    }
    for id, state in stored.items():
        running.documents.put(Stored(ASSIGNMENTS, id, 1, state.model_copy(update={"assignment_id": id})))

    found = await walk(
        cast(Running, running), "response", ASSIGNMENTS, LIVE, lambda one: unwatched(one, SAMPLE.policy)
    )

    assert found == 3
    assert [out.event.assignment_id for out in running.said if isinstance(out.event, LateDue)] == [
        "b",
        "d",
        "f",
    ]
    assert len({out.id for out in running.said}) == 3
