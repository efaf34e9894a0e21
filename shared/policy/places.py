"""The gazetteer: areas and compounds, and what lies in the ground of a compound."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from math import cos, hypot, radians
from operator import add
from typing import Literal

from pydantic import Field, model_validator

from shared.contracts.values import Place, Point
from shared.policy.model import PackModel

UNPLACED = Place(code="unplaced", name="地点不明", known=False)
"""Where no place could be found."""

SHORTEST_SPOKEN = 3
SHORTEST_MISSPELT = 4

_NOISE = re.compile(r"[\s\W_]+")
_SUFFIX = re.compile(r"(?<=..)(住宅小区|居民小区|生活小区|小区|家属院|家属楼)$")
_NUMBER = re.compile(r"[a-z]?\d+")
_METRES_PER_DEGREE = 111_320.0
_DIGITS = str.maketrans("零〇一二两三四五六七八九", "001223456789")


def normalise(name: str) -> str:
    """A name as residents may spell it: one width, lower case, no blanks or marks, Arabic digits."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", name)).lower().translate(_DIGITS)


def bare(name: str) -> str:
    """A normalised name without the words that residents add or leave out (小区, 家属院 ...)."""
    return _SUFFIX.sub("", normalise(name))


def _number(written: str | None) -> str:
    """The number in "3号楼" or "二单元"; empty if there is none."""
    found = _NUMBER.search(normalise(written or ""))
    return found[0] if found else ""


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter replaced, left out or added turns one name into the other."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < SHORTEST_MISSPELT - 1:
        return False
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    rest, other_rest = one[same:], other[same:]
    return rest[1:] == other_rest[1:] or rest[1:] == other_rest or rest == other_rest[1:]


class Household(PackModel):
    """A household on the register of key households: where, never who."""

    building: str
    entrance: str
    room: str


class Heating(PackModel):
    """Who runs the secondary network in the ground, and until when the developer answers for it."""

    source: str
    station: str
    secondary_network: Literal["compound", "shared"] = "compound"
    run_by: Literal["heating_company", "property_manager"]
    warranty_until: date | None = None


class Compound(PackModel):
    """A residential compound. ``lon``/``lat``: WGS 84 degrees; ``heating`` is absent without central heating."""

    code: str
    name: str
    aliases: tuple[str, ...] = ()
    community: str
    grid: str
    households: int = Field(ge=1)
    buildings: int = Field(ge=1)
    entrances: int = Field(ge=1)
    heating: Heating | None = None
    lon: float
    lat: float
    key_households: tuple[Household, ...] = ()

    @property
    def heated(self) -> bool:
        return self.heating is not None

    def is_key_household(self, building: str | None, entrance: str | None, room: str | None) -> bool:
        """Whether a home as residents write it ("3号楼", "301室") is on the register; the entrance may lack."""
        sought = _number(building), _number(entrance), _number(room)
        return bool(sought[0] and sought[2]) and any(
            (_number(home.building), _number(home.room)) == (sought[0], sought[2])
            and sought[1] in ("", _number(home.entrance))
            for home in self.key_households
        )


class Area(PackModel):
    """A district, subdistrict, community or grid. ``within``: the code of the area above."""

    code: str
    name: str
    within: str = ""


class Places(PackModel):
    """All places of a jurisdiction, with look-ups by code and by name."""

    district: Area
    subdistricts: tuple[Area, ...]
    communities: tuple[Area, ...]
    grids: tuple[Area, ...]
    compounds: tuple[Compound, ...]

    @model_validator(mode="after")
    def _hangs_together(self) -> Places:
        codes = [part.code for group in self._groups() for part in group]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"codes used twice: {', '.join(twice)}")
        known = {
            name: {area.code for area in getattr(self, name)}
            for name in ("subdistricts", "communities", "grids")
        }
        for above, areas in (
            ({self.district.code}, self.subdistricts),
            (known["subdistricts"], self.communities),
            (known["communities"], self.grids),
        ):
            for area in areas:
                if area.within not in above:
                    raise ValueError(f"{area.code}: within {area.within!r}, which is not there")
        for compound in self.compounds:
            if compound.community not in known["communities"] or compound.grid not in known["grids"]:
                raise ValueError(f"{compound.code}: community or grid is not there")
        return self

    def _groups(self) -> tuple[tuple[Area | Compound, ...], ...]:
        return ((self.district,), self.subdistricts, self.communities, self.grids, self.compounds)

    @cached_property
    def _above(self) -> dict[str, str]:
        return {area.code: area.within for area in (*self.subdistricts, *self.communities, *self.grids)}

    @cached_property
    def _by_code(self) -> dict[str, Place]:
        found = {self.district.code: Place(code=self.district.code, name=self.district.name)}
        for area in self.subdistricts:
            found[area.code] = Place(code=area.code, name=area.name, subdistrict=area.code)
        for area in self.communities:
            found[area.code] = Place(
                code=area.code, name=area.name, subdistrict=area.within, community=area.code
            )
        for area in self.grids:
            found[area.code] = Place(
                code=area.code,
                name=area.name,
                subdistrict=self._above[area.within],
                community=area.within,
                grid=area.code,
            )
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
    def names(self) -> dict[str, str]:
        """Normalised name or alias of a compound -> its code; a spelling two compounds share is left out."""
        found: dict[str, set[str]] = {}
        for compound in self.compounds:
            for name in (compound.name, *compound.aliases):
                for spelling in {normalise(name), bare(name)}:
                    found.setdefault(spelling, set()).add(compound.code)
        return {name: min(codes) for name, codes in found.items() if len(codes) == 1}

    def __len__(self) -> int:
        return len(self.compounds)

    def compounds_in(self, area: str) -> Iterator[Compound]:
        """The compounds of a grid, community, subdistrict or district."""
        for compound in self.compounds:
            place = self._by_code[compound.code]
            if area in (place.grid, place.community, place.subdistrict, self.district.code):
                yield compound

    def compound(self, code: str) -> Compound | None:
        """The compound of this code; None for other areas and unknown codes."""
        return self._compounds.get(code)

    def place(self, code: str) -> Place | None:
        """The place of a code of any level, or None."""
        return self._by_code.get(code)

    def named(self, name: str) -> Place | None:
        """The compound of exactly this name or alias, whatever its width, blanks and suffix; or None."""
        code = self.names.get(normalise(name)) or self.names.get(bare(name))
        return self._by_code[code] if code else None

    @cached_property
    def _sought(self) -> dict[str, list[tuple[str, str]]]:
        """First two characters -> (spelling, code) to look for in running text, the longest first."""
        spoken = {name: code for name, code in self.names.items() if len(name) >= SHORTEST_SPOKEN}
        spoken |= {
            normalise(area.name): area.code for area in (*self.subdistricts, *self.communities, *self.grids)
        }
        found: dict[str, list[tuple[str, str]]] = {}
        for name in sorted(spoken, key=len, reverse=True):
            found.setdefault(name[:2], []).append((name, spoken[name]))
        return found

    def mentioned(self, text: str) -> list[Place]:
        """The places that a text names, as they come; two-letter short names count only in a field of their own."""
        spelled = normalise(text)
        starts = self._sought.keys() & set(map(add, spelled, spelled[1:]))
        named = [
            (spelled.find(name), -len(name), code) for start in starts for name, code in self._sought[start]
        ]
        found: list[Place] = []
        end = 0
        for index, length, code in sorted(named):
            if index >= end:
                found.append(self._by_code[code])
                end = index - length
        return found

    def similar(self, name: str) -> Place | None:
        """The one compound whose name differs by a slip of the pen; None for short names or where two would do."""
        spelled = bare(name)
        if len(spelled) < SHORTEST_MISSPELT:
            return None
        codes = {code for known, code in self.names.items() if _one_slip(spelled, known)}
        return self._by_code[codes.pop()] if len(codes) == 1 else None

    def nearest(self, point: Point, within_metres: float) -> Place | None:
        """The compound whose point is nearest, if within the radius. GCJ-02 is off by some 500 m in the sample's
        latitude and has to be converted before."""
        best, code = within_metres, ""
        east = _METRES_PER_DEGREE * cos(radians(point.lat))
        for compound in self.compounds:
            metres = hypot((compound.lon - point.lon) * east, (compound.lat - point.lat) * _METRES_PER_DEGREE)
            if metres <= best:
                best, code = metres, compound.code
        return self._by_code[code] if code else None
