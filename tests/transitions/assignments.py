"""An assignment, as response keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.response.domain.assignment import Assignment
from services.response.handlers import handlers
from services.response.store import ASSIGNMENTS
from shared.contracts import agency as said
from shared.contracts import response, routing
from tests.support.assignments import AGENCY, ID, OTHER, SAMPLE, START, centre, due, order, word
from tests.transitions.walks import Machine, Said, Walk, names_of


def _says(verb: str) -> Any:
    """The agency's own word; sometimes another agency's, or with a time that cannot be."""

    def move(walk: Walk) -> Said:
        at = walk.one_of(*[walk.at] * 6, walk.at + timedelta(hours=2), START - timedelta(days=1))
        later = {
            "extension_requested": {"until": walk.at + timedelta(days=9)},
            "deferral_requested": {"review_at": walk.at + timedelta(days=60)},
        }.get(verb, {})
        return Said(word(verb, at, **later), walk.one_of(*[AGENCY] * 7, OTHER))

    return move


def _centre(event: type[routing.CaseEvent], /, **values: Any) -> Any:
    def move(walk: Walk) -> Said:
        made = {name: value(walk) if callable(value) else value for name, value in values.items()}
        return Said(centre(event, walk.at, **made))

    return move


def _due(walk: Walk) -> Said:
    step = walk.one_of("accept", "contact", "arrive", "resolve")
    clocks = getattr(walk.state, "clocks", {})
    overdue = walk.one_of(True, False)
    clock = clocks.get(step)
    at = (clock.due if overdue else clock.remind_at) if clock else walk.at
    return Said(due(step, walk.one_of(at, at, at, walk.at), overdue))


def _report_in_due(walk: Walk) -> Said:
    by = getattr(walk.state, "report_in_by", None) or walk.at
    return Said(response.ReportInDue(assignment_id=ID, due=walk.one_of(by, by, walk.at)))


def _late_due(walk: Walk) -> Said:
    """By a tick that finds nobody late yet, or everybody."""
    due = response.LateDue(assignment_id=ID, due=walk.at)
    return Said(due, late=walk.one_of(timedelta(), timedelta(hours=3), timedelta(days=3)))


def _either(walk: Walk) -> bool:
    return bool(walk.one_of(True, False))


MACHINE = Machine(
    "Assignment 承办单",
    "One document per assignment, in response (`services/response/domain/assignment.py`). What another agency says,"
    " and a time that cannot be, is refused everywhere; a step that was taken already changes nothing unless it shows"
    " an earlier time.",
    handlers,
    ASSIGNMENTS,
    names_of(Assignment),
    SAMPLE,
    START,
    {
        routing.CaseAssigned: lambda _: Said(order(report_in_by=START + timedelta(minutes=30))),
        routing.CaseUpdated: _centre(
            routing.CaseUpdated, appeals=lambda w: w.one_of(1, 2, 5), households=lambda w: w.one_of(1, 2, 5)
        ),
        routing.CaseSupervised: _centre(
            routing.CaseSupervised, level=lambda w: w.one_of(1, 2), reason="区里关注"
        ),
        routing.CaseExtensionDecided: _centre(
            routing.CaseExtensionDecided,
            agency=AGENCY,
            granted=_either,
            resolve_by=lambda w: w.at + timedelta(days=9),
            reason="同意",
        ),
        routing.CaseDeferralDecided: _centre(
            routing.CaseDeferralDecided,
            granted=_either,
            kind="engineering",
            review_at=lambda w: w.at + timedelta(days=60),
            reason="同意",
        ),
        routing.CaseAssignmentWithdrawn: _centre(routing.CaseAssignmentWithdrawn, reason="撤回"),
        routing.CaseConcluded: _centre(routing.CaseConcluded, held=_either, closed=_either),
        said.Accepted: _says("accepted"),
        said.Contacted: _says("contacted"),
        said.Arrived: _says("arrived"),
        said.Progressed: _says("progressed"),
        said.Returned: _says("returned"),
        said.ExtensionRequested: _says("extension_requested"),
        said.DeferralRequested: _says("deferral_requested"),
        said.Resolved: _says("resolved"),
        response.AssignmentDue: _due,
        response.ReportInDue: _report_in_due,
        response.LateDue: _late_due,
    },
)
