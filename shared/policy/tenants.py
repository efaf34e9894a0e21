"""The registry of everybody outside: channels, agencies and field teams, and the areas that they serve."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.base import TENANT
from shared.contracts.values import Place
from shared.policy.model import PackModel

TenantKind = Literal["channel", "agency", "team"]
AgencyKind = Literal[
    "heating",
    "housing",
    "property",
    "city_management",
    "subdistrict",
    "water",
    "power",
    "gas",
    "developer",
    "grid_team",
    "police",
    "civil_affairs",
]

EVERYWHERE = "*"


class Tenant(PackModel):
    """One outsider. ``serves``: codes of the areas (any level) it answers for, ["*"] for everywhere, [] for none."""

    id: Annotated[str, StringConstraints(pattern=rf"^{TENANT}$")]
    kind: TenantKind
    name_zh: str
    name_en: str
    agency_kind: AgencyKind | None = None
    serves: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _only_agencies_have_a_kind(self) -> Tenant:
        if (self.agency_kind is not None) != (self.kind == "agency"):
            raise ValueError(f"{self.id}: agency_kind belongs to agencies, and to all of them")
        return self


def areas(place: Place, district: str) -> tuple[str, ...]:
    """The codes that contain a place, the smallest area first; a place nobody could find is only "everywhere"."""
    if not place.known:
        return (EVERYWHERE,)
    codes = (place.code, place.grid, place.community, place.subdistrict, district, EVERYWHERE)
    return tuple(dict.fromkeys(code for code in codes if code))


class Tenants(PackModel):
    """All outsiders of a jurisdiction, with look-ups by id, kind and place."""

    district: str
    tenants: Annotated[tuple[Tenant, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique_with_default_team(self) -> Tenants:
        ids = [tenant.id for tenant in self.tenants]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"tenants named twice: {', '.join(twice)}")
        if not any(tenant.kind == "team" and EVERYWHERE in tenant.serves for tenant in self.tenants):
            raise ValueError('a team serving "*" is needed, so that every place has a team')
        return self

    @cached_property
    def _by_id(self) -> dict[str, Tenant]:
        return {tenant.id: tenant for tenant in self.tenants}

    @cached_property
    def _agencies(self) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], list[str]] = {}
        for tenant in self.of_kind("agency"):
            for area in tenant.serves:
                found.setdefault((str(tenant.agency_kind), area), []).append(tenant.id)
        return {key: tuple(ids) for key, ids in found.items()}

    @cached_property
    def _teams(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for tenant in self.of_kind("team"):
            for area in tenant.serves:
                found.setdefault(area, tenant.id)
        return found

    def get(self, tenant_id: str) -> Tenant | None:
        """The tenant of this id, or None."""
        return self._by_id.get(tenant_id)

    def of_kind(self, kind: TenantKind) -> tuple[Tenant, ...]:
        """All channels, agencies or teams, in the order of the registry."""
        return tuple(tenant for tenant in self.tenants if tenant.kind == kind)

    def agencies_for(self, agency_kind: str, place: Place) -> list[str]:
        """Who of this kind answers for the place, the most specific first; empty if nobody does."""
        found: list[str] = []
        for area in areas(place, self.district):
            found += [one for one in self._agencies.get((agency_kind, area), ()) if one not in found]
        return found

    def team_for(self, place: Place) -> str:
        """The field team that goes back to this place."""
        return next(self._teams[area] for area in areas(place, self.district) if area in self._teams)
