"""A place is recognised with a confidence that says how, or it is not guessed and the candidates are told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.locate import NEAR_METRES, Located, locate
from services.intake.understand import understand
from shared.contracts.values import Location
from tests.support.appeals import sample
from tests.support.gazetteer import district, square

HERE = district(
    {"code": "c1", "name": "锦绣花园", "aliases": ["锦绣"]},
    {"code": "c2", "name": "幸福小区", "grid": "g1"},
    {"code": "c3", "name": "幸福小区", "grid": "g2"},
    {"code": "c4", "name": "明珠城一期", "grid": "g2"},
    {"code": "c5", "name": "明珠城二期", "grid": "g2"},
    {"code": "c7", "name": "翠湖湾一期", "grid": "g2"},
    {"code": "c6", "name": "化工机械厂宿舍", "grid": "g2"},
)


def found(text: str = "暖气不热", enough: float = 0.5, **where: Any) -> Located:
    return locate(Location.model_validate(where), text, HERE, enough)


@pytest.mark.parametrize(
    ("where", "code", "confidence"),
    [
        ({"compound": "c1"}, "c1", 1.0),
        ({"compound": "锦绣"}, "c1", 1.0),
        ({"compound": "锦绣花园3#楼"}, "c1", 0.95),
        ({"compound": "锦绣花园十二号楼"}, "c1", 0.95),
        ({"compound": "金秀花圆"}, "c1", 0.8),
        ({"compound": "金秀花圆3#楼"}, "c1", 0.8),
        ({"compound": "化工机诫厂宿舍"}, "c6", 0.64),
        ({"compound": "化机械厂宿舍2号楼"}, "c6", 0.64),
        ({"address": "试区东岸路5号锦绣花园3号楼"}, "c1", 0.95),
        ({"address": "试区东岸路5号金绣花元3号楼"}, "c1", 0.75),
        ({"grid_code": "g2"}, "g2", 1.0),
        ({"address": "东岸社区居委会对面"}, "m1", 0.6),
        ({"compound": "明珠城二期"}, "c5", 1.0),
        ({"address": "明珠城2期8号楼"}, "c5", 0.95),
    ],
)
def test_how_it_was_written_decides_how_sure_it_is(
    where: dict[str, Any], code: str, confidence: float
) -> None:
    located = found(**where)
    assert located.place.code == code
    assert located.confidence == pytest.approx(confidence, abs=0.011)


def test_the_text_is_read_too_with_less_confidence() -> None:
    assert found("我住锦绣花园，家里冷")[0::2] == (HERE.place("c1"), 0.9)
    assert found("我住金秀花圆3号楼，家里冷").confidence == 0.7
    assert found("我住化工机诫厂宿舍3号楼").place.code == "c6"
    assert not found("化工机诫厂宿舍的人都说冷").place.known, "without a building it may be anything"


def test_a_name_that_two_compounds_have_is_not_guessed() -> None:
    located = found(compound="幸福")
    assert not located.place.known
    assert located.candidates == ("c2", "c3")
    assert "幸福小区（c2）" in located.because
    assert "幸福小区（c3）" in located.because


@pytest.mark.parametrize(
    "where",
    [
        {"compound": "幸福", "grid_code": "g2"},
        {"compound": "幸福", "address": "西岸社区"},
        {"address": "西岸社区幸福小区5号楼"},
    ],
)
def test_whatever_else_is_known_may_tell_which_one_was_meant(where: dict[str, Any]) -> None:
    located = found(**where)
    assert located.place.code == "c3"
    assert located.confidence == 0.85
    assert "同名2处" in located.because


def test_an_area_that_holds_both_tells_nothing() -> None:
    located = found(compound="幸福", address="试桥街道")
    assert located.place.code == "s"
    assert located.candidates == ("c2", "c3")


def test_where_nothing_is_sure_enough_the_surest_is_given() -> None:
    located = found(compound="金秀花圆", address="试桥街道", enough=0.99)
    assert (located.place.code, located.confidence) == ("c1", 0.8)


def test_a_name_without_its_phase_stands_for_all_of_them() -> None:
    located = found(compound="明珠城")
    assert not located.place.known
    assert located.candidates == ("c4", "c5")
    assert found(compound="翠湖湾").place.code == "c7", "there is no other"
    for phase in ("翠湖湾二期", "翠湖湾东区3号楼", "明珠城三期"):
        assert not found(compound=phase).place.known, "a phase that nobody registered is not another one"


def test_other_letters_in_what_tells_it_apart_are_no_slip() -> None:
    assert not found(compound="东方花园").place.known
    unsure = found(compound="锦山花园")
    assert unsure.place.code == "c1"
    assert unsure.confidence < 0.5


def test_a_weak_likeness_does_not_hide_what_is_said_plainly() -> None:
    located = found(compound="锦山花园", address="明珠城二期")
    assert located.place.code == "c5"


def test_a_place_below_the_confidence_of_the_policy_is_none_and_is_told() -> None:
    here = sample()
    read = understand("暖气不热", None, None, Location(compound="文明新村"), here)
    assert not read.place.known
    assert "文苑新村" in read.because
    sure = understand("暖气不热", None, None, Location(compound="文苑新村"), here)
    assert sure.place.name == "文苑新村"
    assert "1.00" in sure.because


OUTLINED = district(
    {
        "code": "c1",
        "name": "甲苑一号",
        "lon": 113.605,
        "lat": 34.755,
        "outline": square(113.604, 34.754, 0.002),
    },
    {"code": "c2", "name": "乙苑二号", "lon": 113.615, "lat": 34.755},
    {"code": "c3", "name": "丙苑三号", "lon": 113.6195, "lat": 34.755, "grid": "g2"},
    grids=[
        {"code": "g1", "name": "一格", "within": "m1", "outline": square(113.60, 34.75, 0.01)},
        {"code": "g2", "name": "二格", "within": "m2"},
    ],
)


def at(lon: float, lat: float, crs: str = "wgs84") -> Located:
    return locate(
        Location.model_validate({"point": {"lon": lon, "lat": lat, "crs": crs}}), "冷", OUTLINED, 0.5
    )


def test_a_point_counts_in_a_compound_then_in_an_area_then_near_a_compound() -> None:
    assert at(113.605, 34.755)[0::2] == (OUTLINED.place("c1"), 0.95)
    assert at(113.601, 34.751)[0::2] == (OUTLINED.place("g1"), 0.9)
    near = at(113.6155, 34.755)
    assert near.place.code == "c2"
    assert 0.5 < near.confidence < 0.9
    assert not at(113.63, 34.755).place.known
    chinese = at(113.605 + 0.00617, 34.755 - 0.00113, "gcj02")
    assert chinese.place.code == "c1"


def test_halfway_between_two_compounds_is_neither_of_them() -> None:
    located = at(113.61725, 34.755)
    assert located.confidence < 0.5
    assert {located.place.code, *located.candidates} == {"c2", "c3"}


def test_a_station_is_the_compound_that_it_heats_alone() -> None:
    heated = {"run_by": "heating_company"}
    here = district(
        {"code": "c1", "name": "锦绣花园", "heating": heated | {"station": "h1"}},
        {"code": "c2", "name": "金桥嘉苑", "heating": heated | {"station": "h2"}},
        {"code": "c3", "name": "桥畔人家", "heating": heated | {"station": "h2"}},
        stations=[
            {"code": "h1", "name": "东岸换热站"},
            {"code": "h2", "name": "西岸换热站", "aliases": ["六号站"]},
            {"code": "h3", "name": "备用换热站"},
        ],
    )
    alone = locate(None, "东岸换热站整夜嗡嗡响", here, 0.5)
    assert (alone.place.code, alone.confidence) == ("c1", 0.8)
    several = locate(None, "6号站停了，一条街都冷", here, 0.5)
    assert not several.place.known
    assert several.candidates == ("c2", "c3")
    told_apart = locate(Location(compound="桥畔人家"), "六号站停了", here, 0.5)
    assert told_apart.place.code == "c3"
    assert not locate(None, "备用换热站停了", here, 0.5).place.known


@given(st.floats(0, NEAR_METRES * 0.99), st.floats(0, NEAR_METRES * 0.99))
def test_nearer_is_surer(one: float, other: float) -> None:
    degrees = 1 / 111_320
    nearer, further = sorted((one, other))
    assert (
        at(113.615, 34.755 + nearer * degrees).confidence
        >= at(113.615, 34.755 + further * degrees).confidence
    )


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_whatever_is_written_the_answer_is_one_of_ours(compound: str, address: str, text: str) -> None:
    located = found(text, compound=compound, address=address)
    assert 0 <= located.confidence <= 1
    assert located.place.known == (located.confidence > 0)
    assert not located.place.known or HERE.place(located.place.code) == located.place
    assert all(HERE.compound(code) for code in located.candidates)


@pytest.mark.parametrize("area", [area.name for area in (*HERE.communities, *HERE.subdistricts)])
def test_the_name_of_an_area_is_no_slip_for_a_compound_that_is_called_alike(area: str) -> None:
    in_address = locate(Location(address=area), "暖气片摸着是凉的", HERE)
    in_text = locate(None, f"{area}好几户的暖气都是凉的", HERE)

    assert in_address.place.name == area
    assert in_text.place.name == area
