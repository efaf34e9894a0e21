"""Given appeals of a case that come and go, heard of in any order, then it is closed as withdrawn only over nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.case import Closed, Dispatched, OnDesk
from shared.contracts import intake, routing, routing_orders
from shared.contracts.base import Event
from shared.loop.decision import NotYet
from shared.policy.places import UNPLACED
from tests.support.cases import Life, appeal, gone, merged

HOUSEHOLDS = {1: 1, 2: 2, 3: 5, 4: 1}


def joins(number: int) -> intake.AppealMerged:
    return merged(number, households=HOUSEHOLDS[number])


def goes(number: int, reason: str = "已恢复") -> intake.AppealWithdrawn:
    return intake.AppealWithdrawn(
        appeal_id=f"a{number}",
        channel="c",
        case_id="case-1",
        households=HOUSEHOLDS[number],
        reason=reason,
    )


def leaves(number: int) -> intake.AppealLeft:
    return gone(joins(number))


def contest(number: int) -> intake.AppealContested:
    return intake.AppealContested(appeal_id=f"a{number}", channel="c", case_id="case-1", reason="还是不热")


def opened(**changes: object) -> Life:
    life = Life()
    life.tell(appeal(**changes))
    return life


def closed_over_somebodys_head(**changes: object) -> Life:
    """As a version did that knew counts only, and took one appeal's going for another's."""
    life = opened(**changes)
    life.case = life.case.model_copy(update={"behind": None})
    life.tell(goes(2))
    assert isinstance(life.case, Closed)
    return life


def test_a_withdrawal_that_overtakes_its_own_joining_waits_and_closes_nobody_elses_case() -> None:
    life = opened()

    with pytest.raises(NotYet):
        life.tell(goes(2))
    life.tell(joins(2))
    life.tell(goes(2))

    assert isinstance(life.case, Dispatched)
    assert (life.case.appeals, life.case.households) == (1, 1)


def test_when_those_who_were_not_split_off_withdraw_nobody_stands_behind_the_case() -> None:
    life = opened()
    life.tell(joins(2))
    life.tell(joins(3))
    life.tell(leaves(2))
    life.tell(goes(3))
    assert isinstance(life.case, Dispatched)

    life.tell(goes(1))

    assert isinstance(life.case, Closed)
    assert life.case.outcome == "withdrawn"


def test_who_a_closed_case_refused_and_who_then_left_it_are_not_missing_when_it_is_open_again() -> None:
    life = opened()
    life.resolve_all()
    life.hold()
    life.tell(leaves(2))
    life.tell(joins(2))
    assert isinstance(life.only(routing.CaseJoinRefused), routing.CaseJoinRefused)
    life.tell(joins(3))
    life.tell(contest(1))
    assert (life.case.appeals, life.case.households) == (2, 6)

    life.tell(leaves(3))

    assert isinstance(life.case, Dispatched)
    assert (life.case.appeals, life.case.households) == (1, 1)


def test_a_case_that_is_open_again_counts_who_came_to_it_also_where_their_leaving_was_heard_of_first() -> (
    None
):
    life = opened()
    life.resolve_all()
    life.hold()
    life.tell(leaves(2))
    life.tell(contest(1))

    life.tell(joins(2))

    assert (life.case.appeals, life.case.households) == (1, 1)


def test_who_joined_stands_also_when_a_third_that_was_not_heard_of_and_the_first_have_gone() -> None:
    life = opened()
    life.tell(joins(2))
    life.tell(goes(1))

    with pytest.raises(NotYet):
        life.tell(goes(4))

    assert isinstance(life.case, Dispatched)


def test_a_closing_as_withdrawn_over_nobody_cannot_be_contested() -> None:
    life = opened()
    life.tell(goes(1))

    life.tell(contest(1))

    assert isinstance(life.case, Closed)
    assert life.out == []


def test_a_closing_over_somebodys_head_is_contested_by_who_still_stands() -> None:
    life = closed_over_somebodys_head()

    life.tell(contest(1))

    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseReopened).lead_agency == life.case.lead_agency == "heating-zy"
    assert life.only(routing.CaseAssigned).rework.reason == "还是不热"
    assert (life.case.appeals, life.case.households) == (1, 1)


def test_where_it_never_had_a_lead_the_desk_is_asked_again() -> None:
    life = closed_over_somebodys_head(place=UNPLACED)

    life.tell(contest(1))

    assert isinstance(life.case, OnDesk)
    assert life.only(routing.CaseOnDesk).due == life.case.question.due
    life.tell(routing_orders.Dispatch(case_id="case-1", lead="heating-zy", reason="经核实", by="值班长"))
    assert isinstance(life.case, Dispatched)


def _all_that_go(going: dict[int, bool]) -> list[Event]:
    """By withdrawing or by a split, which leaves the one that opened the case."""
    return [leaves(n) if split and n > 1 else goes(n) for n, split in sorted(going.items())]


@given(st.dictionaries(st.integers(1, 4), st.booleans()), st.randoms(use_true_random=False))
def test_in_whatever_order_it_is_heard_the_case_is_open_as_long_as_somebody_stands(
    going: dict[int, bool], chance: object
) -> None:
    life = opened()
    waiting: list[Event] = [*(joins(n) for n in (2, 3, 4)), *_all_that_go(going)]
    chance.shuffle(waiting)  # type: ignore[attr-defined]
    came, left = {1}, set[int]()
    for _ in range(200):
        if not waiting:
            break
        event = waiting.pop(0)
        was = life.case
        try:
            life.tell(event, after=timedelta(minutes=1))
        except NotYet:
            waiting.append(event)
            continue
        if isinstance(was, Closed):
            continue  # refused: registered anew
        number = int(event.appeal_id[1:])
        (came if isinstance(event, intake.AppealMerged) else left).add(number)
        stood = came - left
        assert isinstance(life.case, Closed) == (not stood)
        assert life.case.appeals >= (not isinstance(life.case, Closed))
        if not waiting and stood:
            assert life.case.appeals == len(stood)
            assert life.case.households == sum(HOUSEHOLDS[n] for n in stood)
    assert not waiting
