"""The registry hangs together or says what does not; stations, loops, posts and outlines are found by it."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.values import Point
from shared.policy.places import Places
from tests.support.appeals import sample
from tests.support.gazetteer import compound, district, square, triangle

STATIONS = [
    {"code": "h1", "name": "东岸换热站", "aliases": ["东站"], "source": "东郊热源厂"},
    {"code": "h2", "name": "西岸换热站", "source": "西郊热源厂"},
]
HEATED = {"station": "h1", "secondary_network": "shared", "run_by": "heating_company"}
HERE = district(
    {"code": "c1", "name": "锦绣花园", "heating": HEATED},
    {
        "code": "c2",
        "name": "金桥嘉苑",
        "heating": HEATED,
        "listed_buildings": [{"number": "3", "aliases": ["单身楼"], "station": "h2", "micro_grid": "w1"}],
    },
    {
        "code": "c3",
        "name": "桥畔人家",
        "heating": HEATED | {"secondary_network": "compound", "source": "自备锅炉"},
    },
    {"code": "c4", "name": "春晖苑"},
    stations=STATIONS,
    micro_grids=[
        {
            "code": "w1",
            "name": "第一微网格",
            "within": "g1",
            "posts": [{"kind": "micro_grid_leader", "title": "微网格长", "phone": "000-5500001"}],
        }
    ],
)


def station(code: str, building: str | None = None) -> str | None:
    found = HERE.station_of(code, building)
    return found.code if found else None


def test_a_home_hangs_on_the_station_of_its_compound_or_of_its_building() -> None:
    assert station("c1") == station("c2") == station("c3") == "h1"
    assert station("c2", "3号楼") == station("c2", "三栋") == station("c2", "单身楼") == "h2"
    assert station("c4") is None


def test_a_station_knows_its_compounds_and_its_source() -> None:
    station = HERE.station_of("c2", "3号楼")
    assert station is not None
    assert station.name == "西岸换热站"
    assert [one.code for one in HERE.served_by("h1")] == ["c1", "c2", "c3"]
    assert [one.code for one in HERE.served_by("h2")] == ["c2"]
    sources = [one.heating.source if one.heating else None for one in HERE.compounds]
    assert sources == ["东郊热源厂", "东郊热源厂", "自备锅炉", None]


def test_a_micro_grid_is_a_place_of_its_grid_and_its_post_is_the_nearest() -> None:
    place = HERE.place("w1")
    assert place is not None
    assert (place.subdistrict, place.community, place.grid) == ("s", "m1", "g1")
    home = HERE.place("c2")
    assert home is not None
    assert [post.title for post in HERE.posts(home, "3号楼")] == ["微网格长"]
    assert HERE.posts(home) == ()
    assert [post.title for post in HERE.posts(place)] == ["微网格长"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"compounds": [compound("c1", "甲苑", heating=HEATED)]}, "c1: heating.station 'h1'"),
        (
            {"compounds": [compound("c1", "甲苑", listed_buildings=[{"number": "1", "micro_grid": "w9"}])]},
            "c1: micro_grid 'w9'",
        ),
        ({"stations": [*STATIONS, STATIONS[0]]}, "used twice: h1"),
        ({"micro_grids": [{"code": "w1", "name": "微", "within": "m1"}]}, "w1: within 'm1'"),
        (
            {"compounds": [compound("c1", "甲苑", outline="POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")]},
            "Self-intersection",
        ),
        ({"compounds": [compound("c1", "甲苑", outline=square(34.75, 113.6, 0.01))]}, "swapped"),
        ({"compounds": [compound("c1", "甲苑", outline="POINT (113 34)")]}, "a polygon is expected"),
        ({"compounds": [compound("c1", "甲苑", outline="方形")]}, "not WKT"),
    ],
)
def test_what_does_not_hang_together_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named.replace("(", r"\(")):
        district(**change)


def test_the_sample_has_stations_with_several_compounds_and_a_grid_with_posts() -> None:
    places = sample().places
    assert all(places.station_of(one.code) for one in places.compounds if one.heated)
    assert max(len(places.served_by(station.code)) for station in places.stations) > 1
    assert {post.kind for grid in places.grids for post in grid.posts} == {"grid_leader", "grid_member"}
    assert places.micro_grids


corners = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 12))


@given(st.lists(corners, min_size=1, max_size=12), st.integers(0, 200), st.integers(0, 200))
def test_a_point_is_in_the_compounds_whose_outline_holds_it_and_in_no_other(
    squares: list[tuple[int, int, int]], east: int, north: int
) -> None:
    unit = 0.001
    lon, lat = 113.6 + (east / 10 + 0.05) * unit, 34.7 + (north / 10 + 0.05) * unit
    dx, dy = east / 10 + 0.05, north / 10 + 0.05
    holding = [
        f"c{i}"
        for i, (x, y, side) in enumerate(squares)
        if dx > x and dy > y and ((dx - x) + (dy - y) < side if i % 2 else max(dx - x, dy - y) < side)
    ]
    assume(not any(i % 2 and abs(dx - x + dy - y - side) < 0.01 for i, (x, y, side) in enumerate(squares)))
    places = outlined(squares, unit)
    assert places.compounds_around(Point(lon=lon, lat=lat, crs="wgs84")) == sorted(holding)


@given(corners, st.integers(1, 9), st.integers(1, 9))
def test_the_distance_to_an_outline_is_none_inside_and_grows_outside(
    one: tuple[int, int, int], east: int, north: int
) -> None:
    x, y, side = one
    assume(side > 1)
    places = outlined([one], 0.001)
    inside = Point(
        lon=113.6 + (x + side * east / 10) * 0.001, lat=34.7 + (y + side * north / 10) * 0.001, crs="wgs84"
    )
    assert places.near(inside, 300) == [(0.0, "c0")]
    beside = Point(lon=inside.lon, lat=34.7 + (y + side) * 0.001 + 0.001, crs="wgs84")
    metres, code = places.near(beside, 300)[0]
    assert code == "c0"
    assert metres == pytest.approx(111.3, abs=1)


def test_metres_are_metres_in_every_direction() -> None:
    places = district({"code": "c1", "name": "甲苑", "lon": 113.6, "lat": 34.75})
    east, north = (
        Point(lon=113.6 + lon, lat=34.75 + lat, crs="wgs84") for lon, lat in ((0.002, 0), (0, 0.002))
    )
    assert places.near(east, 300)[0][0] == pytest.approx(182.9, abs=0.5)
    assert places.near(north, 300)[0][0] == pytest.approx(222.6, abs=0.5)


def outlined(squares: list[tuple[int, int, int]], unit: float) -> Places:
    return district(
        *(
            {
                "code": f"c{i}",
                "name": f"{i}号大院子",
                "outline": (triangle if i % 2 else square)(113.6 + x * unit, 34.7 + y * unit, side * unit),
                "lon": 113.6 + x * unit,
                "lat": 34.7 + y * unit,
            }
            for i, (x, y, side) in enumerate(squares)
        )
    )
