"""What is read and what is said of it: rows, refusals, the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shapely.geometry.base import BaseGeometry

from deploy.gazetteer.columns import FORMULA_FAILED, Level

Progress = Callable[[str, Iterable[Any], int | None], Iterator[Any]]
"""(what is read, its parts, how many if known) -> the same parts, shown as they go."""


class Refusal(NamedTuple):
    """What was not taken and why. ``where``: sheet and row, or feature; ``field``: as the file calls it, or empty."""

    file: str
    where: str
    field: str
    problem: str

    def __str__(self) -> str:
        return " · ".join(part for part in self[:3] if part) + f"：{self.problem}"


class Row(NamedTuple):
    """One row or feature as it was written. ``cells``: field -> value; ``titles``: field -> the header above it."""

    file: str
    where: str
    level: Level
    cells: Mapping[str, Any]
    titles: Mapping[str, str]
    shape: BaseGeometry | None = None

    def refusal(self, name: str, problem: str) -> Refusal:
        return Refusal(self.file, self.where, self.titles.get(name, name), problem)


@dataclass
class Report:
    """What became of the files. ``taken``: (level, "new" | "changed" | "same") -> how many; ``notes``: what was left
    aside without being wrong."""

    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    notes: list[Refusal] = field(default_factory=list)


def values(row: Row) -> tuple[dict[str, Any], list[Refusal]]:
    """The cells of a row as the registry's values, and what is wrong with them; empty cells are not there."""
    found: dict[str, Any] = {}
    wrong: list[Refusal] = []
    for column in row.level.columns:
        cell = row.cells.get(column.name)
        if cell is None or cell == "" or (isinstance(cell, str) and not cell.strip()):
            continue
        if isinstance(cell, str) and cell in FORMULA_FAILED:
            wrong.append(row.refusal(column.name, f"单元格公式出错 the formula failed: {cell}"))
            continue
        try:
            found[column.name] = column.read(cell)
        except ValueError as problem:
            wrong.append(row.refusal(column.name, str(problem)))
    return found, wrong
