"""Identifiers derived from what they stand for, so that doing a thing again names it the same."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

NUANLIU = UUID("6f1d2b1e-6a0e-5f0b-9d52-0c7e5a3f8b11")
_SPACE = NUANLIU.bytes


def derive(*parts: object) -> str:
    """The same parts give the same id, for ever: uuid5, written out because it is on every message's way."""
    digest = bytearray(
        sha1(_SPACE + "\x1f".join(map(str, parts)).encode(), usedforsecurity=False).digest()[:16]
    )
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
