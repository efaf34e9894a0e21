"""The registry of everybody outside: channels, agencies and field teams, the areas that they serve, the ways in they
have.

It holds no secret: public keys, digests of tokens, a webhook's secret only sealed. Who changes it is
``nuanliu tenant`` (deploy/registry); services only read.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.base import TENANT, Instant
from shared.contracts.streams import INGRESS_QUOTA_BYTES
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

Right = Literal["nats", "http", "webhook"]
"""A way to speak with the system: the tenant's own NATS account, HTTP with tokens, orders delivered to its address."""

TenantState = Literal["active", "suspended", "removed"]
"""A suspended tenant is kept out and gets nothing new, what it said is still worked off; the id of one removed is never
given again."""

EVERYWHERE = "*"
MOST_QUOTA_BYTES = 4 * INGRESS_QUOTA_BYTES
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Key(PackModel):
    """A public nkey that lets a tenant in; while keys are rotated there are two."""

    public: Annotated[str, StringConstraints(pattern=r"^U[A-Z2-7]{55}$")]
    since: Instant


TOKEN_PREFIX = "nl_"
"""So that a token is known for one wherever it is found, by people and by scanners for secrets."""


class Token(PackModel):
    """A bearer token for HTTP, known by its digest only. ``id`` is how operators speak of it."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{6,16}$")]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    since: Instant


class Webhook(PackModel):
    """Where what the agency is sent is delivered over HTTP. ``secrets``: what deliveries are signed with, sealed with
    the installation's key; two while they are rotated."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s#@]+$", max_length=500)]
    secrets: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    since: Instant


class Desk(PackModel):
    """Who is called when something is wrong with a tenant: a post, not a person."""

    name: Name
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ -]{3,20}$")] | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^\s@]+@[^\s@]+$", max_length=200)] | None = None


class Quota(PackModel):
    """What a tenant may take up. ``bytes``: of its ingress that wait to be worked off. Refusals beyond these are
    counted, no longer told one by one. ``file_bytes_per_day``: of new files handed in over HTTP."""

    bytes: int = Field(default=INGRESS_QUOTA_BYTES, ge=1024 * 1024, le=MOST_QUOTA_BYTES)
    connections: int = Field(default=20, ge=1, le=1000)
    subscriptions: int = Field(default=100, ge=10, le=10_000)
    refusals_per_hour: int = Field(default=300, ge=10, le=10_000)
    refusals_per_matter: int = Field(default=50, ge=1, le=1000)
    refused_bytes_per_hour: int = Field(default=4 * 1024 * 1024, ge=256 * 1024, le=256 * 1024 * 1024)
    file_bytes_per_day: int = Field(default=1024**3, ge=10 * 1024**2, le=1024**4)


class Tenant(PackModel):
    """One outsider. ``serves``: codes of the areas (any level) it answers for, ["*"] for everywhere, [] for none."""

    id: Annotated[str, StringConstraints(pattern=rf"^{TENANT}$")]
    kind: TenantKind
    name_zh: Name
    name_en: Name
    agency_kind: AgencyKind | None = None
    serves: tuple[str, ...] = ()
    state: TenantState = "active"
    contacts: tuple[Desk, ...] = ()
    rights: tuple[Right, ...] = ("nats", "http")
    quota: Quota = Quota()
    keys: Annotated[tuple[Key, ...], Field(max_length=2)] = ()
    tokens: Annotated[tuple[Token, ...], Field(max_length=10)] = ()
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _whole(self) -> Tenant:
        if (self.agency_kind is not None) != (self.kind == "agency"):
            raise ValueError(f"{self.id}: agency_kind belongs to agencies, and to all of them")
        if "webhook" in self.rights and self.kind != "agency":
            raise ValueError(f"{self.id}: the right webhook belongs to agencies")
        if self.webhook is not None and "webhook" not in self.rights:
            raise ValueError(f"{self.id}: has a webhook without the right to one")
        return self

    @property
    def active(self) -> bool:
        return self.state == "active"

    @property
    def entry_keys(self) -> tuple[str, ...]:
        """The public keys that are let in now."""
        return tuple(key.public for key in self.keys) if self.active and "nats" in self.rights else ()

    @property
    def hooked(self) -> bool:
        """Whether what it is sent is delivered to an address of its own."""
        return self.webhook is not None and self.state != "removed"


SeatRole = Literal["desk", "leader"]


class Seat(PackModel):
    """A post of the centre, which is no tenant: a ``desk`` reads and gives orders over HTTP, a ``leader`` only reads.

    What is ordered is signed with its id, which is therefore given once; one removed holds no token."""

    id: Annotated[str, StringConstraints(pattern=rf"^{TENANT}$")]
    role: SeatRole
    name_zh: Name
    name_en: Name
    removed: bool = False
    tokens: Annotated[tuple[Token, ...], Field(max_length=10)] = ()


def areas(place: Place, district: str) -> tuple[str, ...]:
    """The codes that contain a place, the smallest area first; a place nobody could find is only "everywhere"."""
    if not place.known:
        return (EVERYWHERE,)
    codes = (place.code, place.grid, place.community, place.subdistrict, district, EVERYWHERE)
    return tuple(dict.fromkeys(code for code in codes if code))


class Tenants(PackModel):
    """All outsiders of a jurisdiction, with look-ups by id, kind and place. Only who is active gets something new.
    ``seats``: the centre's own."""

    district: str
    tenants: Annotated[tuple[Tenant, ...], Field(min_length=1)]
    seats: tuple[Seat, ...] = ()

    @model_validator(mode="after")
    def _unique_with_default_team(self) -> Tenants:
        ids = [tenant.id for tenant in self.tenants] + [seat.id for seat in self.seats]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"tenants or seats named twice: {', '.join(twice)}")
        if not any(t.kind == "team" and EVERYWHERE in t.serves and t.active for t in self.tenants):
            raise ValueError('a team serving "*" is needed, so that every place has a team')
        held = [tenant.tokens for tenant in self.tenants] + [seat.tokens for seat in self.seats]
        tokens = [token.sha256 for several in held for token in several]
        if len(set(tokens)) < len(tokens):
            raise ValueError("one token for several")
        keys = [key.public for tenant in self.tenants for key in tenant.keys]
        if len(set(keys)) < len(keys):
            again = sorted(t.id for t in self.tenants if any(keys.count(key.public) > 1 for key in t.keys))
            raise ValueError(f"one key for several: {', '.join(again)}")
        return self

    @cached_property
    def _by_id(self) -> dict[str, Tenant]:
        return {tenant.id: tenant for tenant in self.tenants}

    @cached_property
    def _agencies(self) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], list[str]] = {}
        for tenant in self.serving("agency"):
            for area in tenant.serves:
                found.setdefault((str(tenant.agency_kind), area), []).append(tenant.id)
        return {key: tuple(ids) for key, ids in found.items()}

    @cached_property
    def _teams(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for tenant in self.serving("team"):
            for area in tenant.serves:
                found.setdefault(area, tenant.id)
        return found

    def get(self, tenant_id: str) -> Tenant | None:
        """The tenant of this id, removed or not, or None."""
        return self._by_id.get(tenant_id)

    def active(self, tenant_id: str) -> bool:
        """Whether this tenant may be given something new."""
        tenant = self.get(tenant_id)
        return tenant is not None and tenant.active

    @cached_property
    def _by_token(self) -> dict[str, Tenant]:
        return {token.sha256: tenant for tenant in self.tenants for token in tenant.tokens}

    def by_token(self, digest: str) -> Tenant | None:
        """Whose HTTP token has this SHA-256 digest (hexadecimal); None for nobody's."""
        return self._by_token.get(digest)

    @cached_property
    def _seat_by_token(self) -> dict[str, Seat]:
        return {token.sha256: seat for seat in self.seats for token in seat.tokens}

    def seat_by_token(self, digest: str) -> Seat | None:
        """The seat of the centre whose HTTP token has this SHA-256 digest (hexadecimal); None for nobody's."""
        return self._seat_by_token.get(digest)

    @property
    def present(self) -> tuple[Tenant, ...]:
        """Everybody who was not removed."""
        return tuple(tenant for tenant in self.tenants if tenant.state != "removed")

    def of_kind(self, kind: TenantKind) -> tuple[Tenant, ...]:
        """All channels, agencies or teams that were not removed, in the order of the registry."""
        return tuple(tenant for tenant in self.present if tenant.kind == kind)

    def serving(self, kind: TenantKind) -> tuple[Tenant, ...]:
        """Those of a kind who may be given something new."""
        return tuple(tenant for tenant in self.of_kind(kind) if tenant.active)

    def agencies_for(self, agency_kind: str, place: Place) -> list[str]:
        """Who of this kind answers for the place, the most specific first; empty if nobody does."""
        found: list[str] = []
        for area in areas(place, self.district):
            found += [one for one in self._agencies.get((agency_kind, area), ()) if one not in found]
        return found

    def team_for(self, place: Place) -> str:
        """The field team that goes back to this place."""
        return next(self._teams[area] for area in areas(place, self.district) if area in self._teams)
