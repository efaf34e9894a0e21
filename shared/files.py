"""Files handed in over HTTP (CONTRACTS 5): photos of thermometers, of meters, of what was repaired.

An event carries only a file's id and digest. The id is made of the digest and the media type: the same file handed
in twice is kept once.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import UploadFile

from shared.contracts.values import Attachment, FieldError
from shared.http import Problem
from shared.ids import derive

MOST_BYTES = 10 * 1024 * 1024
_FORM_BYTES = 64 * 1024
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


def save(directory: Path, content: bytes, media_type: str) -> Attachment:
    """Keeps ``content`` under its id, on disk when this returns; doing it again changes nothing."""
    kind = media_type.split(";")[0].strip().lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else _UNKNOWN_TYPE
    digest = sha256(content).hexdigest()
    id = derive("file", digest, kind)
    path = path_of(directory, id)
    if not path.exists():
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


def path_of(directory: Path, id: str) -> Path:
    """Where a file of this id lies."""
    return directory / id[:2] / id


def routes(app: FastAPI, directory: Path) -> None:
    """Adds `POST /api/v1/files`: multipart, one part ``file`` of at most 10 MiB -> {id, media_type, sha256}."""

    @app.post("/api/v1/files", status_code=202, openapi_extra=_FORM)
    async def take_file(request: Request) -> Attachment:
        length = request.headers.get("content-length", "")
        if not length.isdigit():
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
            return await asyncio.to_thread(save, directory, content, part.content_type or _UNKNOWN_TYPE)


def _too_large() -> Problem:
    return Problem(413, f"file: at most {MOST_BYTES} bytes", [_wrong("file", f"at most {MOST_BYTES} bytes")])


def _wrong(field: str, problem: str) -> FieldError:
    return FieldError(field=field, problem=problem)
