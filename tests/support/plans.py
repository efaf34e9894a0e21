"""A case and its plan under test: every message between the two may wait, come twice, or overtake another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.domain import planning, steps
from services.routing.domain.case import Deferred
from services.routing.domain.case_parts import Assignment
from shared.contracts import routing_plans as events
from shared.contracts.base import Event
from shared.contracts.intake import AppealRegistered, AppealWithdrawn
from shared.contracts.routing_orders import CaseReviewDue, Defer, Dispatch
from shared.loop.decision import Decision, Input, NotYet
from tests.support.cases import START, Life
from tests.support.cases import appeal as cold

TO_CASE: dict[type[Event], Any] = {
    events.OpenStep: steps.open_step,
    events.MoveStep: steps.move_step,
    events.StepLate: steps.step_late,
    events.PlanThrough: steps.plan_through,
    events.PlanGivenUp: steps.plan_given_up,
}
TO_PLAN: dict[type[Event], Any] = {
    events.MakePlan: planning.make,
    events.StepEnded: planning.ended,
    events.StepDue: planning.due,
    events.RedateStep: planning.redate,
    events.ReassignStep: planning.reassign,
    events.GiveUpPlan: planning.give_up,
}
TASKS = (
    ("city-management-zy", "核对户号清单"),
    ("housing-zy", "二次管网验收"),
    ("water-zy", "收齐押金"),
    ("heating-zy", "开通户号"),
    ("city-management-zy", "逐户通热"),
)


class TaskForce:
    """``life`` is the case, ``plan`` its plan; ``waiting`` are messages between the two that nobody has read yet.

    ``promptly``: they are read at once, in order.
    """

    def __init__(self, promptly: bool = True, appeal: AppealRegistered | None = None) -> None:
        self.life = Life()
        self.life.tell(appeal or cold())
        self.plan: Any = None
        self.promptly = promptly
        self.waiting: list[Event] = []
        self.said: list[Event] = []
        self._count = 0

    def order(self, event: Event) -> None:
        """Somebody orders something by hand, or a tick finds it."""
        self.waiting.append(event)
        self._go_on()

    def make(self, tasks: tuple[tuple[str, str], ...] = TASKS) -> None:
        asked = [
            events.StepAsked(agency=agency, task=task, due=START + timedelta(days=number))
            for number, (agency, task) in enumerate(tasks, 1)
        ]
        self.order(
            events.MakePlan(
                case_id="case-1",
                leader="街道办事处主任",
                lead_agency=self.life.case.lead_agency,
                steps=asked,
                reason="一小区一方案",
                by="centre",
            )
        )

    def redate(self, step: int, days: int) -> None:
        due = START + timedelta(days=days)
        self.order(
            events.RedateStep(
                case_id="case-1", step=step, due=due, reason="等材料", by="centre", approver="区专班"
            )
        )

    def reassign(self, step: int, agency: str, days: int) -> None:
        due = START + timedelta(days=days)
        self.order(
            events.ReassignStep(
                case_id="case-1",
                step=step,
                agency=agency,
                due=due,
                reason="改由其办理",
                by="centre",
                approver="区专班",
            )
        )

    def give_up(self) -> None:
        self.order(events.GiveUpPlan(case_id="case-1", reason="改走市政接入", by="街道办事处主任"))

    def late(self) -> None:
        """A tick after the date of the open step."""
        step = self.plan.current
        self.order(
            events.StepDue(
                case_id="case-1", plan=self.plan.number, step=step.number, attempt=step.attempt, due=step.due
            )
        )

    @property
    def steps(self) -> list[Assignment]:
        """The live assignments that are steps."""
        return [a for a in self.life.case.live if a.step is not None]

    def resolve_step(self, **changes: Any) -> None:
        (mine,) = self.steps
        self.life.resolve("assist", assignment_id=mine.assignment_id, agency=mine.agency, **changes)
        self._heard(self.life.out)

    def return_step(self) -> None:
        (mine,) = self.steps
        self.life.give_back("assist", assignment_id=mine.assignment_id, agency=mine.agency)
        self._heard(self.life.out)

    def desk_says(self, lead: str) -> None:
        """The centre's desk has looked at the case."""
        self.life.tell(Dispatch(case_id="case-1", lead=lead, reason="电话核实", by="值班长"))
        self._heard(self.life.out)

    def resolve_lead(self) -> None:
        self.life.resolve()
        self._heard(self.life.out)

    def defer(self) -> None:
        """The centre puts the case on the list, if it can."""
        order = Defer(
            case_id="case-1",
            kind="funding",
            plan="到位后",
            review_at=self.life.at + timedelta(days=10),
            reason="资金未到位",
            by="centre",
        )
        self.life.tell(order)
        self._heard(self.life.out)

    def review(self) -> None:
        """A tick after the review of a deferral, if there is one."""
        if isinstance(self.life.case, Deferred):
            self.life.tell(CaseReviewDue(case_id="case-1", review_at=self.life.case.review_at))
            self._heard(self.life.out)

    def withdraw(self) -> None:
        """The residents take back what they said."""
        first = cold()
        values = {name: getattr(first, name, None) for name in AppealWithdrawn.model_fields}
        self.life.tell(AppealWithdrawn(**values | {"reason": "已恢复"}))
        self._heard(self.life.out)

    def read(self, number: int, again: bool = False) -> None:
        """One waiting message is read; ``again``: and will come once more. What is too early comes again later."""
        event = self.waiting.pop(number % len(self.waiting))
        if again and not isinstance(event, events.MakePlan | events.ReassignStep):
            self.waiting.append(event)
        self._count += 1
        input = Input(f"between-{self._count}", self.life.at)
        to_case = type(event) in TO_CASE
        decide = TO_CASE[type(event)] if to_case else TO_PLAN[type(event)]
        before = self.life.case if to_case else self.plan
        try:
            decision: Decision = decide(before, event, input, self.life.jurisdiction)
        except NotYet:
            self.waiting.append(event)
            return
        if to_case:
            self.life.case = decision.state
        else:
            self.plan = decision.state
        self._heard([out.event for out in decision.out])

    def drain(self) -> None:
        """Everything that waits is read, in order, until nothing is left."""
        for _ in range(1000):
            if not self.waiting:
                return
            self.read(0)
        raise AssertionError("messages go round for ever")

    def stages(self) -> list[tuple[str, int]]:
        """(what, step) as the plan told everybody."""
        return [(e.stage, e.step) for e in self.said if isinstance(e, events.CasePlanProgressed)]

    def _heard(self, out: list[Event]) -> None:
        self.said += out
        self.waiting += [event for event in out if type(event) in TO_CASE | TO_PLAN]
        self._go_on()

    def _go_on(self) -> None:
        if self.promptly:
            self.drain()
