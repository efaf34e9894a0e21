"""Identifiers derived from what they stand for, so that doing a thing again names it the same."""

from __future__ import annotations

from uuid import UUID, uuid5

NUANLIU = UUID("6f1d2b1e-6a0e-5f0b-9d52-0c7e5a3f8b11")


def derive(*parts: object) -> str:
    """The same parts give the same id, for ever (uuid5)."""
    return str(uuid5(NUANLIU, "\x1f".join(str(part) for part in parts)))
