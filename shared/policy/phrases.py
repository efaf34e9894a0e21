"""Finding many phrases in one text in one pass over it.

A phrase is one or more parts joined by "~", each a choice of literals separated by "|": ``暖气|地暖~凉|冰`` holds where
one literal of every part stands within REACH characters of one of the first, not in it. A part that begins with "!"
must not stand there. ``{heat}`` stands for a choice that is
defined once and used in many phrases.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from ahocorasick_rs import MATCHKIND_STANDARD, AhoCorasick

REACH = 16
TEMPERATURES = ("[温度]", "[低温]")
"""Literals that stand for a temperature that is said: any, and one that is cold."""
_MACRO = re.compile(r"\{([^{}]+)\}")
_DEGREES = re.compile(r"(低于|不足|少于)?(?<![\d.])(\d{1,2}(?:\.\d{1,2})?)(?:多|来)?(?:度|摄氏度|℃|°c)(?!电)")
_NUMBER_OF_DEGREES = re.compile(r"\d(?:多|来)?(?:度|摄氏度|℃|°c)")
"""In every temperature, and quickly not found."""

_WIDE_MARKS = tuple(zip("，！？：；（）…", (",", "!", "?", ":", ";", "(", ")", "..."), strict=True))
"""What NFKC makes of the marks that nearly every text has. It is quick about a text in which there is nothing to do."""

Positions = dict[int, list[int]]
"""Where the literals that are in a text begin, ascending, by their number."""


Part = tuple[int, ...]
"""A choice of literals, by their number."""


class Hit(NamedTuple):
    """A phrase that holds: which set it belongs to, its weight, the words that made it hold and where the first of
    them stands (characters from the beginning, where it holds first)."""

    owner: str
    weight: float
    words: str
    at: int


class _Phrase(NamedTuple):
    owner: str
    weight: float
    first: Part
    others: tuple[Part, ...]
    absent: Part


@lru_cache(maxsize=16)
def plain(text: str) -> str:
    """One width, lower case, no blanks: what literals are compared with. Asked for the same text in turn by those who
    read and those who judge, and dear for a long one."""
    for wide, narrow in _WIDE_MARKS:
        text = text.replace(wide, narrow)
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def degrees(text: str) -> list[float]:
    """The temperatures a plain text speaks of, in degrees Celsius."""
    return [float(found[2]) for found in _spoken_degrees(text)]


def _spoken_degrees(text: str) -> list[re.Match[str]]:
    return list(_DEGREES.finditer(text)) if _NUMBER_OF_DEGREES.search(text) else []


class Phrases:
    """Sets of weighted phrases, compiled once: ``sets`` is owner -> phrase -> weight, ``choices`` the macros.

    The literal ``[低温]`` stands for a temperature that is said and below ``cold_under``, ``[温度]`` for any.
    A limit ("低于16度") is no temperature that is said.
    """

    def __init__(
        self, sets: Mapping[str, Mapping[str, float]], choices: Mapping[str, str], cold_under: float = 18.0
    ) -> None:
        self._cold_under = cold_under
        read = [
            (owner, weight, *parts(source, choices))
            for owner, phrases in sets.items()
            for source, weight in phrases.items()
        ]
        said = {literal for _, _, wanted, absent in read for part in (*wanted, absent) for literal in part}
        written = sorted(said.difference(TEMPERATURES))
        self._literals = (*written, *TEMPERATURES)
        self._temperatures = len(written)
        number = {literal: index for index, literal in enumerate(self._literals)}
        self._phrases: list[_Phrase] = []
        self._begun_by: list[list[int]] = [[] for _ in self._literals]
        for owner, weight, wanted, absent in read:
            numbers = tuple(tuple(number[literal] for literal in part) for part in wanted)
            for first in numbers[0]:
                self._begun_by[first].append(len(self._phrases))
            self._phrases.append(
                _Phrase(owner, weight, numbers[0], numbers[1:], tuple(number[literal] for literal in absent))
            )
        self._finder = AhoCorasick(written, matchkind=MATCHKIND_STANDARD, store_patterns=False)

    def hits(self, text: str) -> list[Hit]:
        """Every phrase that holds in a plain text, each once."""
        at = self._positions(text)
        begun = dict.fromkeys(chain.from_iterable(map(self._begun_by.__getitem__, sorted(at))))
        hits = []
        for owner, weight, first, others, absent in map(self._phrases.__getitem__, begun):
            if others or absent:
                if any(map(at.keys().isdisjoint, others)):
                    continue
                if held := self._holds(first, others, absent, at):
                    hits.append(Hit(owner, weight, *held))
            else:
                start, literal = min([(at[literal][0], literal) for literal in first if literal in at])
                hits.append(Hit(owner, weight, self._literals[literal], start))
        return hits

    def _positions(self, text: str) -> Positions:
        at: defaultdict[int, list[int]] = defaultdict(list)
        for literal, start, _ in self._finder.find_matches_as_indexes(text, overlapping=True):
            at[literal].append(start)
        for match in _spoken_degrees(text):
            at[self._temperatures].append(match.start())
            if not match[1] and float(match[2]) < self._cold_under:
                at[self._temperatures + 1].append(match.start())
        return at

    def _holds(
        self, first: Part, others: Sequence[Part], absent: Part, at: Positions
    ) -> tuple[str, int] | None:
        """The words that make a phrase hold, and where it holds first; None where it does not."""
        begins = sorted((start, literal) for literal in first if literal in at for start in at[literal])
        spoken = [[literal for literal in part if literal in at] for part in others]
        against = [at[literal] for literal in absent if literal in at]
        for start, begin in begins:
            words, end = [begin], start + len(self._literals[begin])
            for said in spoken:
                near = next((literal for literal in said if _near(at[literal], start, end)), None)
                if near is None:
                    break
                words.append(near)
            else:
                if not any(_near(positions, start, start) for positions in against):
                    return "…".join(self._literals[literal] for literal in words), start
        return None


def parts(source: str, choices: Mapping[str, str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The parts of a phrase that must stand together, and the literals that must not stand with them. Raises KeyError
    for a choice that is not there, ValueError for an empty part."""
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


def _near(positions: list[int], start: int, end: int) -> bool:
    """Whether one of the positions, which ascend, lies within REACH of the start and not between it and the end: what
    is within a word is not said beside it."""
    index = bisect_left(positions, start - REACH)
    if index < len(positions) and start <= positions[index] < end:
        index = bisect_left(positions, end, index)
    return index < len(positions) and positions[index] <= start + REACH
