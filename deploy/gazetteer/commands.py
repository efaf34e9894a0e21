"""`nuanliu places ...`: lists and maps into a pack's places.yaml, with a report of what was refused and why."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from deploy import SAMPLE
from deploy.gazetteer import file, geojson, sheets
from deploy.gazetteer.columns import LEVELS
from deploy.gazetteer.findings import findings
from deploy.gazetteer.rows import Progress, Refusal, Report, Row
from deploy.gazetteer.taking import Crs, Taking
from shared.policy import PolicyError

app = typer.Typer(no_args_is_help=True, help="地名册：网格、小区、换热站 The grid registry of a district")
_out = Console(soft_wrap=True)
_errors = Console(stderr=True)

MOST_SHOWN = 200
"""Refusals on the screen; --report has all."""

_Pack = Annotated[Path, typer.Option("--policy", help="the pack: the directory of places.yaml")]
_READERS: dict[str, Callable[[Path, Report, Progress], Iterator[Row]]] = {
    ".xlsx": sheets.read,
    ".geojson": geojson.read,
    ".json": geojson.read,
}


@app.command("import")
def take_in(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help=".xlsx, .geojson")],
    policy: _Pack,
    crs: Annotated[Crs, typer.Option(help="of coordinates that do not say theirs")] = "wgs84",
    check: Annotated[bool, typer.Option("--check", help="report only, write nothing")] = False,
    report: Annotated[Path | None, typer.Option(help="all refusals as a table, .csv")] = None,
) -> None:
    """导入 Excel 或 GeoJSON 名册。 Take lists and maps into places.yaml; exit 1 if anything was refused."""
    path = policy / "places.yaml"
    with file.alone(path):
        said, content = taken(files, file.read(path), crs)
        if not check and any(outcome != "same" for _, outcome in said.taken):
            file.write(path, content)
    _show(said)
    if report:
        _table(report, said)
    _out.print("只检查，未写入 checked, nothing written" if check else f"{path}", highlight=False)
    raise typer.Exit(1 if said.refused else 0)


@app.command("check")
def look(policy: _Pack = SAMPLE) -> None:
    """检查地名册。 Tell what places.yaml holds and what may be wrong with it; exit 1 if it does not load."""
    path = policy / "places.yaml"
    if not path.exists():
        raise PolicyError(str(path), ["没有这个文件 no such file"])
    places = file.checked(path, file.read(path))
    for level in LEVELS:
        parts = getattr(places, level.key, None)
        if isinstance(parts, tuple):
            drawn = sum(bool(getattr(part, "outline", "")) for part in parts)
            _out.print(
                f"{level.titles[0]} {len(parts)}" + (f"，有范围 with outline {drawn}" if drawn else "")
            )
    for line in findings(places):
        _out.print(f"注意 {line}", highlight=False, markup=False)


def taken(files: Iterable[Path], content: dict[str, Any], crs: Crs) -> tuple[Report, dict[str, Any]]:
    """What becomes of a registry and of the files that are taken into it; touches nothing."""
    said = Report()
    taking = Taking(content, crs)
    with _progress() as progress:
        rows = chain.from_iterable(_rows(path, said, progress) for path in files)
        taking.take(rows, said, progress)
    found = taking.content()
    if found["district"] is None:
        said.refused.append(
            Refusal("", "", "", "缺少区 no district: neither in places.yaml nor in the files")
        )
        said.taken.clear()
    return said, found


def _rows(path: Path, said: Report, progress: Progress) -> Iterator[Row]:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        said.refused.append(Refusal(path.name, "", "", f"只读取 only {', '.join(_READERS)} can be read"))
        return
    yield from read(path, said, progress)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on standard error, where somebody looks at it; they are gone at the end."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bars(*columns, console=_errors, transient=True, disable=not _errors.is_terminal) as bars:

        def show(what: str, parts: Iterable[Any], how_many: int | None) -> Iterator[Any]:
            yield from bars.track(parts, total=how_many, description=what)

        yield show


def _show(said: Report) -> None:
    for level in LEVELS:
        counts = {outcome: said.taken[level.key, outcome] for outcome in ("new", "changed", "same")}
        if any(counts.values()):
            new, changed, same = counts.values()
            _out.print(
                f"{level.titles[0]}：新增 new {new}，更新 changed {changed}，不变 same {same}",
                highlight=False,
            )
    for word, lines in (("注意", said.notes), ("未采用", said.refused)):
        for line in lines[:MOST_SHOWN]:
            _out.print(f"{word} {line}", highlight=False, markup=False)
        if len(lines) > MOST_SHOWN:
            _out.print(f"{word} 另有 and {len(lines) - MOST_SHOWN} more (--report)", highlight=False)
    _out.print(f"采用 taken {sum(said.taken.values())}，未采用 refused {len(said.refused)}", highlight=False)


def _table(path: Path, said: Report) -> None:
    """A table that Excel opens as it is; a cell that would be a formula there is not one."""
    with path.open("w", encoding="utf-8-sig", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("文件 file", "位置 where", "字段 field", "问题 problem"))
        rows.writerows(
            ["'" + cell if cell[:1] in tuple("=+-@") and cell else cell for cell in line]
            for line in said.refused
        )
