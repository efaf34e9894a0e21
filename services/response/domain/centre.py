"""What the centre says about an assignment, and what the agency hears of it (CONTRACTS 2)."""

from __future__ import annotations

from typing import Any, TypeVar

from services.response.domain.assignment import (
    MOST_ATTACHMENTS,
    MOST_PLACES,
    MOST_SUPPLEMENTS,
    MOST_WORDS,
    STEPS,
    Assigned,
    Assignment,
    AssignmentData,
    Concluded,
    Deferred,
    Open,
    Resolved,
    Withdrawn,
    stored,
)
from services.response.domain.clocks import clock
from services.response.domain.disclosure import as_assigned, ordered, places_shown, words_shown
from shared.contracts.base import Event
from shared.contracts.response import (
    DispatchDeferralDecided,
    DispatchExtensionDecided,
    DispatchSupervised,
    DispatchUpdated,
    DispatchVerified,
    DispatchWithdrawn,
)
from shared.contracts.routing import (
    CaseAssigned,
    CaseAssignmentWithdrawn,
    CaseConcluded,
    CaseDeferralDecided,
    CaseExtensionDecided,
    CaseSupervised,
    CaseUpdated,
)
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.veil import without_room

V = TypeVar("V")


def assign(
    assignment: Assignment | None, event: CaseAssigned, _: Input, jurisdiction: Jurisdiction
) -> Decision:
    """An agency gets something to do; what it is sent is what is stored of it."""
    if assignment is not None:
        return Decision(assignment)
    start = stored(event.at)
    order, withheld = ordered(event)
    never = event.confidential or event.disclose == "never"
    made = Assigned(
        assignment_id=event.assignment_id,
        case_id=event.case_id,
        agency=event.agency,
        round=event.round,
        assigned_at=start,
        order=order,
        rooms="never" if never else "on_acceptance" if withheld else "shown",
        withheld=withheld,
        appeals=event.appeals,
        households=event.households,
        counted_at=start,
        report_in_by=stored(event.report_in_by) if event.report_in_by else None,
        attachments=(event.attachments or [])[:MOST_ATTACHMENTS],
        clocks={
            step: clock(step, due, start, jurisdiction)
            for step, due in zip(
                STEPS, (event.accept_by, event.contact_by, event.arrive_by, event.resolve_by), strict=True
            )
            if due is not None
        },
    )
    return Decision(made, [Out(as_assigned(made), made.case_id, made.agency)])


def update(assignment: Assignment | None, event: CaseUpdated, _: Input, __: Jurisdiction) -> Decision:
    """More stands behind the case, or less. Every word of it is passed on; of two counts and
    lists of places the later one is kept."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    at = stored(event.at)
    # A room that is never to be shown is not kept either.
    places = [without_room(p) for p in event.places or []] if known.rooms == "never" else event.places or []
    changes: dict[str, Any] = {"urged": max(known.urged, event.urged or 0)}
    if at >= known.counted_at:
        changes |= {"appeals": event.appeals, "households": event.households, "counted_at": at}
        if event.places is not None:  # all of them: fewer where some were split off
            changes["places"] = places[:MOST_PLACES]
        if event.urgency is not None:
            changes["order"] = known.order.model_copy(update={"urgency": event.urgency})
    if event.key_household:
        changes["order"] = changes.get("order", known.order).model_copy(update={"key_household": True})
    words = words_shown(known, event.text)
    if words is not None:
        more = [*(known.order.supplements or []), words[:MOST_WORDS]][-MOST_SUPPLEMENTS:]
        changes["order"] = changes.get("order", known.order).model_copy(update={"supplements": more})
    if event.meeting is not None:
        changes["meeting"] = event.meeting
    changes["attachments"] = _joined(known.attachments, event.attachments or [], MOST_ATTACHMENTS)
    told = DispatchUpdated(
        assignment_id=known.assignment_id,
        appeals=event.appeals,
        households=event.households,
        places=places_shown(known, places) or None,
        attachments=event.attachments,
        urged=event.urged,
        meeting=event.meeting,
        compounds=event.compounds,
        key_household=event.key_household,
        mass_incident=event.mass_incident,
        urgency=event.urgency,
        text=words,
    )
    return Decision(known.model_copy(update=changes), [_to(known, told)])


def supervise(assignment: Assignment | None, event: CaseSupervised, _: Input, __: Jurisdiction) -> Decision:
    """Somebody above watches it now."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    told = DispatchSupervised(assignment_id=known.assignment_id, level=event.level, reason=event.reason)
    return Decision(
        known.model_copy(update={"level": max(known.level, event.level)}),
        [_to(known, told)],
    )


def decide_extension(
    assignment: Assignment | None, event: CaseExtensionDecided, _: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre's word on more time: the resolve deadline is what it says. What was resolved is not judged again."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    clocks = dict(known.clocks)
    resolve_by = stored(event.resolve_by)
    if event.granted and not isinstance(known, Resolved) and resolve_by != clocks["resolve"].due:
        clocks["resolve"] = clock("resolve", resolve_by, known.assigned_at, jurisdiction)
    told = DispatchExtensionDecided(
        assignment_id=known.assignment_id,
        granted=event.granted,
        resolve_by=resolve_by,
        reason=event.reason,
    )
    return Decision(known.model_copy(update={"clocks": clocks, "extension": None}), [_to(known, told)])


def decide_deferral(
    assignment: Assignment | None, event: CaseDeferralDecided, _: Input, __: Jurisdiction
) -> Decision:
    """The centre's word on a deferral: granted, the clocks stand still. At the review the centre withdraws this
    assignment and makes a new one."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    told = DispatchDeferralDecided(
        assignment_id=known.assignment_id,
        granted=event.granted,
        kind=event.kind,
        review_at=event.review_at,
        reason=event.reason,
    )
    if event.granted and not isinstance(known, Resolved):
        review_at = stored(event.review_at) if event.review_at else None
        after: Assignment = Deferred(**known.carried(deferral=None), kind=event.kind, review_at=review_at)
    else:
        after = known.model_copy(update={"deferral": None})
    return Decision(after, [_to(known, told)])


def withdraw(
    assignment: Assignment | None, event: CaseAssignmentWithdrawn, _: Input, __: Jurisdiction
) -> Decision:
    """No longer wanted: over. What was withheld is forgotten."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    told = DispatchWithdrawn(assignment_id=known.assignment_id, reason=event.reason)
    over = Withdrawn(**known.ended(), withdrawn_at=stored(event.at), reason=event.reason)
    return Decision(over, [_to(known, told)])


def conclude(assignment: Assignment | None, event: CaseConcluded, _: Input, __: Jurisdiction) -> Decision:
    """What the revisit found. Over when the case is, or when it did not hold: rework is an assignment of its own."""
    known = _known(assignment)
    if not isinstance(known, Open):
        return Decision(known)
    told = DispatchVerified(
        assignment_id=known.assignment_id,
        held=event.held,
        satisfaction=event.satisfaction,
        readings=event.readings,
    )
    if event.held and not event.closed:
        return Decision(known, [_to(known, told)])
    over = Concluded(
        **known.ended(),
        concluded_at=stored(event.at),
        held=event.held,
        closed=event.closed,
        satisfaction=event.satisfaction,
        readings=event.readings,
    )
    return Decision(over, [_to(known, told)])


def _known(assignment: Assignment | None) -> Assignment:
    """Assignments are made on the same stream on which the rest is said, but another copy may be making it now."""
    if assignment is None:
        raise NotYet("assignment_id", "no such assignment")
    return assignment


def _to(assignment: AssignmentData, event: Event) -> Out:
    return Out(event, assignment.case_id, assignment.agency)


def _joined(known: list[V], more: list[V], most: int) -> list[V]:
    return [*known, *(one for one in more if one not in known)][:most]
