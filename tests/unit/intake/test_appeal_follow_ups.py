"""Given an appeal, when its channel says something about it, then it is applied or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.domain.appeal import MOST_STEPS, MOST_WAITING
from shared.contracts.channel import Contested, Submitted, Supplemented, Urged, Withdrawn
from shared.contracts.intake import (
    AppealContested,
    AppealSupplemented,
    AppealUrged,
    AppealWithdrawn,
    NoticeClosed,
)
from shared.contracts.values import Attachment, Reporter
from shared.loop.decision import NotYet, Refused
from tests.support.appeals import CHANNEL, MINUTE, OTHER, T0, appeal, closed, cold_flat, desk, hand_in
from tests.support.desk import Desk, names, said

PICTURE = Attachment(id="f1", media_type="image/jpeg", sha256="a" * 64)
LATER = T0 + MINUTE


def registered(**more: Any) -> tuple[Desk, Any]:
    at = desk()
    return at, hand_in(at, cold_flat(external_ref="H-1", **more))


def ended(state: str) -> tuple[Desk, Any]:
    """An appeal in one of the states after which nobody is at work on it."""
    at = desk()
    if state in ("answered", "not_accepted"):
        text = "请问暖气费怎么交？" if state == "answered" else "……"
        return at, hand_in(at, Submitted(text=text, external_ref="H-1"))
    it = hand_in(at, cold_flat(external_ref="H-1"))
    if state == "withdrawn":
        at.settle(Withdrawn(appeal_id=it.appeal_id, reason="已好"), T0, CHANNEL)
    else:
        at.settle(closed(it, T0), T0)
    if state == "contested":
        at.settle(Contested(appeal_id=it.appeal_id, reason="还是冷"), T0, CHANNEL)
    assert appeal(at).state == state
    return at, appeal(at)


def test_urging_is_counted_and_passed_to_routing() -> None:
    at, it = registered()
    for _ in range(2):
        out = at.settle(Urged(appeal_id=it.appeal_id, text="快点"), LATER, CHANNEL)
        assert names(out) == ["appeal.urged"]
    assert appeal(at).urged == 2
    assert appeal(at).state == "registered"


def test_urging_for_ever_does_not_make_the_document_grow() -> None:
    at, it = registered()
    for _ in range(3 * MOST_STEPS):
        at.settle(Urged(appeal_id=it.appeal_id), LATER, CHANNEL)
    assert len(appeal(at).history) == MOST_STEPS
    assert appeal(at).urged == 3 * MOST_STEPS


def test_a_supplement_carries_text_and_files_to_routing() -> None:
    at, it = registered()
    out = at.settle(
        Supplemented(external_ref="H-1", text="阀门在漏水", attachments=[PICTURE]), LATER, CHANNEL
    )
    [more] = said(out, AppealSupplemented)
    assert (more.appeal_id, more.case_id) == (it.appeal_id, it.case_id)
    assert (more.text, more.attachments) == ("阀门在漏水", [PICTURE])


@pytest.mark.parametrize(("verb", "event"), [(Urged, AppealUrged), (Supplemented, AppealSupplemented)])
def test_words_go_to_routing_veiled_and_say_whether_their_caller_must_not_be_known(
    verb: Any, event: Any
) -> None:
    at, it = registered(reporter=Reporter(name="王秀英", phone="13812345678", confidential=True))

    out = at.settle(verb(appeal_id=it.appeal_id, text="我是王秀英，13812345678，还是冷"), LATER, CHANNEL)

    [more] = said(out, event)
    assert (more.text, more.confidential) == ("我是群众，138****5678，还是冷", True)


def test_a_withdrawal_ends_the_appeal_and_tells_routing_how_many_households_left() -> None:
    at, it = registered(reporter=Reporter(represents_households=3))
    out = at.settle(Withdrawn(appeal_id=it.appeal_id, reason="已自行修好"), LATER, CHANNEL, "e2")
    assert names(out) == ["appeal.withdrawn", "notice.closed"]
    assert said(out, AppealWithdrawn)[0].households == 3
    [notice] = said(out, NoticeClosed)
    assert (notice.outcome, notice.in_reply_to, notice.case_id) == ("withdrawn", "e2", it.case_id)
    assert appeal(at).state == "withdrawn"


def test_a_closed_appeal_can_be_contested() -> None:
    at, it = ended("closed")
    out = at.settle(Contested(external_ref="H-1", reason="只有15度"), LATER, CHANNEL)
    assert said(out, AppealContested) == [
        AppealContested(appeal_id=it.appeal_id, channel=CHANNEL, case_id=it.case_id, reason="只有15度")
    ]
    assert appeal(at).state == "contested"


@pytest.mark.parametrize("state", ["closed", "contested", "withdrawn", "answered", "not_accepted"])
@pytest.mark.parametrize("verb", [Urged, Supplemented, Withdrawn, Contested])
def test_what_an_ended_appeal_is_past_is_refused_by_name(state: str, verb: Any) -> None:
    if (state, verb) == ("closed", Contested):
        return
    at, it = ended(state)
    more = {"reason": "原因"} if verb in (Withdrawn, Contested) else {}
    for name, value in (("appeal_id", it.appeal_id), ("external_ref", "H-1")):
        with pytest.raises(Refused) as refused:
            at.settle(verb(**{name: value}, **more), LATER, CHANNEL)
        assert refused.value.errors[0].field == name
        assert refused.value.errors[0].problem
    assert appeal(at) == it


def test_an_open_appeal_has_no_outcome_to_contest() -> None:
    at, it = registered()
    with pytest.raises(Refused, match="appeal_id: the appeal is not closed yet"):
        at.settle(Contested(appeal_id=it.appeal_id, reason="不满"), LATER, CHANNEL)


@pytest.mark.parametrize("name", ["appeal_id", "external_ref"])
def test_an_unknown_appeal_may_still_be_on_its_way(name: str) -> None:
    with pytest.raises(NotYet) as later:
        desk().settle(Urged(**{name: "nobody's"}), LATER, CHANNEL)
    assert later.value.refusal.errors[0].field == name


def test_another_channels_appeal_is_as_good_as_none() -> None:
    at, it = registered()
    with pytest.raises(NotYet) as unknown:
        at.settle(Urged(appeal_id="nobody's"), LATER, OTHER)
    with pytest.raises(Refused) as refused:
        at.settle(Urged(appeal_id=it.appeal_id), LATER, OTHER)
    assert refused.value.errors == unknown.value.refusal.errors
    with pytest.raises(NotYet):
        at.settle(Urged(external_ref="H-1"), LATER, OTHER)
    assert appeal(at).urged == 0


def test_both_names_must_mean_the_same_appeal() -> None:
    at, it = registered()
    at.settle(Urged(appeal_id=it.appeal_id, external_ref="H-1"), LATER, CHANNEL)
    with pytest.raises(Refused, match="external_ref"):
        at.settle(Urged(appeal_id=it.appeal_id, external_ref="H-2"), LATER, CHANNEL)


def test_of_several_appeals_with_the_channels_number_the_newest_is_meant() -> None:
    at, _ = registered()
    hand_in(at, cold_flat(1, external_ref="H-1"), "e2", at=LATER)
    at.settle(Urged(external_ref="H-1"), LATER, CHANNEL)
    assert (appeal(at, "e1").urged, appeal(at, "e2").urged) == (0, 1)


def test_what_is_said_before_the_case_is_there_is_applied_when_it_is() -> None:
    at = desk()
    [placing] = at.take(cold_flat(), T0, CHANNEL, "e1")
    about = appeal(at).appeal_id
    assert at.take(Urged(appeal_id=about), T0, CHANNEL) == []
    assert at.take(Withdrawn(appeal_id=about, reason="已好"), T0, CHANNEL, "e3") == []
    with pytest.raises(Refused):
        at.take(Urged(appeal_id=about), T0, CHANNEL)
    out = at.settle(placing.event, LATER)
    assert names(out) == [
        "appeal.registered",
        "notice.registered",
        "appeal.urged",
        "appeal.withdrawn",
        "notice.closed",
    ]
    assert said(out, NoticeClosed)[0].in_reply_to == "e3"
    assert (appeal(at).state, appeal(at).urged) == ("withdrawn", 1)


def test_only_so_much_waits_for_the_case() -> None:
    at = desk()
    at.take(cold_flat(), T0, CHANNEL, "e1")
    about = appeal(at).appeal_id
    for _ in range(MOST_WAITING):
        at.take(Urged(appeal_id=about), T0, CHANNEL)
    with pytest.raises(Refused):
        at.take(Urged(appeal_id=about), T0, CHANNEL)
