"""Degrees of longitude and latitude: which can be meant, and those of Chinese maps moved back."""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

from shared.contracts.values import Point

_AXIS = 6_378_245.0
_ECCENTRICITY = 0.00669342162296594323
_WEST, _EAST = 72.004, 137.8347
_SOUTH, _NORTH = 0.8293, 55.8271


def coordinates_problem(lon: float, lat: float) -> str:
    """What is the matter with a pair of degrees; empty if it can be used. China lies in 73-136 E, 3-54 N: a pair that
    fits only the other way round was written latitude first."""
    if 73 <= lat <= 136 and 3 <= lon <= 54:
        return f"经纬度颠倒 longitude and latitude are swapped: {lon:g}, {lat:g}"
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return f"不是经纬度 not degrees of longitude and latitude: {lon:g}, {lat:g}"
    return ""


def to_wgs84(point: Point) -> Point:
    """A point of a Chinese map (GCJ-02) moved back to WGS 84, within about 2 m; the published polynomial. Outside China
    nothing is moved: it is neither defined there nor bounded."""
    if point.crs == "wgs84":
        return point
    if not (_WEST <= point.lon <= _EAST and _SOUTH <= point.lat <= _NORTH):
        return Point(lon=point.lon, lat=point.lat, crs="wgs84")
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
