"""Lists and maps as a district keeps them: real workbooks and GeoJSON files, written where a test says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

SHEETS: dict[str, list[list[Any]]] = {
    "区县": [["编码", "名称"], ["d", "试区"]],
    "街道": [["编码", "名称", "所属区"], ["s1", "试桥街道", "d"]],
    "社区": [["编码", "名称", "所属街道"], ["m1", "东岸社区", "s1"], ["m2", "西岸社区", "s1"]],
    "网格": [["编码", "名称", "所属社区"], ["g1", "东岸一格", "m1"], ["g2", "西岸一格", "m2"]],
    "微网格": [["编码", "名称", "所属网格"], ["w1", "一格一微", "g1"]],
    "换热站": [["编码", "名称", "别名", "热源"], ["h1", "东岸换热站", "东站、老站", "东郊热源厂"]],
    "小区": [
        [
            "编码",
            "名称",
            "别名",
            "网格编码",
            "户数",
            "楼栋数",
            "单元数",
            "经度",
            "纬度",
            "换热站",
            "二次网",
            "二次网运行",
        ],
        ["c1", "锦绣花园", "锦绣;老锦绣", "g1", 484, 8, 2, 113.6, 34.75, "h1", "共用", "热力公司"],
        ["c2", "金桥嘉苑", "", "g2", 336, 6, 1, 113.61, 34.75, None, None, None],
    ],
    "楼栋": [["小区编码", "楼号", "微网格"], ["c1", 3, "w1"]],
    "岗位": [["网格编码", "岗位", "岗位名称", "电话"], ["g1", "网格长", "一格网格长", 5550101]],
}


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """An .xlsx with these sheets."""
    book = xlsxwriter.Workbook(str(path))
    for title, rows in sheets.items():
        sheet = book.add_worksheet(title)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return path


def feature(level: str, geometry: Any = None, **properties: Any) -> dict[str, Any]:
    """A feature as GIS programs write it."""
    return {"type": "Feature", "properties": {"level": level, **properties}, "geometry": geometry}


def collection(path: Path, *features: Any, **more: Any) -> Path:
    """A GeoJSON file with these features."""
    content = {"type": "FeatureCollection", "features": list(features)} | more
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def ring(lon: float, lat: float, side: float = 0.01) -> dict[str, Any]:
    """A square polygon of GeoJSON whose south-west corner is given."""
    east, north = lon + side, lat + side
    corners = [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]
    return {"type": "Polygon", "coordinates": [corners]}
