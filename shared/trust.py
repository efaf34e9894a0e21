"""Whom a connection of ours trusts: the authorities in one file, and nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any


def trusting(ca: Path) -> ssl.SSLContext:
    """Accepts a server whose certificate holds for the name it was called by. Raises ValueError naming the file."""
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as error:  # ssl.SSLError among them
        raise ValueError(f"{ca}: holds no certificate: {error}") from None


def over_tls(ca: Path | None) -> dict[str, Any]:
    """The options of nats-py that make a connection TLS; none without ``ca``.

    The handshake comes first: nats-py would go on in the clear when whoever answers says that TLS is not needed.
    """
    return {"tls": trusting(ca), "tls_handshake_first": True} if ca else {}
