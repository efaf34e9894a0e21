"""An agency that says nothing: not reported in after a whistle, or late with accepting, contacting, arriving.

Silence is one lateness, however many deadlines pass in it: it is said once for each level of supervision that it
reaches. Any step taken ends it; what is still late then is another one (docs/decisions/0045).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.response.domain.assignment import ANSWERS, Assignment, Live
from shared.contracts.response import AssignmentLate, AssignmentReportInMissed, LateDue, ReportInDue
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction
from shared.policy.policy import Policy

REPORTING_IN = 1
"""The level at which a whistled agency is supervised that does not report in."""


def silent_at(assignment: Assignment, at: datetime) -> Iterator[ReportInDue]:
    """A whistled agency that has not reported in at this instant; its first word, accepting or later, does it."""
    if not isinstance(assignment, Live) or not assignment.silent:
        return
    due = assignment.report_in_by
    if due is not None and due < at:
        yield ReportInDue(assignment_id=assignment.assignment_id, due=due)


def not_reported(
    assignment: Assignment | None, event: ReportInDue, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The sweep found a whistled agency silent: told once, to everybody; what follows from it is routing's. A rung of
    the ladder that the same silence has reached is told with it, where it is higher, and supervised instead of it."""
    if not isinstance(assignment, Live) or not assignment.silent or assignment.report_in_by != event.due:
        return Decision(assignment)
    silence = max(assignment.silence, REPORTING_IN)
    after = assignment.model_copy(update={"report_in_missed": True, "silence": silence})
    higher = _late(after, input, jurisdiction)
    missed = AssignmentReportInMissed(
        **assignment.about(input.at),
        due=event.due,
        watched=assignment.silence >= REPORTING_IN or bool(higher.out),
    )
    return Decision(higher.state, [Out(missed, assignment.case_id), *higher.out])


def late_at(assignment: Assignment, at: datetime) -> Iterator[LateDue]:
    """What has not been answered at this instant and is late by a rung of the policy's ladder. Whoever has not reported
    in either is told of by that: of two messages it would hang on which comes first what is said of one silence."""
    if not isinstance(assignment, Live) or any(silent_at(assignment, at)):
        return
    passed = [due for due in assignment.watched.values() if due < at]
    if passed:
        yield LateDue(assignment_id=assignment.assignment_id, due=min(passed))


def unwatched_at(assignment: Assignment, policy: Policy) -> Iterator[LateDue]:
    """Something to answer for which the policy has a ladder, and whose clock waits for none of its rungs."""
    for step, clock in assignment.clocks.items() if isinstance(assignment, Live) else ():
        waits = clock.watch_at is not None or clock.rungs or step in assignment.taken
        if step in ANSWERS and not waits and policy.rungs(step):
            yield LateDue(assignment_id=assignment.assignment_id, due=clock.due)
            return


def late(assignment: Assignment | None, event: LateDue, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The sweep found a rung reached. Of all that are reached by now only the highest is told, and none that is no
    higher than what this silence was told at before. One deadline that nobody watched yet is watched from now on."""
    return _late(assignment, input, jurisdiction) if isinstance(assignment, Live) else Decision(assignment)


def _late(assignment: Live, input: Input, jurisdiction: Jurisdiction) -> Decision:
    policy, clocks, reached = jurisdiction.policy, dict(assignment.clocks), []
    for step in ANSWERS:
        running = clocks.get(step)
        if running is None or step in assignment.taken:
            continue
        passed = [rung for rung in policy.rungs(step) if running.due + rung.overdue_by < input.at]
        reached += [(rung.level, step) for rung in passed[running.rungs :]]
        rungs = max(running.rungs, len(passed))
        climbed = {"rungs": rungs, "watch_at": policy.watch_at(running.due, rungs, step)}
        clocks[step] = running.model_copy(update=climbed)
    if clocks == assignment.clocks:
        return Decision(assignment)
    level, step = max(reached, key=lambda one: one[0], default=(0, "accept"))
    after = assignment.model_copy(update={"clocks": clocks, "silence": max(level, assignment.silence)})
    if level <= assignment.silence:
        return Decision(after)
    said = AssignmentLate(
        **assignment.about(input.at),
        deadline=step,
        due=clocks[step].due,
        level=level,
    )
    return Decision(after, [Out(said, assignment.case_id)])
