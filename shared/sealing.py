"""What a file that others read must not give away: sealed with a key of the installation, opened where it is used.

The key file has one key per line. The first seals, each opens, so that a key is replaced by putting another before it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealError(Exception):
    """The key file cannot be used, or does not open what it is given."""


class Seal:
    """One installation's seal."""

    def __init__(self, keys: MultiFernet) -> None:
        self._keys = keys

    @classmethod
    def of(cls, path: Path) -> Seal:
        """The seal whose keys are in this file. Raises SealError."""
        try:
            lines = path.read_text(encoding="ascii").split()
            return cls(MultiFernet([Fernet(line) for line in lines]))
        except (OSError, ValueError) as error:
            raise SealError(f"{path}: {error}") from None

    @classmethod
    def fresh(cls) -> Seal:
        """A seal that nobody else has and that ends with this process."""
        return cls(MultiFernet([Fernet(new_key())]))

    def close(self, secret: str) -> str:
        """Sealed, as text."""
        return self._keys.encrypt(secret.encode()).decode()

    def open(self, sealed: str, within: timedelta | None = None) -> str:
        """What was sealed, ``within`` such a time if that matters. Raises SealError when it was longer ago, or not done
        with one of these keys."""
        try:
            ttl = None if within is None else int(within.total_seconds())
            return self._keys.decrypt(sealed.encode(), ttl=ttl).decode()
        except InvalidToken:
            raise SealError("not sealed with the key of this installation, or too long ago") from None


def new_key() -> str:
    """A fresh key, one line of a key file."""
    return Fernet.generate_key().decode()
