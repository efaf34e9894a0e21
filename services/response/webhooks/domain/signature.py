"""How a delivery is signed: the scheme of Standard Webhooks, which receivers find a library for in every language."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """A fresh secret as it is handed to the receiver: ``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises ValueError."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a secret is base64 after {PREFIX}: {error}") from None


def signed(id: str, timestamp: int, body: bytes, secret_list: Iterable[str]) -> dict[str, str]:
    """The three headers that prove a delivery; with several secrets a signature by each, so that either verifies.

    ``timestamp``: seconds since 1970, when this attempt was made.
    """
    content = f"{id}.{timestamp}.".encode() + body
    signatures = (
        base64.b64encode(hmac.digest(key_of(secret), content, "sha256")).decode() for secret in secret_list
    )
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
