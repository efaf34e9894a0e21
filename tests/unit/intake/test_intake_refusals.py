"""Given a message that cannot be applied, when intake refuses it, then its channel is told by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.intake.refusals import tell
from shared.contracts.intake import AppealRejected, NoticeRejected
from shared.contracts.values import Closed, FieldError
from shared.loop.decision import Refusal
from tests.support.appeals import CHANNEL, OTHER, cold_flat, desk, hand_in
from tests.support.desk import names, said

UNTIL = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
WRONG = [FieldError(field="text", problem="is required")]


def refusal(verb: str = "submitted", body: Any = None, id: str | None = "e1", **more: Any) -> Refusal:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, Any] = {"errors": WRONG, "tenant": CHANNEL} | more
    return Refusal(id=id, subject=f"intake.{CHANNEL}.{verb}.v1", data=data, **fields)


def test_a_rejected_submission_is_answered_and_counted() -> None:
    out = tell(refusal(body={"external_ref": "H-1"}))
    assert names(out) == ["notice.rejected", "appeal.rejected"]
    [notice] = said(out, NoticeRejected)
    assert (notice.in_reply_to, notice.external_ref, notice.appeal_id) == ("e1", "H-1", None)
    assert notice.errors == WRONG
    assert said(out, AppealRejected)[0].channel == CHANNEL
    assert [one.tenant for one in out] == [CHANNEL, ""]


def test_another_rejected_word_is_answered_but_is_no_rejected_appeal() -> None:
    out = tell(refusal("urged", {"external_ref": "H-1"}))
    assert names(out) == ["notice.rejected"]


@pytest.mark.parametrize("named", ["appeal_id", "external_ref"])
def test_a_rejected_word_about_a_known_appeal_names_it_whole(named: str) -> None:
    known = hand_in(desk(), cold_flat(external_ref="H-1"))

    [out] = tell(refusal("contested", {named: getattr(known, named)}, state=known))

    [notice] = said([out], NoticeRejected)
    assert (notice.appeal_id, notice.external_ref, out.about) == (known.appeal_id, "H-1", known.appeal_id)


@pytest.mark.parametrize("channel", ["nobody's", OTHER])
def test_an_appeal_the_channel_never_handed_in_is_not_named(channel: str) -> None:
    state = hand_in(desk(), cold_flat(external_ref="H-1"), channel=OTHER) if channel == OTHER else None

    [out] = tell(refusal("urged", {"appeal_id": "A-1"}, state=state))

    assert said([out], NoticeRejected)[0].model_dump(exclude_none=True).keys() == {"in_reply_to", "errors"}
    assert out.about == ""


def test_a_structured_message_is_read_inside_its_envelope() -> None:
    out = tell(refusal(body={"specversion": "1.0", "data": {"external_ref": "H-2"}}))
    assert said(out, NoticeRejected)[0].external_ref == "H-2"


def test_what_cannot_be_made_out_is_absent() -> None:
    for body in (
        b"{not json",
        b"\xff\xfe",
        [1, 2],
        {"external_ref": 7},
        {"external_ref": "x" * 1000},
        "text",
    ):
        [notice] = said(tell(refusal(body=body, id=None)), NoticeRejected)
        dumped = notice.model_dump(exclude_none=True)
        assert set(dumped) == {"errors"}


def test_what_was_only_counted_reaches_the_figures_all_at_once() -> None:
    closed = Closed(scope="hour", until=UNTIL, answered=300, unanswered=1204)

    out = tell(counted(closed, {"submitted": 1180, "urged": 24}))

    assert said(out, NoticeRejected)[0].closed == closed
    assert said(out, AppealRejected)[0].times == 1180


def test_what_was_counted_and_is_no_submission_is_no_rejected_appeal() -> None:
    closed = Closed(scope="matter", matter="a", until=UNTIL, answered=20, unanswered=24)

    [out] = tell(counted(closed, {"urged": 24}))

    assert said([out], NoticeRejected)[0].closed == closed


def counted(closed: Closed, unanswered: dict[str, int]) -> Refusal:
    return Refusal(None, WRONG, CHANNEL, "", b"", closed=closed, unanswered=unanswered)
