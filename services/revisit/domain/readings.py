"""Which measured temperatures count, and what they say (DOMAIN 3, "a valid reading")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.contracts.values import Reading
from shared.policy.policy import Policy

PLAUSIBLE_CELSIUS = (0.0, 40.0)
ROOMS = {"living_room": "客厅", "bedroom": "卧室"}


@dataclass(frozen=True)
class Judged:
    """The readings of one household. ``passed`` and ``cold`` are valid: at or above the indoor standard, or under it;
    ``excused`` would be, but the flat has an approved excuse; ``invalid`` are kept and never used."""

    passed: list[Reading] = field(default_factory=list)
    cold: list[Reading] = field(default_factory=list)
    excused: list[Reading] = field(default_factory=list)
    invalid: list[Reading] = field(default_factory=list)


def judge(
    readings: Iterable[Reading],
    category: str,
    done_at: datetime,
    excused: bool,
    excused_until: datetime | None,
    policy: Policy,
) -> Judged:
    """Sorts the readings of one household.

    ``done_at``: when the agency said it was done. ``excused_until``: what was measured after it has no excuse any more;
    None is no end. Celsius, aware times.
    """
    judged = Judged()
    for reading in readings:
        if not _valid(reading, category, done_at, policy):
            judged.invalid.append(reading)
        elif excused and (excused_until is None or reading.at <= excused_until):
            judged.excused.append(reading)
        elif reading.celsius < policy.indoor_standard_celsius:
            judged.cold.append(reading)
        else:
            judged.passed.append(reading)
    return judged


def _valid(reading: Reading, category: str, done_at: datetime, policy: Policy) -> bool:
    """In a room that is lived in, doors and windows shut, after the "done", plausible; and the standard holds: this
    category is measured, in the season (local day). A visit lasts, and a time may be written in whole seconds: what was
    measured after the door was opened counts, and so does the second of the "done" itself.

    ``doors_closed`` left out counts as shut: a team that found them open says so.
    """
    lowest, highest = PLAUSIBLE_CELSIUS
    return (
        policy.category(category).measure
        and policy.in_season(reading.at.astimezone(policy.zone).date())
        and reading.room in ROOMS
        and reading.doors_closed is not False
        and done_at.replace(microsecond=0) <= reading.at
        and lowest <= reading.celsius <= highest
    )


def approver(excuse: str | None, households: int, policy: Policy) -> str | None:
    """Who approved the agency's excuse by itself: the policy, for the codes it lists; None if nobody did."""
    rule = policy.revisit
    approved = excuse in rule.excuses_approved and rule.excusable(excuse, households)
    return f"policy {policy.label}" if approved else None
