"""Where things lie: outlines and points on a flat map of the jurisdiction, in metres. Whoever imports this waits for
numpy and shapely, a fifth of what a command takes to start: do it where an outline or a point is at hand."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from shared.contracts.values import Point
from shared.policy.places.degrees import coordinates_problem

METRES_PER_DEGREE = 111_320.0


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
