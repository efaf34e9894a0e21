"""What the registry is made of: areas with their posts, stations, compounds, and what lies in a compound's ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.policy.model import PackModel
from shared.policy.places.spelling import number

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Phone = Annotated[str, StringConstraints(pattern=r"^(\+?\d[\d-]{2,18}\d)?$")]


def _outline(wkt: str) -> str:
    if not wkt:
        return wkt
    from shared.policy.places.shapes import outline_problem

    if problem := outline_problem(wkt):
        raise ValueError(problem)
    return wkt


Outline = Annotated[str, AfterValidator(_outline)]
"""A POLYGON or MULTIPOLYGON in WKT, longitude before latitude, WGS 84 degrees; empty where nobody has drawn it."""

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]


class Post(PackModel):
    """A post of the grid, not a person: who holds it changes more often than a registry (DOMAIN 1)."""

    kind: Literal["grid_leader", "micro_grid_leader", "grid_member"]
    title: Name
    phone: Phone = ""


class Area(PackModel):
    """A district, subdistrict, community, grid or micro-grid. ``within``: the code of the area above."""

    code: Code
    name: Name
    within: str = ""
    posts: tuple[Post, ...] = ()
    outline: Outline = ""


class Station(PackModel):
    """A heat exchange station; ``source``: the plant whose primary network feeds it."""

    code: Code
    name: Name
    aliases: tuple[Name, ...] = ()
    source: str = ""


class Household(PackModel):
    """A household on the register of key households: where, never who."""

    building: str
    entrance: str
    room: str


class Heating(PackModel):
    """Who runs the secondary network in the ground, and until when the developer answers for it. ``station``: the code
    of the exchange station; ``source``: the plant, in a file only where it is not the station's;
    ``secondary_network``: the compound's own behind the station, or one with the other compounds of the station."""

    station: str
    source: str = ""
    secondary_network: Literal["compound", "shared"] = "compound"
    run_by: Literal["heating_company", "property_manager"]
    warranty_until: date | None = None


class Building(PackModel):
    """A building that has something of its own: a name, a station other than its compound's, a micro-grid."""

    number: Name
    aliases: tuple[Name, ...] = ()
    station: str = ""
    micro_grid: str = ""


class Compound(PackModel):
    """A residential compound. ``lon``/``lat``: WGS 84 degrees; ``heating`` is absent without central heating;
    ``buildings``: how many there are, of which ``listed_buildings`` have something of their own."""

    code: Code
    name: Name
    aliases: tuple[Name, ...] = ()
    community: str
    grid: str
    households: int = Field(ge=1)
    buildings: int = Field(ge=1)
    entrances: int = Field(ge=1)
    heating: Heating | None = None
    lon: Longitude
    lat: Latitude
    outline: Outline = ""
    listed_buildings: tuple[Building, ...] = ()
    key_households: tuple[Household, ...] = ()

    @property
    def heated(self) -> bool:
        return self.heating is not None

    def building(self, written: str | None) -> Building | None:
        """The listed building as residents write it ("3号楼", "三栋", or its own name)."""
        sought = number(written)
        return next(
            (
                one
                for one in self.listed_buildings
                if written in (one.number, *one.aliases) or (sought and number(one.number) == sought)
            ),
            None,
        )

    def is_key_household(self, building: str | None, entrance: str | None, room: str | None) -> bool:
        """Whether a home as residents write it ("3号楼", "301室") is on the register; the entrance may lack."""
        sought = number(building), number(entrance), number(room)
        return bool(sought[0] and sought[2]) and any(
            (number(home.building), number(home.room)) == (sought[0], sought[2])
            and sought[1] in ("", number(home.entrance))
            for home in self.key_households
        )


def twice(codes: Iterable[str]) -> list[str]:
    """The codes that are there more than once, sorted."""
    return sorted(code for code, times in Counter(codes).items() if times > 1)
