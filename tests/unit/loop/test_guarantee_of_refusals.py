"""Every refused message is answered or counted once: two copies at one door, any order of answers and crashes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.loop.loop import Loop
from tests.support.broken import AckFirst, NoGuard, NoOutbox, NoRepublish
from tests.support.explorer import explore, run
from tests.support.explorer_of_doors import AtTheDoor, limited

MANY = 300


def one_that_fails(make: type[Loop], always: bool = True) -> str:
    for seed in range(MANY):
        wrong = run(Random(seed).randrange, limited(make), always=always, world_of=AtTheDoor)
        if wrong:
            return wrong
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 11), max_size=80), st.integers(1, 4))
def test_it_holds_whatever_happens(schedule: list[int], inputs: int) -> None:
    choices = iter(schedule)
    wrong = run(lambda moves: next(choices, 0) % moves, limited(), inputs=inputs, world_of=AtTheDoor)
    assert wrong == ""


def test_it_holds_in_many_long_schedules() -> None:
    assert one_that_fails(Loop) == ""


def test_it_holds_in_every_state_that_one_refusal_and_a_crash_can_reach() -> None:
    states, wrong = explore(inputs=1, crashes=1, make=limited(), world_of=AtTheDoor)
    assert wrong == ""
    assert states > 300


@pytest.mark.parametrize("broken", [AckFirst, NoOutbox, NoRepublish, NoGuard])
@pytest.mark.parametrize("always", [True, False], ids=["in every state", "at the end"])
def test_without_one_of_its_rules_it_does_not(broken: type[Loop], always: bool) -> None:
    assert one_that_fails(broken, always) != ""
