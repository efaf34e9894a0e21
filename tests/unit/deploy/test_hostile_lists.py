"""Files that are not what they claim are answered by name, quickly, and change nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from deploy.gazetteer import sheets
from deploy.gazetteer.commands import taken
from deploy.gazetteer.rows import Report
from tests.support.lists import SHEETS, collection, feature, workbook


def refused(path: Path) -> list[str]:
    said, _ = taken([path], {}, "wgs84")
    return [str(line) for line in said.refused]


def report_of(path: Path) -> Report:
    return taken([path], {}, "wgs84")[0]


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("a.xlsx", b"", "不是 Excel 工作簿"),
        ("a.xlsx", "编码,名称\n".encode("gbk"), "不是 Excel 工作簿"),
        ("a.xlsx", b"PK\x03\x04 torn", "不是 Excel 工作簿"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 old format", "不是 Excel 工作簿"),
        ("a.csv", b"code,name\n", "只读取 only .xlsx"),
        ("a.geojson", '{"features": "锦绣"}'.encode("gb18030"), "不是 UTF-8 编码 not UTF-8: byte"),
        ("a.geojson", b"{", "不是 JSON"),
        ("a.geojson", b"[" * 100_000, "不是 JSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [NaN]}', "NaN is no number"),
        ("a.geojson", b"[]", "需要 FeatureCollection"),
        ("a.geojson", b'{"type": "Feature", "properties": {}}', "需要 FeatureCollection"),
        (
            "a.geojson",
            b'{"type": "FeatureCollection", "features": [], "crs": {"properties": {"name": "EPSG:3857"}}}',
            "坐标系不支持",
        ),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, named: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert any(line.startswith(name) and named in line for line in refused(path))


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as packed:
        packed.writestr("hello.txt", "你好")
    assert "不是 Excel 工作簿" in refused(tmp_path / "a.xlsx")[0]


@pytest.mark.parametrize(
    ("part", "old", "new", "named"),
    [
        ("xl/workbook.xml", b"<sheets>", b"<sheets", "不是 Excel 工作簿"),
        ("xl/styles.xml", b"<fonts", b"<f\xff", "不是 Excel 工作簿"),
        ("xl/worksheets/sheet3.xml", b"<v>", b"<v>9999", "a.xlsx · 社区：工作表已损坏"),
        ("xl/worksheets/sheet3.xml", b"</row>", b"</r>", "a.xlsx · 社区：工作表已损坏"),
    ],
)
def test_a_damaged_workbook_is_refused_by_name(
    tmp_path: Path, part: str, old: bytes, new: bytes, named: str
) -> None:
    with zipfile.ZipFile(workbook(tmp_path / "good.xlsx", SHEETS)) as good:
        parts = {name: good.read(name) for name in good.namelist()}
    assert old in parts[part]
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as damaged:
        for name, content in parts.items():
            damaged.writestr(name, content.replace(old, new) if name == part else content)
    assert any(named in line for line in refused(tmp_path / "a.xlsx"))


def test_a_small_file_that_unpacks_to_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_000)
    assert "解压后过大" in refused(tmp_path / "a.xlsx")[0]


def test_a_missing_column_is_named_once_and_other_sheets_are_read(tmp_path: Path) -> None:
    book = {**SHEETS, "网格": [["编码", "名字"], ["g1", "东岸一格"], ["g2", "西岸一格"]]}
    said = report_of(workbook(tmp_path / "a.xlsx", book))
    about_grids = [line for line in said.refused if line.where.startswith("网格")]
    assert [line.field for line in about_grids] == ["所属社区 within"]
    assert said.taken["communities", "new"] == 2


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    book = {"街道": [["编码", "名称", "code", "所属区"], ["s1", "试桥街道", "s2", "d"]]}
    assert any("重复 the same column twice" in line for line in refused(workbook(tmp_path / "a.xlsx", book)))


def test_unknown_sheets_and_columns_are_told_and_left_aside(tmp_path: Path) -> None:
    book = {**SHEETS, "说明": [["随便写写"]], "区县": [["编码", "名称", "备注"], ["d", "试区", "无"]]}
    said = report_of(workbook(tmp_path / "a.xlsx", book))
    assert not said.refused
    assert {line.where.split(" ")[0] for line in said.notes} == {"说明", "区县"}


def test_a_sheet_that_is_too_long_is_taken_to_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 2_000)
    head, *_ = SHEETS["社区"]
    rows = [[f"m{i}", f"社区{i}", "s1"] for i in range(10_000)]
    path = workbook(tmp_path / "a.xlsx", {**SHEETS, "社区": [head, *rows], "网格": SHEETS["网格"]})
    said = report_of(path)
    assert said.taken["communities", "new"] == sheets.MOST_ROWS - 1
    assert [str(line) for line in said.refused] == [
        f"a.xlsx · 社区 第{sheets.MOST_ROWS + 1}行：超过 {sheets.MOST_ROWS} 行，以下未读取 "
        "more rows than a sheet may have; the rest was not read"
    ]


def test_a_registry_without_a_district_is_not_written(tmp_path: Path) -> None:
    lonely = feature("subdistrict", code="s1", name="试桥街道", within="d")
    said = report_of(collection(tmp_path / "a.geojson", lonely))
    assert not said.taken
    assert any("缺少区" in str(line) for line in said.refused)
