"""python -m deploy.replay.outsiders KIND ENDPOINTS SCRIPT START DAYS: all outsiders of one kind, each by itself; or the
centre's own desk, which is a program at the door like theirs."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from deploy.replay.outsiders.agency import Agency, hostile
from deploy.replay.outsiders.base import Tenant, serve, speak_about_each
from deploy.replay.outsiders.channel import Channel
from deploy.replay.outsiders.desk import Desk
from deploy.replay.outsiders.team import Team, rounds

KINDS: dict[str, tuple[type[Any], tuple[str, str], str]] = {
    "channel": (Channel, ("NOTICE", "notice"), "intake"),
    "agency": (Agency, ("DISPATCH", "dispatch"), "response"),
    "team": (Team, ("REVISIT", "revisit"), "field"),
}
QUARTER = timedelta(minutes=15)


def known_tenants(kind: str, endpoints: Path) -> list[Any]:
    """The outsiders of one kind that a running stack knows, not connected yet."""
    known = json.loads(endpoints.read_text(encoding="utf-8"))
    make, listen, root = KINDS[kind]
    return [
        make(name, known["nats"], Path(t["seed"]).read_text().strip(), t["inbox_prefix"], listen, root)
        for name, t in sorted(known["tenants"].items())
        if t["kind"] == kind
    ]


async def main(kind: str, tenants: list[Any], script: Path, start: datetime, days: int) -> None:
    for tenant in tenants:
        await tenant.connect(_hear)
        if isinstance(tenant, Channel):
            tenant.load(script)
        if isinstance(tenant, Team):
            rounds(tenant, start, days)
    if kind == "agency":
        _curious(tenants, start, days)
    # Two appeals of one place are apart in the season; agencies and teams keep their matters apart themselves.
    span = QUARTER if kind == "channel" else None
    await serve(
        lambda now: speak_about_each(tenants, now, span),
        lambda: {tenant.name: tenant.diary() for tenant in tenants},
    )


async def sit_at_the_desk(endpoints: Path) -> None:
    known = json.loads(endpoints.read_text(encoding="utf-8"))
    agencies = sorted(name for name, tenant in known["tenants"].items() if tenant["kind"] == "agency")
    desk = Desk(known["http"]["routing"], agencies)
    await serve(desk.speak, lambda: {"desk": desk.diary()})


def _hear(tenant: Tenant, kind: str, data: dict[str, Any], at: datetime) -> None:
    tenant.on_event(kind, data, at)  # type: ignore[attr-defined]


def _curious(agencies: list[Agency], start: datetime, days: int) -> None:
    """On some days one of them sends what it should not."""
    for number in range(days):
        agency = agencies[number % len(agencies)]
        hostile(agency, f"not-{number}", start + timedelta(days=number, hours=10), number)


if __name__ == "__main__":
    if sys.argv[1] == "desk":
        uvloop.run(sit_at_the_desk(Path(sys.argv[2])))
        sys.exit()
    uvloop.run(
        main(
            sys.argv[1],
            known_tenants(sys.argv[1], Path(sys.argv[2])),
            Path(sys.argv[3]),
            datetime.fromisoformat(sys.argv[4]),
            int(sys.argv[5]),
        )
    )
