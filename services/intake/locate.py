"""Where an appeal is about: what the reporter wrote, in the order in which it can be trusted.

| | evidence | confidence |
|---|---|---|
| 1 | compound field: a code; exactly the name; a name in it | 1.0; 1.0; 0.95 |
| | by sound; with slips | 0.8; up to 0.75 |
| 2 | address: a name in it | 0.95 |
| 3 | grid code | 1.0 |
| 4 | text: a name in it | 0.9 |
| 5 | an exchange station named in address or text, which heats one compound | 0.8 |
| 6 | point inside the outline of a compound | 0.95 |
| 7 | address, then text: by sound; with slips | 0.75, 0.7; up to 0.7, 0.65 |
| 8 | point inside the outline of an area | 0.9 |
| 9 | point within 300 m of a compound | 0.9 falling to 0.5, less where another is about as near |
| 10 | an area named | 0.6 |

A name that several compounds have is not guessed: what else is known (grid code, an area named, the point) may leave
one of them, at 0.85; else the next evidence counts and the candidates are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from shared.contracts.values import Location, Place
from shared.policy.places import UNPLACED, Places
from shared.policy.places.degrees import to_wgs84
from shared.policy.places.names import Codes, Mention

NEAR_METRES = 300.0
BY_AREA = 0.85
"""How sure a compound is whose name others have too, but none in the same area."""
MOST_CANDIDATES = 5


class Located(NamedTuple):
    """A place; in words, what it was recognised by; how sure that is (0 to 1, 0 for unplaced); and the codes of the
    compounds that it may be as well or instead."""

    place: Place
    because: str
    confidence: float = 0.0
    candidates: tuple[str, ...] = ()


def locate(location: Location | None, text: str, places: Places, enough: float = 0.0) -> Located:
    """The first evidence of the table that leads to one place and is sure ``enough`` (0 to 1); else the surest;
    else unplaced, with what it might have been."""
    return _Reading(location or Location(), text, places).located(enough)


class _Reading:
    """One appeal held against the gazetteer; what is not needed is not looked for."""

    def __init__(self, where: Location, text: str, places: Places) -> None:
        self._where, self._text, self._places = where, text, places
        self._field = (where.compound or "").strip()
        self._address = where.address or ""
        self._point = to_wgs84(where.point) if where.point else None
        self._grid = places.place((where.grid_code or "").strip())
        self._named: dict[str, list[Mention]] = {}
        self._doubtful: dict[str, Codes] = {}

    def located(self, enough: float) -> Located:
        written = self._field or self._address
        found = Located(UNPLACED, f"地名册中没有“{written}”" if written else "未说明地点")
        for evidence in self._evidence():
            if evidence.confidence > found.confidence:
                found = evidence
            if found.confidence >= enough:
                break
        others = [code for codes in self._doubtful.values() for code in codes if code != found.place.code]
        others = list(dict.fromkeys((*found.candidates, *others)))
        if not found.candidates and (found.confidence == 0 or not self._places.compound(found.place.code)):
            found = found._replace(because=found.because + self._doubts())
        return found._replace(candidates=tuple(others), confidence=round(found.confidence, 2))

    def _evidence(self) -> Iterator[Located]:
        if self._field:
            yield from self._in_field()
        yield from self._mentioned(self._address, 0.95, "地址中的小区名")
        if self._grid:
            yield Located(self._grid, "网格编码", 1.0)
        yield from self._mentioned(self._text, 0.9, "诉求中的小区名")
        yield from self._heated()
        yield from self._inside()
        yield from self._roughly(self._address, (0.75, 0.7), "地址")
        yield from self._roughly(self._text, (0.7, 0.65), "诉求", running=True)
        yield from self._around()
        yield from self._areas_named()

    def _in_field(self) -> Iterator[Located]:
        field, places = self._field, self._places
        if place := places.place(field) or places.place(field.lower()):
            yield Located(place, f"小区栏“{field}”", 1.0)
        yield from self._one(places.all_named(field), field, 1.0, "小区栏“{words}”")
        yield from self._mentioned(field, 0.95, f"小区栏“{field}”")
        yield from self._one(places.heard(field), field, 0.8, "小区栏“{words}”，与{name}同音")
        yield from self._roughly(field, (0.8, 0.75), "小区栏")

    def _mentioned(self, text: str, confidence: float, because: str) -> Iterator[Located]:
        for mention in self._mentions(text):
            if self._places.compound(mention.codes[0]):
                yield from self._one(mention.codes, mention.words, confidence, because)

    def _roughly(
        self, text: str, confidences: tuple[float, float], source: str, *, running: bool = False
    ) -> Iterator[Located]:
        if not text:
            return
        by_sound, by_slip = confidences
        for mention in self._places.heard_in(text):
            yield from self._one(mention.codes, mention.words, by_sound, source + "中与{name}同音的名称")
        slip = self._places.misspelt(text, running=running)
        if slip and not self._names_an_area(slip.words, text):
            yield from self._one(
                slip.codes, slip.words, by_slip * slip.alike, source + "“{words}”与{name}相近"
            )

    def _names_an_area(self, words: str, text: str) -> bool:
        """Whether these words of a text are an area's name, and no slip of somebody who meant a compound."""
        areas = (m.words for m in self._mentions(text) if not self._places.compound(m.codes[0]))
        return any(words in area or area in words for area in areas)

    def _one(self, codes: Codes, words: str, confidence: float, because: str) -> Iterator[Located]:
        """The one compound of these codes, or the one that lies where the rest says; several become doubts."""
        code = codes[0] if len(codes) == 1 else ""
        if len(codes) > 1:
            confidence = min(confidence, BY_AREA)
            code = self._only(codes)
            if not code:
                self._doubtful.setdefault(words, codes)
        if code and (place := self._places.place(code)):
            said = because.format(words=words, name=place.name)
            if len(codes) > 1:
                said += f"（同名{len(codes)}处，按所在区域认定）"
            yield Located(place, said, confidence)

    def _only(self, codes: Codes) -> str:
        for holds in self._bounds():
            left = [code for code in codes if holds(code)]
            if len(left) == 1:
                return left[0]
        return ""

    def _bounds(self) -> Iterator[Callable[[str], bool]]:
        places = self._places
        areas = [self._grid] if self._grid else []
        areas += sorted(self._areas(), key=_depth, reverse=True)
        if self._point:
            inside = set(places.compounds_around(self._point))
            yield inside.__contains__
            if area := places.area_around(self._point):
                areas.append(area)
        yield from (partial(places.lies_in, area=area.code) for area in areas)
        if self._point:
            near = {code for _, code in places.near(self._point, NEAR_METRES)}
            yield near.__contains__

    def _heated(self) -> Iterator[Located]:
        for text in (self._field, self._address, self._text):
            for station in self._places.stations_named(text) if text else ():
                yield from self._one(station.codes, station.words, 0.8, "“{words}”所供小区")

    def _inside(self) -> Iterator[Located]:
        if self._point:
            codes = tuple(self._places.compounds_around(self._point))
            yield from self._one(codes, "坐标", 0.95, "坐标在小区范围内") if codes else ()

    def _around(self) -> Iterator[Located]:
        if self._point is None:
            return
        near = self._places.near(self._point, NEAR_METRES)
        codes = tuple(code for _, code in near)
        if area := self._places.area_around(self._point):
            yield Located(area, "坐标在其范围内", 0.9, codes[:MOST_CANDIDATES])
        if near and (place := self._places.place(codes[0])):
            yield Located(place, "坐标附近的小区", _nearness(near), codes[1:MOST_CANDIDATES])

    def _areas_named(self) -> Iterator[Located]:
        if areas := list(self._areas()):
            yield Located(max(areas, key=_depth), "提到的街道或社区", 0.6)

    def _areas(self) -> Iterator[Place]:
        for text in (self._field, self._address, self._text):
            for mention in self._mentions(text):
                place = self._places.place(mention.codes[0]) if len(mention.codes) == 1 else None
                if place and not self._places.compound(place.code):
                    yield place

    def _mentions(self, text: str) -> list[Mention]:
        if text not in self._named:
            self._named[text] = self._places.mentions(text) if text else []
        return self._named[text]

    def _doubts(self) -> str:
        return "".join(
            f"；“{words}”有{len(codes)}处可能：{'、'.join(self._names(codes))}"
            for words, codes in self._doubtful.items()
        )

    def _names(self, codes: Iterable[str]) -> list[str]:
        listed = [place for code in codes if (place := self._places.place(code))]
        return [f"{place.name}（{place.code}）" for place in listed[:MOST_CANDIDATES]]


def _nearness(near: list[tuple[float, str]]) -> float:
    """Falls with the distance, and with the chance that the second nearest was meant."""
    metres = near[0][0]
    sure = 0.9 - 0.4 * metres / NEAR_METRES
    if len(near) > 1 and near[1][0]:
        sure -= 0.3 * (metres / near[1][0]) ** 4
    return sure


def _depth(place: Place) -> int:
    return sum(part is not None for part in (place.subdistrict, place.community, place.grid))
