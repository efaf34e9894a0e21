"""Phrases hold where their parts stand together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.phrases import REACH, Phrases, degrees, plain

PHRASES = Phrases(
    {
        "cold": {"{heat}~凉|冰": 2, "冻": 1, "[低温]": 1},
        "fire": {"着火~!打不着火": 1},
        "three": {"甲~乙~丙": 1},
    },
    {"heat": "暖气|地暖"},
)


def owners(text: str) -> set[str]:
    return {hit.owner for hit in PHRASES.hits(plain(text))}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("暖气是凉的", {"cold"}),
        ("冰凉的地暖", {"cold"}),
        ("暖气" + "很" * (REACH + 1) + "凉", set()),
        ("凉拌菜", set()),
        ("家里着火了", {"fire"}),
        ("灶具打不着火", set()),
        ("丙在乙后，甲在前", {"three"}),
        ("甲乙", set()),
        ("屋里才１４度", {"cold"}),
        ("屋里20度", set()),
        ("低于16度才退费", set()),
        ("[低温]", set()),
        ("用了14度电", set()),
        ("", set()),
    ],
)
def test_a_phrase_holds_where_its_parts_stand_together(text: str, held: set[str]) -> None:
    assert owners(text) == held


def test_a_hit_says_which_words_made_it() -> None:
    assert [hit.words for hit in PHRASES.hits("地暖冰得很")] == ["地暖…冰"]


def test_temperatures_are_read_in_all_spellings() -> None:
    assert degrees(plain("卧室 15.5℃，客厅１６度，外面零下3度")) == [15.5, 16.0, 3.0]


@pytest.mark.parametrize("source", ["", "~", "甲~", "!甲"])
def test_a_phrase_without_words_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="empty part"):
        Phrases({"x": {source: 1}}, {})


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(KeyError):
        Phrases({"x": {"{nobody}": 1}}, {})


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    hits = PHRASES.hits(plain(text))
    assert len({(hit.owner, hit.words) for hit in hits}) <= 5


def test_what_is_within_a_word_is_not_said_beside_it() -> None:
    built = Phrases({"x": {"楼盘~盘": 1}}, {})

    assert built.hits("楼盘") == []
    assert [hit.words for hit in built.hits("楼盘开盘")] == ["楼盘…盘"]


def test_a_hit_says_where_it_holds_first() -> None:
    assert [
        (hit.owner, hit.words, hit.at)
        for hit in PHRASES.hits("地暖好。外面很远很远很远很远很远的地方，暖气冰")
    ] == [("cold", "暖气…冰", 20)]
    assert [hit.at for hit in PHRASES.hits("不冻，又冻")] == [1]
