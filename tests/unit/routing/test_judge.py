"""Who leads, how pressing it is and how it is worked on, judged from words, place and temperature."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.routing.judge import Judgement, judge
from shared.contracts.values import Nature, Place
from shared.policy import load
from shared.policy.places import UNPLACED

HERE, LANZHOU = (
    load(Path(__file__).parents[3] / "deploy" / "packs" / city) for city in ("nuanhe", "lanzhou")
)


def at(name: str) -> Place:
    place = HERE.places.named(name)
    assert place is not None
    return place


def judged(category: str, text: str, nature: Nature = "help", **more: Any) -> Judgement:
    place = more.pop("place", at("锦绣花园"))
    return judge(category, nature, text, place, more.pop("indoor", None), HERE, **more)


@pytest.mark.parametrize(
    ("category", "text", "urgency"),
    [
        ("heating.no_heat", "暖气不热", "urgent"),
        ("heating.fees", "多收了暖气费", "normal"),
        ("heating.leak", "暖气管爆了，热水喷了一地", "emergency"),
        ("gas.leak", "楼道有煤气味", "emergency"),
        ("property.lift", "电梯坏了三天", "urgent"),
        ("property.lift", "电梯里困了人", "emergency"),
        ("property.facade", "外墙瓷砖往下掉", "emergency"),
        ("power.outage", "家里停电，老人靠制氧机", "emergency"),
        ("city.road", "地砖松动溅水", "normal"),
        ("city.road", "路中间有个坑，晚上看不见", "urgent"),
        ("property.facilities", "健身器材坏了，孩子摔伤了", "urgent"),
        ("other", "楼里着火了", "emergency"),
        ("care.elder", "我妈独居82岁，两天没联系上了", "emergency"),
        ("gas.outage", "灶具打不着火", "urgent"),
    ],
)
def test_danger_and_the_basics_of_life_are_pressing(category: str, text: str, urgency: str) -> None:
    assert judged(category, text).urgency == urgency


@pytest.mark.parametrize(
    ("text", "indoor", "urgency"),
    [
        ("暖气不热", 14.0, "urgent"),
        ("暖气不热", 17.9, "urgent"),
        ("暖气不热", 18.0, "normal"),
        ("家里20度，想要24度", None, "normal"),
        ("家里16度，邻居家24度", None, "urgent"),
        ("家里20度，想要24度", 15.0, "urgent"),
    ],
)
def test_a_home_as_warm_as_the_standard_is_not_urgent(text: str, indoor: float | None, urgency: str) -> None:
    assert judged("heating.no_heat", text, indoor=indoor).urgency == urgency


def test_wishes_and_praise_do_not_press_but_danger_does() -> None:
    assert judged("heating.no_heat", "建议早点供暖，老人怕冷", nature="suggestion").urgency == "normal"
    assert judged("property.lift", "感谢师傅修好电梯", nature="praise").urgency == "normal"
    assert judged("property.facade", "建议加固，外墙瓷砖往下掉", nature="suggestion").urgency == "emergency"


@pytest.mark.parametrize(
    ("category", "text", "nature", "mode"),
    [
        ("heating.no_heat", "暖气不热", "help", "whistle"),
        ("heating.not_connected", "交房两年没有暖气", "complaint", "taskforce"),
        ("heating.retrofit", "串联改并联", "help", "joint"),
        ("heating.fees", "物业和热力公司互相推，到底找谁", "complaint", "taskforce"),
        ("community.clutter", "楼道堆满纸箱", "complaint", "self"),
        ("community.clutter", "楼道堆满纸箱，想请社区开个居民议事会", "help", "joint"),
        ("community.clutter", "楼道的电动车起火了", "help", "whistle"),
        ("property.facilities", "建议装减速带", "suggestion", "self"),
        ("city.lamps", "建议这条路装路灯", "suggestion", "whistle"),
        ("other", "举报有人造假", "report_of_wrongdoing", "whistle"),
    ],
)
def test_the_mode_follows_what_it_takes(category: str, text: str, nature: Nature, mode: str) -> None:
    assert judged(category, text, nature).mode == mode


def test_the_agency_of_the_place_leads_and_others_follow_as_candidates() -> None:
    decision = judged("property.facade", "墙皮开裂")
    assert decision.lead_agency == decision.candidates[0] == "property-anju"
    assert decision.candidates[1] == "housing-zy"
    assert decision.assist_agencies == ("housing-zy",)
    assert "subdistrict-jinqiao" in decision.candidates
    assert len(set(decision.candidates)) == len(decision.candidates)


def test_without_a_property_manager_the_subdistrict_stands_in() -> None:
    decision = judged("property.cleaning", "楼道没人打扫", place=at("红星大院"))
    assert decision.lead_kind == "subdistrict"
    assert decision.lead_agency == "subdistrict-dongfengli"


def test_the_lead_does_not_assist_itself() -> None:
    decision = judged("property.facade", "墙皮开裂", place=at("红星大院"))
    assert decision.lead_agency == "housing-zy"
    assert decision.assist_agencies == ()


def test_without_a_place_somebody_still_leads() -> None:
    assert judged("heating.no_heat", "暖气不热", place=UNPLACED).lead_agency == "heating-zy"
    assert judged("other", "说不清", place=UNPLACED).lead_agency == "grid-team-zy"


def test_whoever_runs_the_secondary_network_assists_in_heat() -> None:
    for compound in HERE.places.compounds:
        place = HERE.places.place(compound.code)
        assert place is not None
        decision = judged("heating.no_heat", "暖气不热", place=place)
        shared = compound.heating is not None and compound.heating.run_by == "property_manager"
        assert ("property" in decision.assist_kinds) == shared
        assert decision.lead_agency not in decision.assist_agencies


def test_the_developer_assists_while_the_warranty_lasts() -> None:
    place = at("盛世家园")
    last = date(2027, 9, 30)
    assert "developer" in judged("heating.leak", "漏水", place=place, on=last).assist_kinds
    assert "developer" not in judged("heating.leak", "漏水", place=place, on=date(2027, 10, 1)).assist_kinds
    assert "developer" not in judged("heating.leak", "漏水", place=place).assist_kinds


def test_words_can_move_the_lead_within_a_category() -> None:
    assert judged("community.pets", "狗叫个不停").lead_kind == "grid_team"
    assert judged("community.pets", "被狗咬伤了").lead_kind == "police"
    assert judged("water.outage", "停水了").lead_kind == "water"
    assert judged("water.outage", "物业停水逼交费").lead_kind == "property"


def test_what_the_grid_does_itself_has_no_assistants() -> None:
    assert judged("care.elder", "独居老人想请人帮忙买菜").assist_agencies == ()


def test_every_category_can_be_judged_everywhere() -> None:
    for category in HERE.policy.tree.categories:
        for compound in HERE.places.compounds:
            place = HERE.places.place(compound.code)
            assert place is not None
            decision = judged(category.code, "请处理", place=place)
            assert decision.lead_agency or decision.lead_kind is None, "whoever is named is there"
            lead = (decision.lead_agency,) if decision.lead_agency else ()
            for agency in (*lead, *decision.assist_agencies, *decision.candidates):
                tenant = HERE.tenants.get(agency)
                assert tenant is not None
                assert tenant.kind == "agency"


def test_the_judgement_is_explained_for_people() -> None:
    assert judged("property.facade", "外墙瓷砖往下掉").because == (
        "危急（提到“外墙…往下掉”），吹哨；外墙隐患由物业先围挡排险，住建协办"
    )


@pytest.mark.parametrize("category", ["heating.fees", "heating.service", "property.service", "property.fees"])
@pytest.mark.parametrize("text", ["收费员收好处费", "经理吃回扣", "工作人员私自收钱", "挪用公共收益"])
def test_dishonesty_is_not_asked_of_whom_it_is_told_of(category: str, text: str) -> None:
    for pack in (HERE, LANZHOU):
        place = next(
            place for compound in pack.places.compounds if (place := pack.places.named(compound.name))
        )
        asked = judge(category, "report_of_wrongdoing", text, place, None, pack)

        assert asked.lead_kind in ("housing", "city_management")
        kinds = {getattr(pack.tenants.get(agency), "agency_kind", None) for agency in asked.candidates}
        assert not kinds & {"heating", "property"}


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("property.lift", "电梯困人，物业挪用维修资金"),
        ("property.fire", "楼道着火，物业收好处费"),
        ("heating.equipment", "供热站着火，站长收好处费"),
        ("property.service", "表扬物业师傅，修水管拒收红包"),
        ("property.service", "物业挪用车位堆杂物"),
    ],
)
def test_danger_and_what_is_no_dishonesty_go_to_who_can_end_it(category: str, text: str) -> None:
    assert judged(category, text).lead_kind in ("property", "heating")


def test_of_what_was_done_with_the_maintenance_fund_the_property_manager_is_not_asked() -> None:
    asked = judged("housing.maintenance_fund", "物业套取维修基金", nature="report_of_wrongdoing")
    assert "property" not in (asked.lead_kind, *asked.assist_kinds)


@pytest.mark.parametrize(
    "text", ["老人说供热热线没联系上", "大爷反映路灯不亮，城管失联", "物业失联，老人家电梯坏了"]
)
def test_an_office_that_cannot_be_reached_is_no_danger(text: str) -> None:
    assert judged("other", text).urgency != "emergency"
