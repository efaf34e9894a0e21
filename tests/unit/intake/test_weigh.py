"""What an appeal is about is read from where its words stand, and how sure that is from what else it speaks of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import SAMPLE
from services.intake.understand import Understood, understand
from services.intake.weigh import Weighed, title_of, weigh
from shared.contracts.channel import MOST_TITLE, Submitted
from shared.policy import load
from shared.policy.categories import CATCH_ALL
from shared.policy.phrases import Hit, plain
from tests.support.appeals import sample

DOORS = {"heat": "heating", "heat.more": "heating", "lift": "property", "bus": "", CATCH_ALL: "subdistrict"}
STORY = "。我在这里住了很多年，一直都好，今年却不同了" * 12
HERE = sample()


def read(*said: tuple[str, float, int], length: int = 20, title: int = 0, words: str = "") -> Weighed:
    """``said``: category, weight and where the word stands."""
    hits = [Hit(f"category {code}", weight, f"{code}{at}", at) for code, weight, at in said]
    return weigh(hits, words or "言" * length, title, DOORS)


def understood(text: str) -> Understood:
    return understand(text, None, None, None, HERE)


def test_a_word_in_the_title_outweighs_more_of_them_in_the_story() -> None:
    assert read(("lift", 5, 4), ("heat", 4, 40), ("heat", 4, 50), length=300, title=10).category == "lift"
    assert read(("lift", 5, 30), ("heat", 4, 40), ("heat", 4, 50), length=300, title=10).category == "heat"


def test_what_a_title_does_not_speak_of_is_less_sure() -> None:
    silent, without = read(("heat", 5, 30), title=10, length=80), read(("heat", 5, 20), length=70)

    assert silent.category == without.category == "heat"
    assert silent.confidence < without.confidence


def test_a_story_without_a_title_is_the_less_sure_the_longer_it_is() -> None:
    short, longer, longest = (read(("heat", 5, 20), length=length).confidence for length in (60, 300, 1500))
    titled = [read(("heat", 5, 2), title=10, length=length).confidence for length in (300, 1500)]

    assert short > longer > longest
    assert titled[0] == titled[1]


def test_a_weak_word_in_a_title_tells_nothing() -> None:
    assert read(("lift", 1, 2), ("heat", 2, 12), title=10).category == "heat"
    assert read(("lift", 2, 2), ("heat", 2, 12), title=10).category == "lift"


def test_words_of_a_story_count_the_less_the_later_they_come() -> None:
    assert read(("lift", 4, 10), ("heat", 5, 250), length=600).category == "lift"
    assert read(("lift", 4, 10), ("heat", 5, 20), length=600).category == "heat"


def test_what_people_ask_for_at_the_end_counts_nearly_in_full() -> None:
    assert read(("lift", 4, 200), ("heat", 3, 590), length=600).category == "heat"


def test_who_says_little_is_read_without_discount() -> None:
    assert read(("lift", 4, 1), ("heat", 4.5, 59), length=120).category == "heat"


def test_categories_behind_one_door_stand_together_against_another() -> None:
    assert read(("lift", 5, 0), ("heat", 4, 1), ("heat.more", 4, 2)).category == "heat"


def test_categories_behind_one_door_are_no_rivals() -> None:
    together, apart = read(("heat", 5, 0), ("heat.more", 5, 1)), read(("heat", 5, 0), ("lift", 5, 1))

    assert (together.rival, together.share) == ("", 0.0)
    assert (apart.rival, apart.share, apart.its_words) == ("lift", 0.5, ("lift1",))
    assert together.confidence > apart.confidence


def test_the_desk_is_a_door_too() -> None:
    reading = read(("bus", 6, 0), ("heat", 4, 1))

    assert (reading.category, reading.rival) == ("bus", "heat")


def test_one_weak_word_is_never_sure_and_none_at_all_is_the_catch_all() -> None:
    asked = HERE.policy.confidence.category

    assert read(("heat", 1, 0)).confidence < asked <= read(("heat", 5, 0)).confidence
    assert read() == Weighed(CATCH_ALL, 0.2, ())


def test_the_words_that_count_most_are_told_each_once() -> None:
    hits = [Hit("category heat", weight, words, 0) for words, weight in (("凉", 1), ("暖气", 3), ("暖气", 2))]

    assert weigh(hits, "暖气凉", 0, DOORS).words == ("暖气", "凉")


@pytest.mark.parametrize("said", ["不是暖气的问题", "不关暖气的事", "跟暖气无关", "和暖气没有关系"])
def test_what_it_is_said_not_to_be_about_does_not_count(said: str) -> None:
    text = f"电梯坏了，{said}"
    assert read(("lift", 4, 0), ("heat", 9, text.index("暖气")), words=plain(text)).category == "lift"


@pytest.mark.parametrize("said", ["是不是暖气的问题", "不是说暖气好吗，电梯有问题", "暖气和电梯"])
def test_what_only_sounds_like_it_counts(said: str) -> None:
    assert read(("lift", 4, 0), ("heat", 9, said.index("暖气")), words=plain(said)).category == "heat"


def test_the_name_of_a_place_says_nothing_of_what_it_is_about() -> None:
    hits = [Hit("category bus", 5, "铁路", 1), Hit("category heat", 4, "暖气", 5)]

    assert weigh(hits, "在铁路院,暖气停了", 0, DOORS).category == "bus"
    assert weigh(hits, "在铁路院,暖气停了", 0, DOORS, ["铁路院"]).category == "heat"


def test_a_word_of_a_name_counts_where_another_stands_beside_it() -> None:
    hits = [Hit("category lift", 5, "小区…电梯", 2), Hit("category heat", 4, "暖气", 8)]

    assert weigh(hits, "康乐小区电梯没有暖气", 0, DOORS, ["康乐小区"]).category == "lift"


@pytest.mark.parametrize("pack", ["nuanhe", "lanzhou"])
def test_wherever_people_live_a_cold_flat_is_surely_the_heating(pack: str) -> None:
    here = load(SAMPLE.parent / pack)

    unsure = {
        name
        for compound in here.places.compounds
        for name in (compound.name, *compound.aliases)
        if not (reading := understand(f"{name}暖气不热", None, None, None, here)).sure
        or reading.category != "heating.no_heat"
    }

    assert unsure == set()


def test_the_first_line_is_a_title_where_more_follows_and_it_is_no_longer_than_one() -> None:
    assert title_of("电梯坏了\n三天没人修") == "电梯坏了"
    assert title_of("电梯坏了，三天没人修") == ""
    assert title_of("电梯坏了\n  \n") == ""
    assert title_of("长" * (MOST_TITLE + 1) + "\n电梯坏了") == ""


def test_the_title_a_channel_gives_is_the_first_line_of_what_is_said() -> None:
    assert Submitted(text="三天没人修", title=" 电梯\n坏了 ").said == "电梯 坏了\n三天没人修"
    assert Submitted(text="三天没人修", title=" ").said == Submitted(text="三天没人修").said == "三天没人修"


def test_a_long_story_is_about_what_its_title_says() -> None:
    aside = f"{STORY}。物业费交了，垃圾也没人管，电梯还停过一次{STORY}"

    assert understood(f"暖气不热\n{aside}").category == "heating.no_heat"
    assert understood(aside).category.startswith("property")


def test_two_matters_close_together_go_to_the_desk_with_both_named() -> None:
    reading = understood("红绿灯坏了，自来水也发黄")

    assert not reading.sure
    both = {reading.category, *(one.category.code for one in reading.proposals)}
    assert both == {"city.traffic", "water.quality"}
    assert "也可能是" in reading.because
    assert "红绿灯" in reading.because
    assert "自来水…发黄" in reading.because


def test_who_is_sure_names_no_other() -> None:
    reading = understood("暖气冰凉，屋里只有13度")

    assert reading.sure
    assert reading.proposals == ()
    assert "也可能是" not in reading.because


SAID = st.lists(
    st.tuples(st.sampled_from(sorted(DOORS)), st.floats(0.5, 9), st.integers(0, 399)), max_size=12
)


@given(SAID, st.integers(0, 60))
def test_confidence_lies_between_nothing_and_one_whatever_is_said(
    said: list[tuple[str, float, int]], title: int
) -> None:
    reading = read(*said, length=400, title=title)

    assert 0 <= reading.confidence <= 1
    assert 0 <= reading.share <= 0.5
    assert DOORS[reading.category] != DOORS.get(reading.rival)


@given(SAID)
def test_one_more_word_for_what_is_read_never_makes_it_less_sure(said: list[tuple[str, float, int]]) -> None:
    before = read(*said, length=400)
    after = read(*said, (before.category, 3, 0), length=400)

    if said:
        assert after.category == before.category
        assert after.confidence >= before.confidence
