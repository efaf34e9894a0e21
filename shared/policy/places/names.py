"""Names found as residents write them: exactly, by the sound of their letters, and with slips of the pen."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ahocorasick_rs import MATCHKIND_STANDARD, AhoCorasick
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extract

from shared.policy.places.spelling import bare, normalise, part_follows, sound, without_part

SHORTEST_SPOKEN = 3
SHORTEST_MISSPELT = 4
LONGEST_MISSPELT = 8
"""Letters: shorter names are not looked for in running text, nor taken for misspelt ones; two letters are a word."""

ALIKE = 0.7
"""One slip in four letters, two in seven. Clear of the next by less than MARGIN it is nobody's."""
MARGIN = 0.05
MOST_PIECES = 4

_DOOR = re.compile(r"(?<=[^\W\d_])[a-z]?\d+(?:号楼|号院|栋|幢|座|楼|单元)")
_NUMBER_OF_DOOR = re.compile(r"\d(?:号楼|号院|栋|幢|座|楼|单元)")
"""In every building, and quickly not found."""
_PIECE = re.compile(r"[^\W\d_]{4,}")
_LETTERS_AT_END = re.compile(r"[^\W\d_]*$")
_DOOR_WORD = re.compile(r"^(号楼|号院|单元|栋|幢|座|楼|室|号)")
_KIND = re.compile(
    sound(
        r"(?<=..)(花园|家园|嘉园|花苑|嘉苑|雅苑|名苑|公寓|公馆|新村|花城|新城|名邸|华庭|雅居|国际|广场|大厦)$"
    )
)

Codes = tuple[str, ...]


class Mention(NamedTuple):
    """What a text names: the letters as normalised, and the codes they may stand for (more than one: ambiguous)."""

    words: str
    codes: Codes


class Slip(NamedTuple):
    """A name written with slips. ``alike``: 0 to 1, of the whole and of what tells it from others of its kind."""

    words: str
    alike: float
    codes: Codes


class Names:
    """The names of compounds, areas and exchange stations. ``compounds``, ``areas``: (name, code); ``stations``: (name,
    code of a compound it heats). A name may be there more than once."""

    def __init__(
        self,
        compounds: Iterable[tuple[str, str]],
        areas: Iterable[tuple[str, str]],
        stations: Iterable[tuple[str, str]],
    ) -> None:
        spelled: defaultdict[str, set[str]] = defaultdict(set)
        parts: defaultdict[str, set[str]] = defaultdict(set)
        for name, code in compounds:
            spelled[normalise(name)].add(code)
            spelled[bare(name)].add(code)
            parts[without_part(bare(name))].add(code)
        self._spelled = _tuples(spelled)
        self._whole = {name: codes for name, codes in _tuples(parts).items() if name not in spelled}
        spoken = {name: codes for name, codes in self._spelled.items() if len(name) >= SHORTEST_SPOKEN}
        whole = {name: codes for name, codes in self._whole.items() if len(name) >= SHORTEST_SPOKEN}
        self._exact = _Finder(spoken | _normalised(areas), whole)
        heating = _normalised(stations)
        self._stations = _Finder({n: codes for n, codes in heating.items() if len(n) >= SHORTEST_SPOKEN})
        heard = _by_sound(self._spelled)
        self._heard = {name: codes for name, codes in heard.items() if len(name) >= SHORTEST_SPOKEN}
        self._heard_spoken = _Finder({n: c for n, c in heard.items() if len(n) >= SHORTEST_MISSPELT})
        self._by_ends: defaultdict[str, list[str]] = defaultdict(list)
        for name in heard:
            if SHORTEST_MISSPELT <= len(name) <= LONGEST_MISSPELT:
                for end in _ends(name):
                    self._by_ends[end].append(name)

    def named(self, name: str) -> Codes:
        """The compounds of exactly this name or alias, whatever its width, blanks and suffix. A name without its part
        (1期, 东区) stands for every part there is."""
        spelled, short = normalise(name), bare(name)
        return self._spelled.get(spelled) or self._spelled.get(short) or self._whole.get(short, ())

    def mentions(self, text: str) -> list[Mention]:
        """What a text names, as it comes; two-letter short names count only in a field of their own."""
        return self._exact.find(normalise(text))

    def stations(self, text: str) -> list[Mention]:
        """The exchange stations that a text names, with the codes of the compounds they heat."""
        return self._stations.find(normalise(text))

    def heard(self, name: str) -> Codes:
        """The compounds whose name sounds like this one."""
        short = sound(bare(name))
        return self._heard.get(short, ())

    def heard_in(self, text: str) -> list[Mention]:
        """What a text names in other letters of the same sound; longer names only."""
        return self._heard_spoken.find(sound(normalise(text)))

    def misspelt(self, name: str, *, running: bool = False) -> Slip | None:
        """The name that a field holds with slips, building and all; of a ``running`` text what stands before a
        building. Several codes where several would do; None where none is near."""
        spelled = normalise(name)
        pieces = (_before_doors if running else _PIECE.findall)(spelled)[:MOST_PIECES]
        slips = [slip for piece in pieces for end in _endings(piece) if (slip := self._slip(end))]
        return max(slips, key=lambda slip: (slip.alike, len(slip.words)), default=None)

    def _slip(self, words: str) -> Slip | None:
        said = sound(words)
        near_by = [name for end in _ends(said) for name in self._by_ends.get(end, ())]
        found = extract(said, near_by, scorer=Levenshtein.normalized_similarity, score_cutoff=ALIKE, limit=8)
        if not found:
            return None
        best = found[0][1]
        near = [name for name, score, _ in found if score > best - MARGIN]
        codes = tuple(sorted({code for name in near for code in self._heard[name]}))
        own = Levenshtein.normalized_similarity(_KIND.sub("", said), _KIND.sub("", near[0]))
        return Slip(words, (best + own) / 2, codes)


class _Finder:
    """Looks for many names in a text at once. ``unless_part``: names that do not count before a part of a compound."""

    def __init__(self, names: Mapping[str, Codes], unless_part: Mapping[str, Codes] | None = None) -> None:
        whole = (unless_part or {}).keys() - names.keys()
        names = {**(unless_part or {}), **names}
        self._names = [(name, codes, name in whole) for name, codes in names.items() if len(name) > 1]
        patterns = [name for name, _, _ in self._names]
        self._finder = AhoCorasick(patterns, matchkind=MATCHKIND_STANDARD, store_patterns=False)

    def find(self, spelled: str) -> list[Mention]:
        """The names in their order; of names that overlap the one that begins first, then the longest."""
        first: dict[int, int] = {}
        for number, index, _ in self._finder.find_matches_as_indexes(spelled, overlapping=True):
            first.setdefault(number, index)
        named = []
        for number, index in first.items():
            name, codes, whole = self._names[number]
            if not (whole and part_follows(spelled, index + len(name))):
                named.append((index, -len(name), codes))
        found: list[Mention] = []
        end = 0
        for index, length, codes in sorted(named):
            if index >= end:
                end = index - length
                found.append(Mention(spelled[index:end], codes))
        return found


def _before_doors(spelled: str) -> list[str]:
    """The letters right before each building that a normalised text names, as many as a name may have."""
    if not _NUMBER_OF_DOOR.search(spelled):
        return []
    before = (
        spelled[max(0, door.start() - 2 * LONGEST_MISSPELT) : door.start()]
        for door in _DOOR.finditer(spelled)
    )
    return [found[0] for text in before if (found := _LETTERS_AT_END.search(text))]


def _endings(piece: str) -> Iterable[str]:
    """What a name may be at the end of a run of letters: residents write district, street and the rest before it."""
    letters = bare(_DOOR_WORD.sub("", piece))
    longest = min(len(letters), LONGEST_MISSPELT)
    return (letters[-length:] for length in range(SHORTEST_MISSPELT, longest + 1))


def _ends(name: str) -> tuple[str, str]:
    """The first two letters and the last two: of four and more letters with one slip in them, one pair is whole."""
    return name[:2] + "…", "…" + name[-2:]


def _by_sound(spelled: Mapping[str, Codes]) -> dict[str, Codes]:
    heard: defaultdict[str, set[str]] = defaultdict(set)
    for name, codes in spelled.items():
        heard[sound(name)].update(codes)
    return _tuples(heard)


def _normalised(names: Iterable[tuple[str, str]]) -> dict[str, Codes]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, code in names:
        found[normalise(name)].add(code)
    return _tuples(found)


def _tuples(sets: Mapping[str, set[str]]) -> dict[str, Codes]:
    return {name: tuple(sorted(codes)) for name, codes in sets.items()}
