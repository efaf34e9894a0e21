"""Where things lie: outlines and points on a flat map of the jurisdiction, in metres."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi, radians, sin, sqrt
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from shared.contracts.values import Point

METRES_PER_DEGREE = 111_320.0
_AXIS = 6_378_245.0
_ECCENTRICITY = 0.00669342162296594323
_WEST, _EAST = 72.004, 137.8347
_SOUTH, _NORTH = 0.8293, 55.8271


class Shapes:
    """Shapes with codes. The map is true to about 1 % within half a degree of its middle; more than a city needs."""

    def __init__(self, shapes: Iterable[tuple[str, BaseGeometry]], middle: float) -> None:
        self._scale = np.array([METRES_PER_DEGREE * cos(radians(middle)), METRES_PER_DEGREE])
        listed = list(shapes)
        self._codes = [code for code, _ in listed]
        flat = shapely.transform(np.array([shape for _, shape in listed], dtype=object), self._flat)
        self._tree = shapely.STRtree(flat)

    def _flat(self, degrees: Any) -> Any:
        return degrees * self._scale

    def _on_map(self, point: Point) -> BaseGeometry:
        return shapely.Point(point.lon * self._scale[0], point.lat * self._scale[1])

    def around(self, point: Point) -> list[str]:
        """The codes of the shapes that hold the point, their edge included; sorted."""
        return sorted(self._codes[i] for i in self._tree.query(self._on_map(point), predicate="intersects"))

    def near(self, point: Point, within_metres: float) -> list[tuple[float, str]]:
        """(metres, code) of the shapes within a radius, the nearest first."""
        here = self._on_map(point)
        found = self._tree.query(here, predicate="dwithin", distance=within_metres)
        return sorted((float(here.distance(self._tree.geometries[i])), self._codes[i]) for i in found)


def shape_of(wkt: str) -> BaseGeometry:
    """The shape of an outline. Raises ValueError."""
    try:
        return shapely.from_wkt(wkt)
    except shapely.errors.ShapelyError:
        raise ValueError("不是 WKT not WKT") from None


def outline_problem(wkt: str) -> str:
    """What is the matter with an outline, by name; empty if it can be used."""
    try:
        return shape_problem(shape_of(wkt))
    except ValueError as problem:
        return str(problem)


def shape_problem(shape: BaseGeometry) -> str:
    """What is the matter with a shape in degrees that is to be an outline; empty if it can be used."""
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return f"需要多边形 a polygon is expected, not {shape.geom_type}"
    if shape.is_empty:
        return "多边形为空 the polygon is empty"
    if not shape.is_valid:
        return f"多边形无效 invalid polygon: {explain_validity(shape)}"
    west, south, east, north = shape.bounds
    return coordinates_problem(west, south) or coordinates_problem(east, north)


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
