"""The installation under attack: what `python -m deploy.render` makes, keys handed out as `nuanliu tenant` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deploy import SAMPLE
from deploy.certificates import HERE, certify, server_file
from deploy.keys import new_seed, public_key
from deploy.local.engines import HOST, NATS, listening, nats_url, program
from deploy.local.supervisor import Part
from deploy.registry import changes
from deploy.registry.installation import Installation, Shape
from deploy.render import shape
from shared.loop.envelope import now
from shared.policy import load
from shared.policy.tenants import Tenants
from shared.trust import trusting
from tests.attacks.loose import INTRUDER, Loose, LooseInstallation
from tests.attacks.wire import Door
from tests.support.engines import outsider

VICTIM, CHANNEL, TEAM = "heating-zy", "hotline-12345", "team-district"
NEIGHBOUR, PAUSED, GONE = "heating-zy2", "paused-zy", "gone-zy"
"""One whose name begins with the victim's; one suspended, one removed, whose keys somebody kept."""

_EVERYWHERE = "grid-team-zy"
"""Without it the registry would not fit the district."""


def install(directory: Path, port: int, monitor: int, loose: Loose | None = None) -> Installation:
    """What `python -m deploy.render` describes, listening and keeping its files elsewhere. A careless one is made anew
    for every attempt, so it does not wait for the disk."""
    certify(directory, {NATS: HERE}, now())
    described: Shape = replace(
        shape(SAMPLE),
        nats_url=nats_url(port, tls=True),
        certificate=str(directory.absolute() / server_file(NATS)),
        listen=f"{HOST}:{port}",
        monitor=f"{HOST}:{monitor}",
        store=str(directory.absolute() / "jetstream"),
        sync="1m" if loose else shape(SAMPLE).sync,
    )
    installation = Installation.describe(directory, described)
    return LooseInstallation(directory, loose) if loose else installation


def door_of(installation: Installation, port: int = 0) -> Door:
    """The server's own port, or the one of what stands before it, for those who trust this installation's authority."""
    host, _, own = installation.shape.listen.rpartition(":")
    assert installation.ca is not None
    return Door(host, port or int(own), trusting(installation.ca), installation.ca)


def server_part(installation: Installation, port: int) -> Part:
    """nats-server on an installation's configuration."""
    directory = installation.directory
    command = [program("nats-server"), "-c", str(directory / installation.shape.config)]
    return Part(NATS, command, log=directory / "logs" / "nats.log", lacks=listening(port), grace=15)


def registered(installation: Installation, *, few: bool) -> tuple[dict[str, str], str]:
    """The registry, its keys handed out by the changes that `nuanliu tenant` makes, and the configuration made of it.
    Gives everybody's seed, and the one that was the intruder's."""
    tenants = load(SAMPLE).tenants
    if few:
        kept = [t for t in tenants.tenants if t.id in (VICTIM, INTRUDER, CHANNEL, TEAM, _EVERYWHERE)]
        tenants = Tenants(district=tenants.district, tenants=tuple(kept))
    for id in (NEIGHBOUR, PAUSED, GONE):
        tenants = changes.add(tenants, outsider(id, "agency"))
    seeds: dict[str, str] = {}

    def hand_out(tenants: Tenants, id: str) -> Tenants:
        seeds[id] = new_seed()
        return changes.rotate(tenants, id, public_key(seeds[id]), now(), at_once=True)

    for id in (VICTIM, INTRUDER, CHANNEL, TEAM, NEIGHBOUR, PAUSED, GONE):
        tenants = hand_out(tenants, id)
    stolen = seeds[INTRUDER]
    tenants = hand_out(tenants, INTRUDER)
    tenants = changes.hook(tenants, VICTIM, "https://example.org/orders", "sealed", now())
    tenants = changes.remove(changes.suspend(changes.suspend(tenants, PAUSED), GONE), GONE)
    if isinstance(installation, LooseInstallation):
        installation.ever = {id: [public_key(seed)] for id, seed in seeds.items()}
        installation.ever[INTRUDER].append(public_key(stolen))
    installation.save(tenants)
    installation.write_config(tenants)
    return seeds, stolen
