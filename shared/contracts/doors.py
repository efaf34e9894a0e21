"""What a service tells itself when a tenant's door is to be looked at (docs/decisions/0018)."""

from __future__ import annotations

from shared.contracts.base import Event, Instant


class Due(Event):
    """The window of a tenant's door is over, and something was counted in it. Every ingress service has its own."""

    tenant: str
    until: Instant
