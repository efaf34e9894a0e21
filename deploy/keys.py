"""Secrets of a deployment: nkey seeds and database passwords, made once, kept with mode 0600, found again.

A key's name is a path below the ring's directory: ``admin``, ``services/intake``, ``tenants/heating-zy``.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import nkeys

ADMIN = "admin"


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
            seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
            write_secret(path, bytes(seed).decode())
        return path

    def seed(self, name: str) -> str:
        """The nkey user seed (``SU...``) of this name."""
        return self.seed_path(name).read_text().strip()

    def public(self, name: str) -> str:
        """The public nkey (``U...``) of this name; the only half that a server configuration holds."""
        return bytes(nkeys.from_seed(self.seed(name).encode()).public_key).decode()

    def password(self, name: str) -> str:
        """A random password, safe in a URL."""
        path = self.directory / f"{name}.password"
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(24))
        return path.read_text().strip()


def write_secret(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    old_mask = os.umask(0o077)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(old_mask)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
