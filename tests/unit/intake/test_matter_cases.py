"""Given a matter, when appeals come to it, then they join its open case or open the next one."""

from __future__ import annotations

import re
from datetime import timedelta

from services.intake.domain.matter import Matter, case_no
from services.intake.store import MATTERS
from shared.contracts.channel import Submitted
from shared.contracts.intake import NoticeMerged
from shared.contracts.intake_steps import AppealPlaced, CloseMatter, PlaceAppeal, ReopenMatter
from shared.contracts.values import Location
from shared.ids import derive
from shared.loop.decision import Out
from tests.support.appeals import CHANNEL, MINUTE, OTHER, T0, cold_flat, compound, desk, hand_in, sample
from tests.support.desk import Desk, names, said

KEY = f"{compound().code}|heating.no_heat"
WINDOW = sample().policy.merge_window("heating.no_heat")


def place(at: Desk, appeal: str, when: timedelta = timedelta(), not_case: str | None = None) -> AppealPlaced:
    event = PlaceAppeal(matter=KEY, category="heating.no_heat", appeal_id=appeal, not_case=not_case)
    out: list[Out] = at.take(event, T0 + when)
    [placed] = said(out, AppealPlaced)
    return placed


def matter(at: Desk) -> Matter:
    state: Matter = at.state(MATTERS, KEY)
    return state


def test_the_first_appeal_opens_a_case_whose_id_and_number_are_derived() -> None:
    at = desk()
    placed = place(at, "a")
    assert placed.opened
    assert placed.case_id == derive("case", KEY, 1)
    assert re.fullmatch(r"20251115-[0-9A-HJKMNP-TV-Z]{8}", placed.case_no)
    assert placed.case_no == case_no(placed.case_id, T0, sample().policy.zone)


def test_a_case_number_names_the_day_at_the_place() -> None:
    late = T0.replace(hour=23, minute=59)
    assert case_no("x", late, sample().policy.zone).startswith("20251115-")
    assert case_no("x", late + MINUTE, sample().policy.zone).startswith("20251116-")


def test_a_further_appeal_joins_and_is_counted() -> None:
    at = desk()
    first, second = place(at, "a"), place(at, "b", MINUTE)
    assert (second.case_id, second.opened, second.appeals) == (first.case_id, False, 2)
    assert (matter(at).appeals, matter(at).households) == (2, 2)


def test_an_appeal_after_the_policys_window_opens_the_next_case() -> None:
    at = desk()
    first = place(at, "a")
    inside, outside = place(at, "b", WINDOW), place(at, "c", WINDOW + MINUTE)
    assert inside.case_id == first.case_id
    assert outside.opened
    assert outside.case_id == derive("case", KEY, 2)


def test_an_appeal_after_the_closing_opens_the_next_case() -> None:
    at = desk()
    first = place(at, "a")
    at.take(CloseMatter(matter=KEY, case_id=first.case_id), T0)
    assert place(at, "b").case_id == derive("case", KEY, 2)


def test_a_case_that_refused_the_appeal_is_not_offered_again() -> None:
    at = desk()
    first = place(at, "a")
    anew = place(at, "b", not_case=first.case_id)
    assert anew.opened
    assert anew.case_id == derive("case", KEY, 2)
    assert place(at, "c", not_case=first.case_id).case_id == anew.case_id


def test_a_reopened_case_takes_appeals_again_in_whatever_order_it_is_heard() -> None:
    for order in (1, -1):
        at = desk()
        first = place(at, "a")
        course = [
            CloseMatter(matter=KEY, case_id=first.case_id, round=0),
            ReopenMatter(matter=KEY, case_id=first.case_id, round=1),
        ]
        for event in course[::order]:
            at.take(event, T0)
        assert place(at, "b").case_id == first.case_id


def test_reopening_an_old_case_does_not_displace_a_newer_one() -> None:
    at = desk()
    first = place(at, "a")
    at.take(CloseMatter(matter=KEY, case_id=first.case_id, round=0), T0)
    second = place(at, "b")
    at.take(ReopenMatter(matter=KEY, case_id=first.case_id, round=1), T0)
    at.take(CloseMatter(matter=KEY, case_id=first.case_id, round=1), T0)
    assert matter(at).open
    assert place(at, "c").case_id == second.case_id


def test_a_matter_nobody_knows_is_not_made_by_closing_it() -> None:
    at = desk()
    assert at.take(CloseMatter(matter=KEY, case_id="x"), T0) == []
    assert at.take(ReopenMatter(matter=KEY, case_id="x", round=1), T0) == []
    assert at.states(MATTERS) == []


def test_neighbours_are_merged_whatever_channel_building_and_reporter() -> None:
    at = desk()
    first = hand_in(at, cold_flat(), "a", CHANNEL)
    there = Location(compound=compound().name, building="9", room="901")
    out = at.settle(cold_flat(location=there, reporter=None), T0 + MINUTE, OTHER, "b")
    assert names(out) == ["appeal.merged", "notice.merged"]
    [notice] = said(out, NoticeMerged)
    assert (notice.case_id, notice.case_no, notice.appeals) == (first.case_id, first.case_no, 2)


def test_another_compound_or_category_is_another_case() -> None:
    at = desk()
    cases = {
        hand_in(at, cold_flat(), "a").case_id,
        hand_in(at, cold_flat(1), "b").case_id,
        hand_in(at, cold_flat(text="电梯坏了困人", category="property.lift"), "c").case_id,
    }
    assert len(cases) == 3


def test_appeals_without_a_compound_are_never_merged() -> None:
    at = desk()
    subdistrict = sample().places.subdistricts[0].name
    for number, text in enumerate(("家里暖气不热", f"{subdistrict}家里暖气不热")):
        one = hand_in(at, Submitted(text=text), f"a{number}")
        two = hand_in(at, Submitted(text=text), f"b{number}")
        assert (one.state, two.state) == ("registered", "registered")
        assert one.case_id != two.case_id
