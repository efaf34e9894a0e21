"""Which message leads to which decision about a task, a hazard, a patrol."""

from __future__ import annotations

from services.revisit.domain import findings, going, verification
from services.revisit.domain.task import task_id
from services.revisit.store import HAZARDS, PATROLS, TASKS
from shared.contracts.base import Event
from shared.contracts.revisit import DoorDue, RevisitRefused, TaskDue
from shared.contracts.routing import CaseClosed, CaseDoubted, CaseExcuseApproved, CaseResolved, CaseRework
from shared.contracts.team import HazardFound, Patrolled, Revisited
from shared.loop.decision import Input, Out, Refusal
from shared.loop.handlers import Handlers

handlers = Handlers("revisit")


def _of_round(event: CaseResolved | CaseExcuseApproved | CaseClosed | CaseDoubted, _: Input) -> str:
    return task_id(event.case_id, event.round)


def _of_round_before(event: CaseRework, _: Input) -> str:
    return task_id(event.case_id, event.round - 1)


def _task(event: Revisited | TaskDue, _: Input) -> str:
    return event.task_id


handlers.on(CaseResolved, TASKS, _of_round)(going.start)
handlers.on(CaseExcuseApproved, TASKS, _of_round)(going.excused)
handlers.on(CaseClosed, TASKS, _of_round)(going.withdraw)
handlers.on(CaseDoubted, TASKS, _of_round)(going.doubted)
handlers.on(CaseRework, TASKS, _of_round_before)(going.back_at_work)
handlers.on(Revisited, TASKS, _task)(verification.revisited)
handlers.on(TaskDue, TASKS, _task)(going.overdue)
handlers.on(HazardFound, HAZARDS, findings.hazard_id)(findings.record_hazard)
handlers.on(Patrolled, PATROLS, findings.patrol_id)(findings.record_patrol)


@handlers.refusals(DoorDue, about=("task_id",))
def refuse(refusal: Refusal) -> list[Out]:
    """A team hears what was wrong with what it sent."""
    told = RevisitRefused(in_reply_to=refusal.id, errors=list(refusal.errors), closed=refusal.closed)
    return [Out(told, tenant=refusal.tenant)]


def events() -> list[type[Event]]:
    """Every event revisit consumes."""
    return handlers.events()
