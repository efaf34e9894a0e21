"""What a channel is told whose message could not be applied."""

from __future__ import annotations

from typing import Any

import orjson

from services.intake.domain.receive import appeal_id
from shared.contracts.channel import Submitted
from shared.contracts.intake import AppealRejected, NoticeRejected
from shared.loop.decision import Out, Refusal

LONGEST_REFERENCE = 128


def tell(refusal: Refusal) -> list[Out]:
    """A `rejected` notice by field; a rejected submission is counted as well."""
    if not refusal.tenant:
        return []
    errors = list(refusal.errors)
    submission = refusal.subject == Submitted.subject(refusal.tenant)
    said = _said(refusal.data)
    about = _reference(said, "appeal_id")
    if submission:
        taken = refusal.id is not None and any(error.field == "id" for error in errors)
        about = appeal_id(refusal.tenant, str(refusal.id)) if taken else None
    notice = NoticeRejected(
        appeal_id=about,
        external_ref=_reference(said, "external_ref"),
        in_reply_to=refusal.id,
        errors=errors,
    )
    out = [Out(notice, about or "", refusal.tenant)]
    if submission:
        out.append(Out(AppealRejected(channel=refusal.tenant, in_reply_to=refusal.id, errors=errors)))
    return out


def _said(data: bytes) -> dict[str, Any]:
    """The fields of the message as far as it can be read, whichever mode it came in."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(said, dict) and "specversion" in said:
        said = said.get("data")
    return said if isinstance(said, dict) else {}


def _reference(said: dict[str, Any], field: str) -> str | None:
    value = said.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_REFERENCE else None
