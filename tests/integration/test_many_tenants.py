"""Dozens of tenants on one server: everything is made, loaded again, and one more is added while services run."""

from __future__ import annotations

from pathlib import Path

from shared.contracts.streams import OURS, UNDELIVERED
from tests.bench.tenants import measure, table

SOME = 60


async def test_dozens_of_tenants_are_set_up_and_served_and_one_more_beside_them(tmp_path: Path) -> None:
    figures = await measure(tmp_path, SOME, idle=0.0)

    assert figures.tenants == SOME
    assert figures.streams == SOME + len((*OURS, UNDELIVERED))
    assert set(figures.ready) == {"response", "metrics"}
    assert table(figures).row_count > 10
