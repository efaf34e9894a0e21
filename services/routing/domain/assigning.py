"""Assignments of a case: one per agency and round, each with clocks of its own (DOMAIN 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.case import Assignment, C, Dispatched, standing
from shared.contracts import routing as events
from shared.contracts.values import ReworkNote, Role
from shared.ids import derive
from shared.loop.decision import Out
from shared.policy import Jurisdiction


def assign(
    case: Dispatched,
    asked: Sequence[tuple[str, Role]],
    at: datetime,
    jurisdiction: Jurisdiction,
    rework: ReworkNote | None = None,
) -> tuple[Dispatched, list[Out]]:
    """Makes assignments with clocks of their own; the order to response carries all it may ever disclose."""
    policy = jurisdiction.policy
    spans = policy.deadlines(case.category.code, case.urgency, case.nature)
    resolve_by = (
        promise(at + spans.resolve, case.upstream_due, at) if not case.assigned else at + spans.resolve
    )
    made: list[Assignment] = []
    out: list[Out] = []
    for agency, role in asked:
        number = case.assigned + len(made)
        assignment = Assignment(
            assignment_id=derive("assignment", case.case_id, number),
            agency=agency,
            role=role,
            round=case.round,
            resolve_by=resolve_by,
        )
        made.append(assignment)
        order = events.CaseAssigned(
            case_id=case.case_id,
            round=case.round,
            at=at,
            assignment_id=assignment.assignment_id,
            case_no=case.case_no,
            agency=agency,
            role=role,
            lead_agency=case.lead_agency,
            mode=case.mode,
            nature=case.nature,
            category=case.category,
            urgency=case.urgency,
            summary=case.summary,
            text=case.text,
            location=case.location,
            place=case.place,
            reported_at=case.reported_at,
            indoor_temperature=case.indoor_temperature,
            contact=case.contact,
            confidential=case.confidential,
            key_household=case.key_household,
            appeals=case.appeals,
            households=case.households,
            attachments=case.attachments or None,
            accept_by=at + spans.accept,
            contact_by=at + spans.contact if spans.contact else None,
            arrive_by=at + spans.arrive if spans.arrive else None,
            resolve_by=resolve_by,
            policy=policy.label,
            disclose="never" if case.confidential else policy.disclosure(case.category.code, role),
            rework=rework,
        )
        out.append(Out(order, case.case_id))
    changed = case.model_copy(
        update={
            "assignments": [*case.assignments, *made],
            "assigned": case.assigned + len(made),
            "policy": policy.label,
        }
    )
    return changed, out


def call_back(case: C, which: Sequence[Assignment], at: datetime, reason: str) -> tuple[C, list[Out]]:
    """These assignments are no longer wanted; their agencies are told."""
    told = [
        Out(
            events.CaseAssignmentWithdrawn(
                case_id=case.case_id,
                round=case.round,
                at=at,
                assignment_id=a.assignment_id,
                reason=reason,
            ),
            case.case_id,
        )
        for a in which
    ]
    return case.model_copy(update={"assignments": standing(case, which, "withdrawn")}), told


def promise(by: datetime, upstream: datetime | None, at: datetime) -> datetime:
    """The resolve deadline; what the upstream platform promised comes first if it lies ahead and is earlier."""
    return upstream if upstream is not None and at < upstream < by else by
