"""Nothing lost, nothing done twice: two copies of the real loop, any order of answers, crashes and redeliveries."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.loop.loop import Loop
from tests.support.broken import AckFirst, NoGuard, NoOutbox, NoRepublish
from tests.support.explorer import explore, run

MANY = 300


def one_that_fails(make: type[Loop], always: bool) -> str:
    """What went wrong in the first of many schedules in which something did."""
    for seed in range(MANY):
        random = Random(seed)
        if wrong := run(random.randrange, make, always=always):
            return wrong
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 11), max_size=80), st.integers(1, 3))
def test_it_holds_whatever_happens(schedule: list[int], inputs: int) -> None:
    choices = iter(schedule)
    assert run(lambda moves: next(choices, 0) % moves, inputs=inputs) == ""


def test_it_holds_in_many_long_schedules() -> None:
    assert one_that_fails(Loop, always=True) == ""


def test_it_holds_in_every_state_that_one_input_and_two_crashes_can_reach() -> None:
    states, wrong = explore(inputs=1, crashes=2)
    assert wrong == ""
    assert states > 500


@pytest.mark.parametrize("broken", [AckFirst, NoOutbox, NoRepublish, NoGuard])
@pytest.mark.parametrize("always", [True, False], ids=["in every state", "at the end"])
def test_without_one_of_its_rules_it_does_not(broken: type[Loop], always: bool) -> None:
    assert one_that_fails(broken, always) != ""
