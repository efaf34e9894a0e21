"""Where an appeal is about: what the reporter wrote, in the order in which it can be trusted."""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt
from typing import NamedTuple

from shared.contracts.values import Location, Place, Point
from shared.policy.places import UNPLACED, Places

NEAR_METRES = 300.0
_AXIS = 6_378_245.0
_ECCENTRICITY = 0.00669342162296594323


class Located(NamedTuple):
    """A place and, in words, what it was recognised by."""

    place: Place
    because: str


def locate(location: Location | None, text: str, places: Places) -> Located:
    """Compound field, names in the address, grid, names in the text, nearest compound, wider areas; else unplaced."""
    where = location or Location()
    in_field = places.mentioned(where.compound) if where.compound else []
    in_address = places.mentioned(where.address) if where.address else []
    if where.compound:
        code = where.compound.strip()
        place = places.place(code) or places.place(code.lower()) or places.named(code)
        place = place or _compound(in_field, places) or places.similar(code)
        if place:
            return Located(place, f"小区栏“{code}”")
    if place := _compound(in_address, places):
        return Located(place, "地址中的小区名")
    if where.grid_code and (place := places.place(where.grid_code.strip())):
        return Located(place, "网格编码")
    in_text = places.mentioned(text)
    if place := _compound(in_text, places):
        return Located(place, "诉求中的小区名")
    if where.point and (place := places.nearest(to_wgs84(where.point), NEAR_METRES)):
        return Located(place, "坐标附近的小区")
    if areas := in_field + in_address + in_text:
        return Located(max(areas, key=_depth), "提到的街道或社区")
    return Located(UNPLACED, "未说明地点")


def _compound(named: list[Place], places: Places) -> Place | None:
    return next((place for place in named if places.compound(place.code)), None)


def _depth(place: Place) -> int:
    return sum(part is not None for part in (place.subdistrict, place.community, place.grid))


def to_wgs84(point: Point) -> Point:
    """A point of a Chinese map (GCJ-02) moved back to WGS 84, within about 2 m; the published polynomial."""
    if point.crs == "wgs84":
        return point
    x, y = point.lon - 105.0, point.lat - 35.0
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    north += (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    latitude = radians(point.lat)
    shape = 1 - _ECCENTRICITY * sin(latitude) ** 2
    north *= 180 / ((_AXIS * (1 - _ECCENTRICITY)) / (shape * sqrt(shape)) * pi)
    east *= 180 / (_AXIS / sqrt(shape) * cos(latitude) * pi)
    return Point(lon=point.lon - east, lat=point.lat - north, crs="wgs84")
