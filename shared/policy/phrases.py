"""Finding many phrases in one text in one pass over it.

A phrase is one or more parts joined by "~", each a choice of literals separated by "|": ``暖气|地暖~凉|冰`` holds where
one literal of every part stands within REACH characters of one of the first. ``{heat}`` stands for a choice that is
defined once and used in many phrases.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
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
                phrase = _Phrase(owner, weight, _parts(source, choices))
                literals.update(literal for part in phrase.parts for literal in part)
                for literal in phrase.parts[0]:
                    self._of_literal.setdefault(literal, []).append(phrase)
        for literal in sorted(literals):
            self._starts.setdefault(literal[:2], []).append(literal)

    def hits(self, text: str) -> list[Hit]:
        """Every phrase that holds in a plain text, each once."""
        at = self._positions(text)
        found: list[Hit] = []
        seen: set[int] = set()
        for literal in at:
            for phrase in self._of_literal.get(literal, ()):
                if id(phrase) in seen:
                    continue
                words = _holds(phrase.parts, at)
                if words:
                    seen.add(id(phrase))
                    found.append(Hit(phrase.owner, phrase.weight, words))
        return found

    def _positions(self, text: str) -> dict[str, list[int]]:
        at: dict[str, list[int]] = {}
        starts = self._starts
        for index in range(len(text)):
            for literal in starts.get(text[index : index + 2], ()):
                if text.startswith(literal, index):
                    at.setdefault(literal, []).append(index)
            for literal in starts.get(text[index], ()):
                at.setdefault(literal, []).append(index)
        for match in _DEGREES.finditer(text):
            at.setdefault("[温度]", []).append(match.start())
            if not match[1] and float(match[2]) < self._cold_under:
                at.setdefault("[低温]", []).append(match.start())
        return at


def _parts(source: str, choices: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    written = _MACRO.sub(lambda found: choices[found[1]], source)
    written = _MACRO.sub(lambda found: choices[found[1]], written)
    parts = tuple(tuple(filter(None, part.split("|"))) for part in plain(written).split("~"))
    if not all(parts):
        raise ValueError(f"{source}: an empty part")
    return parts


def _holds(parts: tuple[tuple[str, ...], ...], at: Mapping[str, Iterable[int]]) -> str:
    """The words that make the parts hold, or nothing."""
    for literal in parts[0]:
        for start in at.get(literal, ()):
            words = [literal]
            for part in parts[1:]:
                word = next(
                    (one for one in part if any(abs(i - start) <= REACH for i in at.get(one, ()))), None
                )
                if word is None:
                    break
                words.append(word)
            else:
                return "…".join(words)
    return ""
