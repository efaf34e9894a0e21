"""How agencies stand beside one another: their rates, their rating, their rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.metrics.domain.indicators import Indicator, Ratio, rating, ratios
from services.metrics.domain.rollups import Cell, grouped
from shared.policy import Jurisdiction

_BUSY = ("assigned", "assigned_due", "due", "revisits", "reworks")


@dataclass(frozen=True, slots=True)
class Standing:
    """One agency. ``gap``: 办结率 less 解决率; ``sample``: cases revisited with a verdict; ``rating`` from 0 to 1."""

    agency: str
    name: str
    ratios: Mapping[Indicator, Ratio]
    sample: int
    rating: float | None
    rank: int | None = None

    @property
    def gap(self) -> float | None:
        claimed, solved = self.ratios["completion_rate"].value, self.ratios["solved_rate"].value
        return claimed - solved if claimed is not None and solved is not None else None

    def as_json(self) -> dict[str, Any]:
        return {
            "agency": self.agency,
            "name": self.name,
            "indicators": {name: found.as_json() for name, found in self.ratios.items()},
            "gap": self.gap,
            "sample": self.sample,
            "rating": self.rating,
            "rank": self.rank,
        }


def standings(cells: Iterable[Cell], jurisdiction: Jurisdiction) -> list[Standing]:
    """Every agency that had anything to do, the best rating first.

    Those under the policy's minimum sample come last and have no rank: one four-minute fix must not win the league.
    """
    rules = jurisdiction.policy.rating
    found = [
        _standing(agency, cell.counts, jurisdiction)
        for agency, cell in grouped(cells, "agency").items()
        if agency and any(cell.counts.get(name) for name in _BUSY)
    ]
    order = sorted(
        (s for s in found if s.sample >= rules.minimum_sample and s.rating is not None),
        key=lambda s: (-(s.rating or 0.0), s.agency),
    )
    ranked = [replace(standing, rank=number) for number, standing in enumerate(order, 1)]
    return ranked + [standing for standing in found if standing not in order]


def together(counts: Mapping[str, int]) -> Standing:
    """All agencies as one, without a rating."""
    sample = counts.get("revisits_held", 0) + counts.get("revisits_failed", 0)
    return Standing("", "合计", ratios(counts), sample, rating=None)


def _standing(agency: str, counts: Mapping[str, int], jurisdiction: Jurisdiction) -> Standing:
    tenant = jurisdiction.tenants.get(agency)
    return Standing(
        agency=agency,
        name=tenant.name_zh if tenant else agency,
        ratios=ratios(counts),
        sample=counts.get("revisits_held", 0) + counts.get("revisits_failed", 0),
        rating=rating(counts, jurisdiction.policy.rating.weights),
    )
