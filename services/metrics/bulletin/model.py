"""Daily dispatch, weekly bulletin, monthly summary (日调度、周通报、月总结): figures in, one plain model out.

The model is JSON-able and is what every rendering shows; :func:`bulletin_text` turns its tables into rows of text.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from services.metrics.bulletin.tables import (
    agency_table,
    appeal_table,
    case_table,
    cell_text,
    closings,
    distribution_table,
    exclusion_table,
    indicator_table,
    temperature_table,
    time_table,
)
from services.metrics.domain.indicators import Ratio, ratio, ratios
from services.metrics.domain.rollups import Cell, total
from services.metrics.domain.standing import Standing, standings, together
from shared.policy import Jurisdiction

Kind = Literal["daily", "weekly", "monthly"]
KINDS: tuple[Kind, ...] = ("daily", "weekly", "monthly")
TITLES: Mapping[Kind, str] = {"daily": "日调度", "weekly": "周通报", "monthly": "月总结"}
SPANS: Mapping[Kind, str] = {"daily": "当日", "weekly": "本周", "monthly": "本月"}


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included."""

    kind: Kind
    first: date
    last: date

    @classmethod
    def around(cls, kind: Kind, day: date) -> Period:
        """The day, the week from Monday to Sunday, or the month that ``day`` lies in."""
        match kind:
            case "daily":
                return cls(kind, day, day)
            case "weekly":
                monday = day - timedelta(days=day.weekday())
                return cls(kind, monday, monday + timedelta(days=6))
            case "monthly":
                return cls(kind, day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bulletin is made of: cells of the period, of all days up to its end, and of all days there are."""

    within: Sequence[Cell]
    until: Sequence[Cell]
    ever: Sequence[Cell]
    as_of: datetime


def bulletin(period: Period, figures: Figures, jurisdiction: Jurisdiction) -> dict[str, Any]:
    """The model of one bulletin, ready for JSON."""
    counts = total(figures.within).counts
    agencies = standings(figures.within, jurisdiction)
    tables = [
        agency_table(agencies, together(counts)),
        appeal_table("channels", "诉求来源", "渠道", figures.within, "channel", jurisdiction),
        appeal_table("categories", "诉求类别", "类别", figures.within, "category", jurisdiction),
        case_table(total(figures.ever).counts, total(figures.until).counts),
        temperature_table(figures.within, jurisdiction),
        distribution_table(counts, jurisdiction.policy.indoor_standard_celsius),
        exclusion_table(counts, jurisdiction),
        time_table(total(figures.within)),
        indicator_table(counts),
    ]
    return {
        "kind": period.kind,
        "title": f"{jurisdiction.places.district.name}接诉即办{TITLES[period.kind]}",
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "as_of": figures.as_of.isoformat(),
        "policy": jurisdiction.policy.label,
        "headline": headline(period.kind, counts, agencies),
        "indicators": {name: found.as_json() for name, found in ratios(counts).items()},
        "counts": dict(sorted(counts.items())),
        "agencies": [standing.as_json() for standing in agencies],
        "tables": tables,
        "notes": _notes(jurisdiction),
    }


def headline(kind: Kind, counts: Mapping[str, int], agencies: Sequence[Standing]) -> str:
    """One or two sentences that say the most important: what was claimed, what residents got, where the gap is."""
    appeals = sum(counts.get(f"appeals_{o}", 0) for o in ("registered", "merged", "answered", "not_accepted"))
    said = [f"{SPANS[kind]}共接诉求{appeals}件，立案{counts.get('appeals_registered', 0)}件，"
            f"结案{closings(counts)}件"]  # fmt: skip
    claimed, solved = ratio("completion_rate", counts), ratio("solved_rate", counts)
    if claimed.value is not None and solved.value is not None:
        points = (claimed.value - solved.value) * 100
        compared = f"比办结率低{points:.1f}个百分点" if points > 0 else "不低于办结率"
        said.append(f"承办单位报办结率{_percent(claimed)}，回访群众认可解决率{_percent(solved)}，{compared}")
    elif solved.value is not None:
        said.append(f"回访群众认可解决率{_percent(solved)}")
    warm = ratio("room_temp_pass_rate", counts)
    if warm.value is not None:
        said.append(f"回访测温合格率{_percent(warm)}")
    gaps = [(a.gap, a.name) for a in agencies if a.rank is not None and a.gap is not None and a.gap > 0]
    if gaps:
        gap, name = max(gaps)
        said.append(f"两率差距最大的是{name}（{gap * 100:.1f}个百分点）")
    return "；".join(said) + "。"


def bulletin_text(model: Mapping[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """The tables of a model (also one read back from JSON) as (title, headings, rows), every cell a text."""
    return [
        (
            table["title"],
            [column["title"] for column in table["columns"]],
            [
                [cell_text(column, cell) for column, cell in zip(table["columns"], row, strict=True)]
                for row in table["rows"]
            ],
        )
        for table in model["tables"]
    ]


def _notes(jurisdiction: Jurisdiction) -> list[str]:
    rules = jurisdiction.policy.rating
    return [
        f"回访案卷不足{rules.minimum_sample}件的单位列出但不排名。",
        "各率均附分子和分母；分母为零的不计。建议和表扬不计入解决率、满意率；缓办案卷不计入结案率。",
        "回访未能核实而结案的单列，不视为满意。主办、协办各按自己的时限考核。",
        f"评分按政策 {jurisdiction.policy.label} 的权重计算。",
    ]


def _percent(found: Ratio) -> str:
    return f"{found.value:.2%}（{found.numerator}/{found.denominator}）"
