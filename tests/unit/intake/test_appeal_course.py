"""Given appeals on a case, when the case takes a step, then everybody it concerns is told, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.store import APPEALS
from shared.contracts.base import Event
from shared.contracts.channel import Contested, Submitted, Withdrawn
from shared.contracts.intake import AppealRegistered, NoticeClosed, NoticeProgressed, NoticeRegistered
from shared.contracts.intake_steps import CloseAppeal, CloseMatter, ReopenAppeal, ReopenMatter
from shared.contracts.response import AssignmentAccepted, AssignmentArrived, AssignmentContacted
from shared.contracts.routing import CaseDeferred, CaseEscalated, CaseRework
from shared.ids import derive
from tests.support.appeals import (
    CHANNEL,
    MINUTE,
    OTHER,
    T0,
    appeal,
    closed,
    cold_flat,
    desk,
    dispatched,
    hand_in,
    join_refused,
    reopened,
)
from tests.support.desk import Desk, names, said

LATER = T0 + 10 * MINUTE


def two_neighbours() -> Desk:
    at = desk()
    hand_in(at, cold_flat(external_ref="H-1"), "e1", CHANNEL)
    hand_in(at, cold_flat(), "e2", OTHER, T0 + MINUTE)
    return at


def step(event: type[Event], at: Desk, **more: object) -> list[NoticeProgressed]:
    fields = {"case_id": appeal(at).case_id, "at": LATER} | more
    return said(at.settle(event.model_validate(fields), LATER), NoticeProgressed)


def assignment(role: str) -> dict[str, object]:
    return {"assignment_id": "a1", "agency": "heating-zy", "role": role, "on_time": True}


def test_everybody_on_the_case_is_told_of_the_dispatch() -> None:
    at = two_neighbours()
    out = at.settle(dispatched(appeal(at), LATER), LATER)
    assert [(one.tenant, one.event.stage, one.event.at) for one in out] == [
        (CHANNEL, "dispatched", LATER),
        (OTHER, "dispatched", LATER),
    ]
    assert len({one.key for one in out}) == 2


@pytest.mark.parametrize(
    ("kind", "stage", "more"),
    [
        (CaseRework, "rework", {"lead_agency": "heating-zy", "count": 1, "reason": "还冷"}),
        (
            CaseDeferred,
            "deferred",
            {"kind": "season", "review_at": LATER, "reason": "待供暖", "plan": "试暖"},
        ),
        (CaseEscalated, "escalated", {"level": 1, "to_agency": "subdistrict-jq", "reason": "三次返工"}),
        (AssignmentAccepted, "accepted", assignment("lead")),
        (AssignmentContacted, "contacted", assignment("lead")),
        (AssignmentArrived, "arrived", assignment("lead")),
    ],
)
def test_steps_of_the_case_and_its_lead_are_progress(
    kind: type[Event], stage: str, more: dict[str, object]
) -> None:
    notices = step(kind, two_neighbours(), **more)
    assert [notice.stage for notice in notices] == [stage, stage]
    assert notices[0].external_ref == "H-1"


def test_what_an_assistant_does_is_no_progress() -> None:
    assert step(AssignmentAccepted, two_neighbours(), **assignment("assist")) == []


def test_a_step_heard_of_before_the_appeal_came_is_no_progress_on_it() -> None:
    at = two_neighbours()
    out = at.settle(dispatched(appeal(at), T0), T0)
    assert [one.tenant for one in out] == [CHANNEL]


def test_who_withdrew_hears_nothing_more() -> None:
    at = two_neighbours()
    at.settle(Withdrawn(appeal_id=appeal(at).appeal_id, reason="已好"), LATER, CHANNEL)
    assert [one.tenant for one in at.settle(dispatched(appeal(at), LATER), LATER)] == [OTHER]
    assert [one.tenant for one in at.settle(closed(appeal(at), LATER), LATER)] == [OTHER]
    assert appeal(at).state == "withdrawn"


def test_a_closing_reaches_every_appeal_and_the_matter() -> None:
    at = two_neighbours()
    end = closed(appeal(at), LATER, satisfaction="satisfied")
    out = at.take(end, LATER)
    assert [type(one.event) for one in out] == [CloseAppeal, CloseAppeal, CloseMatter]
    assert len({one.key for one in out}) == 3
    notices = [one for passed in out for one in at.take(passed.event, LATER)]
    assert [one.tenant for one in notices] == [CHANNEL, OTHER]
    for notice in said(notices, NoticeClosed):
        assert (notice.outcome, notice.reply, notice.solved) == ("verified", end.reply, True)
        assert notice.satisfaction == "satisfied"
    assert {one.state for one in at.states(APPEALS)} == {"closed"}
    assert step(CaseRework, at, lead_agency="h", count=1, reason="r") == []


def test_a_contested_case_that_is_reopened_is_open_for_everybody_again() -> None:
    at = two_neighbours()
    at.settle(closed(appeal(at), LATER), LATER)
    at.settle(Contested(appeal_id=appeal(at).appeal_id, reason="还冷"), LATER, CHANNEL)
    out = at.settle(reopened(appeal(at), LATER), LATER)
    assert [notice.stage for notice in said(out, NoticeProgressed)] == ["rework", "rework"]
    assert {one.state for one in at.states(APPEALS)} == {"registered"}
    assert hand_in(at, cold_flat(), "e3", at=LATER).case_id == appeal(at).case_id
    out = at.settle(closed(appeal(at), LATER, round=1, outcome="not_verified"), LATER)
    assert [notice.outcome for notice in said(out, NoticeClosed)] == ["not_verified"] * 3


def test_an_appeal_whose_case_had_closed_is_registered_anew() -> None:
    at = two_neighbours()
    before = appeal(at, "e2", OTHER)
    out = at.settle(join_refused(before, LATER), LATER)
    after = appeal(at, "e2", OTHER)
    assert names(out) == ["appeal.left", "appeal.registered", "notice.registered"]
    assert after.state == "registered"
    assert after.case_id == derive("case", after.matter, 2) == said(out, AppealRegistered)[0].case_id
    assert said(out, NoticeRegistered)[0].in_reply_to == "e2"
    assert appeal(at).case_id == before.case_id


def test_the_same_when_the_closing_reached_the_appeal_first() -> None:
    at = two_neighbours()
    before = appeal(at, "e2", OTHER)
    at.settle(closed(before, LATER), LATER)
    assert appeal(at, "e2", OTHER).state == "closed"
    out = at.settle(join_refused(before, LATER), LATER)
    assert names(out) == ["appeal.left", "appeal.registered", "notice.registered"]
    assert appeal(at, "e2", OTHER).state == "registered"


def test_a_closing_of_the_case_that_refused_it_does_not_end_the_appeal() -> None:
    at = two_neighbours()
    before = appeal(at, "e2", OTHER)
    *_, placing = at.take(join_refused(before, LATER), LATER)
    late = CloseAppeal(appeal_id=before.appeal_id, case_id=before.case_id, outcome="verified", reply="r")
    assert at.take(late, LATER) == []
    at.settle(placing.event, LATER)
    assert at.take(late, LATER) == []
    assert appeal(at, "e2", OTHER).state == "registered"


def test_who_withdrew_is_not_registered_anew() -> None:
    at = two_neighbours()
    before = appeal(at, "e2", OTHER)
    at.settle(Withdrawn(appeal_id=before.appeal_id, reason="已好"), LATER, OTHER)
    assert at.settle(join_refused(before, LATER), LATER) == []
    assert appeal(at, "e2", OTHER).state == "withdrawn"


def test_appeals_that_never_had_a_case_are_left_alone() -> None:
    at = desk()
    it = hand_in(at, Submitted(text="请问暖气费怎么交？"))
    for event in (
        CloseAppeal(appeal_id=it.appeal_id, case_id="x", outcome="verified", reply="r"),
        ReopenAppeal(appeal_id=it.appeal_id, case_id="x", round=1, at=LATER),
    ):
        assert at.take(event, LATER) == []
    assert appeal(at) == it


COURSE = [("close", 0), ("reopen", 1), ("close", 2), ("reopen", 3), ("close", 5)]
"""A case closed, reopened, closed after a rework, reopened again, closed after two reworks: (what, round)."""


def heard(order: tuple[int, ...]) -> tuple[str, list[str], bool]:
    """What becomes of an appeal that hears the first steps of the course in this order."""
    at = desk()
    it = hand_in(at, cold_flat())
    told: list[str] = []
    matter_told: list[Event] = []
    for index in order:
        what, round = COURSE[index]
        when = LATER + timedelta(minutes=index)
        if what == "close":
            event: Event = CloseAppeal(
                appeal_id=it.appeal_id, case_id=it.case_id, round=round, outcome="verified", reply=f"{round}"
            )
            matter_told.append(CloseMatter(matter=it.matter, case_id=it.case_id, round=round))
        else:
            event = ReopenAppeal(appeal_id=it.appeal_id, case_id=it.case_id, round=round, at=when)
            matter_told.append(ReopenMatter(matter=it.matter, case_id=it.case_id, round=round))
        told += [f"{name} {index}" for name in names(at.take(event, when))]
    for event in matter_told:
        at.take(event, LATER)
    joins = hand_in(at, cold_flat(), "e2", at=LATER).case_id == it.case_id
    return appeal(at).state, sorted(told), joins


@pytest.mark.parametrize("until", [2, 3, 4])
def test_closings_and_reopenings_heard_in_any_order_end_alike(until: int) -> None:
    ends = {str(heard(order)) for order in permutations(range(until))}
    assert len(ends) == 1
    state, told, joins = heard(tuple(range(until)))
    assert state == ("closed" if until % 2 else "registered")
    assert joins == (until % 2 == 0)
    assert len(told) == until


@given(st.permutations(range(len(COURSE))))
def test_any_order_of_a_long_course_leaves_one_end_state(order: list[int]) -> None:
    state, told, joins = heard(tuple(order))
    assert state == "closed"
    assert not joins
    assert len(told) == len(COURSE)


@given(st.permutations(["join_refused", "closed", "withdrawn", "step"]))
def test_whatever_meets_in_whatever_order_each_appeal_ends_in_one_state(order: list[str]) -> None:
    at = two_neighbours()
    before = appeal(at, "e2", OTHER)
    events: dict[str, tuple[Event, str]] = {
        "join_refused": (join_refused(before, LATER), ""),
        "closed": (closed(before, LATER), ""),
        "withdrawn": (Withdrawn(appeal_id=appeal(at).appeal_id, reason="已好"), CHANNEL),
        "step": (dispatched(before, LATER), ""),
    }
    if order.index("closed") < order.index("withdrawn"):
        order.remove("withdrawn")
    for name in order:
        event, tenant = events[name]
        at.settle(event, LATER, tenant)
    again = appeal(at, "e2", OTHER)
    assert again.state == "registered"
    assert again.case_id != before.case_id
    assert appeal(at).state == ("withdrawn" if "withdrawn" in order else "closed")
