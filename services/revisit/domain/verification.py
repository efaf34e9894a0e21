"""What a household said is taken down, and once it is clear whether the work held, it is said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.revisit.domain.answers import heard, verdict
from services.revisit.domain.going import again
from services.revisit.domain.readings import ROOMS, judge
from services.revisit.domain.task import MOST_VISITS, Due, Failed, Held, Task, Unverified, Visit, Withdrawn
from shared.contracts import revisit as events
from shared.contracts.team import Revisited
from shared.loop.decision import Decision, Input, Out, Refused
from shared.policy import Jurisdiction
from shared.policy.policy import Policy


def revisited(task: Task | None, event: Revisited, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """One household was asked, or could not be."""
    task = _open_to(task, input.tenant)
    policy = jurisdiction.policy
    judged = judge(
        event.readings or (),
        task.category,
        task.resolved_at,
        task.excuse_approver is not None,
        task.excuse_until,
        policy,
    )
    task = task.model_copy(
        update={
            "answers": heard(task.answers, event, judged),
            "visits": [*task.visits, _visit(task, event)][-MOST_VISITS:],
        }
    )
    return _settled(task, input.at, jurisdiction) if isinstance(task, Due) else Decision(task)


def _open_to(task: Task | None, team: str) -> Due | Failed:
    """The task, if this team may say something about it now. Raises Refused by field."""
    if task is None or task.team != team:
        raise Refused("task_id", "no task of yours has this id")
    if isinstance(task, Withdrawn):
        raise Refused("task_id", "the task was withdrawn")
    if isinstance(task, Held | Unverified) or (isinstance(task, Failed) and task.all_asked):
        raise Refused("task_id", f"the task is over: {task.state}")
    return task


def _settled(task: Due, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """The task after one more answer: still due, sent again, or over."""
    policy = jurisdiction.policy
    match verdict(task.answers, task.households, task.attempt - task.widened, policy.revisit):
        case "open":
            return Decision(task)
        case "again":
            return again(task, at, jurisdiction)
        case "held":
            held = Held(**task.carried(policy=policy.label), settled_at=at)
            return Decision(held, [Out(events.VerificationHeld(**_found(task, at)), task.case_id)])
        case "failed":
            failed = Failed(**task.carried(policy=policy.label), settled_at=at, reason=_reason(task, policy))
            told = events.VerificationFailed(
                **_found(task, at), reason=failed.reason, cold=task.answers.cold > 0
            )
            return Decision(failed, [Out(told, task.case_id)])
        case "unreachable" | "declined" | "silent" as reason:
            unverified = Unverified(**task.carried(policy=policy.label), settled_at=at, reason=reason)
            return Decision(
                unverified,
                [Out(events.VerificationUnverified(**_found(task, at), reason=reason), task.case_id)],
            )


def _visit(task: Due | Failed, event: Revisited) -> Visit:
    return Visit(
        at=event.at,
        by=event.by,
        attempt=task.attempt,
        outcome=event.outcome,
        solved=event.solved,
        satisfaction=event.satisfaction,
        note=event.note,
    )


def _found(task: Due, at: datetime) -> dict[str, Any]:
    answers = task.answers
    return {
        "case_id": task.case_id,
        "task_id": task.task_id,
        "round": task.round,
        "at": at,
        "due_by": task.due_by,
        "asked": answers.asked,
        "answered": answers.answered,
        "solved": answers.solved,
        "satisfied": answers.satisfied,
        "basically_satisfied": answers.basically_satisfied,
        "dissatisfied": answers.dissatisfied,
        "satisfaction": answers.satisfaction,
        "readings": answers.valid_readings,
        "readings_valid": answers.passed + answers.cold,
        "readings_passed": answers.passed,
        "readings_excused": answers.excused_readings,
        "excuse": task.excuse if task.excuse_approver else None,
        "excuse_approver": task.excuse_approver,
        "doubts": task.doubts,
    }


def _reason(task: Due, policy: Policy) -> str:
    """Why it failed, as the agency reads it with the rework."""
    answers = task.answers
    if answers.cold:
        coldest = min(answers.valid_readings, key=lambda reading: reading.celsius)
        standard = policy.indoor_standard_celsius
        return f"回访实测{ROOMS[coldest.room]}室温{coldest.celsius:g}℃，低于{standard:g}℃"
    if task.households > 1:
        return f"回访{answers.answered}户，{answers.discontent}户未解决或不满意"
    return "居民表示问题未解决" if answers.unsolved else "居民对处理结果不满意"
