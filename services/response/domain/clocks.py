"""Deadlines of an assignment: near, past, moved. The agency is reminded once before each and once when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.response.domain.assignment import (
    ANSWERS,
    STEPS,
    Assignment,
    AssignmentData,
    Clock,
    Live,
    stored,
)
from shared.contracts.response import (
    AssignmentDue,
    AssignmentOverdue,
    DispatchReminded,
)
from shared.contracts.values import Step
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


def clock(step: Step, due: datetime, start: datetime, jurisdiction: Jurisdiction) -> Clock:
    """The clock of a deadline that runs from ``start``. Who is late with resolving is watched by routing."""
    due, policy = stored(due), jurisdiction.policy
    return Clock(
        due=due,
        remind_at=stored(due - policy.remind_before(due - start)),
        watch_at=policy.watch_at(due, 0, step) if step in ANSWERS else None,
    )


def due_at(assignment: Assignment, at: datetime) -> Iterator[AssignmentDue]:
    """What the agency must hear of at this instant: deadlines near, or past with the step not taken.

    A step taken at the very deadline is in time, so a deadline is past only after it.
    """
    if not isinstance(assignment, Live):
        return
    for step in STEPS:
        running = assignment.clocks.get(step)
        if running is None or step in assignment.taken or running.told == "overdue":
            continue
        overdue = running.due < at
        if overdue or (running.told == "nothing" and running.remind_at < at):
            yield AssignmentDue(
                assignment_id=assignment.assignment_id, deadline=step, due=running.due, overdue=overdue
            )


def remind(assignment: Assignment | None, event: AssignmentDue, input: Input, _: Jurisdiction) -> Decision:
    """The sweep found a deadline near or past. If it was met or moved meanwhile, nothing happens."""
    if not isinstance(assignment, Live) or event.deadline in assignment.taken:
        return Decision(assignment)
    running = assignment.clocks.get(event.deadline)
    telling = "overdue" if event.overdue else "soon"
    if running is None or running.due != event.due or running.told in (telling, "overdue"):
        return Decision(assignment)
    told = running.model_copy(update={"told": telling})
    assignment = assignment.model_copy(
        update={"clocks": {**assignment.clocks, event.deadline: told}},
    )
    reminded = DispatchReminded(
        assignment_id=assignment.assignment_id,
        deadline=event.deadline,
        due=event.due,
        overdue=event.overdue,
    )
    out = [Out(reminded, assignment.case_id, assignment.agency)]
    if event.overdue:
        out.append(Out(_overdue(assignment, event.deadline, event.due, input.at), assignment.case_id))
    return Decision(assignment, out)


def _overdue(assignment: AssignmentData, deadline: Step, due: datetime, at: datetime) -> AssignmentOverdue:
    return AssignmentOverdue(**assignment.about(at), deadline=deadline, due=due)
