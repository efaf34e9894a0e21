"""The responsibility matrix: category x area x what lies in the ground x words -> who leads, who assists, and why.

The rows of responsibility.yaml are read from above; the first that matches holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from shared.contracts.values import Place
from shared.policy.model import PackModel, covers
from shared.policy.phrases import Phrases
from shared.policy.places import Compound, Station
from shared.policy.tenants import AgencyKind, Tenants, areas

KINDS = frozenset(get_args(AgencyKind))
Who = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{1,30}$")]
"""An agency kind, or the id of one agency."""


class Ground(PackModel):
    """What lies in the ground of a compound (DOMAIN 3), as a fact or, in a row, as a condition; what is absent from a
    condition may be anything. ``managed``: a property manager serves it; ``in_warranty``: the developer still answers
    for its heating; the rest as in places.yaml."""

    managed: bool | None = None
    run_by: Literal["heating_company", "property_manager"] | None = None
    in_warranty: bool | None = None
    secondary_network: Literal["compound", "shared"] | None = None
    source: str | None = None
    station: str | None = None

    def admits(self, fact: Ground) -> bool:
        """Whether everything this condition asks for is so."""
        return all(getattr(self, name) in (None, getattr(fact, name)) for name in Ground.model_fields)


def ground(compound: Compound, station: Station | None, managed: bool, on: date | None) -> Ground:
    """The facts of a compound, which ``station`` heats, on a local date; without a date nothing is in warranty."""
    heating = compound.heating
    if heating is None:
        return Ground(managed=managed)
    until = heating.warranty_until
    return Ground(
        managed=managed,
        run_by=heating.run_by,
        in_warranty=on is not None and until is not None and on <= until,
        secondary_network=heating.secondary_network,
        source=station.source if station else None,
        station=heating.station,
    )


class Row(PackModel):
    """One row. ``category``: prefixes of codes, ``area``: codes of places, one of each must match; ``compound``: only
    for compounds of which this is so; ``when``: phrases one of which must hold. What is absent matches everything.
    ``lead``: who may lead, the first one asked first; empty: the centre's desk decides. ``because``: for people;
    ``source``: the rule it comes from."""

    category: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    compound: Ground | None = None
    when: tuple[str, ...] = ()
    lead: tuple[Who, ...]
    assist: tuple[Who, ...] = ()
    because: Annotated[str, StringConstraints(min_length=2, max_length=80)]
    source: str = ""

    @property
    def always(self) -> bool:
        """Whether it matches everything."""
        return not (self.category or self.area or self.compound or self.when)


class Duty(PackModel):
    """Who is on duty for a kind of agency in an area (everywhere without one), and the telephone."""

    kind: AgencyKind
    area: str = ""
    name: Annotated[str, StringConstraints(min_length=2, max_length=40)]
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ -]{3,20}$")]


class Matrix(PackModel):
    """responsibility.yaml."""

    rows: Annotated[tuple[Row, ...], Field(min_length=1)]
    duty: tuple[Duty, ...] = ()
    _said: dict[int, Phrases] = PrivateAttr(default_factory=dict)
    _about: dict[str, tuple[int, ...]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _answers_everything(self) -> Matrix:
        if not self.rows[-1].always:
            raise ValueError("rows: the last row must match everything")
        return self

    def compile(self, choices: Mapping[str, str]) -> None:
        """Make the phrases ready. Raises KeyError for a choice that is not there, ValueError for an empty part."""
        for number, row in enumerate(self.rows):
            if row.when:
                self._said[number] = Phrases({"when": dict.fromkeys(row.when, 1.0)}, choices)

    def about(self, category: str) -> tuple[int, ...]:
        """The numbers of the rows that speak of a category, in their order."""
        known = self._about  # dear to look up in a model, and asked for every appeal
        if category not in known:
            known[category] = tuple(
                number
                for number, row in enumerate(self.rows)
                if not row.category or any(covers(prefix, category) for prefix in row.category)
            )
        return known[category]

    @cached_property
    def asked_first(self) -> Mapping[str, str]:
        """Category -> who is asked first for it wherever nothing more is known; "" for the centre's desk."""
        return _AskedFirst(self)

    def row(self, category: str, within: Iterable[str], fact: Ground | None, text: str) -> Row:
        """The row that holds for a category in nested areas (``within``: their codes), on this ground (None where the
        place is no compound), for a plain text."""
        codes = set(within)
        for number in self.about(category):
            row = self.rows[number]
            if row.area and codes.isdisjoint(row.area):
                continue
            if row.compound is not None and (fact is None or not row.compound.admits(fact)):
                continue
            if row.when and not self._said[number].hits(text):
                continue
            return row
        raise AssertionError("the last row matches everything")

    def on_duty(self, kind: str, within: Iterable[str]) -> Duty | None:
        """Who is on duty for a kind; of several the one whose area is the smallest. ``within`` from small to large."""
        for area in (*within, ""):
            for duty in self.duty:
                if (duty.kind, duty.area) == (kind, area):
                    return duty
        return None


class _AskedFirst(dict[str, str]):
    """Filled as categories are asked for."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    def __missing__(self, category: str) -> str:
        rows = (self._matrix.rows[number] for number in self._matrix.about(category))
        row = next(row for row in rows if not (row.area or row.compound or row.when))
        self[category] = row.lead[0] if row.lead else ""
        return self[category]


def kind_of(who: str, tenants: Tenants) -> str:
    """The kind of an entry of ``lead`` or ``assist``."""
    tenant = None if who in KINDS else tenants.get(who)
    return str(tenant.agency_kind) if tenant else who


def agencies(who: str, place: Place, tenants: Tenants) -> list[str]:
    """The agencies that an entry of ``lead`` or ``assist`` stands for at a place, the most specific first."""
    if who in KINDS:
        return tenants.agencies_for(who, place)
    tenant = tenants.get(who)
    return [who] if tenant is not None and tenant.active and tenant.kind == "agency" else []


def within(place: Place, tenants: Tenants) -> tuple[str, ...]:
    """The codes of the areas around a place, from small to large."""
    return areas(place, tenants.district)[:-1]
