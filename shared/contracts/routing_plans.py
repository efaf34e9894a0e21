"""Published by routing about plans of a task force: `case.plan_progressed`, and what plan and case say to each other.

A plan and its case are two documents (DESIGN 3, rule 1): the plan says which step is open, the case assigns it.
"""

from __future__ import annotations

from typing import Literal

from shared.contracts.base import Event, Instant, Part
from shared.contracts.values import Outcome, PlanStep

PlanStage = Literal["made", "opened", "done", "with_leader", "overdue", "redated", "through", "given_up"]


class CasePlanProgressed(Event, subject="case.plan_progressed.v1"):
    """The plan of a case moved. ``step`` of ``steps``; ``plan`` counts the plans of a case from 1."""

    case_id: str
    at: Instant
    plan: int
    stage: PlanStage
    step: int
    steps: int
    agency: str
    due: Instant
    leader: str
    reason: str = ""


class StepAsked(Part):
    """One step as it is planned: whose it is, what is to be done, by when."""

    agency: str
    task: str
    due: Instant


class MakePlan(Event, subject="inner.routing.make_plan.v1"):
    """By hand: one leader, one lead department, one plan, one timetable."""

    case_id: str
    leader: str
    lead_agency: str
    steps: list[StepAsked]
    reason: str
    by: str


class RedateStep(Event, subject="inner.routing.redate_step.v1"):
    """By hand: another date for a step that is not done, with who approved it."""

    case_id: str
    step: int
    due: Instant
    reason: str
    by: str
    approver: str


class ReassignStep(Event, subject="inner.routing.reassign_step.v1"):
    """By hand: the leader gives a step that came back to an agency again, the same or another."""

    case_id: str
    step: int
    agency: str
    due: Instant
    reason: str
    by: str
    approver: str


class GiveUpPlan(Event, subject="inner.routing.give_up_plan.v1"):
    """By hand: what is left of the plan is not worked on any more."""

    case_id: str
    reason: str
    by: str


class StepDue(Event, subject="inner.routing.step_due.v1"):
    """From the sweep to a plan: the date of its open step has passed."""

    case_id: str
    plan: int
    step: int
    attempt: int
    due: Instant


class StepEvent(Event):
    """Between a plan and its case, about one opening of one step: ``attempt`` counts them from 1."""

    case_id: str
    plan: int
    step: PlanStep
    attempt: int


class OpenStep(StepEvent, subject="inner.routing.open_step.v1"):
    """From a plan to its case: this agency's turn has come."""

    agency: str
    due: Instant


class MoveStep(StepEvent, subject="inner.routing.move_step.v1"):
    """From a plan to its case: the open step has another date."""

    due: Instant
    reason: str


class StepLate(StepEvent, subject="inner.routing.step_late.v1"):
    """From a plan to its case: the open step is past its date; its agency and the lead department must hear."""

    due: Instant


class StepEnded(StepEvent, subject="inner.routing.step_ended.v1"):
    """From a case to its plan: the step's assignment is resolved, returned or withdrawn, and why."""

    at: Instant
    how: Literal["resolved", "returned", "withdrawn"]
    outcome: Outcome | None = None
    reason: str = ""


class PlanThrough(Event, subject="inner.routing.plan_through.v1"):
    """From a plan to its case: every step is done."""

    case_id: str
    plan: int


class PlanGivenUp(Event, subject="inner.routing.plan_given_up.v1"):
    """From a plan to its case: nobody waits for the steps that are left, and whoever is at one is called back."""

    case_id: str
    plan: int
    reason: str
    by: str


EVENTS = (
    CasePlanProgressed,
    MakePlan,
    RedateStep,
    ReassignStep,
    GiveUpPlan,
    StepDue,
    OpenStep,
    MoveStep,
    StepLate,
    StepEnded,
    PlanThrough,
    PlanGivenUp,
)
