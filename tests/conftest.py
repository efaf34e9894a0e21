"""The order in which files are handed to the workers of a run, and how random examples are judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is decides no test.
settings.register_profile("nuanliu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nuanliu")

TESTS = Path(__file__).parent
FIRST = (
    "faults/test_kills.py",
    "attacks/test_attempts.py",
    "component/test_webhooks.py",
    "guides",
    "component/test_boundary.py",
    "faults",
    "integration/test_local_stack.py",
    "component",
    "integration",
    "attacks",
    "contract/test_frozen_contracts.py",
    "e2e",
)
"""Files and folders that take long, in this order: beside the kills, which leave little to others, what mostly waits;
and nobody should wait at the end for a file that began late."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    here = item.path.relative_to(TESTS)
    names = {here.as_posix(), *(folder.as_posix() for folder in here.parents)}
    return next((place for place, long in enumerate(FIRST) if long in names), len(FIRST))
