"""Rollups are a cache of the facts: marked by the write of a fact, computed anew, cleared only where nobody wrote."""

from __future__ import annotations

from typing import Any

import pytest

from services.metrics.domain.facts import CaseFact
from services.metrics.domain.rollups import compute, grouped, marked, total
from services.metrics.handlers import handlers
from services.metrics.keeper import LONGEST_REST, PAUSE, SHARE, compute_marked, rest, settle
from services.metrics.store import CASE_FACTS, ROLLUPS
from shared.contracts.intake import AppealAnswered, AppealRejected
from shared.contracts.revisit import VerificationHeld
from shared.loop.loop import Loop
from tests.support.facts import (
    CATEGORY,
    HEATING,
    HOTLINE,
    SAMPLE,
    START,
    ZONE,
    Story,
    Told,
    cells,
    counts,
    hours,
)
from tests.support.fakes import FakeBus
from tests.support.messages import own
from tests.support.shelf import Shelf

MONDAY, TUESDAY = "2026-11-16|nh-01-01", "2026-11-17|nh-01-01"


class Running:
    """The service in memory: events through the loop, the keeper by hand."""

    def __init__(self) -> None:
        self.bus, self.documents = FakeBus(), Shelf()
        self.loop = Loop(handlers, self.documents, self.bus, context=lambda _at: SAMPLE)

    async def hear(self, told: list[Told], ids: str = "e") -> None:
        await self.loop.settle([own(self.bus, event, f"{ids}-{n}", at) for n, (event, at) in enumerate(told)])

    async def keep(self) -> int:
        return await compute_marked(self.documents, SAMPLE)  # type: ignore[arg-type]

    def rollup(self, name: str) -> dict[str, int]:
        rollup = self.documents.state(ROLLUPS, name)
        return total(rollup.cells).counts if rollup is not None else {}

    def fact(self, id: str = "case-1") -> CaseFact:
        fact: CaseFact = self.documents.state(CASE_FACTS, id)
        return fact

    def sums(self) -> dict[str, int]:
        """What all rollups say together."""
        names = [id for name, id in self.documents.rows if name == ROLLUPS.name]
        return total(c for name in names for c in self.documents.state(ROLLUPS, name).cells).counts


def test_a_change_marks_the_days_whose_figures_it_touches_and_no_others() -> None:
    done = marked(None, Story().done().fact, ZONE).model_copy(update={"dirty": None})
    after = Story().done().verified(VerificationHeld, 30).fact

    assert marked(done, after, ZONE).dirty == (TUESDAY,)


def test_marks_stay_until_somebody_computed() -> None:
    monday = marked(None, Story().registered().fact, ZONE)
    tuesday = marked(monday, monday.model_copy(update={"appeals": Story().merged(2, 30).fact.appeals}), ZONE)
    nothing_more = marked(tuesday, tuesday.model_copy(update={"last_at": hours(40)}), ZONE)

    assert tuesday.dirty == (MONDAY, TUESDAY)
    assert nothing_more.dirty == (MONDAY, TUESDAY)


def test_what_leaves_a_bucket_marks_it_too() -> None:
    """Heard of before its place is known, a case counts under no community; then it moves."""
    nowhere = marked(None, Story().resolved().fact, ZONE)
    assert nowhere.buckets == ("2026-11-17|-",)

    placed = marked(nowhere, Story().resolved().registered().fact, ZONE)

    assert placed.buckets == (MONDAY,)
    assert set(placed.dirty or ()) == {"2026-11-17|-", MONDAY}


def test_cells_of_a_bucket_keep_agencies_apart_and_add_up() -> None:
    facts = [Story("a").done().fact, Story("b").done().fact, Story("c", lead="property-anju").done().fact]

    by_agency = grouped(cells(*facts), "agency")

    assert by_agency[HEATING].counts["assignment_resolved"] == 2
    assert by_agency[HEATING].times["accept"] == [720, 720]
    assert total(cells(*facts)).counts["opened"] == 3


def test_a_bucket_that_nothing_counts_in_any_more_is_empty() -> None:
    (rollup,) = compute([MONDAY], [], ZONE, START).values()

    assert rollup.cells == ()


async def test_the_keeper_makes_rollups_say_what_the_facts_say() -> None:
    running = Running()
    await running.hear(Story().done().merged().closed(31).told)
    assert running.fact().dirty

    await running.keep()

    expected = counts(running.fact())
    assert running.sums() == expected
    assert expected["appeals_merged"] == 1
    assert running.fact().dirty is None
    assert await running.keep() == 0


async def test_redelivered_events_count_once() -> None:
    running = Running()
    told = Story().done().merged().told

    await running.hear(told)
    await running.hear(told)
    await settle(running.documents, SAMPLE)  # type: ignore[arg-type]

    assert running.sums()["appeals_registered"] == 1
    assert running.sums()["appeals_merged"] == 1


@pytest.mark.parametrize(
    ("worked", "rests"), [(0.0, PAUSE), (1.0, SHARE), (2.0, 2 * SHARE), (60.0, LONGEST_REST)]
)
def test_the_keeper_rests_in_proportion_to_its_work_but_not_for_ever(worked: float, rests: float) -> None:
    assert rest(worked) == rests


async def test_a_fact_written_while_the_keeper_computes_stays_marked() -> None:
    running = Running()
    await running.hear(Story().done().told)

    def another_copy_hears_more() -> None:
        stored = running.documents.stored(CASE_FACTS, "case-1")
        closed = marked(stored.state, Story().done().closed(31).fact, ZONE)
        running.documents.put(stored.next(closed, [], ()))

    running.documents.before_save.append(another_copy_hears_more)
    await running.keep()
    assert running.fact().dirty
    assert "closings_verified" not in running.sums()

    await running.keep()
    assert running.fact().dirty is None
    assert running.sums()["closings_verified"] == 1


async def test_of_two_keepers_the_slower_one_overwrites_nothing() -> None:
    running = Running()
    await running.hear(Story("one").registered().told)
    await running.keep()
    await running.hear(Story("two").registered().told, "f")

    def another_keeper_was_faster() -> None:
        stored = running.documents.stored(ROLLUPS, MONDAY)
        newer = stored.state.model_copy(update={"cells": ()})
        running.documents.put(stored.next(newer, [], ()))

    running.documents.before_save.append(another_keeper_was_faster)
    await running.keep()

    assert running.rollup(MONDAY) == {}
    assert running.fact("two").dirty == (MONDAY,)
    await running.keep()
    assert running.rollup(MONDAY)["opened"] == 2


async def test_appeals_without_a_case_count_by_channel() -> None:
    running = Running()
    answered = AppealAnswered(appeal_id="q", channel=HOTLINE, category=CATEGORY, reported_at=START)
    told: list[Any] = [(answered, START)]
    told += [(AppealRejected(channel=HOTLINE, errors=[]), hours(n / 100)) for n in range(5)]
    told += [(AppealRejected(channel=HOTLINE, errors=[], times=40), hours(n)) for n in (0, 1)]

    await running.hear(told)
    await running.keep()

    assert running.rollup(f"2026-11-16|~{HOTLINE}") == {"appeals_answered": 1, "appeals_rejected": 85}


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"case_id": "case-1", "at": "yesterday"}'])
async def test_an_event_that_cannot_be_read_is_put_aside_and_its_neighbours_count(body: bytes) -> None:
    running = Running()
    deliveries = [own(running.bus, event, f"e-{n}", at) for n, (event, at) in enumerate(Story().done().told)]
    deliveries.insert(3, running.bus.put("case.closed.v1", {"ce-id": "bad"}, body))

    await running.loop.settle(deliveries)

    assert running.fact().state == "resolved"
    assert len(running.bus.buried) == 1
