"""The gazetteer: all places of a jurisdiction, how they hang together, and how they are looked up."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from shared.contracts.values import Place, Point
from shared.policy.model import PackModel
from shared.policy.places.entities import Area, Compound, Post, Station, twice
from shared.policy.places.names import Codes, Mention, Names, Slip

if TYPE_CHECKING:
    from shared.policy.places.maps import Maps

UNPLACED = Place(code="unplaced", name="地点不明", known=False)
"""Where no place could be found."""


class Places(PackModel):
    """All places of a jurisdiction, with look-ups by code, by name and by point."""

    district: Area
    subdistricts: tuple[Area, ...]
    communities: tuple[Area, ...]
    grids: tuple[Area, ...]
    micro_grids: tuple[Area, ...] = ()
    stations: tuple[Station, ...] = ()
    compounds: tuple[Compound, ...]

    @model_validator(mode="before")
    @classmethod
    def _fed_by_their_station(cls, content: Any) -> Any:
        """A compound's source is its station's where its entry does not say, so that it is written down once."""
        if not isinstance(content, dict):
            return content
        stations, compounds = content.get("stations"), content.get("compounds")
        if not isinstance(stations, (list, tuple)) or not isinstance(compounds, (list, tuple)):
            return content
        source = {one.get("code"): one.get("source", "") for one in stations if isinstance(one, dict)}
        return content | {"compounds": [_with_source(one, source) for one in compounds]}

    @model_validator(mode="after")
    def _hangs_together(self) -> Places:
        codes = [area.code for area in self._areas()]
        codes += [station.code for station in self.stations] + [one.code for one in self.compounds]
        if again := twice(codes):
            raise ValueError(f"codes used twice: {', '.join(again)}")
        for above, areas in (
            ((self.district,), self.subdistricts),
            (self.subdistricts, self.communities),
            (self.communities, self.grids),
            (self.grids, self.micro_grids),
        ):
            known = {area.code for area in above}
            for area in areas:
                if area.within not in known:
                    raise ValueError(f"{area.code}: within {area.within!r}, which is not there")
        communities, grids, micro_grids = (
            {area.code for area in areas} for areas in (self.communities, self.grids, self.micro_grids)
        )
        stations = self._stations
        for compound in self.compounds:
            if compound.community not in communities or compound.grid not in grids:
                raise ValueError(f"{compound.code}: community or grid is not there")
            if compound.heating and compound.heating.station not in stations:
                raise ValueError(
                    f"{compound.code}: heating.station {compound.heating.station!r} is no code of stations"
                )
            for building in compound.listed_buildings:
                if building.station and building.station not in stations:
                    raise ValueError(f"{compound.code}: station {building.station!r} is no code of stations")
                if building.micro_grid and building.micro_grid not in micro_grids:
                    raise ValueError(f"{compound.code}: micro_grid {building.micro_grid!r} is not there")
        return self

    def _areas(self) -> tuple[Area, ...]:
        return (self.district, *self.subdistricts, *self.communities, *self.grids, *self.micro_grids)

    @cached_property
    def _above(self) -> dict[str, str]:
        return {area.code: area.within for area in self._areas()}

    @cached_property
    def _by_code(self) -> dict[str, Place]:
        found = {self.district.code: Place(code=self.district.code, name=self.district.name)}
        levels = ("subdistrict", "community", "grid")
        for level, areas in enumerate(
            (self.subdistricts, self.communities, self.grids, self.micro_grids), start=1
        ):
            for area in areas:
                chain = [area.code]
                while len(chain) < level:
                    chain.append(self._above[chain[-1]])
                named = dict(zip(levels, reversed(chain), strict=False))
                found[area.code] = Place(code=area.code, name=area.name, **named)
        for compound in self.compounds:
            found[compound.code] = Place(
                code=compound.code,
                name=compound.name,
                subdistrict=self._above[compound.community],
                community=compound.community,
                grid=compound.grid,
            )
        return found

    @cached_property
    def _compounds(self) -> dict[str, Compound]:
        return {compound.code: compound for compound in self.compounds}

    @cached_property
    def _stations(self) -> dict[str, Station]:
        return {station.code: station for station in self.stations}

    @cached_property
    def _posts(self) -> dict[str, tuple[Post, ...]]:
        return {area.code: area.posts for area in self._areas()}

    def __len__(self) -> int:
        return len(self.compounds)

    def lies_in(self, code: str, area: str) -> bool:
        """Whether a place lies in an area, or is it."""
        place = self._by_code[code]
        return area in (place.code, place.grid, place.community, place.subdistrict, self.district.code)

    def compound(self, code: str) -> Compound | None:
        """The compound of this code; None for other areas and unknown codes."""
        return self._compounds.get(code)

    def place(self, code: str) -> Place | None:
        """The place of a code of any level, or None. A micro-grid is a place of its grid."""
        return self._by_code.get(code)

    def posts(self, place: Place, building: str | None = None) -> tuple[Post, ...]:
        """The posts that answer for a place, the nearest first: micro-grid, grid, community, subdistrict, district."""
        compound = self.compound(place.code)
        listed = compound.building(building) if compound else None
        chain = (
            listed.micro_grid if listed else None,
            None if compound else place.code,
            place.grid,
            place.community,
            place.subdistrict,
            self.district.code,
        )
        return tuple(post for code in dict.fromkeys(chain) for post in self._posts.get(code or "", ()))

    def station(self, code: str) -> Station | None:
        """The exchange station of this code, or None."""
        return self._stations.get(code)

    def station_of(self, compound: str, building: str | None = None) -> Station | None:
        """The exchange station that heats a compound, or a building of it that hangs on another; None without
        central heating."""
        found = self.compound(compound)
        if found is None:
            return None
        listed = found.building(building)
        own = listed.station if listed else ""
        return self.station(own or (found.heating.station if found.heating else ""))

    def served_by(self, station: str) -> tuple[Compound, ...]:
        """The compounds that a station heats, wholly or in some buildings."""
        return self._served.get(station, ())

    @cached_property
    def _served(self) -> dict[str, tuple[Compound, ...]]:
        found: dict[str, tuple[Compound, ...]] = {}
        for one in self.compounds:
            hung = [one.heating.station] if one.heating else []
            hung += [building.station for building in one.listed_buildings if building.station]
            for station in dict.fromkeys(hung):
                found[station] = (*found.get(station, ()), one)
        return found

    @cached_property
    def _names(self) -> Names:
        return Names(
            ((name, one.code) for one in self.compounds for name in (one.name, *one.aliases)),
            ((area.name, area.code) for area in self._areas()[1:]),
            (
                (name, compound.code)
                for station in self.stations
                for name in (station.name, *station.aliases)
                for compound in self.served_by(station.code)
            ),
        )

    def named(self, name: str) -> Place | None:
        """The one compound of exactly this name or alias, whatever its width, blanks and suffix; or None."""
        return self._only(self._names.named(name))

    def similar(self, name: str) -> Place | None:
        """The one compound whose name sounds like this or differs by a slip of the pen; None for short names or where
        two would do."""
        slip = self._names.misspelt(name)
        return self._only(self._names.heard(name) or (slip.codes if slip else ()))

    def _only(self, codes: Codes) -> Place | None:
        return self._by_code[codes[0]] if len(codes) == 1 else None

    def all_named(self, name: str) -> Codes:
        """The codes of all compounds of exactly this name or alias."""
        return self._names.named(name)

    def mentions(self, text: str) -> list[Mention]:
        """What a text names, compounds and areas, as it comes."""
        return self._names.mentions(text)

    def stations_named(self, text: str) -> list[Mention]:
        """The exchange stations that a text names, each with the codes of the compounds it heats."""
        return self._names.stations(text)

    def heard(self, name: str) -> Codes:
        """The codes of the compounds whose name sounds like this one."""
        return self._names.heard(name)

    def heard_in(self, text: str) -> list[Mention]:
        """The compounds that a text names in other letters of the same sound."""
        return self._names.heard_in(text)

    def misspelt(self, name: str, *, running: bool = False) -> Slip | None:
        """The compounds whose name a field, or a running text before a building, holds with slips."""
        return self._names.misspelt(name, running=running)

    @cached_property
    def _maps(self) -> Maps:
        """Made when somebody asks for a point."""
        from shared.policy.places.maps import Maps

        return Maps(self.compounds, (self.micro_grids, self.grids, self.communities, self.subdistricts))

    def compounds_around(self, point: Point) -> list[str]:
        """The codes of the compounds whose outline holds a point (WGS 84)."""
        return self._maps.compounds.around(point)

    def area_around(self, point: Point) -> Place | None:
        """The smallest area whose outline, and no other of its level, holds a point (WGS 84); or None."""
        for level in self._maps.areas:
            if len(codes := level.around(point)) == 1:
                return self._by_code[codes[0]]
        return None

    def near(self, point: Point, within_metres: float) -> list[tuple[float, str]]:
        """(metres, code) of the compounds near a point, the nearest first: to the outline, or to the compound's point.
        GCJ-02 is off by some 500 m in the sample's latitude and has to be converted before."""
        return self._maps.ground.near(point, within_metres)

    def nearest(self, point: Point, within_metres: float) -> Place | None:
        """The nearest compound within a radius, or None."""
        near = self.near(point, within_metres)
        return self._by_code[near[0][1]] if near else None


def _with_source(compound: Any, source: dict[Any, str]) -> Any:
    heating = compound.get("heating") if isinstance(compound, dict) else None
    if not isinstance(heating, dict) or heating.get("source") or not isinstance(heating.get("station"), str):
        return compound
    return compound | {"heating": heating | {"source": source.get(heating["station"], "")}}
