"""What the centre's desk decides: whose problem a case is that nobody could be sure of, or that nobody holds any more.

An emergency is at work while the desk looks at it: what the desk confirms goes on, what it corrects is assigned anew.
"""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.asking import in_words
from services.routing.domain.assigning import assign, call_back
from services.routing.domain.case import Case, CaseData, Closed, Deferred, Dispatched, OnDesk, Resolved, noted
from services.routing.domain.case_parts import Question
from services.routing.domain.dispatch import first_dispatch, redispatch, redispatched, summary
from services.routing.domain.resolution import off_the_list, resolved_if_all
from services.routing.judge import judge
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.contracts.values import Location, Mode, Place, Role, Urgency
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction
from shared.veil import veiled

PRESSING: tuple[Urgency, ...] = ("emergency", "urgent", "normal")


def dispatch(
    case: Case | None, order: routing_orders.Dispatch, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The desk says who leads, who assists, what and where it is; a case that waits for no word is left alone."""
    if case is None or isinstance(case, Resolved | Closed) or case.question is None:
        return Decision(case)
    return _decide(case, case.question, order, input.at, jurisdiction)


def by_hand(
    case: Case | None, order: routing_orders.Redispatch, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The centre gives the case to another lead, while it is not resolved; that answers what the desk was asked."""
    if not isinstance(case, OnDesk | Dispatched | Deferred):
        return Decision(case)
    if case.question is not None:
        word = routing_orders.Dispatch(
            case_id=case.case_id, lead=order.agency, reason=order.reason, by=order.by
        )
        return _decide(case, case.question, word, input.at, jurisdiction)
    leads = [a for a in case.live if a.role == "lead"]
    free, withdrawn = call_back(case, leads, input.at, order.reason)
    decision = redispatch(free, order.agency, case.lead_agency, order.reason, input.at, jurisdiction)
    return off_the_list(case, Decision(decision.state, [*withdrawn, *decision.out]), input.at, jurisdiction)


def overdue(
    case: Case | None, due: routing_orders.CaseDeskDue, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The desk has not decided in time: said once, and written down."""
    if case is None or case.question is None or case.question.overdue or case.question.due != due.due:
        return Decision(case)
    late = case.model_copy(
        update={
            "question": case.question.model_copy(update={"overdue": True}),
            "history": noted(
                case, jurisdiction, input.at, "desk overdue", "", in_words(case.question.reasons)
            ),
        }
    )
    said = events.CaseDeskOverdue(
        case_id=case.case_id, round=case.round, at=input.at, case_no=case.case_no, due=due.due
    )
    return Decision(late, [Out(said, case.case_id)])


def _decide(
    case: OnDesk | Dispatched | Deferred,
    question: Question,
    order: routing_orders.Dispatch,
    at: datetime,
    jurisdiction: Jurisdiction,
) -> Decision:
    after, assistants = _as_ordered(case, question, order, at, jurisdiction)
    after = after.model_copy(
        update={
            "question": None,
            "history": noted(after, jurisdiction, at, "desk decided", order.by, order.reason),
        }
    )
    if not case.assigned:
        after, out = first_dispatch(after, order.lead, assistants, at, jurisdiction)
        return Decision(after, [_decided(case, after, question, order, at), *out])
    decision = _handed_on(case, after, order, assistants, at, jurisdiction)
    return Decision(decision.state, [_decided(case, decision.state, question, order, at), *decision.out])


def _handed_on(
    case: OnDesk | Dispatched | Deferred,
    after: OnDesk | Dispatched | Deferred,
    order: routing_orders.Dispatch,
    assistants: list[str],
    at: datetime,
    jurisdiction: Jurisdiction,
) -> Decision:
    """Agencies hold or held the case: who is still wanted goes on, unless what they were told is not true any more.
    The steps of a task force's plan are its leader's."""
    asked: list[tuple[str, Role]] = [(order.lead, "lead"), *((a, "assist") for a in assistants)]
    beside = [a for a in case.current if a.step is None]
    kept = [a for a in beside if (a.agency, a.role) in asked] if _says_the_same(case, after) else []
    free, out = call_back(after, [a for a in beside if a not in kept], at, order.reason)
    holding = {(a.agency, a.role) for a in kept}
    if (order.lead, "lead") not in holding:
        free = Dispatched(**free.carried())
    free = free.model_copy(update={"lead_agency": order.lead, "assist_agencies": assistants})
    free, made = assign(free, [one for one in asked if one not in holding], at, jurisdiction)
    out += made
    if order.lead != case.lead_agency or isinstance(case, OnDesk):
        free, said = redispatched(free, case.lead_agency, order.reason, at, jurisdiction)
        out.append(said)
    decision = Decision(free, out)
    if not free.live:  # whoever the desk wanted gone was the last one at it
        done = resolved_if_all(Dispatched(**free.carried()), at, jurisdiction)
        decision = Decision(done.state, [*out, *done.out])
    return (
        decision if isinstance(decision.state, Deferred) else off_the_list(case, decision, at, jurisdiction)
    )


def _as_ordered(
    case: OnDesk | Dispatched | Deferred,
    question: Question,
    order: routing_orders.Dispatch,
    at: datetime,
    jurisdiction: Jurisdiction,
) -> tuple[OnDesk | Dispatched | Deferred, list[str]]:
    """The case as the desk sees it, and who assists. What the order leaves out stays as proposed; with another category
    or place it is judged anew, but what was held to be pressing is only taken back by saying so."""
    category, place = order.category or case.category, order.place or case.place
    urgency, mode, candidates, because = case.urgency, case.mode, case.candidates, case.because
    assistants = case.assist_agencies if case.assigned else question.assistants
    if _moved(case, order):
        judged = judge(
            category=category.code,
            nature=case.nature,
            text=case.text or "",
            place=place,
            indoor_temperature=case.indoor_temperature,
            jurisdiction=jurisdiction,
            on=at.astimezone(jurisdiction.policy.zone).date(),
        )
        urgency = min(urgency, judged.urgency, key=PRESSING.index)
        mode, candidates, because = judged.mode, list(judged.candidates), judged.because
        assistants = list(judged.assist_agencies)
    if case.key_household and urgency == "normal":
        urgency = "urgent"
    mode = order.mode or mode
    assistants = _assisting(order, mode, assistants)
    location = _found(case.location, place, jurisdiction) if place.code != case.place.code else case.location
    corrected = case.model_copy(
        update={
            "category": category,
            "place": place,
            "location": location,
            "places": [location if one == case.location else one for one in case.places],
            "summary": summary(category, place, case.text),
            "urgency": order.urgency or urgency,
            "mode": mode,
            "candidates": candidates,
            "because": because,
        }
    )
    return corrected, assistants


def _assisting(order: routing_orders.Dispatch, mode: Mode, proposed: list[str]) -> list[str]:
    """Who assists: as ordered, else as proposed; who works alone has nobody, and the lead is not its own assistant."""
    wanted = order.assistants if order.assistants is not None else [] if mode == "self" else proposed
    return [agency for agency in dict.fromkeys(wanted) if agency != order.lead]


def _found(location: Location, place: Place, jurisdiction: Jurisdiction) -> Location:
    """Where agencies go: the compound that the desk found, or the area where the resident said nothing."""
    if jurisdiction.places.compound(place.code) is not None:
        return location.model_copy(update={"compound": place.name})
    return location.model_copy(update={"address": location.address or place.name})


def _moved(case: CaseData, order: routing_orders.Dispatch) -> bool:
    return (order.category is not None and order.category.code != case.category.code) or (
        order.place is not None and order.place.code != case.place.code
    )


def _says_the_same(case: CaseData, after: CaseData) -> bool:
    return all(
        getattr(case, name) == getattr(after, name) for name in ("category", "place", "urgency", "mode")
    )


def _decided(
    case: CaseData, after: CaseData, question: Question, order: routing_orders.Dispatch, at: datetime
) -> Out:
    text = None if case.text is None else veiled(case.text, case.contact, case.location.room)
    return Out(
        events.CaseDeskDecided(
            case_id=case.case_id,
            round=case.round,
            at=at,
            matter=case.matter,
            reasons=question.reasons,
            since=question.since,
            by=order.by,
            reason=order.reason,
            text=text,
            nature=case.nature,
            category=after.category,
            place=after.place,
            moved=_moved(case, order),
            lead_agency=after.lead_agency,
            assist_agencies=after.assist_agencies,
            mode=after.mode,
            urgency=after.urgency,
        ),
        case.case_id,
    )
