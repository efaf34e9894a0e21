"""Loading the pack of one directory:

tenants.yaml                 who is connected; an installation has a registry of its own
places.yaml                  the grid and what lies in the ground
policy/policy.yaml           clocks, limits, disclosure
policy/responsibility.yaml   who leads and assists, who is on duty
policy/calendar.yaml         days and hours of work, where deadlines count them
policy/categories.yaml       the category tree
policy/words.yaml            words that mean the same in every category
policy/base                  the language of another pack: a link to its policy/, a copy, or a file with the path that a
                             link would have; this pack's own tree and words, if there, then say only what is
                             different here
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from shared.contracts.values import Place
from shared.policy.model import PolicyError
from shared.policy.places import Places
from shared.policy.policy import Policy
from shared.policy.responsibility import KINDS, Duty, Row, ground, kind_of, within
from shared.policy.source import Source
from shared.policy.tenants import EVERYWHERE, Tenants

LANGUAGE = ("categories.yaml", "words.yaml")
BASE = "base"


class Alike(NamedTuple):
    """A category that something like a text was about. ``likeness``: 0 to 1; ``because``: like what, for people."""

    category: str
    likeness: float
    because: str


class Likeness(Protocol):
    """Examples that a text may be like."""

    def alike(self, text: str) -> tuple[Alike, ...]:
        """The likeliest categories of a text, the likeliest first."""


@dataclass(frozen=True)
class Jurisdiction:
    """Everything that differs from one district to the next. ``likeness``: what was learnt here, by whoever learns."""

    tenants: Tenants
    places: Places
    policy: Policy
    likeness: Likeness | None = None

    def responsible(self, category: str, place: Place, text: str, on: date | None = None) -> Row:
        """The row of the matrix that holds at a place for a plain text; ``on``: the local date, for warranties."""
        compound = self.places.compound(place.code)
        managed = bool(self.tenants.agencies_for("property", place))
        station = self.places.station_of(place.code)
        fact = ground(compound, station, managed, on) if compound else None
        return self.policy.responsibility.row(category, within(place, self.tenants), fact, text)

    def on_duty(self, category: str, place: Place, text: str) -> Duty | None:
        """Who is on duty for whoever leads in a category at a place; ``text``: plain, as said."""
        lead = self.responsible(category, place, text).lead or self.policy.fallback_kinds
        kind = kind_of(lead[0], self.tenants)
        return self.policy.responsibility.on_duty(kind, within(place, self.tenants))


class Misfit(NamedTuple):
    """Where the parts of a pack do not fit each other: the part to be mended, the keys down to it, what is wrong."""

    part: Literal["tenants", "rules"]
    loc: tuple[str | int, ...]
    what: str


def load(directory: Path | str, registry: Path | None = None) -> Jurisdiction:
    """Read and check a pack, with the registry of its own or of an installation. Raises PolicyError with the file, the
    lines, the keys and what is wrong there."""
    root = Path(directory)
    places = Source.read(root / "places.yaml").checked(Places, str(root / "places.yaml"))
    written = rules(root)
    policy = written.checked(Policy, str(root / "policy"))
    return Jurisdiction(_tenants(registry or root / "tenants.yaml", places, policy, written), places, policy)


def with_registry(jurisdiction: Jurisdiction, registry: Path) -> Jurisdiction:
    """The same district with its registry as the file says now. Raises PolicyError."""
    return replace(jurisdiction, tenants=_tenants(registry, jurisdiction.places, jurisdiction.policy))


def rules(root: Path) -> Source:
    """The rules of a pack with its tree and its matrix, as one. Raises PolicyError for a file that cannot be read."""
    folder = root / "policy"
    tree, words = (_language(folder, name) for name in LANGUAGE)
    found = Source.read(folder / "policy.yaml") | Source.of(
        tree=tree | Source.of(signals=words),
        responsibility=Source.read(folder / "responsibility.yaml"),
    )
    calendar = folder / "calendar.yaml"
    return found | Source.of(calendar=Source.read(calendar)) if calendar.exists() else found


def based_on(folder: Path) -> Path | None:
    """Where the language lies that the rules of this folder build on; None where they stand alone. Git and archives
    that keep no links put a file in place of one, with its target inside."""
    base = folder / BASE
    if base.is_file():
        return folder / base.read_text(encoding="utf-8", errors="replace").strip()
    return base if base.exists() or base.is_symlink() else None


def _language(folder: Path, name: str) -> Source:
    base, own = based_on(folder), folder / name
    if base is None:
        return Source.read(own)
    below = Source.read(base / name)
    return below.under(Source.read(own)) if own.exists() else below


def _tenants(path: Path, places: Places, policy: Policy, written: Source | None = None) -> Tenants:
    registry = Source.read(path)
    tenants = registry.checked(Tenants, str(path), district=places.district.code)
    sources = {"tenants": registry, "rules": written or registry}
    if found := list(misfits(tenants, places, policy)):
        raise PolicyError(str(path), [sources[one.part].problem(one.loc, one.what) for one in found])
    return tenants


def misfits(tenants: Tenants, places: Places, policy: Policy) -> Iterator[Misfit]:
    """Where registry, places and rules do not fit: areas that are no places, agencies nobody knows, nobody for an
    appeal without a place."""
    for number, tenant in enumerate(tenants.tenants):
        for area in tenant.serves if tenant.state != "removed" else ():
            if area != EVERYWHERE and places.place(area) is None:
                what = f"{tenant.id}: 不是地点 (serves {area!r}, which is no place)"
                yield Misfit("tenants", ("tenants", number, "serves"), what)
    everywhere = [tenant.agency_kind for tenant in tenants.serving("agency") if EVERYWHERE in tenant.serves]
    if not set(everywhere) & set(policy.fallback_kinds):
        what = 'no agency of the fallback kinds serves "*": an appeal without a place would reach nobody'
        yield Misfit("tenants", ("tenants",), f"没有兜底单位 ({what})")
    matrix = policy.responsibility
    for number, row in enumerate(matrix.rows):
        for key, named in (("lead", row.lead), ("assist", row.assist)):
            for who in named:
                if who not in KINDS and tenants.get(who) is None:
                    what = f"{who!r} 既非单位类别也非已登记单位 (neither a kind of agency nor an agency)"
                    yield Misfit("rules", ("responsibility", "rows", number, key), what)
    for table, areas in (
        ("rows", [row.area for row in matrix.rows]),
        ("duty", [(d.area,) for d in matrix.duty]),
    ):
        for number, named in enumerate(areas):
            for area in filter(None, named):
                if places.place(area) is None:
                    loc = ("responsibility", table, number, "area")
                    yield Misfit("rules", loc, f"{area!r} 不是地点 (which is no place)")
