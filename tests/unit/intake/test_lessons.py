"""Given a word of the centre's desk, then it is kept as an example, and a case that was moved leaves its matter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.intake.lessons import lessons
from services.intake.store import LESSONS, MATTERS
from shared.contracts.intake import NoticeMerged, NoticeRegistered
from shared.contracts.routing import CaseClosed, CaseDeskDecided
from shared.loop.documents import Stored
from tests.support.appeals import CHANNEL, MINUTE, OTHER, T0, cold_flat, desk, hand_in, sample
from tests.support.desk import Desk, said
from tests.support.shelf import Shelf

LIFT = sample().policy.category_ref("property.lift")


def decided(appeal: Any, **changes: Any) -> CaseDeskDecided:
    values = {
        "case_id": appeal.case_id,
        "at": T0 + timedelta(hours=1),
        "matter": appeal.matter,
        "reasons": ["category_unclear"],
        "since": T0,
        "by": "值班长",
        "reason": "电话核实",
        "text": "家里暖气不热",
        "nature": "help",
        "category": appeal.category,
        "place": appeal.place,
        "lead_agency": "heating-zy",
        "mode": "whistle",
        "urgency": "urgent",
    }
    return CaseDeskDecided(**values | changes)


def lesson(at: Desk, appeal: Any) -> Any:
    return at.state(LESSONS, appeal.case_id)


def test_what_the_desk_decided_is_kept_with_the_words_it_decided_about() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())

    at.settle(decided(appeal, category=LIFT, moved=True), T0 + MINUTE)

    assert (lesson(at, appeal).text, lesson(at, appeal).category) == ("家里暖气不热", LIFT)


def test_of_words_that_must_not_be_kept_there_is_no_lesson() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())

    at.settle(decided(appeal, text=None), T0 + MINUTE)

    assert lesson(at, appeal) is None


def test_the_desk_s_latest_word_is_the_lesson_in_whatever_order_they_come() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())

    at.settle(decided(appeal, category=LIFT, at=T0 + timedelta(hours=5)), T0 + MINUTE)
    at.settle(decided(appeal), T0 + MINUTE)

    assert lesson(at, appeal).category == LIFT


def test_a_case_moved_elsewhere_takes_no_more_appeals_that_read_as_it_once_did() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())

    at.settle(decided(appeal, category=LIFT, moved=True), T0 + MINUTE)
    out = at.settle(cold_flat(), T0 + MINUTE, OTHER, "e2")

    (registered,) = said(out, NoticeRegistered)
    assert registered.case_id != appeal.case_id


def test_the_moved_case_s_own_end_leaves_the_next_one_open() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())
    at.settle(decided(appeal, category=LIFT, moved=True), T0 + MINUTE)
    following = hand_in(at, cold_flat(), "e2", OTHER)

    over = CaseClosed(
        case_id=appeal.case_id, at=T0, matter=appeal.matter, outcome="verified", reply="好了", on_time=True
    )
    at.settle(over, T0 + 2 * MINUTE)

    matter = at.state(MATTERS, appeal.matter)
    assert (matter.open, matter.case_id) == (True, following.case_id)


def test_a_case_left_where_it_is_goes_on_taking_appeals() -> None:
    at = desk()
    appeal = hand_in(at, cold_flat())

    at.settle(decided(appeal), T0 + MINUTE)

    assert said(at.settle(cold_flat(), T0 + MINUTE, CHANNEL, "e2"), NoticeMerged)


async def test_who_learns_reads_the_latest_first_and_no_more_than_asked() -> None:
    shelf = Shelf()
    at = desk()
    for number in range(3):
        appeal = hand_in(at, cold_flat(number), f"e{number}")
        at.settle(decided(appeal, at=T0 + number * MINUTE, text=f"第{number}件"), T0)
        shelf.put(Stored(LESSONS, appeal.case_id, 1, lesson(at, appeal)))

    found = await lessons(shelf, most=2)  # type: ignore[arg-type]

    assert [one.text for one in found] == ["第2件", "第1件"]
