"""Tenants who speak over HTTP: the token of each is ``nl_<id>``."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from shared.loop.envelope import now
from shared.policy import Jurisdiction
from shared.policy.tenants import Tenant, Tenants, Token


def holding(jurisdiction: Jurisdiction, **changes: Any) -> Jurisdiction:
    """The same district in which everybody holds a token; ``changes`` to each of them."""

    def held(tenant: Tenant) -> Tenant:
        token = Token(id="abcdef", sha256=sha256(f"nl_{tenant.id}".encode()).hexdigest(), since=now())
        return tenant.model_copy(update={"tokens": (token,), **changes})

    tenants = jurisdiction.tenants
    # Made anew: a copy would keep what the first one remembers of its look-ups.
    everybody = Tenants.model_construct(district=tenants.district, tenants=tuple(map(held, tenants.tenants)))
    return replace(jurisdiction, tenants=everybody)


def bearer(id: str) -> dict[str, str]:
    """The header that shows a tenant's token."""
    return {"Authorization": f"Bearer nl_{id}"}
