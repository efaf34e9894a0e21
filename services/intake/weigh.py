"""What an appeal is about: the words of the tree, weighed by where they stand, and how sure that is.

Pure. A title says what it is about, a long story tells of much besides: words in the title count three times, those of
a story the less the later they come, those of its last sentences, in which people say what they want, nearly in full.
Categories for which the same agency is asked first are not each other's rivals: they lead to the same door. How sure
a reading is says how often a dispatcher would accept that door (docs/decisions/0047; `make eval` prints both).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import exp, log
from typing import NamedTuple

from shared.contracts.channel import MOST_TITLE
from shared.policy.categories import CATCH_ALL
from shared.policy.phrases import Hit

OWNER = "category "
REST = ".other"
"""A branch's own catch-all adds nothing to what its leaves say."""

TITLE = 3.0
TELLING = 2.0
"""A word of less weight tells nothing by standing in a title: most titles name a road or a compound."""
SHORT = 60
"""So many characters are read without discount: whoever writes no more than that tells no story."""
HALVED = 100
"""So many characters after those a word counts half."""
LEAST = 0.4
LAST = 60
IN_LAST = 0.8
"""What a word counts at least, and in the last so many characters."""

BESIDES = 0.5
"""What else is said of matters behind the same door counts half beside the category of which most is said."""
ENOUGH = 3.0
"""Less weight than this is one weak word, however little speaks against it."""

TIE = 0.75
MARGIN = 1.4
SILENT_TITLE = 1.35
UNTITLED = 0.3
MANY = 1.5
"""Log odds that the door is right where the next one weighs the same; how they grow with the logarithm of how many
times heavier it is; how they fall where there is a title that says nothing of it, or where there is none, with the
logarithm of how many times longer than SHORT the story is; how they grow with the logarithm of how many different words
say so, as far as the next door lies behind. Fitted to appeals and messages that were looked at."""
NOTHING = 0.2
"""How sure the catch-all is, where no word is known."""
MOST_SAID = 3

_NOT_ABOUT = re.compile(
    r"(?<!是)(?:不是|并非|不关)([^,.。!?;]{1,10}?)(?:的事|的问题|问题|的原因)"
    r"|[与跟和]([^,.。!?;]{1,10}?)(?:无关|没关系|没有关系)"
)
_NOT = ("不是", "并非", "不关", "无关", "没关系", "没有关系")


class Weighed(NamedTuple):
    """``confidence``: 0 to 1, that whoever is asked first for the category is right; ``words``: those that count most,
    the heaviest first; ``rival``: the category behind another door for which there is most to say, "" for none;
    ``share``: 0 to 1, its part of what speaks for the two; ``its_words``: those for it."""

    category: str
    confidence: float
    words: tuple[str, ...]
    rival: str = ""
    share: float = 0.0
    its_words: tuple[str, ...] = ()


class _Door(NamedTuple):
    """Who is asked first ("" for the centre's desk), all that speaks for them, their category of which most is said."""

    weight: float
    category: str
    first: str


def title_of(text: str) -> str:
    """The first line of a text that has more, if it is no longer than a title."""
    first, _, more = text.strip().partition("\n")
    return first if len(first) <= MOST_TITLE and more.strip() else ""


def weigh(
    hits: Iterable[Hit],
    words: str,
    title: int,
    asked_first: Mapping[str, str],
    names: Iterable[str] = (),
) -> Weighed:
    """``hits`` in the plain text ``words``, whose first ``title`` characters are its title; ``asked_first``:
    category -> who is asked first for it, "" for the centre's desk; ``names``: of places in the text, which say nothing
    of what it is about (铁路院 is no railway)."""
    said: defaultdict[str, dict[str, float]] = defaultdict(dict)
    scores: defaultdict[str, float] = defaultdict(float)
    titled = set()
    unsaid = _not_about(words)
    named = [(range(at, at + len(name)), name) for name in names for at in _places_of(name, words)]
    for owner, weight, spoken, at in hits:
        if owner.startswith(OWNER) and not (unsaid and any(at in span for span in unsaid)):
            if named and _in_a_name(spoken, at, named):
                continue
            category = owner[len(OWNER) :]
            counts = weight * _counts(weight, at, title, len(words))
            scores[category] += counts
            said[category][spoken] = said[category].get(spoken, 0.0) + counts
            if at < title:
                titled.add(asked_first[category])
    if not scores:
        return Weighed(CATCH_ALL, NOTHING, ())
    best, *others = _doors(scores, asked_first)
    following = others[0].weight if others else 0.0
    odds = TIE + MARGIN * log((best.weight + 1) / (following + 1))
    odds += MANY * log(len(said[best.category])) * (1 - following / best.weight)
    if not title:
        odds -= UNTITLED * log(max(1.0, len(words) / SHORT))
    elif best.first not in titled:
        odds -= SILENT_TITLE
    confidence = round(min(1.0, best.weight / ENOUGH) / (1 + exp(-odds)), 2)
    reading = Weighed(best.category, min(confidence, 0.99), _heaviest(said[best.category]))
    if not others:
        return reading
    return reading._replace(
        rival=others[0].category,
        share=round(following / (best.weight + following), 2),
        its_words=_heaviest(said[others[0].category]),
    )


def _not_about(words: str) -> list[range]:
    """Where the text says what it is not about."""
    if not any(no in words for no in _NOT):
        return []
    return [range(*found.span()) for found in _NOT_ABOUT.finditer(words)]


def _places_of(name: str, words: str) -> Iterator[int]:
    at = words.find(name)
    while at >= 0:
        yield at
        at = words.find(name, at + 1)


def _in_a_name(spoken: str, at: int, named: Iterable[tuple[range, str]]) -> bool:
    """Whether all the words of a phrase stand in the name of a place."""
    return any(at in span and all(word in name for word in spoken.split("…")) for span, name in named)


def _counts(weight: float, at: int, title: int, length: int) -> float:
    """How much a word of this weight counts where it stands."""
    if at < title:
        return TITLE if weight >= TELLING else 1.0
    into = at - title - SHORT
    if into < 0:
        return 1.0
    counts = max(LEAST, 1 / (1 + into / HALVED))
    return max(counts, IN_LAST) if at >= length - LAST else counts


def _doors(scores: Mapping[str, float], asked_first: Mapping[str, str]) -> list[_Door]:
    """The doors to which the categories lead, the one for which most speaks first."""
    behind: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for category, score in scores.items():
        behind[asked_first[category]].append((score, category))
    doors = []
    for first, categories in behind.items():
        score, category = max(categories, key=lambda one: one[0])
        besides = sum(other for other, code in categories if code != category and not code.endswith(REST))
        doors.append(_Door(score + BESIDES * besides, category, first))
    return sorted(doors, key=lambda door: -door.weight)


def _heaviest(said: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(said, key=lambda spoken: -said[spoken])[:MOST_SAID])
