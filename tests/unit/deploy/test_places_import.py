"""A district's own lists and maps become its registry; good rows are taken although their neighbours are bad."""

from __future__ import annotations

import csv
import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deploy.gazetteer import file
from deploy.gazetteer.columns import LEVELS
from deploy.gazetteer.commands import app
from shared.contracts.values import Point
from shared.policy.places import Places
from tests.support.lists import SHEETS, collection, feature, ring, workbook


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    return tmp_path / "pack"


@pytest.fixture
def registered(pack: Path, tmp_path: Path) -> Path:
    run(pack, workbook(tmp_path / "first.xlsx", SHEETS))
    return pack


def run(pack: Path, *said: Path | str, exit_code: int = 0) -> str:
    ran = CliRunner().invoke(app, ["import", *map(str, said), "--policy", str(pack)])
    assert ran.exit_code == exit_code, ran.output
    return " ".join(ran.output.split())


def places(pack: Path) -> Places:
    path = pack / "places.yaml"
    return file.checked(path, file.read(path))


def sheets(**changed: list[list[Any]]) -> dict[str, list[list[Any]]]:
    return deepcopy(SHEETS) | changed


def test_a_workbook_becomes_a_registry_that_loads(registered: Path) -> None:
    here = places(registered)
    one = here.compound("c1")
    assert one is not None
    assert (one.name, one.aliases, one.community, one.households) == (
        "锦绣花园",
        ("锦绣", "老锦绣"),
        "m1",
        484,
    )
    assert one.heating is not None
    assert (one.heating.station, one.heating.secondary_network, one.heating.run_by) == (
        "h1",
        "shared",
        "heating_company",
    )
    station = here.station_of("c1")
    assert station is not None
    assert station.aliases == ("东站", "老站")
    home = here.place("c1")
    assert home is not None
    assert [post.phone for post in here.posts(home)] == ["5550101"]
    building = one.building("3号楼")
    assert building is not None
    assert building.micro_grid == "w1"
    assert here.compound("c2").heating is None


def test_english_headers_do_as_well(pack: Path, tmp_path: Path) -> None:
    english = {
        "district": [["code", "name"], ["d", "Trial"]],
        "subdistricts": [["Code", "Name", "Within"], ["s1", "Bridge", "d"]],
        "communities": [["code", "name", "subdistrict"], ["m1", "East", "s1"]],
        "grids": [["code", "name", "community"], ["g1", "East 1", "m1"]],
        "Compounds": [
            ["code", "name", "grid", "households", "buildings", "entrances", "Longitude", "Latitude"],
            [4101, "锦绣花园", "g1", 10, 1, 1, "113.6", "34.75"],
        ],
    }
    run(pack, workbook(tmp_path / "a.xlsx", english))
    assert places(pack).compound("4101") is not None


def test_a_second_import_changes_what_it_gives_and_leaves_the_rest(registered: Path, tmp_path: Path) -> None:
    before = yaml.safe_load((registered / "places.yaml").read_text(encoding="utf-8"))
    said = run(registered, workbook(tmp_path / "again.xlsx", SHEETS))
    assert "新增 new 0，更新 changed 0" in said
    assert yaml.safe_load((registered / "places.yaml").read_text(encoding="utf-8")) == before
    changed = sheets()
    changed["小区"][1][4] = 500
    said = run(registered, workbook(tmp_path / "more.xlsx", {"小区": changed["小区"][:2]}))
    assert "小区：新增 new 0，更新 changed 1" in said
    here = places(registered)
    assert here.compound("c1").households == 500
    assert here.compound("c1").listed_buildings
    assert here.compound("c2") is not None


BAD = [
    ("小区", 2, 3, "g9", "小区 第3行 · 网格编码：“g9”不在网格中"),
    ("小区", 2, 0, "c1", "编码重复 the code was there before: a.xlsx 小区 第2行"),
    ("小区", 2, 0, "h1", "编码已用于其他层级 the code is one of stations"),
    ("小区", 2, 0, "有空格 的", "小区 第3行 · 编码：String should match pattern"),
    ("小区", 2, 4, "很多", "户数：应为整数"),
    ("小区", 2, 4, 0, "户数：Input should be greater than or equal to 1"),
    ("小区", 2, 7, 34.75, "lon"),
    ("小区", 2, 7, None, "经度和纬度须同时填写"),
    ("小区", 2, 7, "#N/A", "单元格公式出错"),
    ("小区", 2, 11, "热力", "换热站：“”不在换热站中"),
    ("小区", 2, 11, "居委会", "应为 one of heating_company, property_manager"),
    ("社区", 2, 2, "s9", "社区 第3行 · 所属街道：“s9”不在街道中"),
    ("楼栋", 1, 2, "w9", "楼栋 第2行 · 微网格：“w9”不在微网格中"),
    ("楼栋", 1, 0, "c9", "小区不在地名册中"),
    ("岗位", 1, 0, "c1", "不是区域编码"),
    ("岗位", 1, 3, "电话薄上", "电话：String should match pattern"),
]


@pytest.mark.parametrize(("sheet", "row", "column", "cell", "named"), BAD)
def test_a_bad_row_is_named_and_its_neighbours_are_taken(
    pack: Path, tmp_path: Path, sheet: str, row: int, column: int, cell: Any, named: str
) -> None:
    bad = sheets()
    bad[sheet][row][column] = cell
    if cell == 34.75:
        bad[sheet][row][8] = 113.6
        named = "经纬度颠倒 longitude and latitude are swapped"
    said = run(pack, workbook(tmp_path / "a.xlsx", bad), exit_code=1)
    assert named in said
    here = places(pack)
    assert here.compound("c1") is not None
    if sheet == "社区":
        assert "或其所在行未被采用" in said, "what hangs on a refused row is refused by name too"


def test_nothing_is_written_on_check(registered: Path, tmp_path: Path) -> None:
    before = (registered / "places.yaml").read_bytes()
    more = sheets()
    more["小区"].append(["c3", "桥畔人家", "", "g1", 10, 1, 1, 113.6, 34.76, None, None, None])
    said = run(registered, workbook(tmp_path / "a.xlsx", more), "--check")
    assert "小区：新增 new 1" in said
    assert (registered / "places.yaml").read_bytes() == before
    assert [path.name for path in registered.iterdir()] == ["places.yaml"]


def test_all_refusals_are_in_the_table(registered: Path, tmp_path: Path) -> None:
    head = SHEETS["小区"][0]
    rows = [[f"=c{i}", "某苑", "", "g1", 10, 1, 1, 113.6, 34.76, None, None, None] for i in range(300)]
    report = tmp_path / "refused.csv"
    book = workbook(
        tmp_path / "a.xlsx", {"小区": [head, *([f"-c{i}", *row[1:]] for i, row in enumerate(rows))]}
    )
    said = run(registered, book, "--report", str(report), exit_code=1)
    assert "另有 and 100 more" in said
    with report.open(encoding="utf-8-sig", newline="") as table:
        lines = list(csv.reader(table))
    assert len(lines) == 301
    assert lines[1][:3] == ["a.xlsx", "小区 第2行", "编码"]


def test_a_map_gives_outlines_and_points(registered: Path, tmp_path: Path) -> None:
    path = collection(
        tmp_path / "map.geojson",
        feature("grids", ring(113.595, 34.745), code="g1", name="东岸一格", within="m1"),
        feature("小区", ring(113.599, 34.749, 0.002), 编码="c1", 名称="锦绣花园", 网格="g1", 户数=9,
                楼栋数=1, 单元数=1),
        feature("compounds", {"type": "Point", "coordinates": [113.62, 34.75]}, code="c7", name="银杏苑", grid="g2",
                households="12", buildings=1, entrances=1, 质保期至="2027年12月31日", 换热站="h1", run_by="物业"),
    )  # fmt: skip
    run(registered, path)
    here = places(registered)
    inside = Point(lon=113.6, lat=34.75, crs="wgs84")
    assert here.compounds_around(inside) == ["c1"]
    area = here.area_around(inside)
    assert area is not None
    assert area.code == "g1"
    new = here.compound("c7")
    assert new is not None
    assert (new.lon, new.lat) == (113.62, 34.75)
    assert new.heating is not None
    assert new.heating.warranty_until == date(2027, 12, 31)
    assert here.posts(area), "what the map does not speak of stays"


@pytest.mark.parametrize("how", ["option", "property"])
def test_a_chinese_map_is_moved_back(registered: Path, tmp_path: Path, how: str) -> None:
    said = {"crs": "GCJ-02"} if how == "property" else {}
    shape = ring(113.59 + 0.00617, 34.74 - 0.00113)
    path = collection(
        tmp_path / "map.json", feature("grid", shape, code="g1", name="东岸一格", within="m1", **said)
    )
    run(registered, path, *(["--crs", "gcj02"] if how == "option" else []))
    here = places(registered)
    for lon, lat, holds in ((113.5903, 34.7403, True), (113.5997, 34.7497, True), (113.5893, 34.745, False)):
        assert (here.area_around(Point(lon=lon, lat=lat, crs="wgs84")) is not None) == holds


def grid(geometry: Any) -> dict[str, Any]:
    return feature("grid", geometry, code="g9", name="坏格", within="m1")


BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[113, 34], [113.1, 34.1], [113.1, 34], [113, 34.1], [113, 34]]],
}


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (grid(BOW_TIE), "第1个要素 g9 · geometry：多边形无效 invalid polygon: Self"),
        (grid(ring(34.7, 113.6)), "经纬度颠倒"),
        (grid(ring(500, 34.7)), "不是经纬度"),
        (grid({"type": "Point", "coordinates": [113, 34]}), "需要多边形"),
        (grid({"type": "Polygon", "coordinates": "无"}), "几何无法读取"),
        (grid({"type": "Polygon", "coordinates": []}), "多边形为空"),
        (grid("方"), "几何无法读取"),
        (feature("grid", code="g9", within="m1"), "name：缺少此属性"),
        (feature("grid", code="g9", name={"zh": "坏"}, within="m1"), "name：应为文字"),
        (feature("grid", code="g9", name="坏格", within="m9"), "within：“m9”不在社区中"),
        (feature("village", code="g9"), "level：应为 one of 区县、街道"),
        (feature("compound", code="c9", name="无点苑", grid="g1", households=1, buildings=1, entrances=1), "缺少坐标"),
        ({"type": "Feature"}, "properties：缺少属性"),
        ("不是要素", "properties：缺少属性"),
    ],
)  # fmt: skip
def test_a_bad_feature_is_named_and_the_next_is_taken(
    registered: Path, tmp_path: Path, bad: Any, named: str
) -> None:
    good = feature("grid", ring(113.6, 34.75), code="g8", name="好格", within="m1")
    said = run(registered, collection(tmp_path / "m.geojson", bad, good), exit_code=1)
    assert named in said
    assert places(registered).place("g8") is not None


def test_what_was_asked_for_twice_in_one_file_is_the_first(registered: Path, tmp_path: Path) -> None:
    twice = [feature("grid", code="g8", name=name, within="m1") for name in ("先来", "后到")]
    said = run(registered, collection(tmp_path / "m.geojson", *twice), exit_code=1)
    assert "编码重复" in said
    place = places(registered).place("g8")
    assert place is not None
    assert place.name == "先来"


def test_a_name_of_a_key_in_the_registry_does_not_get_lost(registered: Path) -> None:
    text = (registered / "places.yaml").read_text(encoding="utf-8")
    assert text.startswith("#")
    assert json.dumps(yaml.safe_load(text), ensure_ascii=False)
    assert "锦绣花园" in text


def test_every_sheet_and_column_is_written_down() -> None:
    page = (Path(__file__).parents[3] / "docs" / "places.md").read_text(encoding="utf-8")
    for level in LEVELS:
        line = next(
            line for line in page.splitlines() if line.startswith(f"| {level.titles[0]} `{level.key}` |")
        )
        for column in level.columns:
            told = f"{column.titles[0]} `{column.name}`"
            if column.name == "crs":
                assert told in page
            else:
                assert (f"**{told}**" if column.required else told) in line, (level.key, column.name)


def test_a_registry_that_is_not_there_is_told_so_by_check(pack: Path) -> None:
    refused = CliRunner().invoke(app, ["check", "--policy", str(pack)]).exception
    assert str(refused) == f"{pack / 'places.yaml'}: 没有这个文件 no such file"


def test_what_may_be_wrong_is_told_by_check(registered: Path, tmp_path: Path) -> None:
    path = collection(
        tmp_path / "m.geojson",
        feature("grid", ring(113.605, 34.745), code="g1", name="东岸一格", within="m1"),
        feature("grid", ring(113.606, 34.745), code="g8", name="空格", within="m1"),
        feature("station", code="h9", name="无人站"),
    )
    more = sheets()["小区"]
    more.append(["c3", "锦绣 小区", "", "g2", 10, 1, 1, 113.62, 34.76, None, None, None])
    run(registered, path, workbook(tmp_path / "a.xlsx", {"小区": more}))
    said = CliRunner().invoke(app, ["check", "--policy", str(registered)]).output
    assert "c1、c3：都叫“锦绣”" in said
    assert "c2：坐标在网格" not in said, "two grids overlap there: neither is held against it"
    assert "g1、g8：范围重叠" in said
    assert "g8：没有小区" in said
    assert "h9：不供任何小区" in said
