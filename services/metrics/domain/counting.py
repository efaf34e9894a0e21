"""What a fact counts for, and on which local day. Pure, and without a clock: everything is known from events.

The days, and what is counted on them:

    an appeal's day          appeals_<outcome>
    the case's first day     opened; as things stand now: case_<state>, assignment_<state>, overdue_<step>,
                             revisit_overdue, desk_<reason>, desk_overdue
    the case's due day       due, closed_of_due, on_time_of_due (deferred left out); urgent_* (deferred left in)
    the assignment's day     assigned, returned, extended, <step>_judged, <step>_in_time, time to each step
    its resolve deadline     assigned_due, resolved_of_due
    a round's "done"         rounds_judged, rounds_reworked
    a revisit's day          revisits, revisits_<verdict>, answered, solved, content, readings_*,
                             excused_<code>, band_<n>, celsius_<bound>
    a rework's day           reworks
    a closing's day          closings_<outcome>; for the closing that holds: cases_closed, first_time, time to close
    a reopening's day        reopened

A step is judged once it was taken or its deadline was found past (`assignment.overdue`), a case once it closed or an
event later than its deadline is known of it. A contact for which the policy sets no deadline is always in time. A case
withdrawn as a whole, or joined to another, is never due: nobody is owed its end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from services.metrics.domain.facts import (
    STEPS,
    AppealFact,
    AppealOutcome,
    AssignmentFact,
    CaseFact,
    Fact,
    Round,
    Verification,
)
from shared.contracts.values import ExcuseCode

BOUNDS = (10, 12, 14, 15, 16, 17, 17.9, 18, 19, 20, 21, 22, 24, 26, 28)
"""Degrees Celsius. Prometheus counts a reading at a bound below it, and 18.0 is not cold: hence 17.9."""
"""Upper bounds of the room temperature histogram in degrees Celsius, each included (Prometheus' `le`)."""

BANDS = (14, 16, 18, 20, 22, 24)
"""Where the bands of the bulletin's distribution begin: a band holds its lower end, not its upper."""

EXCUSES = frozenset[str](get_args(ExcuseCode))
"""What is counted under its own name; what else an agency calls its excuse is `other`."""

OUT_OF_RATES = ("suggestion", "praise")
"""Natures that stay out of the solved and the satisfaction rate (DOMAIN 1)."""

UNDONE: Mapping[AppealOutcome, AppealOutcome] = {
    "refused": "merged",
    "left_registered": "registered",
    "left_merged": "merged",
}
"""What takes an appeal off the counts of its case, and off which: it counts at another, once. ``refused`` was said by
a version that knew no other way."""

NOBODY_IS_OWED = ("withdrawn", "joined")
"""Ends of a case that no agency brought about."""

TimeTo = Literal["accept", "contact", "arrive", "resolve", "close"]
TIMES: tuple[TimeTo, ...] = ("accept", "contact", "arrive", "resolve", "close")


class Entry(NamedTuple):
    """One number a fact counts for. ``timed``: the amount is a duration in seconds, listed instead of added up."""

    day: str
    agency: str
    channel: str
    name: str
    amount: int = 1
    timed: bool = False


def entries(fact: Fact, zone: ZoneInfo) -> list[Entry]:
    """Everything a fact counts for, days being those of ``zone``."""
    if isinstance(fact, AppealFact):
        day = _day(fact.first_at, zone)
        return [Entry(day, "", fact.channel, f"appeals_{fact.outcome}", fact.count)]
    return [
        *_appeals(fact),
        *_standing(fact, zone),
        *_due(fact, zone),
        *_rounds(fact, zone),
        *_work(fact, zone),
    ]


def _appeals(fact: CaseFact) -> Iterator[Entry]:
    lead = fact.lead_in(fact.round)
    for c in fact.appeals:
        undone = UNDONE.get(c.outcome)
        name, amount = (c.outcome, c.count) if undone is None else (undone, -c.count)
        yield Entry(c.day, lead, c.channel, f"appeals_{name}", amount)


def _standing(fact: CaseFact, zone: ZoneInfo) -> Iterator[Entry]:
    """How the case and its assignments stand now, dated by the case's first day: sums over all days are the present."""
    day, channel, lead = _day(fact.first_at, zone), fact.channel or "", fact.lead_in(fact.round)
    state = fact.state
    yield Entry(day, lead, channel, "opened")
    yield Entry(day, lead, channel, f"case_{state}")
    if fact.revisit_overdue:
        yield Entry(day, lead, channel, "revisit_overdue")
    if fact.on_desk:
        for reason in fact.desk_reasons:
            yield Entry(day, lead, channel, f"desk_{reason}")
    if fact.desk_overdue:
        yield Entry(day, lead, channel, "desk_overdue")
    for assignment in fact.assignments:
        if assignment.agency is None:
            continue
        yield Entry(day, assignment.agency, channel, f"assignment_{assignment.state}")
        if state == "closed" or assignment.state in ("returned", "withdrawn"):
            continue
        for step in assignment.overdue:
            if assignment.taken(step) is None:
                yield Entry(day, assignment.agency, channel, f"overdue_{step}")


def _due(fact: CaseFact, zone: ZoneInfo) -> Iterator[Entry]:
    due, closing = fact.due, fact.closing
    if due is None or (closing is None and fact.last_at < due):
        return
    if closing is not None and closing.outcome in NOBODY_IS_OWED:
        return
    day, channel, lead = _day(due, zone), fact.channel or "", fact.lead_in(fact.round)
    prefixes = [] if fact.state == "deferred" else [""]
    if fact.urgency in ("urgent", "emergency"):
        prefixes.append("urgent_")
    for prefix in prefixes:
        yield Entry(day, lead, channel, f"{prefix}due")
        if closing is not None:
            yield Entry(day, lead, channel, f"{prefix}closed_of_due")
            if closing.on_time:
                yield Entry(day, lead, channel, f"{prefix}on_time_of_due")


def _rounds(fact: CaseFact, zone: ZoneInfo) -> Iterator[Entry]:
    channel = fact.channel or ""
    for now in fact.rounds:
        lead = fact.lead_in(now.round)
        if now.reworked_at is not None:
            agency = now.rework_agency or lead
            yield Entry(_day(now.reworked_at, zone), agency, channel, "reworks")
        if now.reopened_at is not None:
            yield Entry(_day(now.reopened_at, zone), lead, channel, "reopened")
        after = fact.in_round(now.round + 1)
        ended = now.closing is not None and now.closing.outcome not in NOBODY_IS_OWED
        if now.resolved_at is not None and (ended or after.reworked_at is not None):
            day = _day(now.resolved_at, zone)
            yield Entry(day, lead, channel, "rounds_judged")
            if after.reworked_at is not None:
                yield Entry(day, lead, channel, "rounds_reworked")
        for seen in now.verifications:
            yield from _revisit(fact, seen, lead, zone)
        if now.closing is not None:
            yield from _closing(fact, now, lead, zone)


def celsius(bound: float) -> str:
    """The name of what is counted up to a bound and above the one below it."""
    return f"celsius_{bound:g}".replace(".", "_")


def _revisit(fact: CaseFact, seen: Verification, lead: str, zone: ZoneInfo) -> Iterator[Entry]:
    day, channel = _day(seen.at, zone), fact.channel or ""
    amounts = {"revisits": 1, f"revisits_{seen.verdict}": 1}
    if fact.nature not in OUT_OF_RATES:
        amounts["answered"] = seen.answered
        amounts["solved"] = seen.solved
        amounts["content"] = seen.satisfied + seen.basically_satisfied
    amounts["readings_valid"] = seen.readings_valid
    amounts["readings_passed"] = seen.readings_passed
    amounts[f"excused_{seen.excuse if seen.excuse in EXCUSES else 'other'}"] = seen.excused
    for hundredths in seen.celsius:
        bound = bisect_left(BOUNDS, hundredths / 100)
        names = (
            celsius(BOUNDS[bound]) if bound < len(BOUNDS) else "celsius_inf",
            f"band_{bisect_right(BANDS, hundredths / 100)}",
        )
        for name in names:
            amounts[name] = amounts.get(name, 0) + 1
        amounts["celsius_hundredths"] = amounts.get("celsius_hundredths", 0) + hundredths
    for name, amount in amounts.items():
        if amount:
            yield Entry(day, lead, channel, name, amount)


def _closing(fact: CaseFact, now: Round, lead: str, zone: ZoneInfo) -> Iterator[Entry]:
    assert now.closing is not None
    closing, channel = now.closing, fact.channel or ""
    day = _day(closing.at, zone)
    yield Entry(day, lead, channel, f"closings_{closing.outcome}")
    if now.round != fact.round or closing.outcome in NOBODY_IS_OWED:
        return
    yield Entry(day, lead, channel, "cases_closed")
    if closing.outcome == "verified" and closing.solved is not False and now.round == 0:
        yield Entry(day, lead, channel, "first_time")
    yield Entry(day, lead, channel, "close", _seconds(fact.first_at, closing.at), timed=True)


def _work(fact: CaseFact, zone: ZoneInfo) -> Iterator[Entry]:
    channel = fact.channel or ""
    for assignment in fact.assignments:
        if assignment.agency is not None and assignment.assigned_at is not None:
            day = _day(assignment.assigned_at, zone)
            for name, amount in _steps(assignment, assignment.assigned_at):
                yield Entry(day, assignment.agency, channel, name, amount, timed=name in TIMES)
            yield from _promise(assignment, assignment.agency, channel, zone)


def _steps(assignment: AssignmentFact, assigned_at: datetime) -> Iterator[tuple[str, int]]:
    yield "assigned", 1
    if assignment.returned_at is not None:
        yield "returned", 1
    if assignment.extended_to is not None:
        yield "extended", 1
    for step in STEPS:
        taken = assignment.taken(step)
        if taken is not None and (step != "arrive" or assignment.arrive is not None):
            yield step, _seconds(assigned_at, taken.at)
        asked = assignment.by(step) is not None
        if asked and (taken is not None or step in assignment.overdue):
            yield f"{step}_judged", 1
        if (asked or step == "contact") and taken is not None and taken.on_time:
            yield f"{step}_in_time", 1


def _promise(assignment: AssignmentFact, agency: str, channel: str, zone: ZoneInfo) -> Iterator[Entry]:
    due = assignment.due
    given_up = assignment.state in ("returned", "withdrawn")
    if due is None or given_up or (assignment.resolve is None and "resolve" not in assignment.overdue):
        return
    yield Entry(_day(due, zone), agency, channel, "assigned_due")
    if assignment.resolve is not None:
        yield Entry(_day(due, zone), agency, channel, "resolved_of_due")


def _seconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds()))


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat()
