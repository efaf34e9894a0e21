"""Routing and response together in memory, and what passes between them: kept waiting, overtaken, told twice.

Each message waits until somebody delivers it. One that was applied changes nothing when it comes again, which is the
loop's promise and tested there; here it is kept by remembering ids. What changed nothing is not remembered, as in the
loop: a sweep may say it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from services.response.domain.clocks import due_at
from services.response.domain.silence import late_at, silent_at
from services.response.handlers import handlers as of_response
from services.response.store import ASSIGNMENTS
from services.routing.domain.case import Closed, Deferred
from services.routing.domain.plan import Open, Running
from services.routing.handlers import handlers as of_routing
from services.routing.store import CASES, CONSULTATIONS, PLANS
from shared.contracts import intake, routing_orders
from shared.contracts.base import Event
from shared.contracts.routing_plans import StepDue
from shared.loop.decision import NotYet, Refused
from shared.policy import Jurisdiction
from tests.support.cases import START
from tests.support.desk import Desk

CASE = "case-1"


@dataclass(frozen=True)
class Message:
    """On its way to one service."""

    service: str
    event: Event
    id: str
    tenant: str = ""


class Town:
    """``said``: everything either service published, in the order it was decided; ``behind``: the ids of appeals that
    the case has taken."""

    def __init__(self, jurisdiction: Jurisdiction) -> None:
        self.at: datetime = START
        self.said: list[Event] = []
        self.behind: list[str] = []
        self.waiting: list[Message] = []
        self._desks = {
            "routing": Desk(of_routing, jurisdiction),
            "response": Desk(of_response, jurisdiction),
        }
        self._done: set[tuple[str, str]] = set()
        self._ids = count(1)

    @property
    def case(self) -> Any:
        return self._desks["routing"].state(CASES, CASE)

    @property
    def plan(self) -> Any:
        """The case's task force's plan, None where it has none."""
        return self._desks["routing"].state(PLANS, CASE)

    @property
    def consultation(self) -> Any:
        return self._desks["routing"].state(CONSULTATIONS, CASE)

    @property
    def assignments(self) -> dict[str, Any]:
        """As response keeps them, by id."""
        return {one.assignment_id: one for one in self._desks["response"].states(ASSIGNMENTS)}

    def post(self, event: Event, id: str = "", tenant: str = "") -> None:
        """A message sets out to whoever consumes it."""
        id = id or f"m-{next(self._ids)}"
        for name, desk in self._desks.items():
            if event.type in desk.handlers.by_type:
                self.waiting.append(Message(name, event, id, tenant))

    def deliver(self, which: int = 0, keep: bool = False) -> None:
        """One of the waiting messages arrives; ``keep``: it will come again. What comes too early waits on."""
        if not self.waiting:
            return
        message = self.waiting[which % len(self.waiting)]
        if not keep:
            self.waiting.remove(message)
        if (message.service, message.id) in self._done:
            return
        try:
            out = self._desks[message.service].take(message.event, self.at, message.tenant, message.id)
        except NotYet:
            if not keep:
                self.waiting.append(message)
            return
        except Refused:
            out = []
        if message.tenant or self._desks[message.service].applied:
            self._done.add((message.service, message.id))
        event = message.event
        if isinstance(event, intake.AppealRegistered | intake.AppealMerged) and not isinstance(
            self.case, Closed
        ):
            self.behind.append(event.appeal_id)
        for number, one in enumerate(out):
            self.said.append(one.event)
            self.post(one.event, f"{message.id}/{number}")

    def settle(self) -> None:
        """Everything arrives, the oldest first. AssertionError if something never can."""
        for _ in range(2000):
            if not self.waiting:
                return
            self.deliver()
        raise AssertionError(f"these wait for ever: {[message.event for message in self.waiting]}")

    def tick(self) -> None:
        """Both sweeps: what is due sets out, under ids of document, deadline and instant."""
        for assignment in self.assignments.values():
            for due in due_at(assignment, self.at):
                self.post(due, f"{due.assignment_id}/{due.deadline}/{due.due}/{due.overdue}")
            for silent in silent_at(assignment, self.at):
                self.post(silent, f"{silent.assignment_id}/report_in/{silent.due}")
            for late in late_at(assignment, self.at):
                self.post(late, f"{late.assignment_id}/late/{late.due}/{assignment.heard}")
        plan = self.plan
        step = plan.current if isinstance(plan, Running) else None
        if isinstance(step, Open) and not step.overdue and step.due < self.at:
            overdue = StepDue(
                case_id=CASE, plan=plan.number, step=step.number, attempt=step.attempt, due=step.due
            )
            self.post(overdue, f"step/{plan.number}/{step.number}/{step.attempt}/{step.due}")
        case = self.case
        if case is None:
            return
        if case.question is not None and not case.question.overdue and case.question.due < self.at:
            desk = routing_orders.CaseDeskDue(case_id=CASE, due=case.question.due)
            self.post(desk, f"desk/{case.question.due}")
        if case.unsaid is not None and case.unsaid.due <= self.at:
            self.post(routing_orders.CaseSumDue(case_id=CASE, due=case.unsaid.due), f"sum/{case.unsaid.due}")
        if isinstance(case, Deferred):
            if case.review_at <= self.at:
                self.post(
                    routing_orders.CaseReviewDue(case_id=CASE, review_at=case.review_at),
                    f"review/{case.review_at}",
                )
        else:
            for mine in case.live:
                if mine.watch_at is not None and mine.watch_at < self.at:
                    due = routing_orders.CaseWatchDue(
                        case_id=CASE, assignment_id=mine.assignment_id, due=mine.watch_at
                    )
                    self.post(due, f"watch/{mine.assignment_id}/{mine.watch_at}")

    def wait(self, span: timedelta) -> None:
        self.at += span
