"""One stack for all guides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import Up
from tests.support.engines import free_port_base


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(tmp_path_factory.mktemp("guides") / "stack", free_port_base()) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """As a centre runs it: over HTTP nobody is answered without a token."""
    with Up(tmp_path_factory.mktemp("guarded") / "stack", free_port_base(), "--tokens") as running:
        yield running
