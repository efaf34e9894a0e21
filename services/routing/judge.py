"""Who answers for a case, how pressing it is and how it is worked on. Pure: who is responsible is the pack's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.contracts.values import Mode, Nature, Place, Urgency
from shared.policy import Jurisdiction
from shared.policy.categories import Category
from shared.policy.phrases import degrees, plain
from shared.policy.responsibility import agencies, kind_of

MODES: tuple[Mode, ...] = ("taskforce", "joint", "whistle", "self")
GRID_CAN = ("property", "subdistrict", "grid_team")
"""Agency kinds next to the grid: a suggestion to them is taken up without a whistle."""

URGENCY_ZH = {"emergency": "危急", "urgent": "紧急", "normal": "一般"}
MODE_ZH = {"self": "自主办", "joint": "共同办", "whistle": "吹哨", "taskforce": "专班"}


@dataclass(frozen=True)
class Judgement:
    """The dispatcher's decision. ``lead_agency`` is empty where the centre's desk must say who answers for it;
    ``lead_kind``: the kind asked first, None where nobody is named; ``candidates``:
    agencies that may lead, in the order in which they are asked, the lead first; ``assist_kinds`` may hold kinds that
    have no agency at this place; ``because``: for people, the row of the matrix last."""

    urgency: Urgency
    mode: Mode
    lead_agency: str
    assist_agencies: tuple[str, ...]
    lead_kind: str | None
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
    for warranties. Where nobody answers for it at its place, no agency leads."""
    policy, tenants = jurisdiction.policy, jurisdiction.tenants
    about = policy.category(category)
    words = plain(text)
    said = {hit.owner: hit.words for hit in policy.tree.judging.hits(words)}
    urgency, why = _urgency(about, nature, said, _warm(about, words, indoor_temperature, jurisdiction))
    row = jurisdiction.responsible(about.code, place, words, on)
    lead_kind = kind_of(row.lead[0], tenants) if row.lead else None
    mode = _mode(about, nature, urgency, said, lead_kind)
    assist = () if mode == "self" else row.assist
    named = [agency for who in row.lead for agency in agencies(who, place, tenants)]
    fallback = [agency for kind in policy.fallback_kinds for agency in agencies(kind, place, tenants)]
    # Whom nobody named is asked only where lives may be in danger; else the centre's desk decides.
    lead = next(iter(named or (fallback if urgency == "emergency" else ())), "")
    assistants = [agency for who in assist for agency in agencies(who, place, tenants)[:1]]
    assist_kinds = dict.fromkeys(kind_of(who, tenants) for who in assist)
    return Judgement(
        urgency=urgency,
        mode=mode,
        lead_agency=lead,
        assist_agencies=tuple(dict.fromkeys(agency for agency in assistants if agency != lead)),
        lead_kind=lead_kind,
        assist_kinds=tuple(kind for kind in assist_kinds if kind != lead_kind),
        candidates=tuple(dict.fromkeys((*named, *fallback))),
        because=f"{URGENCY_ZH[urgency]}（{why}），{MODE_ZH[mode]}；{row.because}",
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


def _mode(
    category: Category, nature: Nature, urgency: Urgency, said: dict[str, str], lead_kind: str | None
) -> Mode:
    if urgency == "emergency":
        return "whistle"
    for mode in MODES:
        if f"{mode} {category.code}" in said:
            return mode
    if "taskforce" in said and category.mode != "self":
        return "taskforce"
    if nature in ("suggestion", "praise") and category.mode == "whistle" and lead_kind in GRID_CAN:
        return "self"
    if category.mode == "self":
        if nature == "report_of_wrongdoing":
            return "whistle"
        if "joint" in said:
            return "joint"
    return category.mode
