"""Finding many phrases in one text in one pass over it.

A phrase is one or more parts joined by "~", each a choice of literals separated by "|": ``暖气|地暖~凉|冰`` holds where
one literal of every part stands within REACH characters of one of the first. A part that begins with "!"
must not stand there. ``{heat}`` stands for a choice that is
defined once and used in many phrases.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from operator import add
from typing import NamedTuple

REACH = 16
_MACRO = re.compile(r"\{([^{}]+)\}")
_BLANK = re.compile(r"\s+")
_DEGREES = re.compile(r"(低于|不足|少于)?(?<![\d.])(\d{1,2}(?:\.\d{1,2})?)(?:多|来)?(?:度|摄氏度|℃|°c)(?!电)")


class Hit(NamedTuple):
    """A phrase that holds: which set it belongs to, its weight, and the words that made it hold."""

    owner: str
    weight: float
    words: str


class _Phrase(NamedTuple):
    owner: str
    weight: float
    parts: tuple[tuple[str, ...], ...]
    absent: tuple[str, ...]


def plain(text: str) -> str:
    """One width, lower case, no blanks: what literals are compared with."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", text)).lower()


def degrees(text: str) -> list[float]:
    """The temperatures a plain text speaks of, in degrees Celsius."""
    return [float(found[2]) for found in _DEGREES.finditer(text)]


class Phrases:
    """Sets of weighted phrases, compiled once: ``sets`` is owner -> phrase -> weight, ``choices`` the macros.

    The literal ``[低温]`` stands for a temperature that is said and below ``cold_under``, ``[温度]`` for any.
    A limit ("低于16度") is no temperature that is said.
    """

    def __init__(
        self, sets: Mapping[str, Mapping[str, float]], choices: Mapping[str, str], cold_under: float = 18.0
    ) -> None:
        self._cold_under = cold_under
        self._starts: dict[str, list[str]] = {}
        self._of_literal: dict[str, list[_Phrase]] = {}
        literals: set[str] = set()
        for owner, phrases in sets.items():
            for source, weight in phrases.items():
                phrase = _Phrase(owner, weight, *_parts(source, choices))
                literals.update(phrase.absent, *phrase.parts)
                for literal in phrase.parts[0]:
                    self._of_literal.setdefault(literal, []).append(phrase)
        for literal in sorted(literals):
            self._starts.setdefault(literal[:2], []).append(literal)

    def hits(self, text: str) -> list[Hit]:
        """Every phrase that holds in a plain text, each once."""
        at = self._positions(text)
        spoken = {id(phrase): phrase for literal in at for phrase in self._of_literal.get(literal, ())}
        found = ((phrase, _holds(phrase, at)) for phrase in spoken.values())
        return [Hit(phrase.owner, phrase.weight, words) for phrase, words in found if words]

    def _positions(self, text: str) -> dict[str, list[int]]:
        at: dict[str, list[int]] = {}
        for start in sorted(self._starts.keys() & {*text, *map(add, text, text[1:])}):
            for literal in self._starts[start]:
                if positions := list(_occurrences(literal, text)):
                    at[literal] = positions
        for match in _DEGREES.finditer(text):
            at.setdefault("[温度]", []).append(match.start())
            if not match[1] and float(match[2]) < self._cold_under:
                at.setdefault("[低温]", []).append(match.start())
        return at


def _occurrences(literal: str, text: str) -> Iterator[int]:
    index = text.find(literal)
    while index >= 0:
        yield index
        index = text.find(literal, index + 1)


def _parts(source: str, choices: Mapping[str, str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The parts of a phrase that must stand together, and the literals that must not stand with them."""
    written = _MACRO.sub(lambda found: choices[found[1]], source)
    written = _MACRO.sub(lambda found: choices[found[1]], written)
    wanted: list[tuple[str, ...]] = []
    absent: tuple[str, ...] = ()
    for part in plain(written).split("~"):
        literals = tuple(filter(None, part.removeprefix("!").split("|")))
        if part.startswith("!"):
            absent += literals
        else:
            wanted.append(literals)
    if not wanted or not all(wanted):
        raise ValueError(f"{source}: an empty part")
    return tuple(wanted), absent


def _holds(phrase: _Phrase, at: Mapping[str, list[int]]) -> str:
    """The words that make a phrase hold, or nothing."""
    spoken = [[word for word in part if word in at] for part in phrase.parts]
    if not all(spoken):
        return ""
    against = [at[word] for word in phrase.absent if word in at]
    for first in spoken[0]:
        for start in at[first]:
            words = [first]
            for part in spoken[1:]:
                near = next((word for word in part if _near(at[word], start)), None)
                if near is None:
                    break
                words.append(near)
            else:
                if not any(_near(positions, start) for positions in against):
                    return "…".join(words)
    return ""


def _near(positions: list[int], start: int) -> bool:
    """Whether one of the positions, which ascend, lies within REACH of the start."""
    index = bisect_left(positions, start - REACH)
    return index < len(positions) and positions[index] <= start + REACH
