"""What a channel is told whose message could not be applied."""

from __future__ import annotations

from typing import Any

from services.intake.domain.appeal import Appealed
from shared.contracts.channel import Submitted
from shared.contracts.intake import AppealRejected, NoticeRejected
from shared.loop.decision import Out, Refusal
from shared.loop.envelope import legible

LONGEST_REFERENCE = 128


def tell(refusal: Refusal) -> list[Out]:
    """A `rejected` notice by field; a rejected submission is counted as well, and so are those, all at once, that the
    channel's door counted only.

    It names the channel's own appeal where one is meant, and else only the number the channel gave itself.
    """
    errors = list(refusal.errors)
    submission = refusal.subject == Submitted.subject(refusal.tenant)
    times = refusal.unanswered.get("submitted")
    appeal: Appealed | None = refusal.state
    if appeal is not None and appeal.channel != refusal.tenant:
        appeal = None
    about = appeal.appeal_id if appeal is not None else None
    known = appeal.external_ref if appeal is not None else None
    notice = NoticeRejected(
        appeal_id=about,
        external_ref=known or _reference(legible(refusal.data)),
        in_reply_to=refusal.id,
        errors=errors,
        closed=refusal.closed,
    )
    out = [Out(notice, about or "", refusal.tenant)]
    if submission or times:
        rejected = AppealRejected(channel=refusal.tenant, in_reply_to=refusal.id, errors=errors, times=times)
        out.append(Out(rejected))
    return out


def _reference(said: dict[str, Any]) -> str | None:
    value = said.get("external_ref")
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_REFERENCE else None
