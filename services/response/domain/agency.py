"""What the agency says about its assignment (CONTRACTS 3): the steps, given back, more time, not now.

A step is judged by the agency's own time if that lies at most ten minutes before the receipt, else by the receipt, and
never before the assignment was made; a time that lies before that by more than a clock's error is refused. Of several
messages the earliest counts, in whatever order they come. A later step implies the earlier ones as far as they have a
deadline; accepting always: who repairs from afar did not arrive, but whoever had to arrive and resolved has. Late is
applied and counted late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from services.response.domain.assignment import (
    STEPS,
    Accepted,
    Arrived,
    Assignment,
    AssignmentData,
    Clock,
    Concluded,
    Deferral,
    Deferred,
    Extension,
    Live,
    Open,
    Progress,
    Resolved,
    Returned,
    Taken,
    stored,
)
from services.response.domain.disclosure import on_acceptance
from shared.contracts import agency as said
from shared.contracts import response as events
from shared.contracts.values import Step
from shared.loop.decision import Decision, Input, Out, Refused
from shared.loop.envelope import CLOCK_ERROR
from shared.policy import Jurisdiction

LATE_REPORT = timedelta(minutes=10)
MOST_HEARD = 500
"""So many messages may change one assignment; then only its resolution or return does. Bounds what an outsider can make
grow."""

BEFORE = "早于派单时间 (lies before the assignment was made)"
UNKNOWN = "没有这个承办单，或它不属于本单位 (no such assignment of yours)"
OVER = "承办单已退单、撤回或结案 (returned, withdrawn or closed)"
DONE = "承办单已办结 (already resolved)"
WAITING = "承办单已缓办 (deferred)"
TOO_MANY = "该承办单的消息过多 (too many messages about this assignment)"


def accept(assignment: Assignment | None, word: said.Accepted, input: Input, _: Jurisdiction) -> Decision:
    """The agency takes it, and learns what waited for that."""
    return _step(assignment, "accept", word, input)


def contact(assignment: Assignment | None, word: said.Contacted, input: Input, _: Jurisdiction) -> Decision:
    """The agency has spoken to the resident."""
    return _step(assignment, "contact", word, input)


def arrive(assignment: Assignment | None, word: said.Arrived, input: Input, _: Jurisdiction) -> Decision:
    """The agency is on site."""
    return _step(assignment, "arrive", word, input)


def progress(assignment: Assignment | None, word: said.Progressed, input: Input, _: Jurisdiction) -> Decision:
    """Work goes on: noted, nobody else need know."""
    mine = _own(assignment, word, input)
    if isinstance(mine, Resolved | Concluded) or mine.heard >= MOST_HEARD:
        return Decision(mine)
    at = _judged(mine, word, input)
    before = mine.progress or Progress(times=0, at=at)
    latest = before if before.at > at else Progress(times=0, at=at, note=word.note)
    noted = latest.model_copy(update={"times": before.times + 1})
    return Decision(mine.model_copy(update={"progress": noted, "heard": mine.heard + 1}))


def resolve(assignment: Assignment | None, word: said.Resolved, input: Input, _: Jurisdiction) -> Decision:
    """The agency says it is done. The first word on it holds; a second can only show that it was earlier."""
    mine = _own(assignment, word, input)
    if isinstance(mine, Concluded):
        return Decision(mine)
    if isinstance(mine, Resolved):
        return _earlier(mine, "resolve", word, input)
    taken, changed = _take(mine, "resolve", word, input)
    shown, update = on_acceptance(mine)
    done = Resolved(
        **mine.carried(**shown, taken=taken, extension=None, deferral=None, heard=mine.heard + 1),
        outcome=word.outcome,
        measures=word.measures,
        reply=word.reply,
        root_cause=word.root_cause,
        readings=word.readings,
        evidence=word.evidence,
        excuse=word.excuse,
    )
    return Decision(done, _steps_told(done, changed, update))


def give_back(
    assignment: Assignment | None, word: said.Returned, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """Not ours, with a reason; only before resolving. Another agency may be suggested, of those there are."""
    mine = _own(assignment, word, input)
    if isinstance(mine, Resolved | Concluded):
        raise Refused("assignment_id", DONE)
    if word.suggested_agency is not None:
        other = jurisdiction.tenants.get(word.suggested_agency)
        if other is None or other.kind != "agency" or not other.active:
            raise Refused("suggested_agency", "没有这个承办单位 (no such agency)")
        if other.id == mine.agency:
            raise Refused("suggested_agency", "不能建议本单位 (that is yourself)")
    at = _judged(mine, word, input)
    over = Returned(
        **mine.ended(),
        returned_at=at,
        reason_code=word.reason_code,
        reason=word.reason,
        suggested_agency=word.suggested_agency,
    )
    told = events.AssignmentReturned(
        **over.about(at),
        reason_code=word.reason_code,
        reason=word.reason,
        suggested_agency=word.suggested_agency,
    )
    return Decision(over, [Out(told, over.case_id)])


def request_extension(
    assignment: Assignment | None, word: said.ExtensionRequested, input: Input, _: Jurisdiction
) -> Decision:
    """More time is asked for; the centre decides. The same once more changes nothing."""
    mine = _asking(assignment, word, input)
    until, resolve_by = stored(word.until), mine.clocks["resolve"].due
    if until <= resolve_by:
        raise Refused("until", "必须晚于现办结时限 (must be after the present deadline)")
    if until <= input.at:
        raise Refused("until", "必须在将来 (must lie ahead)")
    if mine.extension is not None and mine.extension.until == until:
        return Decision(mine)
    asked = events.AssignmentExtensionRequested(
        **mine.about(_judged(mine, word, input)), until=until, reason=word.reason, resolve_by=resolve_by
    )
    pending = Extension(until=until, reason=word.reason)
    after = mine.model_copy(update={"extension": pending, "heard": mine.heard + 1})
    return Decision(after, [Out(asked, mine.case_id)])


def request_deferral(
    assignment: Assignment | None, word: said.DeferralRequested, input: Input, _: Jurisdiction
) -> Decision:
    """It cannot be done now: why, the plan, when to look again; the centre decides."""
    mine = _asking(assignment, word, input)
    review_at = stored(word.review_at)
    if review_at <= input.at:
        raise Refused("review_at", "必须在将来 (must lie ahead)")
    before = mine.deferral
    if before is not None and (before.kind, before.review_at) == (word.kind, review_at):
        return Decision(mine)
    asked = events.AssignmentDeferralRequested(
        **mine.about(_judged(mine, word, input)),
        kind=word.kind,
        reason=word.reason,
        plan=word.plan,
        review_at=review_at,
    )
    pending = Deferral(kind=word.kind, review_at=review_at, reason=word.reason, plan=word.plan)
    after = mine.model_copy(update={"deferral": pending, "heard": mine.heard + 1})
    return Decision(after, [Out(asked, mine.case_id)])


def _own(assignment: Assignment | None, word: said.AgencyEvent, input: Input) -> Open | Concluded:
    """The sender's assignment, open or past while its case goes on as rework. What is not there and what is another's
    are told apart by nobody outside. Nothing happened before the assignment was made, but for a clock's error."""
    if assignment is None or assignment.agency != input.tenant:
        raise Refused("assignment_id", UNKNOWN)
    if not isinstance(assignment, Open) and not (isinstance(assignment, Concluded) and not assignment.closed):
        raise Refused("assignment_id", OVER)
    if assignment.assigned_at - word.at > CLOCK_ERROR:
        raise Refused("at", BEFORE)
    return assignment


def _asking(assignment: Assignment | None, word: said.AgencyEvent, input: Input) -> Live:
    mine = _own(assignment, word, input)
    if isinstance(mine, Resolved | Concluded):
        raise Refused("assignment_id", DONE)
    if isinstance(mine, Deferred):
        raise Refused("assignment_id", WAITING)
    if mine.heard >= MOST_HEARD:
        raise Refused("assignment_id", TOO_MANY)
    return mine


def _step(assignment: Assignment | None, step: Step, word: said.AgencyEvent, input: Input) -> Decision:
    mine = _own(assignment, word, input)
    if isinstance(mine, Concluded):
        return Decision(mine)
    if isinstance(mine, Resolved):
        return _earlier(mine, step, word, input)
    if mine.heard >= MOST_HEARD:
        return Decision(mine)
    taken, changed = _take(mine, step, word, input)
    if not changed:
        return Decision(mine)
    shown, update = on_acceptance(mine)
    shown |= {"taken": taken, "heard": mine.heard + 1, "silence": 0, "clocks": _heard_of(mine, taken)}
    after: Accepted | Arrived | Deferred
    if isinstance(mine, Deferred):
        after = mine.model_copy(update=shown)
    elif "arrive" in taken:
        after = Arrived(**mine.carried(**shown))
    else:
        after = Accepted(**mine.carried(**shown))
    return Decision(after, _steps_told(after, changed, update))


def _heard_of(mine: AssignmentData, taken: Mapping[Step, Taken]) -> Mapping[Step, Clock]:
    """The silence is over: a deadline that passed in it, and is still not met, begins to climb by itself."""
    return {
        step: running
        if step in taken or not running.rungs
        else running.model_copy(update={"rungs": 0, "watch_at": running.due})
        for step, running in mine.clocks.items()
    }


def _earlier(done: Resolved, step: Step, word: said.AgencyEvent, input: Input) -> Decision:
    """Heard of after the resolution: only an earlier time still counts."""
    taken, changed = _take(done, step, word, input)
    if not changed or done.heard >= MOST_HEARD:
        return Decision(done)
    after = done.model_copy(update={"taken": taken, "heard": done.heard + 1})
    return Decision(after, _steps_told(after, changed, None))


def _take(
    assignment: AssignmentData, step: Step, word: said.AgencyEvent, input: Input
) -> tuple[Mapping[Step, Taken], list[Step]]:
    """The steps after this word, and which of them are new or earlier than known."""
    at = _judged(assignment, word, input)
    taken, place = dict(assignment.taken), STEPS.index(step)
    if any(later in taken and taken[later].at <= at for later in STEPS[place:]):
        return taken, []
    changed: list[Step] = []
    for one in STEPS[: place + 1]:
        known, clock = taken.get(one), assignment.clocks.get(one)
        implied = one in (step, "accept") or clock is not None
        if (known is None and not implied) or (known is not None and known.at <= at):
            continue
        how = word.how if isinstance(word, said.Contacted) and one == step else None
        note = word.note if one == step else None
        on_time = clock is None or at <= clock.due
        taken[one] = Taken(at=at, on_time=on_time, by=word.by, how=how, note=note)
        changed.append(one)
    return taken, changed


def _judged(assignment: AssignmentData, word: said.AgencyEvent, input: Input) -> datetime:
    at = word.at if input.at - word.at <= LATE_REPORT else input.at
    return max(stored(min(at, input.at)), assignment.assigned_at)


def _steps_told(
    assignment: AssignmentData, changed: Iterable[Step], update: events.DispatchUpdated | None
) -> list[Out]:
    out = [Out(_step_event(assignment, step), assignment.case_id) for step in changed]
    if update is not None:
        out.append(Out(update, assignment.case_id, assignment.agency))
    return out


def _step_event(assignment: AssignmentData, step: Step) -> events.AssignmentEvent:
    taken = assignment.taken[step]
    about = assignment.about(taken.at) | {"on_time": taken.on_time}
    if step == "accept":
        return events.AssignmentAccepted(**about)
    if step == "contact":
        return events.AssignmentContacted(**about)
    if step == "arrive":
        return events.AssignmentArrived(**about)
    assert isinstance(assignment, Resolved)
    return events.AssignmentResolved(
        **about,
        outcome=assignment.outcome,
        measures=assignment.measures,
        reply=assignment.reply,
        readings=assignment.readings,
        excuse=assignment.excuse.code if assignment.excuse else None,
        excuse_until=assignment.excuse.until if assignment.excuse else None,
    )
