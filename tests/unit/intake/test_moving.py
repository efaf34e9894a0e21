"""A case was joined to another: its appeals belong to that one from then on, and their channels are told."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from services.intake.domain.appeal import Closed, Merged, Registered, Withdrawn
from services.intake.store import MATTERS
from shared.contracts.channel import Withdrawn as TakenBack
from shared.contracts.intake import AppealLeft, AppealMerged, AppealRegistered, NoticeMerged, NoticeRegistered
from shared.contracts.intake_steps import AppealPlaced, CloseAppeal, MoveAppeal
from shared.contracts.routing import CaseJoined, CaseJoinRefused
from tests.support.appeals import CHANNEL, MINUTE, OTHER, T0, appeal, cold_flat, desk, hand_in
from tests.support.desk import Desk, names, said

LATER = T0 + 10 * MINUTE
INTO = {"into": "case-9", "into_no": "20251120-NINE"}


def two_neighbours() -> Desk:
    at = desk()
    hand_in(at, cold_flat(external_ref="H-1"), "e1", CHANNEL)
    hand_in(at, cold_flat(), "e2", OTHER, T0 + MINUTE)
    return at


def second(at: Desk) -> Any:
    return appeal(at, "e2", OTHER)


def joined(at: Desk, **changes: Any) -> CaseJoined:
    first = appeal(at)
    values = {"case_id": first.case_id, "matter": first.matter, "at": LATER, "appeals": 5}
    return CaseJoined(**values | INTO | {"reason": "同一处故障", "by": "centre"} | changes)


def test_every_appeal_goes_over_and_is_told_of_once() -> None:
    at = two_neighbours()
    before = appeal(at).case_id

    out = at.settle(joined(at), LATER)

    for now in (appeal(at), second(at)):
        assert isinstance(now, Merged)
        assert (now.case_id, now.case_no, now.history[-1].what) == ("case-9", "20251120-NINE", "merged")
    assert [(e.case_id, e.moved_from) for e in said(out, AppealMerged)] == [("case-9", before)] * 2
    notices = said(out, NoticeMerged)
    assert sorted((n.appeal_id, n.external_ref, n.case_id, n.appeals) for n in notices) == sorted(
        ((appeal(at).appeal_id, "H-1", "case-9", 5), (second(at).appeal_id, None, "case-9", 5))
    )


def test_the_matter_takes_no_more_appeals_for_it_and_the_next_one_opens_a_case() -> None:
    at = two_neighbours()
    before = appeal(at).case_id
    at.settle(joined(at), LATER)
    assert not at.state(MATTERS, appeal(at).matter).open

    hand_in(at, cold_flat(), "e3", CHANNEL, LATER + MINUTE)

    third = appeal(at, "e3")
    assert isinstance(third, Registered)
    assert third.case_id not in (before, "case-9")


def test_one_that_was_taken_back_stays_where_it_was() -> None:
    at = two_neighbours()
    at.settle(TakenBack(appeal_id=appeal(at).appeal_id, reason="好了"), LATER, CHANNEL)
    before = appeal(at).case_id

    out = at.settle(joined(at), LATER)

    assert isinstance(appeal(at), Withdrawn)
    assert appeal(at).case_id == before
    assert len(said(out, AppealMerged)) == 1


def test_a_move_that_comes_again_or_about_another_case_changes_nothing() -> None:
    at = two_neighbours()
    first = appeal(at)
    move = MoveAppeal(appeal_id=first.appeal_id, case_id=first.case_id, appeals=5, **INTO)
    at.settle(move, LATER)
    moved = appeal(at)

    assert at.settle(move, LATER + MINUTE) == []
    assert at.settle(move.model_copy(update={"case_id": "elsewhere"}), LATER + MINUTE) == []
    assert appeal(at) == moved


def test_where_the_other_case_has_just_closed_the_appeal_gets_a_case_of_its_own() -> None:
    at = two_neighbours()
    at.settle(joined(at), LATER)
    first = now = appeal(at)
    refused = CaseJoinRefused(case_id="case-9", at=LATER, appeal_id=now.appeal_id, matter=now.matter)

    out = at.settle(refused, LATER + MINUTE)

    assert names(out) == ["appeal.left", "appeal.registered", "notice.registered"]
    (left,), (anew,) = said(out, AppealLeft), said(out, AppealRegistered)
    assert (left.case_id, left.counted_as, left.counted_at) == ("case-9", "registered", first.received_at)
    assert anew.counted_at == left.counted_at
    assert len(said(out, NoticeRegistered)) == 1
    assert isinstance(appeal(at), Registered)
    assert appeal(at).case_id not in (joined(at).into, now.case_id)


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_an_appeal_that_the_joined_case_refused_ends_in_a_case_whichever_is_heard_first(
    order: tuple[int, ...],
) -> None:
    at = two_neighbours()
    late = second(at)
    events = [
        joined(at),
        CaseJoinRefused(case_id=late.case_id, at=LATER, appeal_id=late.appeal_id, matter=late.matter),
    ]

    for number, which in enumerate(order):
        at.settle(events[which], LATER + number * MINUTE)

    assert isinstance(second(at), Registered | Merged)
    assert second(at).case_id != late.case_id


def test_the_end_of_the_other_case_is_theirs_too() -> None:
    at = two_neighbours()
    at.settle(joined(at), LATER)
    end = {"outcome": "verified", "reply": "已修好"}

    at.settle(CloseAppeal(appeal_id=appeal(at).appeal_id, case_id="case-9", **end), LATER + timedelta(days=1))

    assert isinstance(appeal(at), Closed)


def test_an_appeal_on_its_way_is_not_moved() -> None:
    at = desk()
    placed = AppealPlaced(matter="m", appeal_id="nobody", case_id="c", case_no="1", opened=True, appeals=1)
    assert at.settle(placed, T0) == []
    assert at.settle(MoveAppeal(appeal_id="nobody", case_id="c", appeals=1, **INTO), T0) == []
