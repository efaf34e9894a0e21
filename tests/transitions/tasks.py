"""A task of going back, as revisit keeps it."""

from __future__ import annotations

from datetime import timedelta

from services.revisit.domain.task import Due, Task, task_id
from services.revisit.handlers import handlers
from services.revisit.store import TASKS
from shared.contracts.revisit import TaskDue
from shared.contracts.routing import CaseClosed, CaseDoubted, CaseExcuseApproved, CaseResolved, CaseRework
from shared.contracts.team import Revisited
from shared.contracts.values import Person
from tests.support.revisits import DONE, SAMPLE, TEAM, back, closed, doubted, resolved
from tests.transitions.walks import Machine, Said, Walk, names_of

ID = task_id("case-1", 0)


def _revisited(walk: Walk) -> Said:
    outcome = walk.one_of("reached", "reached", "unreachable", "declined")
    content = walk.one_of(True, True, False, None)
    at = walk.one_of(*[walk.at] * 6, walk.at + timedelta(hours=2))
    said = Revisited(
        task_id=ID,
        at=at,
        by=Person(name="网格员"),
        outcome=outcome,
        solved=content if outcome == "reached" else None,
        satisfaction=("satisfied" if content else "dissatisfied")
        if outcome == "reached" and content is not None
        else None,
    )
    return Said(said, walk.one_of(*[TEAM] * 6, "team-district"))


def _due(walk: Walk) -> Said:
    due_by = walk.state.due_by if isinstance(walk.state, Due) else walk.at
    return Said(TaskDue(task_id=ID, due_by=walk.one_of(due_by, due_by, walk.at)), late=timedelta(days=3))


MACHINE = Machine(
    "Revisit 回访",
    "One document per round of a case, in revisit (`services/revisit/domain/task.py`). What another team says is"
    " refused everywhere.",
    handlers,
    TASKS,
    names_of(Task),
    SAMPLE,
    DONE + timedelta(hours=1),
    {
        CaseResolved: lambda walk: Said(
            resolved(
                excuse="user_alteration",
                **{"appeals": n, "households": n} if (n := walk.one_of(1, 2)) > 1 else {},
            )
        ),
        CaseExcuseApproved: lambda walk: Said(
            CaseExcuseApproved(
                case_id="case-1", at=walk.at, excuse="user_alteration", approver="centre", reason="入户核实"
            )
        ),
        CaseClosed: lambda walk: Said(closed(outcome=walk.one_of("withdrawn", "withdrawn", "verified"))),
        CaseDoubted: lambda walk: Said(doubted(walk.one_of(1, 1, 0))),
        CaseRework: lambda _: Said(back()),
        Revisited: _revisited,
        TaskDue: _due,
    },
)
