"""Rows of an Excel workbook: one sheet per level, the header in its first row that is not empty."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

from deploy.gazetteer.columns import LEVEL, Level, plain
from deploy.gazetteer.rows import Progress, Refusal, Report, Row

MOST_ROWS = 50_000
"""Of one sheet; what lies below is refused by name. A city of a million households has some 30,000 buildings."""

MOST_BYTES = 400_000_000
"""Unpacked: a small file can hold more than any memory."""


class _Broken(Exception):
    """The workbook cannot be read any further."""


def read(path: Path, report: Report, progress: Progress) -> Iterator[Row]:
    """The rows of all sheets that are known; what cannot be read is said in the report."""
    try:
        book = _opened(path)
    except _Broken as problem:
        report.refused.append(Refusal(path.name, "", "", str(problem)))
        return
    with closing(book):
        for sheet in book.worksheets:
            level = LEVEL.get(plain(sheet.title))
            if level is None:
                said = "不认识的工作表，未读取 no sheet of a known name, left aside"
                report.notes.append(Refusal(path.name, sheet.title, "", said))
                continue
            cells = _cells(sheet.iter_rows(values_only=True))
            try:
                rows = progress(f"{path.name} {sheet.title}", cells, sheet.max_row)
                yield from _rows(path.name, sheet.title, level, rows, report)
            except _Broken as problem:
                said = f"工作表已损坏，以下未读取 the sheet is broken, the rest was not read: {problem}"
                report.refused.append(Refusal(path.name, sheet.title, "", said))


def _opened(path: Path) -> Workbook:
    # What openpyxl raises on damaged bytes has no common type: XML, zip, type, key and index errors were seen.
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size <= MOST_BYTES:
            return load_workbook(path, read_only=True, data_only=True)
    except Exception as problem:
        raise _Broken(f"不是 Excel 工作簿 not an .xlsx workbook: {problem}") from problem
    raise _Broken(f"解压后过大 too large unpacked: {size:,} bytes")


def _cells(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    try:
        yield from rows
    except Exception as problem:
        raise _Broken(str(problem)) from problem


def _rows(
    file: str, sheet: str, level: Level, rows: Iterator[tuple[Any, ...]], report: Report
) -> Iterator[Row]:
    header: dict[int, str] = {}
    titles: dict[str, str] = {}
    for number, cells in enumerate(rows, 1):
        if all(cell is None or cell == "" for cell in cells):
            continue
        where = f"{sheet} 第{number}行"
        if not header:
            header, titles = _header(file, where, level, cells, report)
            if not header:
                return
            continue
        if number > MOST_ROWS:
            said = f"超过 {MOST_ROWS} 行，以下未读取 more rows than a sheet may have; the rest was not read"
            report.refused.append(Refusal(file, where, "", said))
            return
        yield Row(
            file, where, level, {name: cells[i] for i, name in header.items() if i < len(cells)}, titles
        )


def _header(
    file: str, where: str, level: Level, cells: tuple[Any, ...], report: Report
) -> tuple[dict[int, str], dict[str, str]]:
    """Position -> field, and field -> title; both empty if a column is missing or there twice."""
    header: dict[int, str] = {}
    titles: dict[str, str] = {}
    wrong: list[Refusal] = []
    for position, cell in enumerate(cells):
        title = str(cell or "").strip()
        column = level.column(title) if title else None
        if column is None:
            if title:
                report.notes.append(
                    Refusal(file, where, title, "不认识的列，未采用 no column of a known name")
                )
        elif column.name in titles:
            wrong.append(Refusal(file, where, title, f"与“{titles[column.name]}”重复 the same column twice"))
        else:
            header[position], titles[column.name] = column.name, title
    wrong += [
        Refusal(
            file, where, f"{column.titles[0]} {column.name}", "缺少这一列，整表未读取 the column is missing"
        )
        for column in level.columns
        if column.required and column.name not in titles
    ]
    report.refused += wrong
    return ({}, {}) if wrong else (header, titles)
