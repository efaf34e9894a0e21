"""The indicators of DOMAIN 5: pure formulas over counts, each with its numerator and denominator.

Two of them cannot be told from what the system hears: `repeat_rate` needs to know one household again across cases, and
the part of `first_time_solved_rate` that asks for no repeat within 30 days needs the same. The first is not given, the
second is without that part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import Literal

Indicator = Literal[
    "closing_rate",
    "on_time_closing_rate",
    "urgent_closing_rate",
    "urgent_on_time_closing_rate",
    "completion_rate",
    "contact_rate",
    "solved_rate",
    "satisfaction_rate",
    "acceptance_rate",
    "arrival_rate",
    "rework_rate",
    "extension_rate",
    "return_rate",
    "first_time_solved_rate",
    "room_temp_pass_rate",
]


@dataclass(frozen=True, slots=True)
class Ratio:
    """So many of so many. Nothing of nothing is no ratio: neither 0 % nor 100 %."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    def as_json(self) -> dict[str, int | float | None]:
        return {"numerator": self.numerator, "denominator": self.denominator, "ratio": self.value}


@dataclass(frozen=True, slots=True)
class Formula:
    """An indicator: its name in Chinese, which counts it divides (see `counting`), and what it means."""

    name: str
    numerator: str
    denominator: str
    meaning: str


FORMULAS: Mapping[Indicator, Formula] = {
    "closing_rate": Formula("结案率", "closed_of_due", "due", "已结案 ÷（到期应结 − 缓办）"),
    "on_time_closing_rate": Formula("按期结案率", "on_time_of_due", "due", "按期结案 ÷（到期应结 − 缓办）"),
    "urgent_closing_rate": Formula(
        "紧急结案率", "urgent_closed_of_due", "urgent_due", "紧急和应急案卷中已结案 ÷ 到期应结（缓办不剔除）"
    ),
    "urgent_on_time_closing_rate": Formula(
        "紧急按期结案率",
        "urgent_on_time_of_due",
        "urgent_due",
        "紧急和应急案卷中按期结案 ÷ 到期应结（缓办不剔除）",
    ),
    "completion_rate": Formula(
        "办结率", "resolved_of_due", "assigned_due", "承办单位报办结 ÷ 到期承办单：单位怎么说"
    ),
    "contact_rate": Formula("响应率", "contact_in_time", "assigned", "时限内联系群众 ÷ 派发的承办单"),
    "solved_rate": Formula("解决率", "solved", "answered", "群众认为已解决 ÷ 回访到的住户：群众怎么说"),
    "satisfaction_rate": Formula("满意率", "content", "answered", "满意和基本满意 ÷ 回访到的住户"),
    "acceptance_rate": Formula(
        "按时签收率", "accept_in_time", "accept_judged", "时限内签收 ÷ 应签收的承办单"
    ),
    "arrival_rate": Formula("按时到场率", "arrive_in_time", "arrive_judged", "时限内到场 ÷ 要求到场的承办单"),
    "rework_rate": Formula(
        "返工率", "rounds_reworked", "rounds_judged", "回访未通过而返工 ÷ 已有回访结论的办结"
    ),
    "extension_rate": Formula("延期率", "extended", "assigned", "批准延期 ÷ 派发的承办单"),
    "return_rate": Formula("退单率", "returned", "assigned", "退单 ÷ 派发的承办单"),
    "first_time_solved_rate": Formula(
        "初次化解率",
        "first_time",
        "cases_closed",
        "未返工、未重开而核实结案 ÷ 结案（三十日内重复诉求未计入）",
    ),
    "room_temp_pass_rate": Formula(
        "室温合格率", "readings_passed", "readings_valid", "达到室温标准的读数 ÷ 有效读数"
    ),
}


def ratio(indicator: Indicator, counts: Mapping[str, int]) -> Ratio:
    """One indicator of these counts."""
    formula = FORMULAS[indicator]
    return Ratio(counts.get(formula.numerator, 0), counts.get(formula.denominator, 0))


def ratios(counts: Mapping[str, int]) -> dict[Indicator, Ratio]:
    """All indicators of these counts."""
    return {indicator: ratio(indicator, counts) for indicator in FORMULAS}


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, median and 90th percentile (the smallest value that nine in ten do not exceed) of so many, in seconds."""

    count: int
    mean: float
    median: float
    p90: float

    def as_json(self) -> dict[str, int | float]:
        return {"count": self.count, "mean": self.mean, "median": self.median, "p90": self.p90}


def spread(seconds: Sequence[int]) -> Spread | None:
    """None of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Spread(len(ordered), fmean(ordered), median(ordered), ordered[ceil(0.9 * len(ordered)) - 1])


Weighed = Literal["satisfaction", "temperature", "on_time", "rework"]


def rating(counts: Mapping[str, int], weights: Mapping[Weighed, float]) -> float | None:
    """An agency's rating from 0 to 1: satisfaction, temperature, on-time, and no rework, weighed by the policy.

    What is unknown of an agency leaves the weighing; nothing known is no rating.
    """
    rework = ratio("rework_rate", counts).value
    values: dict[Weighed, float | None] = {
        "satisfaction": ratio("satisfaction_rate", counts).value,
        "temperature": ratio("room_temp_pass_rate", counts).value,
        "on_time": ratio("on_time_closing_rate", counts).value,
        "rework": None if rework is None else 1 - rework,
    }
    known = [(weights.get(name, 0.0), value) for name, value in values.items() if value is not None]
    weight = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / weight if weight else None
