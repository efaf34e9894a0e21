"""Which cases may be about one problem: place, category, time and wording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.similar import Told, alike, ground, most_alike, told
from shared.contracts.values import Location, Place
from shared.policy.places import UNPLACED
from shared.policy.rules import Similar
from shared.policy.wording import shingles
from tests.support.cases import START, Life, appeal, category, jurisdiction

HERE = jurisdiction()
PLACES = HERE.places
RULE = Similar(likeness=0.35, likeness_here=0.1, within=timedelta(days=30), most=5)
COLD = "家里暖气不热，只有十五度，老人受不了"
COLD_TOO = "暖气一直不热，家里只有十五度，老人受不了"
SOMEWHAT = "家里暖气不烫，只有客厅好一点，能不能派人来看看"


def compound(number: int) -> Place:
    place = PLACES.place(PLACES.compounds[number].code)
    assert place is not None
    return place


def one(text: str = COLD, place: Place = UNPLACED, **changes: Any) -> Told:
    """Something as it was told."""
    values: dict[str, Any] = {
        "id": "one",
        "at": START,
        "category": "heating.no_heat",
        "sure": True,
        "location": Location(),
    } | changes
    values["ground"] = ground(place, values.pop("location"), text, PLACES)
    return Told(words=shingles(text), **values)


def other(text: str = COLD_TOO, place: Place = UNPLACED, **changes: Any) -> Told:
    return one(text, place, **{"id": "other"} | changes)


def test_like_words_of_which_nothing_is_known_that_differs_may_be_one_problem() -> None:
    found = alike(one(), other(), RULE, PLACES)

    assert found is not None
    assert 0.35 <= found < 1


def test_words_that_are_not_alike_are_none() -> None:
    assert alike(one(), other("小区门口的路灯坏了两个月没人修"), RULE, PLACES) is None


def test_of_one_compound_words_need_to_be_less_alike() -> None:
    assert alike(one(), other(SOMEWHAT), RULE, PLACES) is None
    found = alike(one(place=compound(0)), other(SOMEWHAT, compound(0)), RULE, PLACES)
    assert found is not None
    assert found < 0.35


def test_of_one_spot_that_no_gazetteer_knows_too() -> None:
    here, there = "泉塘小区，" + COLD, "我住泉塘小区。" + SOMEWHAT
    assert alike(one(here), other(there), RULE, PLACES) is not None
    assert alike(one("B2区" + here), other("A7区" + there), RULE, PLACES) is None


def test_two_compounds_are_not_one_problem_however_alike_the_words() -> None:
    assert alike(one(place=compound(0)), other(COLD, compound(1)), RULE, PLACES) is None


def test_a_compound_lies_in_its_community() -> None:
    home = compound(0)
    assert home.community is not None
    around = PLACES.place(home.community)
    elsewhere = next(
        place
        for area in PLACES.communities
        if area.code != home.community and (place := PLACES.place(area.code)) is not None
    )
    assert around is not None
    assert alike(one(place=home), other(place=around), RULE, PLACES) is not None
    assert alike(one(place=home), other(place=elsewhere), RULE, PLACES) is None


def test_a_place_that_is_only_named_counts_by_what_it_may_be() -> None:
    name, next_name = compound(0).name, compound(1).name
    written = other(f"{name}，{COLD_TOO}")
    assert alike(one(place=compound(0)), written, RULE, PLACES) is not None
    assert alike(one(place=compound(1)), written, RULE, PLACES) is None
    field = other(location=Location(compound=next_name))
    assert alike(one(place=compound(1)), field, RULE, PLACES) is not None


def test_texts_that_name_other_places_are_apart() -> None:
    assert alike(one("开元路" + COLD), other("东三路" + COLD), RULE, PLACES) is None


def test_a_category_speaks_against_it_only_where_both_are_sure() -> None:
    assert alike(one(), other(category="water.outage"), RULE, PLACES) is None
    assert alike(one(), other(category="water.outage", sure=False), RULE, PLACES) is not None


def test_what_was_reported_long_before_is_another_problem() -> None:
    month = RULE.within
    assert alike(one(), other(at=START + month), RULE, PLACES) is not None
    assert alike(one(), other(at=START + month + timedelta(seconds=1)), RULE, PLACES) is None
    assert alike(one(), other(at=START - month - timedelta(seconds=1)), RULE, PLACES) is None


def test_a_case_that_others_joined_from_elsewhere_is_there_too() -> None:
    loop = ground(compound(0), Location(), COLD, PLACES, [compound(1).code])
    assert alike(one(place=compound(1)), other()._replace(ground=loop), RULE, PLACES) is not None
    assert alike(one(place=compound(2)), other()._replace(ground=loop), RULE, PLACES) is None


def case(**changes: Any) -> Any:
    life = Life()
    life.tell(appeal(**changes))
    return life.case


def test_a_case_is_told_in_the_words_of_its_first_appeal() -> None:
    said = told(case(text=COLD), HERE)
    assert said is not None
    assert (said.id, said.at, said.category, said.sure) == ("case-1", START, "heating.no_heat", True)
    assert said.words == shingles(COLD)
    assert compound(0).code in said.ground.codes


def test_an_unclear_category_and_the_catch_all_are_not_sure() -> None:
    unclear, rest = told(case(confidence=0.1), HERE), told(case(category=category("other")), HERE)
    assert unclear is not None
    assert rest is not None
    assert not unclear.sure
    assert not rest.sure


def test_a_confidential_case_is_like_nothing() -> None:
    assert told(case(confidential=True), HERE) is None


DRAWN = st.builds(
    lambda number, text, place, name, days, code, sure: one(
        name + text,
        UNPLACED if place is None else compound(place),
        id=f"m{number:03}",
        at=START + timedelta(days=days),
        category=code,
        sure=sure,
    ),
    st.integers(0, 999),
    st.sampled_from((COLD, COLD_TOO, SOMEWHAT, "暖气不热", "停水了", "！")),
    st.sampled_from((None, 0, 1)),
    st.sampled_from(("", "开元路", "东三路", "a市", "b市", "a市开元路")),
    st.sampled_from((0, 10, 29, 31, 60)),
    st.sampled_from(("heating.no_heat", "water.outage")),
    st.booleans(),
)


@given(DRAWN, DRAWN)
def test_it_does_not_matter_which_of_two_is_asked_about(a: Told, b: Told) -> None:
    assert alike(a, b, RULE, PLACES) == alike(b, a, RULE, PLACES)


@given(DRAWN, st.lists(DRAWN, max_size=9, unique_by=lambda told: told.id), st.randoms())
def test_the_likeliest_are_shown_in_whatever_order_they_are_looked_at(
    asked: Told, others: Sequence[Told], chance: Any
) -> None:
    shown = most_alike(asked, others, RULE, PLACES)

    mixed = list(others)
    chance.shuffle(mixed)
    assert most_alike(asked, mixed, RULE, PLACES) == shown
    assert len(shown) <= RULE.most
    assert [this.likeness for this in shown] == sorted((this.likeness for this in shown), reverse=True)
    left = {told.id for told in others} - {this.id for this in shown} - {asked.id}
    if len(shown) < RULE.most:
        assert all(alike(asked, told, RULE, PLACES) is None for told in others if told.id in left)


@pytest.mark.parametrize("least", [0, 1.01])
def test_a_likeness_that_lets_everything_or_nothing_through_is_no_rule(least: float) -> None:
    with pytest.raises(ValueError, match="likeness"):
        Similar(likeness=least)
