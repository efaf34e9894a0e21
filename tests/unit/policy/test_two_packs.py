"""Two packs, one code: the same appeals are judged by the data of the place, and differ where the data differs."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy import SAMPLE
from deploy.explain import explain_line
from services.routing.judge import Judgement, judge
from shared.policy import Jurisdiction, load
from shared.policy.responsibility import Ground

LANZHOU = SAMPLE.parent / "lanzhou"
BOTH = ["heating", "property"]
HERE, THERE = load(SAMPLE), load(LANZHOU)


def said(district: Jurisdiction, text: str, compound: str = "") -> dict[str, Any]:
    return explain_line(
        {"text": text, **({"location": {"compound": compound}} if compound else {})}, district
    )


def judged(district: Jurisdiction, category: str, compound: str, text: str = "请处理") -> Judgement:
    place = district.places.named(compound)
    assert place is not None
    return judge(category, "help", text, place, None, district, on=date(2026, 12, 1))


@pytest.mark.parametrize("directory", [SAMPLE, LANZHOU])
def test_every_category_is_judged_at_every_place_of_every_pack(directory: Path) -> None:
    district = load(directory)
    for category in district.policy.tree.categories:
        for compound in district.places.compounds:
            decision = judged(district, category.code, compound.name)
            for agency in (*decision.candidates, *decision.assist_agencies):
                tenant = district.tenants.get(agency)
                assert tenant is not None
                assert tenant.kind == "agency"


@pytest.mark.parametrize(
    ("text", "category", "here", "there"),
    [
        ("家里暖气不热，才14度", "heating.no_heat", ("heating", []), ("heating", ["property", "housing"])),
        ("暖气串联老化想改成并联", "heating.retrofit", ("subdistrict", BOTH), ("grid_team", BOTH)),
        ("独居老人没人照顾，想请人帮忙买菜", "care.elder", ("grid_team", []), ("grid_team", [])),
        ("公司拖欠工资三个月", "labour.wages", (None, []), (None, [])),
        ("楼道里全是煤气味", "gas.leak", ("gas", ["property"]), ("gas", ["grid_team"])),
    ],
)  # fmt: skip
def test_the_same_words_mean_the_same_and_go_where_the_pack_says(
    text: str, category: str, here: tuple[str, list[str]], there: tuple[str, list[str]]
) -> None:
    for district, (lead, assist) in ((HERE, here), (THERE, there)):
        found = said(district, text)
        assert (found["category"], found["lead_kind"], found["assist_kinds"]) == (category, lead, assist)


def test_a_question_is_answered_with_the_season_of_the_place() -> None:
    here, there = (said(district, "请问什么时候开始供暖") for district in (HERE, THERE))
    assert here["mode"] == there["mode"] == "answer"
    assert "11月15日" in here["answer"]
    assert "11月1日" in there["answer"]


def test_a_pack_that_builds_on_another_says_only_what_is_different() -> None:
    codes = [[one.code for one in district.policy.tree.categories] for district in (HERE, THERE)]
    assert codes[0] == codes[1]
    assert HERE.policy.category("heating.no_heat") == THERE.policy.category("heating.no_heat")
    mine, theirs = (district.policy.category("heating.fees") for district in (HERE, THERE))
    assert mine.words == theirs.words
    assert mine.answers != theirs.answers
    assert HERE.policy.tree.signals.danger == THERE.policy.tree.signals.danger
    elsewhere = "我住在兰州市，暖气不热"
    assert said(HERE, elsewhere)["not_accepted"]
    assert "not_accepted" not in said(THERE, elsewhere)


def test_the_heat_source_under_a_compound_says_which_company_leads() -> None:
    assert judged(THERE, "heating.no_heat", "台地花园").lead_agency == "heating-hebei"
    assert judged(THERE, "heating.no_heat", "台地花园").assist_agencies == ("property-changan", "housing-jh")
    assert judged(THERE, "heating.no_heat", "滨河雅苑").lead_agency == "heating-hewan"


def test_without_a_property_manager_somebody_else_stands_in() -> None:
    assert judged(HERE, "property.cleaning", "红星大院").lead_agency == "subdistrict-dongfengli"
    assert judged(THERE, "property.cleaning", "毛纺厂老楼").lead_agency == "grid-team-taidi"
    assert judged(THERE, "heating.no_heat", "铁桥家属院").assist_agencies == (
        "grid-team-shuiche",
        "housing-jh",
    )


def test_a_decision_names_the_row_that_it_follows() -> None:
    assert judged(HERE, "heating.no_heat", "金桥嘉苑").because.endswith("二次管网由物业运行，物业协办")
    assert judged(THERE, "property.cleaning", "毛纺厂老楼").because.endswith("无物业楼院由社区兜底")


def test_what_nobody_here_leads_has_an_empty_row() -> None:
    for district in (HERE, THERE):
        assert district.policy.responsibility.row("labour.wages", (), Ground(), "").lead == ()


def test_clocks_season_and_ladder_are_the_packs() -> None:
    first, second = HERE.policy, THERE.policy
    assert first.deadlines("heating.no_heat", "normal", "help").resolve == timedelta(days=7)
    assert second.deadlines("heating.no_heat", "normal", "help").resolve == timedelta(hours=48)
    assert second.deadlines("heating.no_heat", "normal", "help").arrive == timedelta(hours=24)
    assert [policy.in_season(date(2026, 11, 5)) for policy in (first, second)] == [False, True]
    assert [policy.in_season(date(2027, 3, 31)) for policy in (first, second)] == [False, True]
    assert [policy.disclosure("heating.fees", "lead") for policy in (first, second)] == [
        "on_acceptance",
        "at_once",
    ]
    assert [policy.report_in("normal") for policy in (first, second)] == [
        timedelta(hours=2),
        timedelta(minutes=30),
    ]


def test_a_pack_without_a_limit_asks_nobody_to_report_in() -> None:
    free = HERE.policy.model_copy(update={"report_in_limits": {}})
    assert free.report_in("urgent") is None


def test_who_is_on_duty_is_told_by_area() -> None:
    assert said(THERE, "暖气不热", "水车小区")["duty"] == {
        "name": "河湾供热站值班室",
        "phone": "0931-0000 101",
    }
    assert said(THERE, "暖气不热", "梨花里")["duty"]["name"] == "河北热电抢修值班"
    assert said(HERE, "小区没有物业，垃圾没人管", "红星大院")["duty"]["name"] == "东风里街道值班室"
