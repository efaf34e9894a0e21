"""How alike two texts are in their wording, and which places they name."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.places import named_in
from shared.policy.wording import letters, likeness, may_reach, shingles

TEXTS = st.text(alphabet="暖气不热冷水 A1，。", max_size=24)
LEAST = st.integers(1, 100).map(lambda hundredths: hundredths / 100)


@given(TEXTS, TEXTS)
def test_likeness_is_the_same_from_both_sides_and_between_nothing_and_one(one: str, other: str) -> None:
    a, b = shingles(one), shingles(other)
    assert likeness(a, b) == likeness(b, a)
    assert 0 <= likeness(a, b) <= 1
    assert likeness(a, a) == (1 if a else 0)


@given(TEXTS, TEXTS, LEAST)
def test_lengths_alone_never_rule_out_what_is_alike(one: str, other: str, least: float) -> None:
    a, b = shingles(one), shingles(other)
    if likeness(a, b) >= least:
        assert may_reach(least, a, b)
        assert may_reach(least, b, a)


def test_likeness_is_the_share_of_pairs_of_letters_that_both_have() -> None:
    assert shingles("暖气 不热。") == {"暖气", "气不", "不热"}
    assert likeness(shingles("暖气不热"), shingles("暖气不够热")) == pytest.approx(Fraction(2, 5))


def test_width_blanks_and_marks_make_no_difference() -> None:
    assert shingles("Ａ栋 暖气，不热！") == shingles("a栋暖气不热")
    assert letters("一二 三", most=2) == "一二"


def test_a_text_without_letters_is_like_nothing() -> None:
    assert likeness(shingles("！！"), shingles("！！")) == 0


@pytest.mark.parametrize(
    ("text", "areas", "spots"),
    [
        ("住在泉塘小区", set(), {"泉塘小区"}),
        ("a7县泉塘街道泉塘小区三期", {"a7县", "泉塘街道"}, {"泉塘小区"}),
        ("A市开元路与东三路路口", {"a市"}, {"开元路", "东三路"}),
        ("我们小区这条路", set(), set()),
        ("影响市民，农村公路", set(), set()),
        ("家里停水了", set(), set()),
    ],
)
def test_a_text_names_places_by_how_their_names_end(text: str, areas: set[str], spots: set[str]) -> None:
    assert named_in(text) == (areas, spots)
