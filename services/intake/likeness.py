"""What appeals like this one were about: examples of the pack, and what the centre's desk decided.

Asked only where the words of the pack are unsure; each example answers for itself, so that every proposal has a reason
one can look up, and a single decision of the desk is remembered from the next look on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import log, sqrt
from typing import NamedTuple

from shared.policy.jurisdiction import Alike
from shared.policy.wording import letters

MOST_PROPOSALS = 3
LONGEST = 200
"""Letters of a text that are looked at: what it is about is said first, and learning and asking stay cheap."""
MOST_CATEGORIES = 20
"""What examples of more categories than these have in common tells none from another, and is in most texts."""
LEAST = 0.1
"""Less alike than this is chance: a pair of common letters."""


class Example(NamedTuple):
    """A text, the code of what it is about, and where that is known from, in words."""

    text: str
    category: str
    source: str


class Examples:
    """Examples one can ask for the like of a text: the cosine of their letters and pairs of letters, the rarer the
    heavier, those of most categories not at all. Of equal ones the first holds."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self._examples = tuple(examples)
        counted = [Counter(_grams(example.text)) for example in self._examples]
        spread = Counter(gram for grams in counted for gram in grams)
        self._rarity = {gram: log(1 + len(counted) / times) for gram, times in spread.items()}
        self._unheard = log(1 + len(counted))
        self._of_gram: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        told = defaultdict(set)
        for example, grams in zip(self._examples, counted, strict=True):
            for gram in grams:
                told[gram].add(example.category)
        for number, grams in enumerate(counted):
            for gram, weight in self._weighed(grams).items():
                if len(told[gram]) <= MOST_CATEGORIES:
                    self._of_gram[gram].append((number, weight))

    def alike(self, text: str) -> tuple[Alike, ...]:
        """The likeliest categories of a text, each by the example that is most like it; the likeliest first."""
        near: defaultdict[int, float] = defaultdict(float)
        for gram, weight in self._weighed(Counter(_grams(text))).items():
            for number, other in self._of_gram.get(gram, ()):
                near[number] += weight * other
        found: dict[str, Alike] = {}
        for number, likeness in sorted(near.items(), key=lambda one: (-one[1], one[0])):
            example = self._examples[number]
            if likeness < LEAST or len(found) == MOST_PROPOSALS:
                break
            if example.category not in found:
                found[example.category] = Alike(
                    example.category, round(likeness, 2), f"与{example.source}相似"
                )
        return tuple(found.values())

    def _weighed(self, grams: Counter[str]) -> dict[str, float]:
        """The weights of a text's grams, of length 1 together."""
        weights = {
            gram: (1 + log(times)) * self._rarity.get(gram, self._unheard) for gram, times in grams.items()
        }
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {gram: weight / length for gram, weight in weights.items()}


def _grams(text: str) -> Iterator[str]:
    said = letters(text, LONGEST)
    yield from said
    yield from map("".join, pairwise(said))
