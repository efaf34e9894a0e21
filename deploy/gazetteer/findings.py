"""What loads but may be wrong: told by `nuanliu places check`, refused by nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import shapely

from shared.contracts.values import Point
from shared.policy.places import Area, Compound, Places
from shared.policy.places.shapes import shape_of

OVERLAP = 0.01
"""Share of the smaller outline; less is how neighbours are drawn."""


def findings(places: Places) -> Iterator[str]:
    """One line each, with the codes it is about."""
    for compound in places.compounds:
        for name in (compound.name, *compound.aliases):
            if len(codes := places.all_named(name)) > 1 and codes[0] == compound.code:
                yield f"{'、'.join(codes)}：都叫“{name}” share a name; it is told apart only by grid, area or point"
    for compound in places.compounds:
        yield from _misplaced(compound, places)
    for level in (
        places.subdistricts,
        places.communities,
        places.grids,
        places.micro_grids,
        places.compounds,
    ):
        yield from _overlaps(level)
    peopled = {compound.grid for compound in places.compounds}
    for grid in places.grids:
        if grid.code not in peopled:
            yield f"{grid.code}：没有小区 a grid without compounds"
    for station in places.stations:
        if not places.served_by(station.code):
            yield f"{station.code}：不供任何小区 a station that heats no compound"


def _misplaced(compound: Compound, places: Places) -> Iterator[str]:
    grid = places.place(compound.grid)
    if grid and grid.community != compound.community:
        yield f"{compound.code}：网格属于社区 its grid lies in {grid.community}, not in {compound.community}"
    found = places.area_around(Point(lon=compound.lon, lat=compound.lat, crs="wgs84"))
    if found and found.grid and found.grid != compound.grid:
        yield f"{compound.code}：坐标在网格 {found.grid} 内，登记在 its point lies in another grid than {compound.grid}"
    if compound.outline and not shape_of(compound.outline).intersects(
        shapely.Point(compound.lon, compound.lat)
    ):
        yield f"{compound.code}：坐标不在小区范围内 its point lies outside of its outline"


def _overlaps(level: Sequence[Area | Compound]) -> Iterator[str]:
    drawn = [one for one in level if one.outline]
    shapes = [shape_of(one.outline) for one in drawn]
    tree = shapely.STRtree(shapes)
    for i, shape in enumerate(shapes):
        for j in tree.query(shape, predicate="intersects"):
            if j > i and shape.intersection(shapes[j]).area > OVERLAP * min(shape.area, shapes[j].area):
                yield f"{drawn[i].code}、{drawn[j].code}：范围重叠 their outlines overlap; a point there is neither's"
