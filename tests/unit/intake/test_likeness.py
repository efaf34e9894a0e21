"""Where words are not sure, what is like an appeal is proposed; it overrules no words, and agreeing makes them sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.lesson import Lesson
from services.intake.lessons import examples
from services.intake.likeness import Example, Examples
from services.intake.understand import Understood, understand
from shared.contracts.intake import AppealRegistered
from shared.policy import Jurisdiction
from shared.policy.categories import CATCH_ALL
from shared.policy.rules import Confidence
from tests.support.appeals import T0, cold_flat, desk, sample
from tests.support.desk import said

GATE = "楼里的蓝牙门禁总配对不上，访客码也发不出去"
AGAIN = "蓝牙门禁又配对不上了，访客码发不出去"
UNKNOWN = "院里那口老井的辘轳该修了"
TREE = sample().policy.tree


def lesson(text: str = GATE, category: str = "community.service", case: str = "case-7") -> Lesson:
    place = sample().places.place("c007")
    return Lesson(
        case_id=case,
        text=text,
        nature="help",
        category=TREE.ref(category),
        place=place or sample().places.place("c001"),  # type: ignore[arg-type]
        lead_agency="subdistrict-zy",
        reasons=("category_unclear",),
        at=T0 + timedelta(hours=1),
    )


def having_learnt(*lessons: Lesson, asked: float = 0.35, likeness: float = 0.3) -> Jurisdiction:
    confidence = Confidence(category=asked, likeness=likeness)
    policy = sample().policy.model_copy(update={"confidence": confidence})
    return replace(sample(), policy=policy, likeness=Examples(examples(lessons, policy.tree)))


def read(text: str, here: Jurisdiction, category: str | None = None) -> Understood:
    return understand(text, None, category, None, here)


def codes(read: Understood) -> list[str]:
    return [proposal.category.code for proposal in read.proposals]


def test_what_the_desk_decided_is_proposed_for_the_next_one_like_it() -> None:
    before, after = read(UNKNOWN, having_learnt()), read(UNKNOWN, having_learnt(lesson(UNKNOWN)))

    assert "community.service" not in codes(before)
    assert (after.category, after.sure, codes(after)[0]) == (CATCH_ALL, False, "community.service")
    assert after.proposals[0].likeness > 0.9


def test_a_proposal_names_the_case_and_tells_nothing_of_what_its_resident_said() -> None:
    (first, *_) = read(UNKNOWN, having_learnt(lesson(UNKNOWN + "，打扰了"))).proposals

    assert "case-7" in first.because
    assert "辘轳" not in first.because


def test_a_proposal_like_a_sentence_of_the_pack_says_which() -> None:
    examples_of = {example for category in TREE.categories for example in category.examples}

    (first, *_) = read("下井盖丢了", having_learnt(asked=1.0, likeness=1.0)).proposals

    assert first.category.code == "city.road"
    assert any(f"“{example}”" in first.because for example in examples_of)


def test_likeness_that_agrees_with_the_words_makes_them_sure() -> None:
    alone = read(AGAIN, having_learnt(asked=0.9))
    code = alone.category
    assert not alone.sure
    assert code != CATCH_ALL

    agreed = read(AGAIN, having_learnt(lesson(category=code), asked=0.9))

    assert (agreed.category, agreed.sure, agreed.confidence, agreed.proposals) == (code, True, 0.9, ())
    assert "case-7" in agreed.because


def test_likeness_that_agrees_but_is_too_far_off_leaves_them_unsure() -> None:
    code = read(AGAIN, having_learnt(asked=0.9)).category

    assert not read(AGAIN, having_learnt(lesson(category=code), asked=0.9, likeness=0.99)).sure


def test_likeness_never_overrules_words() -> None:
    code = read(AGAIN, having_learnt(asked=0.9)).category

    doubtful = read(AGAIN, having_learnt(lesson(AGAIN, "gas.leak"), asked=0.9))

    assert (doubtful.category, doubtful.sure, codes(doubtful)[0]) == (code, False, "gas.leak")


def test_who_is_sure_is_proposed_nothing() -> None:
    here = having_learnt(lesson("暖气冰凉，屋里只有13度", "gas.leak"))

    assert read("暖气冰凉，屋里只有13度", here).proposals == ()
    assert read(UNKNOWN, here, category="property.lift").proposals == ()


def test_that_something_is_none_of_all_categories_is_no_example() -> None:
    learnt = read(UNKNOWN, having_learnt(lesson(UNKNOWN, CATCH_ALL)))

    assert not learnt.sure
    assert CATCH_ALL not in codes(learnt)


def test_a_category_that_the_rules_no_longer_have_is_not_proposed() -> None:
    gone = lesson(UNKNOWN).model_copy(
        update={"category": TREE.ref("community.service").model_copy(update={"code": "gone"})}
    )

    assert "gone" not in codes(read(UNKNOWN, having_learnt(gone)))


def test_no_answer_is_given_because_something_like_it_was_asked_before() -> None:
    asked = "那个怎么弄"
    assert read(asked, having_learnt(lesson(asked, "heating.schedule"))).answer is None


def test_what_is_proposed_goes_to_routing_with_the_registered_appeal() -> None:
    at = desk()
    at.jurisdiction = having_learnt(lesson(UNKNOWN))

    (registered,) = said(at.settle(cold_flat(text=UNKNOWN), T0, "hotline-12345", "e1"), AppealRegistered)

    assert registered.proposals[0].category == TREE.ref("community.service")


def test_of_examples_equally_alike_the_first_holds_and_each_category_comes_once() -> None:
    known = Examples([Example("水井", "a", "甲"), Example("水井", "b", "乙"), Example("水井", "a", "丙")])

    assert [(one.category, one.because) for one in known.alike("水井")] == [
        ("a", "与甲相似"),
        ("b", "与乙相似"),
    ]


def test_what_was_decided_often_is_not_forgotten_for_that() -> None:
    often = [lesson(UNKNOWN, case=f"case-{number}") for number in range(100)]

    (first, *_) = read(UNKNOWN, having_learnt(*often)).proposals

    assert first.category.code == "community.service"
    assert first.likeness > 0.8


TEXTS = st.lists(st.text(alphabet="水电暖气井梯门，", max_size=8), max_size=6)


@given(TEXTS, st.text(max_size=12))
def test_likeness_lies_between_nothing_and_one_and_falls(texts: list[str], asked: str) -> None:
    known: Any = Examples(Example(text, f"c{n}", "例") for n, text in enumerate(texts))

    found = [one.likeness for one in known.alike(asked)]

    assert found == sorted(found, reverse=True)
    assert all(0 < likeness <= 1 for likeness in found)
    assert known.alike(asked) == known.alike(asked)
