"""Given a case of two compounds, when the desk has split one off, then its appeals, and those that come later, are
another case, and everybody hears which."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain.appeal import Merged, Registered
from services.intake.store import APPEALS, MATTERS
from shared.contracts import channel, intake, intake_steps
from shared.contracts.routing_splits import CaseSplit
from shared.ids import derive
from shared.loop.decision import Input
from tests.support.appeals import (
    CHANNEL,
    MINUTE,
    T0,
    appeal,
    closed,
    cold_flat,
    compound,
    desk,
    hand_in,
    join_refused,
    reopened,
    sample,
)
from tests.support.desk import Desk, names, said

HERE, THERE = (
    next(n for n, one in enumerate(sample().places.compounds) if one.name == name)
    for name in ("双槐树小区", "铁路家属院")
)
LATER, MUCH_LATER = T0 + 20 * MINUTE, T0 + 40 * MINUTE
KEY = "loop:s036|heating.no_heat"
INTO = f"{KEY}|split"
NEW = derive("case", INTO, 1)


def burst(here: int = 2, there: int = 3) -> Desk:
    """One case: e1.. from the first compound, then the others."""
    at = desk()
    for number in range(1, here + there + 1):
        which = HERE if number <= here else THERE
        hand_in(at, cold_flat(which), f"e{number}", at=T0 + number * timedelta(seconds=1))
    assert len({state.case_id for state in at.states(APPEALS)}) == 1
    return at


def split(at: Desk, into: str = INTO, matter: str = KEY, of: str = "e1", **named: Any) -> CaseSplit:
    case_id = appeal(at, of).case_id
    word = {"compounds": [compound(THERE).code], "keeps": appeal(at, of).appeal_id} | named
    return CaseSplit(case_id=case_id, at=LATER, matter=matter, into=into, **word)


def cases(at: Desk, *ids: str) -> list[str]:
    return [appeal(at, id).case_id for id in ids]


def test_a_compound_that_is_split_off_is_one_case_of_its_own_and_the_rest_stays() -> None:
    at = burst()
    old = appeal(at).case_id

    out = at.settle(split(at), LATER)

    assert cases(at, "e1", "e2") == [old, old]
    assert cases(at, "e3", "e4", "e5") == [NEW, NEW, NEW]
    assert names(out).count("appeal.left") == 3
    assert names(out).count("appeal.registered") == names(out).count("notice.registered") == 1
    assert names(out).count("appeal.merged") == names(out).count("notice.merged") == 2
    assert [state.state for state in (appeal(at, id) for id in ("e3", "e4", "e5"))] == [
        "registered",
        "merged",
        "merged",
    ]


def test_the_channel_hears_which_case_it_is_now_and_which_it_was() -> None:
    at = burst()
    old = appeal(at).case_id

    out = at.settle(split(at), LATER)

    [opens] = said(out, intake.NoticeRegistered)
    first, second = said(out, intake.NoticeMerged)
    assert (opens.case_id, opens.instead_of, opens.in_reply_to) == (NEW, old, "e3")
    assert (first.appeals, second.appeals) == (2, 3)
    assert {first.instead_of, second.instead_of} == {old}
    assert said(out, intake.AppealRegistered)[0].left_case == old


def test_who_was_never_split_off_is_told_of_no_other_case() -> None:
    at = desk()
    out = at.settle(cold_flat(), T0, CHANNEL, "e1")
    assert said(out, intake.NoticeRegistered)[0].instead_of is None


def test_appeals_leave_by_name_and_their_compound_stays() -> None:
    at = burst()
    old = appeal(at).case_id

    at.settle(split(at, compounds=[], appeal_ids=[appeal(at, "e4").appeal_id]), LATER)
    hand_in(at, cold_flat(THERE), "e6", at=LATER)

    assert cases(at, "e3", "e4", "e5", "e6") == [old, NEW, old, old]


def test_what_opened_the_case_stays_even_if_it_is_named() -> None:
    at = burst()
    named = [appeal(at, id).appeal_id for id in ("e1", "e2")]

    at.settle(split(at, compounds=[compound(HERE).code], appeal_ids=named), LATER)

    assert appeal(at, "e1").case_id != NEW
    assert appeal(at, "e2").case_id == NEW


def test_an_appeal_counts_where_it_was_counted_and_as_what() -> None:
    at = burst()

    out = at.settle(split(at), LATER)

    left = said(out, intake.AppealLeft)[0]
    assert (left.counted_as, left.counted_at) == ("merged", T0 + timedelta(seconds=3))
    assert said(out, intake.AppealRegistered)[0].counted_at == left.counted_at


def test_an_appeal_from_before_there_was_an_account_is_counted_by_its_history() -> None:
    at = burst()
    before = appeal(at, "e3").model_copy(update={"counted": None})

    leave = intake_steps.LeaveCase(appeal_id=before.appeal_id, case_id=before.case_id, into=INTO)
    decided = at.handlers.by_type[leave.type].decide(before, leave, Input("i", LATER), sample())  # type: ignore[union-attr]

    assert decided.out[0].event.counted_as == "merged"
    assert decided.out[0].event.counted_at == T0 + timedelta(seconds=3)


@pytest.mark.parametrize("again", [2, 3])
def test_an_order_heard_of_again_moves_nobody_twice(again: int) -> None:
    at = burst()
    at.settle(split(at), LATER)

    for _ in range(again):
        assert at.settle(split(at), LATER) == []

    assert cases(at, "e3", "e4", "e5") == [NEW, NEW, NEW]


def test_who_has_left_already_is_not_sent_on_by_another_order_about_the_old_case() -> None:
    at = burst()
    gone = appeal(at, "e3")
    at.settle(split(at), LATER)

    other = intake_steps.LeaveCase(appeal_id=gone.appeal_id, case_id=gone.case_id, into=f"{KEY}|other")

    assert at.take(other, LATER) == []
    assert appeal(at, "e3").case_id == NEW


def test_who_withdrew_stays_where_they_were() -> None:
    at = burst()
    at.settle(channel.Withdrawn(appeal_id=appeal(at, "e3").appeal_id, reason="好了"), T0 + MINUTE, CHANNEL)

    out = at.settle(split(at), LATER)

    assert names(out).count("appeal.left") == 2
    assert appeal(at, "e3").state == "withdrawn"


def test_who_withdraws_on_the_way_is_withdrawn_from_the_new_case() -> None:
    at = burst(there=1)
    gone = appeal(at, "e3")
    _, _, placing = at.take(
        intake_steps.LeaveCase(appeal_id=gone.appeal_id, case_id=gone.case_id, into=INTO), LATER
    )
    at.take(channel.Withdrawn(appeal_id=gone.appeal_id, reason="好了"), LATER, CHANNEL)

    out = at.settle(placing.event, LATER)

    assert names(out)[-2:] == ["appeal.withdrawn", "notice.closed"]
    assert said(out, intake.AppealWithdrawn)[0].case_id == NEW


def test_a_closing_that_comes_first_does_not_keep_who_was_split_off_before() -> None:
    at = burst()
    order = split(at)
    at.settle(closed(appeal(at), LATER), LATER)

    at.settle(order, LATER)

    assert appeal(at, "e1").state == "closed"
    assert {type(appeal(at, id)) for id in ("e3", "e4", "e5")} == {Registered, Merged}


def test_the_two_cases_close_each_for_its_own() -> None:
    at = burst()
    at.settle(split(at), LATER)

    out = at.settle(closed(appeal(at, "e3"), MUCH_LATER), MUCH_LATER)

    assert len(said(out, intake.NoticeClosed)) == 3
    assert [appeal(at, id).state for id in ("e1", "e2", "e3", "e4", "e5")] == [
        "registered",
        "merged",
        "closed",
        "closed",
        "closed",
    ]


# --- what comes later -------------------------------------------------------------------------------------------


def test_a_compound_split_off_collects_its_own_while_its_case_is_open_and_the_other_its_own() -> None:
    at = burst()
    old = appeal(at).case_id
    at.settle(split(at), LATER)

    out = at.settle(cold_flat(THERE), MUCH_LATER, CHANNEL, "e6")
    hand_in(at, cold_flat(HERE), "e7", at=MUCH_LATER)

    assert cases(at, "e6", "e7") == [NEW, old]
    assert appeal(at, "e6").matter == INTO
    [told] = said(out, intake.NoticeMerged)
    assert (told.appeals, told.instead_of) == (4, None)
    assert at.state(MATTERS, KEY).appeals == 3


def test_once_its_case_is_closed_the_compound_belongs_to_the_loop_again() -> None:
    at = burst()
    old = appeal(at).case_id
    at.settle(split(at), LATER)
    at.settle(closed(appeal(at, "e3"), LATER), LATER)

    out = at.settle(cold_flat(THERE), MUCH_LATER, CHANNEL, "e6")

    assert appeal(at, "e6").case_id == old
    assert said(out, intake.AppealMerged)[0].declined == INTO


def test_if_its_case_is_open_again_it_collects_again() -> None:
    at = burst()
    at.settle(split(at), LATER)
    at.settle(closed(appeal(at, "e3"), LATER), LATER)
    at.settle(reopened(appeal(at, "e3"), LATER), LATER)

    hand_in(at, cold_flat(THERE), "e6", at=MUCH_LATER)

    assert appeal(at, "e6").case_id == NEW


def test_the_loop_s_next_case_leaves_the_compound_with_its_open_one() -> None:
    at = burst()
    at.settle(split(at), LATER)
    at.settle(closed(appeal(at, "e1"), LATER), LATER)

    hand_in(at, cold_flat(HERE), "e6", at=MUCH_LATER)
    hand_in(at, cold_flat(THERE), "e7", at=MUCH_LATER)

    assert appeal(at, "e6").case_id == derive("case", KEY, 2)
    assert appeal(at, "e7").case_id == NEW


def test_an_appeal_that_comes_before_those_split_off_have_a_case_opens_it_for_them() -> None:
    at = burst()
    order = split(at)
    *leaving, elsewhere = at.take(order, LATER)
    at.settle(elsewhere.event, LATER)

    hand_in(at, cold_flat(THERE), "e6", at=LATER)
    for one in leaving:
        at.settle(one.event, LATER)

    assert cases(at, "e3", "e4", "e5", "e6") == [NEW] * 4
    assert appeal(at, "e6").state == "registered"


def test_what_was_split_off_can_be_split_again() -> None:
    at = burst()
    at.settle(split(at), LATER)
    again = split(at, into=f"{INTO}|again", matter=INTO, of="e3", keeps=appeal(at, "e3").appeal_id)
    at.settle(again, LATER)
    newest = derive("case", f"{INTO}|again", 1)

    hand_in(at, cold_flat(THERE), "e6", at=MUCH_LATER)
    at.settle(closed(appeal(at, "e4"), MUCH_LATER), MUCH_LATER)
    hand_in(at, cold_flat(THERE), "e7", at=MUCH_LATER)

    assert cases(at, "e3", "e4", "e5", "e6", "e7") == [NEW, newest, newest, newest, NEW]


def test_an_appeal_that_the_new_case_refuses_opens_the_next_one_of_its_compound() -> None:
    at = burst()
    at.settle(split(at), LATER)
    hand_in(at, cold_flat(THERE), "e6", at=MUCH_LATER)

    at.settle(join_refused(appeal(at, "e6"), MUCH_LATER), MUCH_LATER)

    assert appeal(at, "e6").case_id == derive("case", INTO, 2)


def test_a_case_before_the_last_one_takes_no_compound_along() -> None:
    at = burst()
    order = split(at)
    at.settle(closed(appeal(at), LATER), LATER)
    hand_in(at, cold_flat(HERE), "e6", at=LATER)
    at.settle(order, LATER)

    hand_in(at, cold_flat(THERE), "e7", at=MUCH_LATER)

    assert appeal(at, "e7").case_id == appeal(at, "e6").case_id == derive("case", KEY, 2)


def test_a_matter_and_an_appeal_stored_before_there_were_splits_are_read() -> None:
    at = burst()
    for collection, of, missing in (
        (MATTERS, at.state(MATTERS, KEY), {"split_off"}),
        (APPEALS, appeal(at), {"counted"}),
    ):
        stored = collection.states.dump_python(of)
        read = collection.states.validate_python({k: v for k, v in stored.items() if k not in missing})
        assert collection.states.dump_python(read) == stored | {
            name: () if name == "split_off" else None for name in missing
        }
