"""Secrets of a deployment: nkey seeds and database passwords, made once, kept with mode 0600, found again.

A key's name is a path below the ring's directory: ``admin``, ``system``, ``services/intake``, ``tenants/heating-zy``.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Collection
from pathlib import Path

import nkeys

from shared.access import token_digest
from shared.loop.envelope import now
from shared.policy.tenants import TOKEN_PREFIX, Token
from shared.sealing import new_key

ADMIN = "admin"
SYSTEM = "system"
"""Whose order the NATS server takes to read its configuration again."""

WEBHOOK_KEY = "webhooks.key"
_TOKEN_BYTES = 32


def service_key(service: str) -> str:
    """The name of a service's nkey."""
    return f"services/{service}"


def tenant_key(tenant: str) -> str:
    """The name of a tenant's nkey."""
    return f"tenants/{tenant}"


class KeyRing:
    """The secrets below one directory. What is asked for and missing is made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def seed_path(self, name: str) -> Path:
        """The file with the nkey user seed of this name."""
        path = self.directory / f"{name}.seed"
        if not path.exists():
            write_secret(path, new_seed())
        return path

    def seed(self, name: str) -> str:
        """The nkey user seed (``SU...``) of this name."""
        return self.seed_path(name).read_text().strip()

    def public(self, name: str) -> str:
        """The public nkey (``U...``) of this name; the only half that a server configuration holds."""
        return public_key(self.seed(name))

    def holds(self, name: str, public: Collection[str]) -> bool:
        """Whether the seed of one of these public keys is kept under this name."""
        return (self.directory / f"{name}.seed").exists() and self.public(name) in public

    def password(self, name: str) -> str:
        """A random password, safe in a URL."""
        path = self.directory / f"{name}.password"
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(24))
        return path.read_text().strip()

    def webhook_key_path(self) -> Path:
        """The file with the key that webhooks' secrets are sealed with in the registry."""
        path = self.directory / WEBHOOK_KEY
        if not path.exists():
            write_secret(path, new_key())
        return path


def new_seed() -> str:
    """A fresh nkey user seed."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)).decode()


def public_key(seed: str) -> str:
    """The public half of an nkey user seed."""
    return bytes(nkeys.from_seed(seed.encode()).public_key).decode()


def new_token(holder: str) -> tuple[str, Token]:
    """A fresh bearer token for HTTP, and what the registry knows of it."""
    secret = f"{TOKEN_PREFIX}{holder}_{secrets.token_urlsafe(_TOKEN_BYTES)}"
    return secret, Token(id=secrets.token_hex(4), sha256=token_digest(secret), since=now())


def write_secret(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    old_mask = os.umask(0o077)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(old_mask)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # its mode is 0600
    try:
        with open(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)
    except OSError:
        os.unlink(draft)
        raise
