"""The score on a file of judged appeals: {"id", "text", "lead_kinds", "urgency", "modes"}, each a list of what a
dispatcher would accept; mode "answer" is a consultation answered at once, lead "desk" the centre's desk, where no
agency of the district answers for the matter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from deploy.explain import explain_line
from shared.policy import Jurisdiction

T = TypeVar("T")

APPEALS = Path(__file__).with_name("appeals.jsonl")
DIMENSIONS = {"lead_kind": "lead_kinds", "urgency": "urgency", "mode": "modes"}
"""What explain says -> what the judged appeal accepts for it."""
DESK = "desk"
BANDS = (0.0, 0.5, 0.65, 0.75, 0.85, 0.95)


@dataclass(frozen=True)
class Judged:
    """One appeal, what was made of it, and the dimensions on which nobody would accept that."""

    appeal: dict[str, Any]
    said: dict[str, Any]
    missed: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """The miss for people: what was said, what would have been accepted, and the reasons given."""
        wrong = "；".join(
            f"{name} {self.said[name]}，可接受 {'|'.join(self.appeal[DIMENSIONS[name]])}"
            for name in self.missed
        )
        return f"{self.appeal['id']} {self.appeal['text'][:60]}\n    {wrong}\n    {self.said['category']} \
{self.said['confidence']}：{self.said['because']}"


def read(path: Path) -> list[dict[str, Any]]:
    """The judged appeals of a file, one JSON object per line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def judged(appeals: Iterable[dict[str, Any]], jurisdiction: Jurisdiction) -> list[Judged]:
    """What the services would make of each."""
    return [_judged(appeal, explain_line(appeal, jurisdiction)) for appeal in appeals]


def _judged(appeal: dict[str, Any], said: dict[str, Any]) -> Judged:
    said = said | {"lead_kind": said["lead_kind"] or DESK}
    missed = tuple(name for name, accepted in DIMENSIONS.items() if said[name] not in appeal[accepted])
    return Judged(appeal, said, missed)


def halves(appeals: Sequence[T]) -> tuple[list[T], list[T]]:
    """The half one looks at while mending rules, and the half that is only scored."""
    return list(appeals[::2]), list(appeals[1::2])


def table(results: Sequence[Judged]) -> str:
    """Right of all, per dimension and on all three at once."""
    rows = [(name, sum(name not in one.missed for one in results)) for name in DIMENSIONS]
    rows.append(("overall", sum(not one.missed for one in results)))
    return "\n".join(f"  {name:10} {right:4} / {len(results)}" for name, right in rows)


def reliability(readings: Sequence[tuple[float, bool]]) -> str:
    """Of (confidence, whether the lead was right): what was said and what was so, per band of confidence."""
    lines = ["  confidence     said    so"]
    for low, high in pairwise((*BANDS, 1.01)):
        band = [(said, right) for said, right in readings if low <= said < high]
        if band:
            said = sum(one for one, _ in band) / len(band)
            right = sum(one for _, one in band)
            lines.append(
                f"  {low:.2f} - {min(high, 1.0):.2f}  {said:5.0%} {right / len(band):5.0%}  {right:4} / {len(band)}"
            )
    return "\n".join(lines)


def by_confidence(results: Sequence[Judged]) -> str:
    """How often the lead was right, per band of confidence: says whether the figure means something."""
    return reliability([(one.said["confidence"], "lead_kind" not in one.missed) for one in results])
