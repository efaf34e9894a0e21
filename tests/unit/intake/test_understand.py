"""What residents say, in their words, is read as nature, category and place; questions are answered, faults never."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.understand import Understood, understand
from shared.contracts.values import Location, Nature, Point
from shared.policy import load
from shared.policy.places.degrees import to_wgs84
from shared.policy.rules import Confidence

HERE = load(Path(__file__).parents[3] / "deploy" / "packs" / "nuanhe")


def read(
    text: str, nature: Nature | None = None, category: str | None = None, location: Location | None = None
) -> Understood:
    return understand(text, nature, category, location, HERE)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("老头老太在家冻得盖两床被子，管子摸着冰手", "heating.no_heat"),
        ("阀门全开了暖气还是温的，测了17度", "heating.no_heat"),
        ("交了暖气费家里才十五六度，孩子都感冒了", "heating.no_heat"),
        ("单元门口地沟里热水哗哗流，雾气腾腾", "heating.leak"),
        ("交暖气费时提示欠费，可我去年都交了", "heating.fees"),
        ("安置房交付三年没有集中供暖", "heating.not_connected"),
        ("换热站噪音大，晚上睡不着觉", "heating.equipment"),
        ("供热公司的电话一直打不通", "heating.service"),
        ("电梯按键失灵，老人爬十几层", "property.lift"),
        ("加装电梯一楼不同意，希望协调", "property.lift_addition"),
        ("小区监控全坏了，车被划了查不到", "property.security"),
        ("下水道堵了污水倒灌进一楼家里", "property.sewer"),
        ("墙皮掉下来砸到车", "property.facade"),
        ("人行天桥护栏松了，晃得厉害", "property.wall"),
        ("消防通道被私家车堵死了", "property.fire"),
        ("物业费涨价没有经过业主同意", "property.fees"),
        ("小区车位只卖不租，业主没地方停车", "property.parking"),
        ("楼道灯坏了两个月没人修", "property.facilities"),
        ("小区没有物业，垃圾没人管", "property.owners"),
        ("楼盘烂尾三年了，业主们天天上访", "housing.delivery"),
        ("房产证三年办不下来", "housing.title"),
        ("精装房墙面空鼓甲醛超标，开发商不整改", "housing.quality"),
        ("楼下把承重墙打掉开饭店", "housing.structure"),
        ("老房子房梁断了，随时可能塌", "housing.dangerous"),
        ("拆迁五年了还没安置", "housing.demolition"),
        ("群租房隔了七八间，消防隐患大", "housing.rental"),
        ("下水井盖翘起来了，电动车过去颠飞", "city.road"),
        ("渣土车夜里在路上撒得到处是土", "city.sanitation"),
        ("楼下饭店油烟直排，熏得不敢开窗", "city.fumes"),
        ("路灯坏了一排，晚上漆黑一片", "city.lamps"),
        ("路口红绿灯不亮了", "city.traffic"),
        ("家里水龙头一滴水没有", "water.outage"),
        ("自来水有股怪味不敢喝", "water.quality"),
        ("水压太低，六楼洗澡都没水", "water.pressure"),
        ("电线垂下来了，快碰到人", "power.fault"),
        ("厨房闻到臭鸡蛋味，头晕", "gas.leak"),
        ("燃气灶打不着火，隔壁也没气", "gas.outage"),
        ("楼上小孩天天蹦跳，沟通过没用", "community.neighbour_noise"),
        ("楼上漏水把我家天花板泡了，找他不理", "community.neighbour_leak"),
        ("邻居养的大狗不拴绳，吓到孩子", "community.pets"),
        ("在楼道给电瓶充电，怕起火", "community.clutter"),
        ("老人行动不便，想请人帮忙交暖气费", "care.errand"),
        ("我家情况符合低保，社区不给报", "care.allowance"),
        ("楼里有人聚众赌博", "safety.crime"),
        ("有人冒充热力公司上门收费", "safety.fraud"),
        ("工资被拖欠三个月", "labour.wages"),
    ],
)
def test_the_words_say_what_it_is_about(text: str, category: str) -> None:
    assert read(text).category == category


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("今年想报停暖气，怎么办理", "停用"),
        ("什么时候开始供暖", "11月15日"),
        ("供暖到几月几号结束", "3月15日"),
        ("室温多少度算达标", "18℃"),
        ("暖气费能分期交吗", "缴纳"),
        ("暖气费一平方多少钱", "面积"),
        ("二手房过户后暖气怎么更名", "更名"),
        ("热力公司服务大厅在哪里", "客服"),
        ("水费怎么在手机上交", "水费"),
        ("电费怎么交", "电费"),
        ("天然气怎么开户", "天然气"),
        ("想申请公租房，需要什么条件", "公租房"),
        ("维修基金怎么申请使用", "维修资金"),
        ("低保怎么申请", "低保"),
        ("业主想换物业，怎么走程序", "业主"),
        ("户口本丢了怎么补办", "户籍窗口"),
        ("社区几点上班，周末能办事吗", "党群服务中心"),
    ],
)
def test_a_question_is_answered_at_once_and_to_the_point(text: str, said: str) -> None:
    understood = read(text)
    assert understood.nature == "consultation"
    assert understood.answer is not None
    assert said in understood.answer


@pytest.mark.parametrize(
    "text",
    [
        "请问我家暖气一直不热怎么办",
        "咨询一下，暖气漏水了怎么处理",
        "暖气费多收了我两百块怎么退",
        "什么时候供暖？我家没有暖气，冻得不行",
        "低保申请交上去三个月没有结果，怎么回事",
        "供暖什么时候开始？楼里有人晕倒了",
    ],
)
def test_a_fault_is_never_answered_away_even_if_the_channel_calls_it_a_question(text: str) -> None:
    assert read(text).answer is None
    assert read(text, nature="consultation").answer is None


def test_a_complaint_is_not_answered_even_in_the_words_of_a_question() -> None:
    assert read("什么时候开始供暖", nature="complaint").answer is None
    assert read("投诉热力公司态度恶劣，请问怎么缴费").answer is None


def test_a_long_story_is_a_case_although_it_asks_something() -> None:
    assert read("暖气费怎么网上缴" + "，去年冬天我从外地回来以后家里的情况是这样的" * 8).answer is None


@pytest.mark.parametrize(
    ("text", "nature"),
    [
        ("举报社区干部挪用公款", "report_of_wrongdoing"),
        ("举报热力公司员工收红包才给上门", "report_of_wrongdoing"),
        ("非常感谢热力师傅连夜把暖气修好了", "praise"),
        ("建议给老楼加装扶手和休息座椅", "suggestion"),
        ("希望社区开设老年食堂", "suggestion"),
        ("供暖到几号结束", "consultation"),
        ("物业态度恶劣，打电话就骂人", "complaint"),
        ("暖气不热，请派人来看看，谢谢", "help"),
    ],
)
def test_the_words_say_the_nature(text: str, nature: str) -> None:
    assert read(text).nature == nature


def test_the_channels_nature_goes_before_words() -> None:
    assert read("建议给老楼加装扶手", nature="complaint").nature == "complaint"


def test_a_known_category_of_the_channel_goes_before_words_and_an_unknown_one_is_ignored() -> None:
    assert read("暖气不热", category="water.quality").category == "water.quality"
    assert read("暖气不热", category="water.quality").confidence == 1.0
    assert read("暖气不热", category="no.such.code").category == "heating.no_heat"
    assert read("暖气不热", category="").category == "heating.no_heat"


def place_of(text: str = "暖气不热", **where: object) -> str:
    return read(text, location=Location.model_validate(where)).place.name


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ({"compound": "c016"}, "文苑新村"),
        ({"compound": "C016"}, "文苑新村"),
        ({"compound": "文苑新村小区"}, "文苑新村"),
        ({"compound": "文苑 新村"}, "文苑新村"),
        ({"compound": "暖河区文苑新村3号楼"}, "文苑新村"),
        ({"compound": "文宛新村"}, "文苑新村"),
        ({"compound": "不存在的小区", "address": "柳湖街道文苑新村3号楼"}, "文苑新村"),
        ({"address": "柳湖街道文苑新村3号楼2单元"}, "文苑新村"),
        ({"grid_code": "nh-02-02-g1"}, "柳岸社区第一网格"),
        ({"grid_code": "nh-02-02-g1", "address": "文苑新村"}, "文苑新村"),
        ({"address": "柳湖街道办事处对面"}, "柳湖街道"),
        ({"address": "柳湖街道柳岸社区"}, "柳岸社区"),
        ({"compound": "远方花园", "address": "某路1号"}, "地点不明"),
        ({"grid_code": "xx-99"}, "地点不明"),
        ({}, "地点不明"),
    ],
)
def test_the_place_is_found_however_it_is_written(where: dict[str, object], name: str) -> None:
    assert place_of(**where) == name


def test_a_compound_named_in_the_text_is_the_place() -> None:
    assert read("我住瑞景城，暖气不热").place.name == "瑞景城"


def test_a_point_is_the_last_resort_in_either_system() -> None:
    compound = HERE.places.compounds[4]
    exact = {"lon": compound.lon, "lat": compound.lat, "crs": "wgs84"}
    assert place_of(point=exact) == compound.name
    assert place_of(point=exact, compound="文苑新村") == "文苑新村"
    chinese = {"lon": compound.lon + 0.00617, "lat": compound.lat - 0.00113, "crs": "gcj02"}
    assert place_of(point=chinese) == compound.name
    assert place_of(point={"lon": 0.0, "lat": 0.0, "crs": "wgs84"}) == "地点不明"


@pytest.mark.parametrize(
    ("lon", "lat"),
    [(180, 90), (180, -90), (-180, 90), (-180, 0), (180, 0), (0, 0), (72, 35), (113.6, 56), (2.35, 48.86)],
)
def test_outside_china_a_chinese_map_is_as_any_other(lon: float, lat: float) -> None:
    point = Point(lon=lon, lat=lat, crs="gcj02")

    assert to_wgs84(point) == Point(lon=lon, lat=lat, crs="wgs84")


def test_a_chinese_map_point_moves_some_hundred_metres_back() -> None:
    moved = to_wgs84(Point(lon=113.6254, lat=34.7466, crs="gcj02"))
    assert moved.crs == "wgs84"
    assert 0.005 < 113.6254 - moved.lon < 0.008
    assert 0.0005 < abs(34.7466 - moved.lat) < 0.002


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("？？？……", "no_content"),
        ("12345", "no_content"),
        ("物业纠纷法院已经立案，正在等待开庭", "in_litigation"),
        ("我住在深圳市南山区，楼下施工扰民", "elsewhere"),
        ("专业代开发票，加微信联系", "advertising"),
    ],
)
def test_what_is_not_ours_is_refused_with_a_reason(text: str, reason: str) -> None:
    refusal = read(text).not_accepted
    assert refusal is not None
    assert refusal[0] == reason
    assert len(refusal[1]) > 10


@pytest.mark.parametrize(
    "text",
    [
        "打官司也没解决，还是希望街道协调",
        "我从上海市回来发现家里暖气不热",
        "有人在楼道贴代开发票的小广告，清理不掉",
        "法院已经立案，但是外墙瓷砖还在往下掉，砸到人",
        "a",
        "冷",
    ],
)
def test_what_only_looks_like_it_is_taken(text: str) -> None:
    assert read(text).not_accepted is None


def test_a_place_of_ours_is_ours_whatever_city_is_mentioned() -> None:
    understood = read("我住在北京市，父母在老家暖气不热", location=Location(compound="文苑新村"))
    assert understood.not_accepted is None


def test_the_reading_is_explained_for_people() -> None:
    because = read("家里暖气不热", location=Location(compound="文苑新村")).because
    assert "暖气" in because
    assert "室温不达标" in because
    assert "文苑新村" in because


@given(st.text(min_size=1, max_size=400), st.text(max_size=40))
def test_whatever_is_said_is_read(text: str, compound: str) -> None:
    understood = read(text, location=Location(compound=compound))
    assert HERE.policy.tree.known(understood.category)
    assert 0 <= understood.confidence <= 1
    assert read(text, location=Location(compound=compound)) == understood


def test_below_the_confidence_the_policy_asks_for_the_reading_says_that_it_is_not_sure() -> None:
    clear, vague = read("暖气冰凉，屋里只有13度"), read("楼上的事你们看着办")
    assert clear.sure
    assert "把握不足" not in clear.because
    assert not vague.sure
    assert "把握不足" in vague.because


def test_how_sure_a_reading_must_be_is_the_policy_s() -> None:
    strict = HERE.policy.model_copy(update={"confidence": Confidence(category=1.0)})
    assert not understand("暖气冰凉，屋里只有13度", None, None, None, replace(HERE, policy=strict)).sure
