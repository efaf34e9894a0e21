"""The id of a file that was handed in is a receipt: what was handed in, and by whom (docs/decisions/0046).

It says both in a way that only the service can write, so that whether a tenant may attach a file is read off the id: no
disk and no document is asked, every copy of the service answers alike, and a message that comes again as well.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from shared.access import Tokens
from shared.contracts.values import Attachment, FieldError, Reading
from shared.ids import derive

ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-([0-9a-f]{16}))?")
"""Digest and media type as one, and the receipt's seal; files of before receipts have none."""

NOT_YOURS = "没有这个文件，或不是本方交来的 (no such file, or not one that you handed in)"
ANOTHER = "与交来的文件不符 (is not the digest and media type of the file that was handed in)"
_NOBODY = ""
_PURPOSE = b"nuanliu files\n"
_LISTS = ("attachments", "evidence")


class Receipts:
    """One service's. ``secret``: what all its copies know and nobody else does.

    Where tokens are optional, who shows none hands in for everybody, and what is no receipt at all is taken for a file
    that is kept elsewhere; where they are required, both are refused.
    """

    def __init__(self, secret: bytes, tokens: Tokens) -> None:
        self._key = sha256(_PURPOSE + secret).digest()
        self._required = tokens == "required"

    @classmethod
    def of(cls, seed: Path | None, tokens: Tokens) -> Receipts:
        """Written with the service's own key to NATS, which its copies share."""
        return cls(seed.read_bytes().strip() if seed is not None else b"", tokens)

    def write(self, digest: str, media_type: str, tenant: str | None) -> str:
        """The id of a file with this SHA-256 (hexadecimal) that this tenant handed in; None: nobody in particular."""
        content = derive("file", digest, media_type)
        return f"{content}-{self._seal(content, tenant or _NOBODY)}"

    def wrong(self, event: Any, tenant: str) -> Sequence[FieldError]:
        """What is wrong with the files that an event of this tenant names; empty where nothing is."""
        return [error for field, file in _named(event) if (error := self._wrong(field, file, tenant))]

    def _wrong(self, field: str, file: Attachment | str, tenant: str) -> FieldError | None:
        id, at = (file.id, f"{field}.id") if isinstance(file, Attachment) else (file, field)
        read = ID.fullmatch(id)
        content, seal = (read[1], read[2]) if read is not None else ("", None)
        if seal is None:
            return FieldError(field=at, problem=NOT_YOURS) if self._required else None
        owners = (tenant,) if self._required else (tenant, _NOBODY)
        if not any(hmac.compare_digest(seal, self._seal(content, owner)) for owner in owners):
            return FieldError(field=at, problem=NOT_YOURS)
        if isinstance(file, Attachment) and content != derive("file", file.sha256, file.media_type):
            return FieldError(field=f"{field}.sha256", problem=ANOTHER)
        return None

    def _seal(self, content: str, owner: str) -> str:
        return hmac.new(self._key, f"{owner}\n{content}".encode(), sha256).hexdigest()[:16]


def _named(event: Any) -> Iterator[tuple[str, Attachment | str]]:
    """Every file that an outsider's event names, and where: an attachment, or of a photo the id only."""
    for name in _LISTS:
        for number, one in enumerate(getattr(event, name, None) or ()):
            yield f"{name}.{number}", one
    readings: Sequence[Reading] = getattr(event, "readings", None) or ()
    for number, reading in enumerate(readings):
        if reading.photo is not None:
            yield f"readings.{number}.photo", reading.photo
