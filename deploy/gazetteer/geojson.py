"""Rows of a GeoJSON file: a FeatureCollection whose features say their ``level`` and carry the fields as properties."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from deploy.gazetteer.columns import LEVEL, LEVEL_PROPERTY, plain
from deploy.gazetteer.rows import Progress, Refusal, Report, Row

MOST_BYTES = 200_000_000
MOST_FEATURES = 100_000
KNOWN_CRS = ("CRS84", "4326", "4490")
"""WGS 84 by its names, and CGCS2000, which is the same within centimetres."""


def read(path: Path, report: Report, progress: Progress) -> Iterator[Row]:
    """The features that can be read; what cannot is said in the report."""
    try:
        features = _features(path)
    except ValueError as problem:
        report.refused.append(Refusal(path.name, "", "", str(problem)))
        return
    for number, feature in enumerate(progress(path.name, features, len(features)), 1):
        row = _row(path.name, f"第{number}个要素", feature, report)
        if row:
            yield row


def _features(path: Path) -> list[Any]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"文件过大 too large: {path.stat().st_size:,} bytes")
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError as problem:
        raise ValueError(
            f"不是 UTF-8 编码 not UTF-8: byte {problem.object[problem.start]:#04x} at {problem.start}"
        ) from None
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"不是 JSON not JSON: {problem}") from None
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or content.get("type") != "FeatureCollection":
        raise ValueError("需要 FeatureCollection: a FeatureCollection with its features is expected")
    if len(features) > MOST_FEATURES:
        raise ValueError(f"要素过多 more than {MOST_FEATURES:,} features: {len(features):,}")
    crs = content.get("crs")
    if crs is not None and not any(known in json.dumps(crs) for known in KNOWN_CRS):
        raise ValueError(
            f"坐标系不支持 crs: WGS 84 or GCJ-02 is expected: {json.dumps(crs, ensure_ascii=False)[:120]}"
        )
    return features


def _no_number(said: str) -> NoReturn:
    raise ValueError(f"{said} is no number of JSON")


def _row(file: str, where: str, feature: Any, report: Report) -> Row | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        report.refused.append(Refusal(file, where, "properties", "缺少属性 an object is expected"))
        return None
    titles = {plain(str(title)): str(title) for title in properties}
    said = next((titles[name] for name in map(plain, LEVEL_PROPERTY) if name in titles), "level")
    level = LEVEL.get(plain(str(properties.get(said, ""))))
    if level is None:
        expected = "、".join(dict.fromkeys(one.titles[0] for one in LEVEL.values()))
        problem = f"应为 one of {expected}（{', '.join(dict.fromkeys(one.key for one in LEVEL.values()))}）"
        report.refused.append(Refusal(file, where, said, problem))
        return None
    named = [
        (column.name, title) for title in properties if title != said and (column := level.column(title))
    ]
    cells = {name: properties[title] for name, title in named}
    if code := cells.get("code"):
        where = f"{where} {code}"
    row = Row(file, where, level, cells, dict(named))
    missing = [
        column.name for column in level.columns if column.required and cells.get(column.name) in (None, "")
    ]
    if missing:
        report.refused += [row.refusal(name, "缺少此属性 the property is missing") for name in missing]
        return None
    try:
        return row._replace(shape=_shape(feature.get("geometry")))
    except ValueError as problem:
        report.refused.append(row.refusal("geometry", str(problem)))
        return None


def _shape(geometry: Any) -> BaseGeometry | None:
    if geometry is None:
        return None
    try:
        return shapely.force_2d(shape(geometry))
    except (
        AttributeError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        shapely.errors.ShapelyError,
    ) as problem:
        raise ValueError(f"几何无法读取 the geometry cannot be read: {problem}") from None
