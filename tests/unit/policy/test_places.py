"""Residents spell places as they please; a place is recognised or honestly unknown."""

from pathlib import Path

import pytest

from shared.contracts.values import Point
from shared.policy import load
from shared.policy.places import UNPLACED, Places, bare, normalise

PLACES: Places = load(Path(__file__).parents[3] / "deploy" / "packs" / "nuanhe").places


def code(name: str) -> str:
    place = PLACES.named(name)
    assert place is not None
    return place.code


@pytest.mark.parametrize(
    "spelling",
    ["望湖楼小区", "望湖楼", " 望湖楼 小区 ", "望湖楼住宅小区", "望湖楼·小区"],
)
def test_width_blanks_and_suffix_do_not_matter(spelling: str) -> None:
    assert code(spelling) == code("望湖楼小区")


def test_an_alias_is_the_compound() -> None:
    assert code("棉纺新村") == code("纺织新村")


def test_a_slip_of_the_pen_is_recognised_in_long_names_only() -> None:
    assert PLACES.named("凯旋宫寓") is None
    similar = PLACES.similar("凯旋宫寓")
    assert similar is not None
    assert similar.name == "凯旋公寓"
    assert PLACES.similar("清月苑") is None


def test_no_name_is_taken_for_a_similar_one_of_another_compound() -> None:
    for compound in PLACES.compounds:
        for name in (compound.name, *compound.aliases):
            place = PLACES.named(name)
            assert place is not None, name
            assert place.code == compound.code


def mentioned(text: str) -> list[str]:
    return [PLACES.place(mention.codes[0]).name for mention in PLACES.mentions(text)]


def test_names_are_found_in_running_text_in_their_order() -> None:
    found = mentioned("从纺织新村搬到瑞景城3号楼，东风里街道的人都知道")
    assert found == ["纺织新村", "瑞景城", "东风里街道"]


def test_a_longer_name_is_not_read_as_a_shorter_one() -> None:
    assert mentioned("明珠城一期5号楼") == ["明珠城"]


def test_every_level_has_its_place() -> None:
    compound = PLACES.compounds[0]
    place = PLACES.place(compound.code)
    assert place is not None
    assert place.grid == compound.grid
    grid = PLACES.place(compound.grid)
    assert grid is not None
    assert grid.community == place.community == compound.community
    assert PLACES.place(place.subdistrict or "") is not None
    assert PLACES.place("nowhere") is None
    assert not UNPLACED.known


def test_the_nearest_compound_counts_within_the_radius() -> None:
    compound = PLACES.compounds[10]
    here = Point(lon=compound.lon + 0.0005, lat=compound.lat, crs="wgs84")
    near = PLACES.nearest(here, 300)
    assert near is not None
    assert near.code == compound.code
    assert PLACES.nearest(Point(lon=100.0, lat=30.0, crs="wgs84"), 300) is None


def test_a_key_household_is_found_as_residents_write_it() -> None:
    compound = next(one for one in PLACES.compounds if one.key_households)
    home = compound.key_households[0]
    assert compound.is_key_household(f"{home.building}号楼", f"{home.entrance}单元", f"{home.room}室")
    assert compound.is_key_household(home.building, None, home.room)
    assert not compound.is_key_household("999", home.entrance, home.room)
    assert not compound.is_key_household(None, None, None)


def test_spelling_is_made_plain() -> None:
    assert normalise("Ａ区 三号楼") == "a区3号楼"
    assert bare("东风小区") == "东风"
    assert bare("小区") == "小区"


def test_the_sample_district_has_the_size_of_a_real_one() -> None:
    assert 40 <= len(PLACES) <= 60
    assert 18_000 <= sum(compound.households for compound in PLACES.compounds) <= 22_000
    assert any(not compound.heated for compound in PLACES.compounds)
    assert {compound.heating.run_by for compound in PLACES.compounds if compound.heating} == {
        "heating_company",
        "property_manager",
    }
