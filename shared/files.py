"""Files handed in over HTTP (CONTRACTS 5): photos of thermometers, of meters, of what was repaired.

An event carries only a file's id and digest. The id is a receipt (shared/receipts.py), made of digest, media type and
whose it is: the same file handed in twice by one tenant is kept once.

How much a tenant has handed in today is written beside the files, under a lock: what the quota protects is that disk,
so whichever copies of a service share it share the count, and no database is asked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import tempfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from starlette.datastructures import UploadFile

from shared.access import Access
from shared.contracts.values import Attachment, FieldError
from shared.http import Problem
from shared.loop.envelope import now
from shared.policy.tenants import Tenant
from shared.receipts import ID, Receipts

MOST_BYTES = 10 * 1024 * 1024
_FORM_BYTES = 64 * 1024
_MOST_DIGITS = 15
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,99}")
_UNKNOWN_TYPE = "application/octet-stream"
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class OverQuota(Exception):
    """A tenant has handed in as much today as it may."""


def save(
    directory: Path,
    content: bytes,
    media_type: str,
    receipts: Receipts,
    tenant: Tenant | None = None,
    at: datetime | None = None,
) -> Attachment:
    """Keeps ``content`` under its id, on disk when this returns; doing it again changes nothing. A new file counts
    towards the ``tenant``'s day, if it is a tenant's. Raises OverQuota."""
    kind = media_type.split(";")[0].strip().lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else _UNKNOWN_TYPE
    digest = sha256(content).hexdigest()
    id = receipts.write(digest, kind, tenant.id if tenant is not None else None)
    path = path_of(directory, id)
    if not path.exists():
        if tenant is not None:
            _count(directory, tenant, len(content), at or now())
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
        os.replace(part.name, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return Attachment(id=id, media_type=kind, sha256=digest)


def _count(directory: Path, tenant: Tenant, size: int, at: datetime) -> None:
    """Adds to what the tenant has handed in on this day (UTC), unless it were too much then."""
    day = f"{at.astimezone(UTC):%Y-%m-%d}"
    counts = directory / ".taken"
    counts.mkdir(parents=True, exist_ok=True)
    count = os.open(counts / tenant.id, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(count, fcntl.LOCK_EX)
        counted_on, _, counted = os.pread(count, 100, 0).decode().partition(" ")
        taken = (int(counted) if counted_on == day else 0) + size
        if taken > tenant.quota.file_bytes_per_day:
            raise OverQuota
        os.pwrite(count, f"{day} {taken:020}".encode(), 0)
    finally:
        os.close(count)


def path_of(directory: Path, id: str) -> Path:
    """Where a file of this id lies."""
    return directory / id[:2] / id


def kept(directory: Path, id: str) -> bytes | None:
    """The content of a file that was handed in, None when there is none. An outsider may have written any id."""
    path = path_of(directory, id)
    return path.read_bytes() if ID.fullmatch(id) and path.is_file() else None


def routes(app: FastAPI, directory: Path, access: Access, receipts: Receipts) -> None:
    """Adds `POST /api/v1/files`: multipart, one part ``file`` of at most 10 MiB -> {id, media_type, sha256}.

    Who shows a token has a quota; who needs none, on a stack on one's own machine, has not."""

    asking: Any = Depends(access)

    @app.post("/api/v1/files", status_code=202, openapi_extra=_FORM)
    async def take_file(request: Request, tenant: Tenant | None = asking) -> Attachment:
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal() and len(length) <= _MOST_DIGITS):
            raise Problem(411, "content-length is required", [_wrong("content-length", "is required")])
        if int(length) > MOST_BYTES + _FORM_BYTES:
            raise _too_large()
        async with request.form(max_files=1, max_fields=10) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise Problem(422, "file: is required", [_wrong("file", "is required, as a multipart file")])
            content = await part.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise _too_large()
            media_type = part.content_type or _UNKNOWN_TYPE
            try:
                return await asyncio.to_thread(save, directory, content, media_type, receipts, tenant)
            except OverQuota:
                assert tenant is not None
                raise _over(tenant, now()) from None


def _over(tenant: Tenant, at: datetime) -> Problem:
    most = tenant.quota.file_bytes_per_day
    problem = (
        f"今日交来的文件已达配额 {most} 字节，世界时零点起重新计 (over the quota of {most} bytes a day, UTC)"
    )
    start = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    left = int((start + timedelta(days=1) - at).total_seconds()) + 1
    return Problem(429, f"file: {problem}", [_wrong("file", problem)], retry_after=left)


def _too_large() -> Problem:
    return Problem(413, f"file: at most {MOST_BYTES} bytes", [_wrong("file", f"at most {MOST_BYTES} bytes")])


def _wrong(field: str, problem: str) -> FieldError:
    return FieldError(field=field, problem=problem)
