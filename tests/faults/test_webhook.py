"""A receiver and the copy that delivers to it die at once; the real minute: `python -m tests.faults.webhook`."""

from __future__ import annotations

from pathlib import Path

from tests.faults.webhook import outage
from tests.support.hooks import hooked_world


async def test_nothing_is_lost_and_order_is_kept_when_receiver_and_copy_die(tmp_path: Path) -> None:
    async with hooked_world(tmp_path, copies=2) as world:
        found = await outage(world, down=3, cases=6, kill_a_copy=True)

    assert found.arrived == found.sent == 180
    assert found.in_order
    assert found.repeats_marked
