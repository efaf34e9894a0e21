"""What the sheets, columns and properties of an import are called, in Chinese and English, and what goes into them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

_BLANKS = re.compile(r"[\s_（）()：:*·-]+")
_LIST = re.compile(r"[、,，;；|/\n]+")
FORMULA_FAILED = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"))


class Column(NamedTuple):
    """One field. ``titles``: what people call it; ``read``: from a cell, raising ValueError with what is expected."""

    name: str
    titles: tuple[str, ...]
    read: Callable[[Any], Any]
    required: bool = False


class Level(NamedTuple):
    """One sheet, or the features of one ``level``; ``key`` is a part of places.yaml or of its compounds and areas."""

    key: str
    titles: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, title: str) -> Column | None:
        """The column that a header or property means, whatever its width, blanks and case."""
        return self._titles().get(plain(title))

    def _titles(self) -> Mapping[str, Column]:
        return {plain(said): column for column in self.columns for said in (column.name, *column.titles)}


def plain(title: str) -> str:
    """A title as it is compared: one width, lower case, no blanks and marks."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", title)).lower()


def text(cell: Any) -> str:
    """A cell as text; a number that a program made of a code or a phone is written without its ".0"."""
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        raise ValueError("应为文字 text is expected")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def listed(cell: Any) -> list[str]:
    """Several names in one cell, divided by 、 , ; or |; or a list."""
    parts = cell if isinstance(cell, list) else _LIST.split(text(cell))
    return list(dict.fromkeys(said for part in parts if (said := text(part))))


def count(cell: Any) -> int:
    """A whole number."""
    try:
        number = float(text(cell))
        whole = int(number)
    except (ValueError, OverflowError):
        raise ValueError(f"应为整数 a whole number is expected: {cell!r}") from None
    if whole != number:
        raise ValueError(f"应为整数 a whole number is expected: {cell!r}")
    return whole


def degrees(cell: Any) -> float:
    """Degrees of longitude or latitude."""
    try:
        return float(text(cell))
    except ValueError:
        raise ValueError(f"应为度数 degrees are expected: {cell!r}") from None


def day(cell: Any) -> str:
    """A date: a date cell, 2027-12-31, 2027/12/31 or 2027年12月31日."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    parts = re.findall(r"\d+", str(cell))
    try:
        return date(*map(int, parts)).isoformat()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"应为日期 a date is expected, 2027-12-31: {cell!r}") from None


def one_of(**said: str) -> Callable[[Any], str]:
    """A choice: each value with what people call it, divided by |."""
    meant = {plain(word): value for value, words in said.items() for word in (value, *words.split("|"))}

    def read(cell: Any) -> str:
        if (found := meant.get(plain(text(cell)))) is None:
            raise ValueError(f"应为 one of {', '.join(said)}: {cell!r}")
        return found

    return read


CODE = Column("code", ("编码", "编号", "代码"), text, required=True)
NAME = Column("name", ("名称", "名字"), text, required=True)
ALIASES = Column("aliases", ("别名", "俗称", "alias"), listed)
STATION = Column("station", ("换热站编码", "换热站", "所属换热站"), text)
CRS = Column(
    "crs", ("坐标系", "坐标系统"), one_of(wgs84="WGS-84|EPSG:4326|CGCS2000", gcj02="GCJ-02|火星坐标|高德")
)


def _within(*titles: str) -> Column:
    return Column("within", (*titles, "上级编码", "所属", "parent"), text, required=True)


LEVELS = (
    Level("district", ("区县", "区", "districts"), (CODE, NAME, CRS)),
    Level(
        "subdistricts",
        ("街道", "街道乡镇", "乡镇", "subdistrict"),
        (CODE, NAME, _within("所属区", "district"), CRS),
    ),
    Level("communities", ("社区", "community"), (CODE, NAME, _within("所属街道", "subdistrict"), CRS)),
    Level("grids", ("网格", "grid"), (CODE, NAME, _within("所属社区", "community"), CRS)),
    Level("micro_grids", ("微网格", "micro_grid"), (CODE, NAME, _within("所属网格", "grid"), CRS)),
    Level(
        "stations", ("换热站", "station"), (CODE, NAME, ALIASES, Column("source", ("热源", "热源厂"), text))
    ),
    Level(
        "compounds",
        ("小区", "小区院落", "compound"),
        (
            CODE,
            NAME,
            ALIASES,
            Column("community", ("所属社区", "社区编码", "社区"), text),
            Column("grid", ("所属网格", "网格编码", "网格", "within"), text, required=True),
            Column("households", ("户数", "居民户数"), count, required=True),
            Column("buildings", ("楼栋数", "楼数"), count, required=True),
            Column("entrances", ("单元数", "每栋单元数"), count, required=True),
            Column("lon", ("经度", "longitude", "lng"), degrees),
            Column("lat", ("纬度", "latitude"), degrees),
            CRS,
            STATION,
            Column("source", ("热源", "热源厂"), text),
            Column(
                "secondary_network",
                ("二次网", "二次管网"),
                one_of(compound="自有|独立|本小区", shared="共用|共享"),
            ),
            Column(
                "run_by",
                ("二次网运行", "二次网运行单位", "运行单位"),
                one_of(
                    heating_company="热力公司|供热公司|热力", property_manager="物业|物业公司|物业服务企业"
                ),
            ),
            Column("warranty_until", ("质保期至", "保修期至"), day),
        ),
    ),
    Level(
        "buildings",
        ("楼栋", "building"),
        (
            Column("compound", ("小区编码", "所属小区", "小区", "within"), text, required=True),
            Column("number", ("楼号", "楼栋号"), text, required=True),
            ALIASES,
            STATION,
            Column("micro_grid", ("微网格编码", "微网格", "所属微网格"), text),
        ),
    ),
    Level(
        "posts",
        ("岗位", "post", "网格岗位"),
        (
            Column("area", ("区域编码", "网格编码", "所属网格", "within"), text, required=True),
            Column(
                "kind",
                ("岗位", "岗位类别"),
                one_of(grid_leader="网格长", micro_grid_leader="微网格长", grid_member="网格员"),
                required=True,
            ),
            Column("title", ("岗位名称", "名称"), text, required=True),
            Column("phone", ("电话", "联系电话"), text),
        ),
    ),
)
"""In the order in which they are taken: what lies above comes first."""

LEVEL = {plain(said): level for level in LEVELS for said in (level.key, *level.titles)}
LEVEL_PROPERTY = ("level", "层级", "类型")
