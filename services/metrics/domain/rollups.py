"""Rollups: what all facts of one community count for on one day. A cache, computed from the facts, never incremented.

A bucket is a local day and a shard: the community of a case, or ``~`` and the channel of an appeal without one. The
facts of a bucket are about as many as one community has cases on one day, however large the city, and a figure for a
period, an agency or a district is a sum over buckets.

The write of a fact marks the buckets it changes in the same document. The keeper computes these anew and takes the
marks off only where the fact's version is unchanged; a rollup is written only over the version that was there before
its facts were read, so that of two copies at work the later reading wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from zlib import crc32
from zoneinfo import ZoneInfo

from pydantic import Field

from services.metrics.domain.counting import Entry, entries
from services.metrics.domain.facts import AppealFact, CaseFact, Fact
from shared.contracts.base import Part

F = TypeVar("F", CaseFact, AppealFact)


class Cell(Part):
    """The sums of one agency, place, category and channel of a bucket. ``times``: durations in seconds."""

    agency: str = ""
    subdistrict: str = ""
    community: str = ""
    category: str = ""
    channel: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    times: dict[str, list[int]] = Field(default_factory=dict)


class Rollup(Part):
    """One bucket. ``latest``: the newest event behind it; ``computed_at``: by the wall clock."""

    day: str
    latest: datetime | None = None
    computed_at: datetime
    cells: tuple[Cell, ...] = ()


def bucket(fact: Fact, day: str) -> str:
    """The bucket in which a fact counts on a day."""
    shard = f"~{fact.channel}" if isinstance(fact, AppealFact) else fact.community or "-"
    return f"{day}|{shard}"


def day_of(bucket_id: str) -> str:
    """The local day of a bucket."""
    return bucket_id.split("|", 1)[0]


def marked(before: F | None, after: F, zone: ZoneInfo) -> F:
    """``after`` with the buckets it counts in, and among them marked those whose figures the change touches."""
    if before is after:
        return after
    now: dict[str, int] = {name: _checksum(after, found) for name, found in _by_bucket(after, zone).items()}
    was: dict[str, int] = (
        dict(zip(before.buckets, before.checksums, strict=True)) if before is not None else {}
    )
    touched: set[str] = {name for name in {*was, *now} if was.get(name) != now.get(name)}
    dirty = tuple(sorted(touched.union(after.dirty or ())))
    return after.model_copy(
        update={"buckets": tuple(now), "checksums": tuple(now.values()), "dirty": dirty or None}
    )


def compute(
    wanted: Iterable[str], facts: Iterable[Fact], zone: ZoneInfo, computed_at: datetime
) -> dict[str, Rollup]:
    """The wanted buckets, from all facts that count in them."""
    sums: dict[str, dict[tuple[str, ...], tuple[Counter[str], dict[str, list[int]]]]] = {
        name: {} for name in wanted
    }
    newest: dict[str, datetime] = {}
    for fact in facts:
        for name, found in _by_bucket(fact, zone).items():
            if name not in sums:
                continue
            newest[name] = max(newest.get(name, fact.last_at), fact.last_at)
            for entry in found:
                counts, times = sums[name].setdefault(_dimensions(fact, entry), (Counter(), {}))
                if entry.timed:
                    times.setdefault(entry.name, []).append(entry.amount)
                else:
                    counts[entry.name] += entry.amount
    return {
        name: Rollup(
            day=day_of(name),
            latest=newest.get(name),
            computed_at=computed_at,
            cells=tuple(_cell(key, *cells[key]) for key in sorted(cells)),
        )
        for name, cells in sums.items()
    }


def total(cells: Iterable[Cell]) -> Cell:
    """The sum of cells, of no place or agency in particular."""
    counts: Counter[str] = Counter()
    times: dict[str, list[int]] = {}
    for cell in cells:
        counts.update(cell.counts)
        for name, seconds in cell.times.items():
            times.setdefault(name, []).extend(seconds)
    return Cell(counts=dict(counts), times=times)


def grouped(cells: Iterable[Cell], dimension: str) -> dict[str, Cell]:
    """Sums by agency, subdistrict, community, category or channel; "" where it is unknown."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(getattr(cell, dimension), []).append(cell)
    return {name: total(group) for name, group in sorted(groups.items())}


def _by_bucket(fact: Fact, zone: ZoneInfo) -> Mapping[str, Sequence[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries(fact, zone):
        found.setdefault(entry.day, []).append(entry)
    return {bucket(fact, day): found[day] for day in sorted(found)}


def _checksum(fact: Fact, found: Sequence[Entry]) -> int:
    return crc32(repr((_place(fact), [tuple(entry) for entry in found])).encode())


def _place(fact: Fact) -> tuple[str, str, str]:
    """Subdistrict, community and category, which all of a fact's entries share."""
    if isinstance(fact, AppealFact):
        return "", "", fact.category or ""
    return fact.subdistrict or "", fact.community or "", fact.category or ""


def _dimensions(fact: Fact, entry: Entry) -> tuple[str, ...]:
    return entry.agency, *_place(fact), entry.channel


def _cell(key: tuple[str, ...], counts: Counter[str], times: dict[str, list[int]]) -> Cell:
    agency, subdistrict, community, category, channel = key
    return Cell(
        agency=agency,
        subdistrict=subdistrict,
        community=community,
        category=category,
        channel=channel,
        counts={name: counts[name] for name in sorted(counts) if counts[name]},
        times={name: sorted(times[name]) for name in sorted(times)},
    )
