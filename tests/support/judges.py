"""Programs of others that judge ours and come from the Debian package, not from a wheel."""

from __future__ import annotations

import os
import shutil

import pytest


def promtool() -> str:
    """Where promtool is. Without it the test is skipped, but fails in CI, whose script installs it."""
    program = shutil.which("promtool")
    if program is None:
        missing = "promtool is missing: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return program
