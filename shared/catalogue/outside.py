"""Who is outside, what they say and what they hear: everything the catalogue is about (CONTRACTS 1-4)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts import agency, channel, intake, response, revisit, team
from shared.contracts.base import Event, IngressEvent
from shared.contracts.streams import EGRESS


@dataclass(frozen=True)
class Outsider:
    """A kind of tenant. ``example``: an id such a one may have; ``publisher``: the service that speaks to them."""

    kind: str
    example: str
    publisher: str
    says: tuple[type[IngressEvent], ...]
    hears: tuple[type[Event], ...]

    @property
    def stream(self) -> str:
        """The stream on which they have a consumer named after themselves."""
        return EGRESS[self.kind].name


OUTSIDERS = (
    Outsider("channel", "hotline-12345", "intake", channel.EVENTS, intake.NOTICES),
    Outsider("agency", "heating-zy", "response", agency.EVENTS, response.DISPATCHES),
    Outsider("team", "team-jinqiao", "revisit", team.EVENTS, revisit.TASKS),
)
EVENTS: tuple[type[Event], ...] = tuple(event for one in OUTSIDERS for event in (*one.says, *one.hears))
"""Every event that crosses the border, in the order of the contracts."""
