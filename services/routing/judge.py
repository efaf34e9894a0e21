"""Who answers for a case, how pressing it is and how it is worked on. Pure: who is responsible is the pack's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.contracts.values import Mode, Nature, Place, Urgency
from shared.policy import Jurisdiction
from shared.policy.categories import Category
from shared.policy.phrases import degrees, plain
from shared.policy.places import Compound

MODES: tuple[Mode, ...] = ("taskforce", "joint", "whistle", "self")
GRID_CAN = ("property", "subdistrict", "grid_team")
"""Agency kinds next to the grid: a suggestion to them is taken up without a whistle."""

URGENCY_ZH = {"emergency": "危急", "urgent": "紧急", "normal": "一般"}
MODE_ZH = {"self": "自主办", "joint": "共同办", "whistle": "吹哨", "taskforce": "专班"}


@dataclass(frozen=True)
class Judgement:
    """The dispatcher's decision. ``candidates``: agencies that may lead, in the order in which they are asked, the
    lead first; ``assist_kinds`` may hold kinds that have no agency at this place; ``because``: for people."""

    urgency: Urgency
    mode: Mode
    lead_agency: str
    assist_agencies: tuple[str, ...]
    lead_kind: str
    assist_kinds: tuple[str, ...]
    candidates: tuple[str, ...]
    because: str


def judge(
    category: str,
    nature: Nature,
    text: str,
    place: Place,
    indoor_temperature: float | None,
    jurisdiction: Jurisdiction,
    on: date | None = None,
) -> Judgement:
    """Judge one case by its first appeal. ``indoor_temperature``: degrees Celsius as reported; ``on``: the local date,
    for warranties. Raises LookupError if nobody at all answers for the place (the pack's loader rules it out)."""
    policy, tenants = jurisdiction.policy, jurisdiction.tenants
    about = policy.category(category)
    words = plain(text)
    said = {hit.owner: hit.words for hit in policy.tree.judging.hits(words)}
    urgency, why = _urgency(about, nature, said, _warm(about, words, indoor_temperature, jurisdiction))
    mode = _mode(about, nature, urgency, said)
    lead_kinds, assist_kinds = _kinds(about, said)
    compound = jurisdiction.places.compound(place.code)
    if about.boundary and compound is not None:
        assist_kinds = _with_boundary(assist_kinds, compound, on)
    if mode == "self":
        assist_kinds = ()
    candidates = list(
        dict.fromkeys(
            agency
            for kind in (*lead_kinds, *policy.fallback_kinds)
            for agency in tenants.agencies_for(kind, place)
        )
    )
    if not candidates:
        raise LookupError(f"no agency for {category} at {place.code}")
    lead = candidates[0]
    assistants = [agency for kind in assist_kinds for agency in tenants.agencies_for(kind, place)[:1]]
    return Judgement(
        urgency=urgency,
        mode=mode,
        lead_agency=lead,
        assist_agencies=tuple(dict.fromkeys(agency for agency in assistants if agency != lead)),
        lead_kind=lead_kinds[0],
        assist_kinds=tuple(kind for kind in assist_kinds if kind != lead_kinds[0]),
        candidates=tuple(candidates),
        because=f"{URGENCY_ZH[urgency]}（{why}），{MODE_ZH[mode]}",
    )


def _warm(category: Category, words: str, indoor: float | None, jurisdiction: Jurisdiction) -> bool:
    """Whether the home is as warm as the standard asks, so that the case is about wishes (DOMAIN 3)."""
    if not category.measure:
        return False
    spoken = [indoor] if indoor is not None else degrees(words)
    return bool(spoken) and min(spoken) >= jurisdiction.policy.indoor_standard_celsius


def _urgency(category: Category, nature: Nature, said: dict[str, str], warm: bool) -> tuple[Urgency, str]:
    if nature == "praise":
        return "normal", "表扬"
    for owner in ("danger", f"emergency {category.code}"):
        if owner in said:
            return "emergency", f"提到“{said[owner]}”"
    if category.urgency == "emergency":
        return "emergency", f"{category.path[-1]}危及安全"
    if nature == "suggestion":
        return "normal", "建议"
    if warm:
        return "normal", "所述室温已达标"
    for owner in ("pressing", f"urgent {category.code}"):
        if owner in said:
            return "urgent", f"提到“{said[owner]}”"
    if category.urgency == "urgent":
        return "urgent", f"{category.path[-1]}影响基本生活"
    return "normal", category.path[-1]


def _mode(category: Category, nature: Nature, urgency: Urgency, said: dict[str, str]) -> Mode:
    if urgency == "emergency":
        return "whistle"
    for mode in MODES:
        if f"{mode} {category.code}" in said:
            return mode
    if "taskforce" in said and category.mode != "self":
        return "taskforce"
    if (
        nature in ("suggestion", "praise")
        and category.mode == "whistle"
        and category.lead_kinds[0] in GRID_CAN
    ):
        return "self"
    if category.mode == "self":
        if nature == "report_of_wrongdoing":
            return "whistle"
        if "joint" in said:
            return "joint"
    return category.mode


def _kinds(category: Category, said: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    for number, other in enumerate(category.leads):
        if f"lead {category.code} {number}" in said:
            assist = category.assist_kinds if other.assist_kinds is None else other.assist_kinds
            return other.lead_kinds, assist
    return category.lead_kinds, category.assist_kinds


def _with_boundary(kinds: tuple[str, ...], compound: Compound, on: date | None) -> tuple[str, ...]:
    """Whoever runs the secondary network assists, and the developer while the warranty lasts (DOMAIN 3)."""
    heating = compound.heating
    if heating is None:
        return kinds
    if heating.run_by == "property_manager":
        kinds = (*kinds, "property")
    if on is not None and heating.warranty_until is not None and on <= heating.warranty_until:
        kinds = (*kinds, "developer")
    return tuple(dict.fromkeys(kinds))
