"""What the households of a task said, counted, and the verdict that follows.

Counts do not depend on the order in which households were asked, and neither does the verdict: once a failure is
certain, no further answer can undo it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.revisit.domain.readings import Judged
from shared.contracts.team import Revisited
from shared.contracts.values import Reading, Satisfaction
from shared.policy.rules import Revisit

MOST_READINGS = 50
WORST_FIRST: tuple[Satisfaction, ...] = ("dissatisfied", "basically_satisfied", "satisfied")

Verdict = Literal["open", "again", "held", "failed", "unreachable", "declined", "silent"]
"""``open``: more households are to be asked; ``again``: those that nobody reached, at another time; ``unreachable``,
``declined`` and ``silent``: nobody answered, so nothing is verified; of several reasons the first."""


class Answers(BaseModel):
    """Counts of households over all attempts, except ``unreachable``: those of this attempt.

    A household reached is ``content`` or ``discontent`` by its words, else ``content`` by a valid reading at or above
    the standard, else ``silent``. ``solved`` and ``unsolved`` part those that are not silent by whether the problem is
    gone; who said nothing of that counts by how content it is. Readings: at most 50 of each kind are kept, the latest
    household's first; the counts are of all.
    """

    model_config = ConfigDict(frozen=True)

    content: int = 0
    discontent: int = 0
    silent: int = 0
    declined: int = 0
    unreachable: int = 0
    solved: int = 0
    unsolved: int = 0
    satisfied: int = 0
    basically_satisfied: int = 0
    dissatisfied: int = 0
    passed: int = 0
    cold: int = 0
    excused: int = 0
    invalid: int = 0
    valid_readings: list[Reading] = Field(default_factory=list)
    excused_readings: list[Reading] = Field(default_factory=list)
    invalid_readings: list[Reading] = Field(default_factory=list)

    @property
    def answered(self) -> int:
        return self.content + self.discontent

    @property
    def asked(self) -> int:
        """Reached, or declined to speak."""
        return self.answered + self.silent + self.declined

    @property
    def accounted(self) -> int:
        """Households with which this attempt is through."""
        return self.asked + self.unreachable

    @property
    def satisfaction(self) -> Satisfaction | None:
        """The middle answer, of an even number the worse of the two; None if nobody said."""
        said = [getattr(self, name) for name in WORST_FIRST]
        middle = (sum(said) - 1) // 2
        for name, count in zip(WORST_FIRST, said, strict=True):
            if 0 <= middle < count:
                return name
            middle -= count
        return None


def heard(answers: Answers, said: Revisited, judged: Judged) -> Answers:
    """One household more."""
    if said.outcome == "unreachable":
        return answers.model_copy(update={"unreachable": answers.unreachable + 1})
    if said.outcome == "declined":
        return answers.model_copy(update={"declined": answers.declined + 1})
    more = {_standing(said, judged): 1}
    if said.satisfaction is not None:
        more[said.satisfaction] = 1
    if "silent" not in more:
        solved = said.solved if said.solved is not None else "content" in more
        more["solved" if solved else "unsolved"] = 1
    for kind in ("passed", "cold", "excused", "invalid"):
        more[kind] = len(getattr(judged, kind))
    counts = {name: getattr(answers, name) + count for name, count in more.items()}
    return answers.model_copy(
        update={
            **counts,
            "valid_readings": [*judged.cold, *judged.passed, *answers.valid_readings][:MOST_READINGS],
            "excused_readings": [*judged.excused, *answers.excused_readings][:MOST_READINGS],
            "invalid_readings": [*judged.invalid, *answers.invalid_readings][:MOST_READINGS],
        }
    )


def _standing(said: Revisited, judged: Judged) -> str:
    if said.solved is False or said.satisfaction == "dissatisfied":
        return "discontent"
    if said.solved or said.satisfaction is not None:
        return "content"
    return "content" if judged.passed and not judged.cold else "silent"


def verdict(answers: Answers, households: int, attempt: int, rule: Revisit) -> Verdict:
    """Where a task stands that must ask so many households, in its so-manieth attempt.

    It fails on one valid reading under the standard, or when even with all who may still answer content, fewer than the
    policy's share would be; a single household that is not content fails it under any share.
    """
    last = attempt >= rule.tries
    open = households - (answers.accounted if last else answers.asked)
    best = answers.content + open
    if answers.cold:
        return "failed"
    if answers.discontent and (best == 0 or best / (best + answers.discontent) < rule.hold_share):
        return "failed"
    if answers.accounted < households:
        return "open"
    if answers.unreachable and not last:
        return "again"
    if answers.answered:
        return "held"
    if answers.unreachable:
        return "unreachable"
    return "declined" if answers.declined else "silent"
