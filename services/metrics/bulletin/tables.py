"""The tables of a bulletin: typed cells, so that a spreadsheet gets numbers and a page words for the same figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from services.metrics.domain.counting import BANDS, TIMES
from services.metrics.domain.facts import CASE_STATES
from services.metrics.domain.indicators import FORMULAS, Indicator, ratio, ratios, spread
from services.metrics.domain.rollups import Cell, grouped
from services.metrics.domain.standing import Standing
from shared.policy import Jurisdiction

STATES = {
    "registered": "待派遣",
    "dispatched": "办理中",
    "deferred": "缓办",
    "resolved": "已办结待回访",
    "closed": "已结案",
}
EXCUSES = {
    "stopped_by_user": "用户停热",
    "never_opened": "未开户用热",
    "arrears": "欠费",
    "user_alteration": "用户自行改动",
    "not_a_dwelling": "非居住用房",
    "trial_period": "试运行期",
    "other": "其他",
}
STEPS = {"accept": "签收", "contact": "联系群众", "arrive": "到场", "resolve": "办结", "close": "结案"}
UNKNOWN = "未知"

BESIDE: tuple[Indicator, ...] = ("completion_rate", "solved_rate", "satisfaction_rate")
"""What an agency claims, beside what residents say."""

RATED: tuple[Indicator, ...] = ("on_time_closing_rate", "rework_rate", "room_temp_pass_rate")


class Column(TypedDict):
    """``kind``: text, count, ratio ({numerator, denominator, ratio}), points (percentage points), duration (seconds)
    or score (0 to 100)."""

    key: str
    title: str
    kind: Literal["text", "count", "ratio", "points", "duration", "score"]


class Table(TypedDict):
    """A table of the bulletin; every row has one cell per column, None where there is nothing to say."""

    id: str
    title: str
    columns: list[Column]
    rows: list[list[Any]]


def agency_table(agencies: Sequence[Standing], whole: Standing) -> Table:
    """What agencies claim beside what residents say, best rating first, all together last."""
    columns = [_column("rank", "名次", "text"), _column("name", "承办单位", "text")]
    columns += [_column(name, FORMULAS[name].name, "ratio") for name in BESIDE]
    columns += [_column("gap", "办结率−解决率", "points")]
    columns += [_column(name, FORMULAS[name].name, "ratio") for name in RATED]
    columns += [_column("sample", "回访案卷", "count"), _column("rating", "评分", "score")]
    rows = [[str(one.rank) if one.rank is not None else "样本不足", *_standing_row(one)] for one in agencies]
    rows.append(["", *_standing_row(whole)])
    return Table(id="agencies", title="承办单位：办结率与解决率、满意率", columns=columns, rows=rows)


def _standing_row(one: Standing) -> list[Any]:
    return [
        one.name,
        *(one.ratios[name].as_json() for name in BESIDE),
        one.gap,
        *(one.ratios[name].as_json() for name in RATED),
        one.sample,
        one.rating * 100 if one.rating is not None else None,
    ]


def appeal_table(
    id: str, title: str, first: str, cells: Iterable[Cell], dimension: str, jurisdiction: Jurisdiction
) -> Table:
    outcomes = {"registered": "立案", "merged": "并案", "answered": "直接答复", "not_accepted": "不予受理"}
    if dimension == "channel":
        outcomes["rejected"] = "格式退回"
    rows: list[tuple[str, int, list[int]]] = []
    for value, cell in grouped(cells, dimension).items():
        amounts = [cell.counts.get(f"appeals_{outcome}", 0) for outcome in outcomes]
        if any(amounts):
            rows.append((_name(dimension, value, jurisdiction), sum(amounts), amounts))
    rows.sort(key=lambda row: (-row[1], row[0]))
    sums = [sum(column) for column in zip(*(amounts for _, _, amounts in rows), strict=True)]
    sums = sums or [0] * len(outcomes)
    columns = [_column(dimension, first, "text"), _column("total", "合计", "count")]
    columns += [_column(outcome, name, "count") for outcome, name in outcomes.items()]
    return Table(
        id=id,
        title=title,
        columns=columns,
        rows=[[name, amount, *amounts] for name, amount, amounts in rows] + [["合计", sum(sums), *sums]],
    )


def case_table(now: Mapping[str, int], until: Mapping[str, int]) -> Table:
    """Open cases by state as they stand when the bulletin is made, and how many were open when the period ended."""
    rows: list[list[Any]] = [
        [STATES[state], now.get(f"case_{state}", 0)] for state in CASE_STATES if state != "closed"
    ]
    left = until.get("opened", 0) + until.get("reopened", 0) - closings(until)
    rows.append(["未结案（期末）", left])
    rows.append(["回访超期", now.get("revisit_overdue", 0)])
    columns = [_column("state", "状态（成稿时）", "text"), _column("cases", "案卷", "count")]
    return Table(id="open_cases", title="在办案卷", columns=columns, rows=rows)


def temperature_table(cells: Iterable[Cell], jurisdiction: Jurisdiction) -> Table:
    rows = []
    for subdistrict, cell in grouped(cells, "subdistrict").items():
        found = ratio("room_temp_pass_rate", cell.counts)
        if found.denominator:
            rows.append([_name("subdistrict", subdistrict, jurisdiction), found.as_json()])
    columns = [_column("subdistrict", "街道", "text"), _column("room_temp_pass_rate", "室温合格率", "ratio")]
    return Table(id="temperatures", title="室温合格率", columns=columns, rows=rows)


def distribution_table(counts: Mapping[str, int], standard: float) -> Table:
    """How many readings lie in which band: the rate alone hides who is far below."""
    edges = ["", *(f"{band}" for band in BANDS)]
    rows: list[list[Any]] = []
    for number, lower in enumerate(edges):
        upper = f"{BANDS[number]}" if number < len(BANDS) else ""
        band = f"{lower}–{upper} ℃" if lower and upper else f"{upper} ℃以下" if upper else f"{lower} ℃及以上"
        below = bool(upper) and float(upper) <= standard
        rows.append([band, counts.get(f"band_{number}", 0), "低于标准" if below else ""])
    columns = [
        _column("band", "室温（含下限）", "text"),
        _column("readings", "读数", "count"),
        _column("standard", f"标准{standard:g} ℃", "text"),
    ]
    return Table(id="distribution", title="回访室温分布", columns=columns, rows=rows)


def exclusion_table(counts: Mapping[str, int], jurisdiction: Jurisdiction) -> Table:
    """Readings that leave the pass rate (甄别剔除): how many, why, who approved."""
    rows: list[list[Any]] = [
        [EXCUSES.get(name.removeprefix("excused_"), name), count, f"政策 {jurisdiction.policy.label}"]
        for name, count in sorted(counts.items())
        if name.startswith("excused_")
    ]
    columns = [
        _column("excuse", "理由", "text"),
        _column("readings", "读数", "count"),
        _column("by", "核准", "text"),
    ]
    return Table(id="exclusions", title="甄别剔除的测温", columns=columns, rows=rows)


def time_table(cell: Cell) -> Table:
    rows: list[list[Any]] = []
    for name in TIMES:
        found = spread(cell.times.get(name, ()))
        rows.append(
            [STEPS[name], found.count, found.mean, found.median, found.p90]
            if found
            else [STEPS[name], 0, None, None, None]
        )
    columns = [
        _column("step", "用时至", "text"),
        _column("count", "件数", "count"),
        _column("mean", "平均", "duration"),
        _column("median", "中位数", "duration"),
        _column("p90", "九成以内", "duration"),
    ]
    return Table(id="times", title="办理用时", columns=columns, rows=rows)


def indicator_table(counts: Mapping[str, int]) -> Table:
    rows = [
        [FORMULAS[name].name, found.as_json(), FORMULAS[name].meaning]
        for name, found in ratios(counts).items()
    ]
    columns = [
        _column("indicator", "指标", "text"),
        _column("ratio", "本期", "ratio"),
        _column("meaning", "口径", "text"),
    ]
    return Table(id="indicators", title="全部指标与口径", columns=columns, rows=rows)


def cell_text(column: Column, cell: Any) -> str:
    """One cell in words; a rate always with its numerator and denominator."""
    if cell is None:
        return "—"
    match column["kind"]:
        case "ratio":
            of = f"{cell['numerator']}/{cell['denominator']}"
            return f"{cell['ratio']:.2%} ({of})" if cell["ratio"] is not None else f"— ({of})"
        case "points":
            return f"{cell * 100:+.1f}"
        case "duration":
            return _duration(cell)
        case "score":
            return f"{cell:.1f}"
        case _:
            return str(cell)


def _name(dimension: str, value: str, jurisdiction: Jurisdiction) -> str:
    return name_of(dimension, value, jurisdiction) or UNKNOWN


def name_of(dimension: str, value: str, jurisdiction: Jurisdiction) -> str:
    """What a code of the registry is called in Chinese; empty for the unknown."""
    if not value:
        return ""
    match dimension:
        case "agency" | "channel":
            tenant = jurisdiction.tenants.get(value)
            return tenant.name_zh if tenant else value
        case "category":
            tree = jurisdiction.policy.tree
            return " / ".join(tree.ref(value).path) if tree.known(value) else value
        case _:
            place = jurisdiction.places.place(value)
            return place.name if place else value


def _column(
    key: str, title: str, kind: Literal["text", "count", "ratio", "points", "duration", "score"]
) -> Column:
    return Column(key=key, title=title, kind=kind)


def closings(counts: Mapping[str, int]) -> int:
    """All closings, whatever their outcome."""
    return sum(counts.get(f"closings_{outcome}", 0) for outcome in ("verified", "not_verified", "withdrawn"))


def _duration(seconds: float) -> str:
    """Seconds as people say it: minutes under two hours, hours under two days, days above."""
    if seconds < 7200:
        return f"{seconds / 60:.1f} 分钟"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} 小时"
    return f"{seconds / 86_400:.1f} 天"
