"""Files out of a form, kept as those that come over the API are; and files of an assignment, shown as what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from fastapi import Response
from starlette.datastructures import FormData, UploadFile

from services.response.workbench.forms import MOST_PHOTOS
from shared.contracts.values import Attachment, FieldError
from shared.files import MOST_BYTES, OverQuota, kept, save
from shared.policy.tenants import Tenant
from shared.receipts import Receipts

FIELD = "evidence"
KEPT = "evidence.kept"
"""An input for each file that was taken with a form that then had to be mended: id, media type and digest."""

_SHOWN: Mapping[bytes, str] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""What a browser may show here, by how it begins: what its sender called it proves nothing."""


def image_type(content: bytes) -> str | None:
    """What kind of picture this is, None for anything that is not to be opened in the page's own origin."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SHOWN.items() if content.startswith(start)), None)


async def taken(
    form: FormData, directory: Path, receipts: Receipts, agency: Tenant
) -> tuple[list[Attachment], list[FieldError]]:
    """The files of a form, on disk when this returns, and what is wrong with those that are not taken."""
    found, errors = _kept_before(form), []
    for part in form.getlist(FIELD):
        if not isinstance(part, UploadFile) or not part.filename:
            continue
        name = part.filename[:60]
        content = await part.read(MOST_BYTES + 1)
        kind = image_type(content)
        if len(found) >= MOST_PHOTOS:
            errors.append(_wrong(f"至多 {MOST_PHOTOS} 张 (at most {MOST_PHOTOS} photos)"))
            break
        if len(content) > MOST_BYTES:
            errors.append(_wrong(f"{name}：超过 10 MB (more than 10 MiB)"))
        elif kind is None:
            errors.append(_wrong(f"{name}：不是照片 (not a JPEG, PNG, GIF or WebP picture)"))
        else:
            try:
                found.append(await asyncio.to_thread(save, directory, content, kind, receipts, agency))
            except OverQuota:
                errors.append(_wrong("今日交来的文件已达配额 (over the quota of files of a day)"))
                break
    return list(dict.fromkeys(found)), errors


async def shown(directory: Path, id: str) -> Response | None:
    """A file to look at where it is a picture, else to be saved; None where there is none."""
    content = await asyncio.to_thread(kept, directory, id)
    if content is None:
        return None
    kind = image_type(content)
    headers = {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline" if kind else f'attachment; filename="{id}"',
    }
    return Response(content, headers=headers, media_type=kind or "application/octet-stream")


def _kept_before(form: FormData) -> list[Attachment]:
    found = []
    for value in form.getlist(KEPT):
        id, _, rest = str(value).partition(" ")
        kind, _, digest = rest.partition(" ")
        found.append(Attachment.model_construct(id=id, media_type=kind, sha256=digest))
    return found[:MOST_PHOTOS]


def _wrong(problem: str) -> FieldError:
    return FieldError(field=FIELD, problem=problem)
