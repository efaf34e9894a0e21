"""One stack for all guides."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.e2e.running import Up
from tests.support.engines import free_port_base


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """As in a terminal: what a shell starts in the background ignores Ctrl-C, and so would the clients started here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(tmp_path_factory.mktemp("guides") / "stack", free_port_base()) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """As a centre runs it: over HTTP nobody is answered without a token."""
    with Up(tmp_path_factory.mktemp("guarded") / "stack", free_port_base(), "--tokens") as running:
        yield running
