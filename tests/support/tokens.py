"""Tenants and seats of the centre who speak over HTTP: the token of each is ``nl_<id>``."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from shared.loop.envelope import now
from shared.policy import Jurisdiction
from shared.policy.tenants import Seat, Tenant, Tenants, Token

DUTY, LEADER = "duty", "leader"


def holding(jurisdiction: Jurisdiction, **changes: Any) -> Jurisdiction:
    """The same district in which everybody holds a token; ``changes`` to each of them."""

    def held(tenant: Tenant) -> Tenant:
        return tenant.model_copy(update={"tokens": (token(tenant.id),), **changes})

    tenants = jurisdiction.tenants
    # Made anew: a copy would keep what the first one remembers of its look-ups.
    everybody = Tenants.model_construct(district=tenants.district, tenants=tuple(map(held, tenants.tenants)))
    return replace(jurisdiction, tenants=everybody)


def seated(jurisdiction: Jurisdiction) -> Jurisdiction:
    """The same district in which the centre has two seats of the desk, one of a leader, and one that was removed."""
    seats = (
        Seat(id=DUTY, role="desk", name_zh="值班席", name_en="Duty desk", tokens=(token(DUTY),)),
        Seat(id="night", role="desk", name_zh="夜班席", name_en="Night desk", tokens=(token("night"),)),
        Seat(id=LEADER, role="leader", name_zh="分管领导", name_en="Leader", tokens=(token(LEADER),)),
        Seat(id="gone", role="desk", name_zh="旧席", name_en="Gone", removed=True),
    )
    tenants = jurisdiction.tenants
    made = Tenants.model_construct(district=tenants.district, tenants=tenants.tenants, seats=seats)
    return replace(jurisdiction, tenants=made)


def token(id: str) -> Token:
    """What the registry knows of somebody's token."""
    return Token(id="abcdef", sha256=sha256(f"nl_{id}".encode()).hexdigest(), since=now())


def bearer(id: str) -> dict[str, str]:
    """The header that shows a tenant's token."""
    return {"Authorization": f"Bearer nl_{id}"}
