"""Assignments of a case: one per agency and round, each with clocks of its own (DOMAIN 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from services.routing.domain.case import C, CaseData, noted, standing
from services.routing.domain.case_parts import Assignment, Step
from shared.contracts import routing as events
from shared.contracts.routing_plans import OpenStep, StepEnded, StepEvent
from shared.contracts.values import Outcome, ReworkNote, Role
from shared.ids import derive
from shared.loop.decision import Out
from shared.policy import Jurisdiction

SUSPENDED = "承办单位已停用"


def assign(
    case: C,
    asked: Sequence[tuple[str, Role]],
    at: datetime,
    jurisdiction: Jurisdiction,
    rework: ReworkNote | None = None,
    opening: OpenStep | None = None,
) -> tuple[C, list[Out]]:
    """Makes assignments with clocks of their own; the order to response carries all it may ever disclose. An assistant
    that was suspended or removed meanwhile is left out.

    ``opening``: for a step of a plan, whose date is the timetable's; nobody need go to the resident for it.
    """
    policy = jurisdiction.policy
    spans = policy.deadlines(case.category.code, case.urgency, case.nature)
    case, asked = _without_the_suspended(case, asked, at, jurisdiction)

    def by(span: timedelta) -> datetime:
        return policy.due(at, span, spans.clock)

    if opening is not None:
        spans = spans.model_copy(update={"contact": None, "arrive": None})
        resolve_by = opening.due
    else:
        resolve_by = promise(by(spans.resolve), case.upstream_due, at)
    within = policy.report_in(case.urgency) if case.mode == "whistle" and opening is None else None
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
            step=opening and step_of(opening),
            watch_at=None if opening else policy.watch_at(resolve_by, 0),
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
            summary=opening.step.task if opening else case.summary,
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
            accept_by=by(spans.accept),
            contact_by=by(spans.contact) if spans.contact else None,
            arrive_by=by(spans.arrive) if spans.arrive else None,
            report_in_by=at + within if within else None,
            resolve_by=resolve_by,
            policy=policy.label,
            disclose="never" if case.confidential else policy.disclosure(case.category.code, role),
            rework=rework,
            step=opening and opening.step,
            supplements=None if case.confided else case.supplements or None,
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
    """These assignments are no longer wanted; their agencies are told, and of a step its plan."""
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
    for a in which:
        if a.standing == "live":
            told += step_ended(case, a, at, "withdrawn", reason)
    return case.model_copy(update={"assignments": standing(case, which, "withdrawn")}), told


def _without_the_suspended(
    case: C, asked: Sequence[tuple[str, Role]], at: datetime, jurisdiction: Jurisdiction
) -> tuple[C, list[tuple[str, Role]]]:
    """The case without the assistants that may be given nothing new, and who is asked then."""
    gone = {agency for agency, role in asked if role == "assist" and not jurisdiction.tenants.active(agency)}
    for agency in sorted(gone):
        left = [one for one in case.assist_agencies if one != agency]
        history = noted(case, jurisdiction, at, "assist left out", agency, SUSPENDED)
        case = case.model_copy(update={"assist_agencies": left, "history": history})
    return case, [(agency, role) for agency, role in asked if agency not in gone]


def step_of(event: StepEvent) -> Step:
    """Which opening of which step an event is about, as an assignment carries it."""
    return Step(plan=event.plan, step=event.step, attempt=event.attempt)


def step_ended(
    case: CaseData,
    mine: Assignment,
    at: datetime,
    how: Literal["resolved", "returned", "withdrawn"],
    reason: str = "",
    outcome: Outcome | None = None,
) -> list[Out]:
    """What the plan must hear when this assignment ends; nothing where it is no step."""
    if mine.step is None:
        return []
    ended = StepEnded(
        case_id=case.case_id,
        plan=mine.step.plan,
        step=mine.step.step,
        attempt=mine.step.attempt,
        at=at,
        how=how,
        outcome=outcome,
        reason=reason,
    )
    return [Out(ended, case.case_id)]


def promise(by: datetime, upstream: datetime | None, at: datetime) -> datetime:
    """The resolve deadline; what the upstream platform promised comes first if it lies ahead and is earlier."""
    return upstream if upstream is not None and at < upstream < by else by
