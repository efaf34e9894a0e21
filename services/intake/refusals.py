"""What a channel is told whose message could not be applied."""

from __future__ import annotations

from typing import Any

import orjson

from services.intake.domain.appeal import Appealed
from shared.contracts.channel import Submitted
from shared.contracts.intake import AppealRejected, NoticeRejected
from shared.loop.decision import Out, Refusal

LONGEST_REFERENCE = 128


def tell(refusal: Refusal) -> list[Out]:
    """A `rejected` notice by field; a rejected submission is counted as well.

    It names the channel's own appeal where one is meant, and else only the number the channel gave itself.
    """
    if not refusal.tenant:
        return []
    errors = list(refusal.errors)
    submission = refusal.subject == Submitted.subject(refusal.tenant)
    appeal: Appealed | None = refusal.state
    if appeal is not None and appeal.channel != refusal.tenant:
        appeal = None
    about = appeal.appeal_id if appeal is not None else None
    known = appeal.external_ref if appeal is not None else None
    notice = NoticeRejected(
        appeal_id=about,
        external_ref=known or _reference(_said(refusal.data)),
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


def _reference(said: dict[str, Any]) -> str | None:
    value = said.get("external_ref")
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_REFERENCE else None
