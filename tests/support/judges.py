"""Programs of others that judge ours and come from the Debian package, not from a wheel."""

from __future__ import annotations

import shutil

import pytest


def promtool() -> str:
    """Where promtool is. Fails where it is not."""
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("promtool is missing: apt-get install prometheus")
    return program
