"""What an appeal is about: nature, category and place, and whether it can be answered or has to be refused at once.

Pure: the words, the tree and the gazetteer are the jurisdiction's. A hint of the channel (category, nature) goes before
words; a fault or a complaint is never answered away, whatever it is called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from services.intake.locate import Located, locate
from services.intake.weigh import Weighed, title_of, weigh
from shared.contracts.values import Location, Nature, Place, Proposal
from shared.policy import Jurisdiction
from shared.policy.categories import CATCH_ALL, Categories, Category
from shared.policy.jurisdiction import Alike
from shared.policy.phrases import Hit, plain
from shared.policy.places import UNPLACED, Places

NEEDED = {
    "report_of_wrongdoing": 3.0,
    "praise": 3.0,
    "suggestion": 3.0,
    "consultation": 2.0,
    "complaint": 1.5,
}
"""From which weight of words on a text has this nature; tried in this order."""

ANSWER_NEEDS = 0.5
ANSWER_LONGEST = 120
"""A question is answered at once when its category is this sure and it is no longer story (characters)."""


REFUSALS = {
    "no_content": "未说明具体事项，请补充要反映的问题和地点后重新提交。",
    "in_litigation": "该事项已进入诉讼或仲裁程序，请通过司法途径解决，待结果生效后如仍需协助可再次反映。",
    "elsewhere": "所述地点不在本区范围内，请向事发地12345热线反映。",
    "advertising": "内容为商业推广信息，不属于诉求受理范围。",
}

CLOSE = 0.35
"""Another category is told to people where it has this share of what speaks for the two."""


@dataclass(frozen=True)
class Understood:
    """What intake made of an appeal. ``confidence``: 0 to 1, of the category; ``sure``: whether that is as much as the
    policy asks for, else a person should look; ``because``: why, for people; ``answer``: the reply to a consultation
    that needs no case; ``not_accepted``: (reason_code, reason); ``proposals``: what it may be about instead where words
    are not sure: what they say next to that, then what is like it."""

    nature: Nature
    category: str
    place: Place
    confidence: float
    sure: bool
    because: str
    answer: str | None = None
    not_accepted: tuple[str, str] | None = None
    proposals: tuple[Proposal, ...] = ()


def understand(
    text: str,
    nature: Nature | None,
    category: str | None,
    location: Location | None,
    jurisdiction: Jurisdiction,
) -> Understood:
    """Read one appeal; ``nature`` and ``category`` are the channel's hints, an unknown category is ignored."""
    tree = jurisdiction.policy.tree
    words = plain(text)
    hits = tree.reading.hits(words)
    sure_enough = jurisdiction.policy.confidence.place
    located = _sure(locate(location, text, jurisdiction.places, sure_enough), jurisdiction)
    if category is not None and tree.known(category):
        weighed, why = Weighed(category, 1.0, ()), "渠道已选类别"
    else:
        title, asked_first = len(plain(title_of(text))), jurisdiction.policy.responsibility.asked_first
        weighed = weigh(hits, words, title, asked_first, _names(located, text, jurisdiction))
        why = f"提到{_quoted(weighed.words)}" if weighed.words else "未见可归类的词语"
    code, confidence = weighed.category, weighed.confidence
    about = tree.get(code)
    owners = {hit.owner for hit in hits}
    meant = nature or _nature(hits, about, "fault" in owners or "danger" in owners)
    path = about.path[-1]
    simple = len(words) <= ANSWER_LONGEST and confidence >= ANSWER_NEEDS
    asked = jurisdiction.policy.confidence
    alike = _alike(text, jurisdiction) if confidence < asked.category else ()
    if alike and _agrees(alike[0], code, asked.likeness):
        confidence, why, alike = asked.category, f"{why}，{alike[0].because}（{alike[0].likeness:.2f}）", ()
    sure = confidence >= asked.category
    doubt = "" if sure else f"（把握不足{_instead(weighed, tree)}）"
    return Understood(
        nature=meant,
        category=code,
        place=located.place,
        confidence=confidence,
        sure=sure,
        because=f"{why}，归入“{path}”{doubt}；地点：{_said(located, jurisdiction.places)}",
        answer=_answer(about, meant, owners) if simple else None,
        not_accepted=_refusal(words, code, owners, located.place),
        proposals=() if sure else _proposals(weighed, alike, tree),
    )


def _names(located: Located, text: str, jurisdiction: Jurisdiction) -> list[str]:
    """The places that the text names; whoever was not located names none."""
    if not (located.place.known or located.candidates):
        return []
    return [mention.words for mention in jurisdiction.places.mentions(text)]


def _instead(weighed: Weighed, tree: Categories) -> str:
    """The other category that is close, for people."""
    if weighed.share < CLOSE:
        return ""
    return f"，也可能是“{tree.get(weighed.rival).path[-1]}”：提到{_quoted(weighed.its_words)}"


def _proposals(weighed: Weighed, alike: Iterable[Alike], tree: Categories) -> tuple[Proposal, ...]:
    found = {one.category: (one.likeness, one.because) for one in alike}
    if weighed.share >= CLOSE:
        found = {weighed.rival: (weighed.share, f"提到{_quoted(weighed.its_words)}")} | found
    return tuple(
        Proposal(category=tree.ref(code), likeness=likeness, because=because)
        for code, (likeness, because) in found.items()
    )


def _alike(text: str, jurisdiction: Jurisdiction) -> tuple[Alike, ...]:
    """What else the text may be about, of the categories there still are."""
    found = jurisdiction.likeness.alike(text) if jurisdiction.likeness else ()
    return tuple(one for one in found if jurisdiction.policy.tree.known(one.category))


def _agrees(one: Alike, code: str, enough: float) -> bool:
    """Whether words and likeness say the same; likeness alone decides nothing, and nobody knows what `other` is."""
    return one.category == code != CATCH_ALL and one.likeness >= enough


def _sure(located: Located, jurisdiction: Jurisdiction) -> Located:
    """A place that the policy does not call sure enough is none, and is told as what it may be."""
    if not located.place.known or located.confidence >= jurisdiction.policy.confidence.place:
        return located
    candidates = (located.place.code, *located.candidates)
    because = f"{located.because}，可能是{located.place.name}，把握不足（{located.confidence:.2f}）"
    return Located(UNPLACED, because, located.confidence, candidates)


def _said(located: Located, places: Places) -> str:
    if not located.place.known:
        return located.because
    others = [place.name for code in located.candidates[:3] if (place := places.place(code))]
    instead = f"，也可能是{'、'.join(others)}" if others else ""
    return f"{located.because}（{located.confidence:.2f}）{instead}"


def _quoted(words: Iterable[str]) -> str:
    return "、".join(f"“{word}”" for word in words)


def _nature(hits: Iterable[Hit], category: Category, fault: bool) -> Nature:
    scores: defaultdict[str, float] = defaultdict(float)
    for hit in hits:
        if hit.owner.startswith("nature "):
            scores[hit.owner.removeprefix("nature ")] += hit.weight
    asks = scores["consultation"] >= NEEDED["consultation"]
    for nature, needed in NEEDED.items():
        if (fault and nature in ("praise", "consultation")) or (asks and nature == "praise"):
            continue
        if scores[nature] >= needed:
            return cast(Nature, nature)
    if category.nature == "consultation" and fault:
        return "help"
    return category.nature


def _answer(category: Category, nature: Nature, owners: set[str]) -> str | None:
    if nature != "consultation" or "fault" in owners or "danger" in owners:
        return None
    for number, answer in enumerate(category.answers):
        if not answer.when or f"answer {category.code} {number}" in owners:
            return answer.text
    return None


def _refusal(words: str, code: str, owners: set[str], place: Place) -> tuple[str, str] | None:
    reason = None
    if not any(letter.isalpha() for letter in words):
        reason = "no_content"
    elif "danger" in owners:
        return None
    elif "in_litigation" in owners:
        reason = "in_litigation"
    elif "elsewhere" in owners and not place.known:
        reason = "elsewhere"
    elif "advertising" in owners and code == CATCH_ALL and not place.known:
        reason = "advertising"
    return (reason, REFUSALS[reason]) if reason else None
