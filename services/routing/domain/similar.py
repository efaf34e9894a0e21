"""Which cases may be about one problem: place, category, time and wording do not speak against it. People decide.

Words have to be alike the less, the surer it is that both are in one spot. A place that is known counts by its code; of
one that is not, what the text names counts, and where a text names nothing, nothing is known against it. A category
speaks against it where both were read surely.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from services.routing.domain.case import CaseData
from shared.contracts.values import Location, Place
from shared.policy import Jurisdiction
from shared.policy.categories import CATCH_ALL
from shared.policy.places import Named, Places, named_in
from shared.policy.rules import Similar
from shared.policy.wording import likeness, may_reach, shingles


class Ground(NamedTuple):
    """Where something is, as far as anybody knows. ``codes``: the places it is or may be in, of any level;
    ``compounds``: those of them that are compounds; ``named``: what is named, by the ends of the names."""

    codes: frozenset[str]
    compounds: frozenset[str]
    named: Named


class Told(NamedTuple):
    """A problem as it was told. ``sure``: whether the category is; ``words``: the shingles of the text."""

    id: str
    at: datetime
    category: str
    sure: bool
    ground: Ground
    words: frozenset[str]


class Alike(NamedTuple):
    """Something that may be the same problem, and how alike the words are, 0 to 1."""

    likeness: float
    id: str


def ground(place: Place, location: Location, text: str, places: Places, others: Iterable[str] = ()) -> Ground:
    """``others``: codes of further places it is known to be in."""
    written = "\n".join(filter(None, (location.compound, location.address, text)))
    said = {place.code, *others} if place.known else _perhaps(written, places)
    codes = frozenset(code for code in said if places.place(code))
    compounds = frozenset(code for code in codes if places.compound(code))
    return Ground(codes, compounds, named_in(written))


def told(case: CaseData, jurisdiction: Jurisdiction) -> Told | None:
    """A case as its first appeal told it; None where its words must not be kept (DOMAIN 1: confidential)."""
    if case.text is None:
        return None
    unclear = case.question is not None and "category_unclear" in case.question.reasons
    return Told(
        id=case.case_id,
        at=case.reported_at,
        category=case.category.code,
        sure=not unclear and case.category.code != CATCH_ALL,
        ground=ground(case.place, case.location, case.text, jurisdiction.places, case.other_compounds),
        words=shingles(case.text),
    )


def alike(one: Told, other: Told, rule: Similar, places: Places) -> float | None:
    """How alike the words of two are that may be one problem, 0 to 1; None where something speaks against it."""
    here = _same_spot(one.ground, other.ground)
    least = rule.likeness_here if here else rule.likeness
    if abs(one.at - other.at) > rule.within or not may_reach(least, one.words, other.words):
        return None
    if one.sure and other.sure and one.category != other.category:
        return None
    if not here and _apart(one.ground, other.ground, places):
        return None
    found = likeness(one.words, other.words)
    return found if found >= least else None


def most_alike(one: Told, others: Iterable[Told], rule: Similar, places: Places) -> list[Alike]:
    """The likeliest of the others, at most ``rule.most``; of equals the one with the lesser id first."""
    found = [
        Alike(likeness, other.id)
        for other in others
        if other.id != one.id and (likeness := alike(one, other, rule, places)) is not None
    ]
    return sorted(found, key=lambda this: (-this.likeness, this.id))[: rule.most]


def _perhaps(written: str, places: Places) -> set[str]:
    """The places that bear a name that was written; more than one for a name that several have."""
    return {code for mention in places.mentions(written) for code in mention.codes}


def _same_spot(one: Ground, other: Ground) -> bool:
    """Both in one compound, or both name one spot and no areas that differ."""
    if not one.compounds.isdisjoint(other.compounds):
        return True
    return not one.named.spots.isdisjoint(other.named.spots) and not _differ(
        one.named.areas, other.named.areas
    )


def _apart(one: Ground, other: Ground, places: Places) -> bool:
    """Whether two are known to be in different places: neither lies in the other, or they name others."""
    if one.codes and other.codes:
        return not any(places.lies_in(a, b) or places.lies_in(b, a) for a in one.codes for b in other.codes)
    return _differ(one.named.areas, other.named.areas) or _differ(
        one.named.areas | one.named.spots, other.named.areas | other.named.spots
    )


def _differ(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether both name something, and nothing in common."""
    return bool(one and other) and one.isdisjoint(other)
