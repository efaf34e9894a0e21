"""Rows taken into a registry, one by one: what holds up is there afterwards, of the rest it is said why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ValidationError
from shapely.geometry.base import BaseGeometry

from deploy.gazetteer.columns import LEVELS
from deploy.gazetteer.rows import Progress, Report, Row, values
from shared.contracts.values import Point
from shared.policy.places import Area, Building, Compound, Post, Station
from shared.policy.places.degrees import coordinates_problem, to_wgs84
from shared.policy.places.shapes import shape_problem

Crs = Literal["wgs84", "gcj02"]
Entry = dict[str, Any]

ABOVE = {
    "subdistricts": "district",
    "communities": "subdistricts",
    "grids": "communities",
    "micro_grids": "grids",
}
HEATING = ("station", "source", "secondary_network", "run_by", "warranty_until")


class _Refused(Exception):
    """A row cannot be taken: (field, problem), all of them."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = problems


class Taking:
    """A registry (the mapping of places.yaml) while rows are taken into it. A code that is there is changed by what its
    row gives; nothing is removed. ``crs``: of coordinates that do not say theirs."""

    def __init__(self, content: Entry, crs: Crs = "wgs84") -> None:
        self._crs = crs
        district = [content["district"]] if "district" in content else []
        self._entries: dict[str, dict[str, Entry]] = {
            "district": {one["code"]: dict(one) for one in district}
        }
        for key in ("subdistricts", "communities", "grids", "micro_grids", "stations", "compounds"):
            self._entries[key] = {one["code"]: dict(one) for one in content.get(key, ())}
        self._level = {code: key for key, entries in self._entries.items() for code in entries}
        self._seen: dict[str, str] = {}
        self._take: dict[str, Callable[[Row, Entry], str]] = {
            "stations": self._station,
            "compounds": self._compound,
            "buildings": self._building,
            "posts": self._post,
        }

    def content(self) -> Entry:
        """The registry as it is now, in the order of places.yaml."""
        found: Entry = {"district": next(iter(self._entries["district"].values()), None)}
        for key, entries in self._entries.items():
            if key != "district" and (entries or key not in ("micro_grids", "stations")):
                found[key] = list(entries.values())
        return found

    def take(self, rows: Iterable[Row], report: Report, progress: Progress) -> None:
        """All rows of all files, what lies above first; each alone."""
        levels: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            levels[row.level.key].append(row)
        for level in LEVELS:
            mine = levels[level.key]
            for row in progress(level.titles[0], mine, len(mine)):
                self._one(row, report)

    def _one(self, row: Row, report: Report) -> None:
        found, wrong = values(row)
        if wrong:
            report.refused += wrong
            return
        try:
            outcome = self._take.get(row.level.key, self._area)(row, found)
        except _Refused as refused:
            report.refused += [row.refusal(name, problem) for name, problem in refused.problems]
        else:
            report.taken[row.level.key, outcome] += 1

    def _area(self, row: Row, found: Entry) -> str:
        key, crs = row.level.key, found.pop("crs", self._crs)
        if key == "district" and self._entries[key].keys() - {found["code"]}:
            raise _Refused(("code", "地名册已有另一个区 the registry is another district's"))
        if above := ABOVE.get(key):
            self._there(above, "within", found["within"])
        if row.shape is not None:
            found["outline"] = _outline(row.shape, crs)
        return self._put(row, found, Area)

    def _station(self, row: Row, found: Entry) -> str:
        return self._put(row, found, Station)

    def _compound(self, row: Row, found: Entry) -> str:
        old = self._entries["compounds"].get(found["code"], {})
        self._there("grids", "grid", found["grid"])
        community = self._entries["grids"][found["grid"]]["within"]
        if found.setdefault("community", community) != community:
            raise _Refused(("community", f"网格属于 the grid lies in {community}"))
        heating = {name: found.pop(name) for name in HEATING if name in found}
        if heating:
            found["heating"] = heating = old.get("heating", {}) | heating
            self._there("stations", "station", heating.get("station", ""))
        self._lay(row, found, found.pop("crs", self._crs))
        if "lon" not in found and "lon" not in old:
            raise _Refused(("lon", "缺少坐标 no point: longitude and latitude, or a geometry, are needed"))
        return self._put(row, found, Compound)

    def _lay(self, row: Row, found: Entry, crs: Crs) -> None:
        """The point of a compound, in WGS 84, and its outline: from the columns, else from the geometry."""
        if ("lon" in found) != ("lat" in found):
            raise _Refused(("lon", "经度和纬度须同时填写 longitude and latitude belong together"))
        shape = row.shape
        if shape is not None and shape.geom_type != "Point":
            found["outline"] = _outline(shape, crs)
            shape = shape.representative_point()
        if "lon" not in found:
            if shape is None:
                return
            if shape.is_empty:
                raise _Refused(("geometry", "点为空 the point is empty"))
            found["lon"], found["lat"] = shape.centroid.x, shape.centroid.y
        if problem := coordinates_problem(found["lon"], found["lat"]):
            raise _Refused(("lon", problem))
        point = to_wgs84(Point(lon=found["lon"], lat=found["lat"], crs=crs))
        found["lon"], found["lat"] = round(point.lon, 6), round(point.lat, 6)

    def _building(self, row: Row, found: Entry) -> str:
        compound = self._entries["compounds"].get(found.pop("compound"))
        if compound is None:
            raise _Refused(("compound", "小区不在地名册中 the compound is not there"))
        if "station" in found:
            self._there("stations", "station", found["station"])
        if "micro_grid" in found:
            self._there("micro_grids", "micro_grid", found["micro_grid"])
        return self._put_into(row, compound, "listed_buildings", ("number",), _checked(Building, found))

    def _post(self, row: Row, found: Entry) -> str:
        code = found.pop("area")
        level = self._level.get(code, "")
        if level in ("", "stations", "compounds"):
            raise _Refused(("area", f"“{code}”不是区域编码 is no code of an area"))
        area = self._entries[level][code]
        return self._put_into(row, area, "posts", ("kind", "title"), _checked(Post, found))

    def _put(self, row: Row, found: Entry, model: type[BaseModel]) -> str:
        key, code = row.level.key, found["code"]
        if (level := self._level.get(code, key)) != key:
            raise _Refused(("code", f"编码已用于其他层级 the code is one of {level}"))
        if code in self._seen:
            raise _Refused(("code", f"编码重复 the code was there before: {self._seen[code]}"))
        old = self._entries[key].get(code)
        entry = _checked(model, (old or {}) | found)
        self._entries[key][code] = entry
        self._level[code] = key
        self._seen[code] = f"{row.file} {row.where}"
        return _outcome(old, entry, model)

    def _put_into(self, row: Row, owner: Entry, part: str, keys: tuple[str, ...], entry: Entry) -> str:
        mark = repr([owner["code"], part, *(entry[key] for key in keys)])
        if mark in self._seen:
            raise _Refused((keys[0], f"重复 the same was there before: {self._seen[mark]}"))
        self._seen[mark] = f"{row.file} {row.where}"
        listed = list(owner.get(part, ()))
        for i, old in enumerate(listed):
            if all(old[key] == entry[key] for key in keys):
                listed[i] = old | entry
                owner[part] = listed
                return "same" if listed[i] == old else "changed"
        owner[part] = [*listed, entry]
        return "new"

    def _there(self, level: str, name: str, code: str) -> None:
        if code not in self._entries[level]:
            title = next(one.titles[0] for one in LEVELS if one.key == level)
            raise _Refused((name, f"“{code}”不在{title}中，或其所在行未被采用 is none of the {level}"))


def _checked(model: type[BaseModel], entry: Entry) -> Entry:
    try:
        checked = model.model_validate(entry)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        raise _Refused(*((_field(error["loc"]), error["msg"]) for error in errors)) from None
    return checked.model_dump(mode="json", exclude_defaults=True)


def _field(path: tuple[int | str, ...]) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _outcome(old: Entry | None, entry: Entry, model: type[BaseModel]) -> str:
    if old is None:
        return "new"
    return "same" if model.model_validate(old) == model.model_validate(entry) else "changed"


def _outline(shape: BaseGeometry, crs: Crs) -> str:
    """A shape as places.yaml has it, to the decimetre."""
    if problem := shape_problem(shape):
        raise _Refused(("geometry", problem))
    if crs == "gcj02":
        shape = shapely.transform(shape, _moved)
    wkt = str(shapely.to_wkt(shape, rounding_precision=6, trim=True))
    if problem := shape_problem(shapely.from_wkt(wkt)):
        raise _Refused(("geometry", problem))
    return wkt


def _moved(corners: Any) -> Any:
    points = (to_wgs84(Point(lon=lon, lat=lat, crs="gcj02")) for lon, lat in corners)
    return np.array([(point.lon, point.lat) for point in points])
