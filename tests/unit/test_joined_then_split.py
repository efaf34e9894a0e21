"""Given an appeal that the desk has moved by joining its case, when it is split off again, every count is right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from services.intake.domain.receive import appeal_id
from services.intake.store import APPEALS
from services.metrics.domain.counting import entries
from services.metrics.store import CASE_FACTS
from services.routing.domain.case import Closed, OnDesk
from services.routing.store import CASES
from shared.contracts import channel, routing_orders
from shared.contracts.routing_splits import Split
from shared.contracts.values import Location
from tests.support.appeals import CHANNEL, T0, cold_flat, sample
from tests.support.together import Together

FIRST, MOVED = (appeal_id(CHANNEL, id) for id in ("e0", "e1"))


def joined() -> tuple[Together, str, str]:
    """A case with a place, and one without that the desk has joined to it; their ids."""
    all = Together(sample(), T0)
    all.say(cold_flat(), CHANNEL, "e0")
    all.say(cold_flat(location=Location()), CHANNEL, "e1")
    all.settle()
    into, waits = (case_of(all, id) for id in (FIRST, MOVED))
    assert isinstance(waits, OnDesk)
    word = {"into": into.case_id, "into_no": into.case_no, "appeals": 1, "reason": "同一处", "by": "值班长"}
    all.say(routing_orders.Join(case_id=waits.case_id, **word))
    all.settle()
    assert case_of(all, MOVED).appeals == 2
    return all, into.case_id, waits.case_id


def case_of(all: Together, id: str) -> Any:
    (appeal,) = [one for one in all.states("intake", APPEALS) if one.appeal_id == id]
    (case,) = [one for one in all.states("routing", CASES) if one.case_id == appeal.case_id]
    return case


def counted(all: Together) -> dict[str, int]:
    """Appeals by case, as the figures count them."""
    found: Counter[str] = Counter()
    for fact in all.states("metrics", CASE_FACTS):
        for entry in entries(fact, sample().policy.zone):
            if entry.name in ("appeals_registered", "appeals_merged"):
                found[fact.id] += entry.amount
    return dict(found)


def split(all: Together, case_id: str) -> None:
    all.say(Split(case_id=case_id, appeal_ids=[MOVED], reason="另一处", by="值班长"))
    all.settle()


def test_what_was_moved_is_counted_where_it_came_first_until_it_is_split_off() -> None:
    all, into, waited = joined()
    assert counted(all) == {into: 1, waited: 1}

    split(all, into)

    new = case_of(all, MOVED)
    assert new.case_id not in (into, waited)
    assert (new.appeals, case_of(all, FIRST).appeals, case_of(all, FIRST).compounds) == (1, 1, 1)
    assert counted(all) == {into: 1, waited: 0, new.case_id: 1}


@pytest.mark.parametrize("splits_first", [True, False])
def test_when_the_other_withdraws_nobody_stands_behind_the_case_it_was_moved_to(splits_first: bool) -> None:
    all, into, _ = joined()
    goes = channel.Withdrawn(appeal_id=FIRST, reason="好了")

    if splits_first:
        split(all, into)
        all.say(goes, CHANNEL)
        all.settle()
    else:
        all.say(goes, CHANNEL)
        all.settle()
        split(all, into)

    assert isinstance(case_of(all, FIRST), Closed)
    assert not isinstance(case_of(all, MOVED), Closed)
    assert case_of(all, MOVED).case_id != into
