"""The maps of a gazetteer: outlines of compounds and areas, and where every compound lies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import shapely

from shared.policy.places.entities import Area, Compound
from shared.policy.places.shapes import Shapes, shape_of


class Maps:
    """Each is drawn when it is first looked at. ``levels``: areas by level, the smallest first."""

    def __init__(self, compounds: Sequence[Compound], levels: Sequence[Sequence[Area]]) -> None:
        self._compounds, self._levels = compounds, levels
        self._middle = sum(one.lat for one in compounds) / len(compounds) if compounds else 0.0

    @cached_property
    def compounds(self) -> Shapes:
        """The outlines of the compounds that have one."""
        drawn = ((one.code, shape_of(one.outline)) for one in self._compounds if one.outline)
        return Shapes(drawn, self._middle)

    @cached_property
    def areas(self) -> tuple[Shapes, ...]:
        """The outlines of the areas that have one, by level."""
        return tuple(
            Shapes(((area.code, shape_of(area.outline)) for area in areas if area.outline), self._middle)
            for areas in self._levels
        )

    @cached_property
    def ground(self) -> Shapes:
        """Every compound: its outline, or its point."""
        return Shapes(
            (
                (one.code, shape_of(one.outline) if one.outline else shapely.Point(one.lon, one.lat))
                for one in self._compounds
            ),
            self._middle,
        )
