"""The classification is measured on appeals that were judged before the rules were written."""

from collections import Counter

from deploy import SAMPLE
from shared.policy import load
from tests.evaluation.score import APPEALS, DIMENSIONS, by_confidence, halves, judged, read, table

HERE = load(SAMPLE)
ACCEPTED = {"id": "x", "urgency": ["urgent", "normal"], "modes": ["whistle"]}
JUDGED = judged(read(APPEALS), HERE)


def test_at_least_150_different_appeals_are_judged_in_every_dimension() -> None:
    assert len({one.appeal["text"] for one in JUDGED}) == len(JUDGED) >= 150
    assert all(one.appeal[accepted] for one in JUDGED for accepted in DIMENSIONS.values())
    kinds = Counter(kind for one in JUDGED for kind in one.appeal["lead_kinds"])
    assert {
        tenant.agency_kind for tenant in HERE.tenants.serving("agency") if tenant.agency_kind
    } <= kinds.keys()


def test_of_the_half_that_nobody_looks_at_nine_in_ten_reach_an_agency_a_dispatcher_would_accept() -> None:
    _, unseen = halves(JUDGED)
    assert sum("lead_kind" not in one.missed for one in unseen) >= 0.89 * len(unseen)
    assert sum(not one.missed for one in unseen) >= 0.77 * len(unseen)


def test_who_is_sure_is_right_more_often_than_who_is_not() -> None:
    asked = HERE.policy.confidence.category
    sure = ["lead_kind" not in one.missed for one in JUDGED if one.said["confidence"] >= asked]
    unsure = ["lead_kind" not in one.missed for one in JUDGED if one.said["confidence"] < asked]
    assert sum(sure) / len(sure) >= 0.95 > sum(unsure) / len(unsure)


def test_a_matter_of_no_agency_here_is_rightly_left_to_the_desk_and_to_nobody_else() -> None:
    (wages,) = judged([ACCEPTED | {"text": "老板欠我三个月工资不给", "lead_kinds": ["desk"]}], HERE)
    (heat,) = judged([ACCEPTED | {"text": "暖气不热", "lead_kinds": ["desk"]}], HERE)
    assert wages.missed == ()
    assert heat.missed == ("lead_kind",)


def test_a_miss_is_told_with_what_was_said_and_what_would_have_been_accepted() -> None:
    appeal = {
        "id": "x",
        "text": "暖气不热",
        "lead_kinds": ["police"],
        "urgency": ["urgent"],
        "modes": ["whistle"],
    }
    (one,) = judged([appeal], HERE)
    assert one.missed == ("lead_kind",)
    assert "lead_kind heating，可接受 police" in one.in_words
    assert "lead_kind     0 / 1" in table([one])
    assert "0%     0 / 1" in by_confidence([one])
