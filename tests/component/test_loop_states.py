"""The states of two copies of the loop with two inputs of one document: all of them, not a sample."""

from __future__ import annotations

from tests.support.explorer import explore


def test_the_guarantee_holds_in_every_state_that_can_be_reached() -> None:
    states, wrong = explore(inputs=2, crashes=0)
    assert wrong == ""
    assert states > 4000
