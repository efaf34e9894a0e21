"""A team is sent, sent again, called back, or does not go: within the policy's time somebody must be at the door."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.revisit.domain.readings import approver
from services.revisit.domain.task import MOST_PLACES, Due, Task, Withdrawn, task_id
from shared.contracts import revisit as events
from shared.contracts.routing import CaseClosed, CaseDoubted, CaseExcuseApproved, CaseResolved, CaseRework
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.policy.places import UNPLACED
from shared.veil import without_room


def start(task: Task | None, event: CaseResolved, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Lead and assistants say it is done: within the policy's time (24 h, a Lanzhou subdistrict) somebody goes back."""
    if task is not None:
        return Decision(task)
    policy = jurisdiction.policy
    households = policy.revisit.asked(event.households, event.key_households)
    excuse_approver = approver(event.excuse, households, policy)
    location, places = event.location, event.places[:MOST_PLACES]
    if event.confidential:
        location, places = without_room(location), [without_room(place) for place in places]
    due = Due(
        task_id=task_id(event.case_id, event.round),
        case_id=event.case_id,
        case_no=event.case_no,
        round=event.round,
        team=jurisdiction.tenants.team_for(event.place),
        category=event.category.code,
        place=event.place,
        location=location,
        places=places,
        contact=None if event.confidential else event.contact,
        households=households,
        of=event.households,
        base=households,
        measure=policy.category(event.category.code).measure
        and policy.in_season(event.at.astimezone(policy.zone).date()),
        resolved_at=min(event.resolved_at, event.at),
        excuse=event.excuse,
        excuse_until=event.excuse_until,
        excuse_approver=excuse_approver,
        due_by=event.at + policy.revisit.within,
        policy=policy.label,
    )
    return Decision(due, [_sent(due)])


def excused(task: Task | None, event: CaseExcuseApproved, _: Input, jurisdiction: Jurisdiction) -> Decision:
    """The centre approved the agency's excuse for this round: what is measured from now on does not make it fail."""
    if task is None:
        raise NotYet("case_id", "no such task")
    if not isinstance(task, Due) or task.excuse != event.excuse or task.excuse_approver is not None:
        return Decision(task)
    if not jurisdiction.policy.revisit.excusable(event.excuse, task.households):
        return Decision(task)
    return Decision(task.model_copy(update={"excuse_approver": event.approver}))


def withdraw(task: Task | None, event: CaseClosed, input: Input, _: Jurisdiction) -> Decision:
    """A case that is closed needs nobody to go back.

    Where the withdrawal overtakes the "resolved" of its round it is remembered, so that no team is sent.
    """
    if not isinstance(task, Due | None) or (task is None and event.outcome != "withdrawn"):
        return Decision(task)
    reason = "诉求人已撤回诉求" if event.outcome == "withdrawn" else "案卷已结案"
    return _called_off(task, event.case_id, event.round, reason, input.at)


def _called_off(task: Due | None, case_id: str, round: int, reason: str, at: datetime) -> Decision:
    gone = Withdrawn(
        task_id=task_id(case_id, round),
        case_id=case_id,
        round=round,
        team=task.team if task is not None else None,
        withdrawn_at=at,
    )
    if task is None:
        return Decision(gone)
    told = events.RevisitWithdrawn(task_id=task.task_id, reason=reason)
    return Decision(gone, [Out(told, task.case_id, task.team)])


def back_at_work(task: Task | None, event: CaseRework, input: Input, _: Jurisdiction) -> Decision:
    """The case is at work again before anybody went back: danger was heard of. Where that overtakes the "resolved" of
    its round it is remembered, so that no team is sent."""
    if not isinstance(task, Due | None):
        return Decision(task)
    return _called_off(task, event.case_id, event.round - 1, "案卷已重新办理", input.at)


def doubted(task: Task | None, event: CaseDoubted, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Somebody speaks up after the "done". Of those who join a sample is asked beside the first, by the same rule; of
    those who urge one, once, unless everybody is asked anyway. The team hears of each door that is added."""
    if task is None:
        raise NotYet("case_id", "no task for this round of the case")
    if not isinstance(task, Due):
        return Decision(task)
    sample = jurisdiction.policy.revisit.sample
    late, keys = task.late + event.households, task.late_keys + int(event.key_household)
    urged = task.urged or not event.households
    base = task.base or task.households
    wanted = base + sample.size(late, keys) + int(urged and base < task.of)
    more = min(wanted, sample.at_most) - task.households
    known = event.location in task.places or len(task.places) >= MOST_PLACES
    changes = {
        "base": base,
        "doubts": task.doubts + int(event.households > 0),
        "late": late,
        "late_keys": keys,
        "urged": urged,
        "places": task.places if known else [*task.places, event.location],
    }
    if more <= 0:
        return Decision(task.model_copy(update=changes))
    excusable = jurisdiction.policy.revisit.excusable(task.excuse, task.households + more)
    changes |= {
        "households": task.households + more,
        "attempt": task.attempt + 1,
        "widened": task.widened + 1,
        "due_by": max(task.due_by, event.at + jurisdiction.policy.revisit.within),
        "overdue": False,
        # An excuse about one flat does not excuse the next.
        "excuse_approver": task.excuse_approver if excusable else None,
    }
    wider = task.model_copy(update=changes)
    told = events.RevisitDue(
        task_id=wider.task_id,
        case_id=wider.case_id,
        case_no=wider.case_no,
        kind=wider.kind,
        location=event.location,
        households=more if more > 1 else None,
        measure=wider.measure,
        due_by=wider.due_by,
        attempt=wider.attempt,
    )
    return Decision(wider, [Out(told, wider.case_id, wider.team)])


def overdue(task: Task | None, event: events.TaskDue, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Its time has passed and nobody went; told once for each time set. From a team that was suspended or removed the
    task is taken, and another is sent within the policy's time: who is kept out can settle nothing."""
    if not isinstance(task, Due) or event.due_by != task.due_by:
        return Decision(task)
    told = events.VerificationOverdue(
        case_id=task.case_id, task_id=task.task_id, team=task.team, due_by=task.due_by, at=input.at
    )
    out = [] if task.overdue else [Out(told, task.case_id)]
    team = _team(task, jurisdiction)
    if team == task.team:
        return Decision(task.model_copy(update={"overdue": True}), out) if out else Decision(task)
    policy = jurisdiction.policy
    other = task.model_copy(
        update={
            "team": team,
            "overdue": False,
            "due_by": input.at + policy.revisit.within,
            "policy": policy.label,
        }
    )
    gone = events.RevisitWithdrawn(task_id=task.task_id, reason="改由其他队伍回访")
    return Decision(other, [*out, Out(gone, task.case_id, task.team), _sent(other)])


def again(task: Due, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """Those that nobody reached are tried again on another day and at another hour (DOMAIN 3)."""
    policy = jurisdiction.policy
    not_before = at + policy.revisit.retry_after
    if not_before.astimezone(policy.zone).date() == at.astimezone(policy.zone).date():
        not_before += timedelta(days=1)
    again = Due(
        **task.carried(
            team=_team(task, jurisdiction),
            attempt=task.attempt + 1,
            policy=policy.label,
            due_by=not_before + policy.revisit.within,
            answers=task.answers.model_copy(update={"unreachable": 0}),
        ),
        not_before=not_before,
    )
    return Decision(again, [_sent(again)])


def _team(task: Due, jurisdiction: Jurisdiction) -> str:
    """Who goes: the team that was sent, or where it may be given nothing new, the one that goes there now."""
    tenants = jurisdiction.tenants
    return task.team if tenants.active(task.team) else tenants.team_for(task.place or UNPLACED)


def _sent(task: Due) -> Out:
    left = task.households - task.answers.asked
    told = events.RevisitDue(
        task_id=task.task_id,
        case_id=task.case_id,
        case_no=task.case_no,
        kind=task.kind,
        location=task.location,
        places=task.places if len(task.places) > 1 else None,
        contact=task.contact,
        households=left if left > 1 else None,
        measure=task.measure,
        due_by=task.due_by,
        attempt=task.attempt,
        not_before=task.not_before,
    )
    return Out(told, task.case_id, task.team)
