"""Said after the "done": another joins a resolved case, or one of its callers urges. Whoever goes back asks them too;
what nobody was asked about does not end a case, and danger does not wait for the revisit (docs/decisions/0048)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.anew import anew
from services.routing.domain.assigning import call_back
from services.routing.domain.case import Dispatched, Resolved, noted
from shared.contracts import routing as events
from shared.contracts.revisit import VerificationEvent
from shared.contracts.values import Location, ReworkNote, Role
from shared.loop.decision import Decision, Out
from shared.policy import Jurisdiction

UNHEARD = "办结后又有群众反映，回访未及核实"


def doubted(
    case: Resolved, at: datetime, location: Location, households: int, key_household: bool
) -> tuple[Resolved, Out]:
    """Whoever goes back hears of it. ``households``: how many join; none where one of those behind the case urges."""
    said = events.CaseDoubted(
        case_id=case.case_id,
        round=case.round,
        at=at,
        location=location,
        households=households,
        key_household=key_household,
    )
    doubts = case.doubts + int(households > 0)
    return case.model_copy(update={"doubts": doubts}), Out(said, case.case_id)


def unheard(case: Resolved, verdict: VerificationEvent) -> bool:
    """Somebody joined whom the revisit did not know of when it came to its verdict."""
    return verdict.doubts < case.doubts


def back_to_work(
    case: Resolved, assistants: Sequence[str], reason: str, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """A new round with the same lead, without a failed revisit; one that is under way is called off."""
    lead = case.lead
    assert lead is not None  # a resolved case has one
    free, out = call_back(case, case.current, at, reason)
    again = Dispatched(
        **free.carried(
            round=case.round + 1,
            reworks=case.reworks + 1,
            assist_agencies=list(assistants),
            history=noted(case, jurisdiction, at, "rework", case.lead_agency, reason),
        )
    )
    note = ReworkNote(previous=lead.assignment_id, count=again.reworks, reason=reason)
    asked: list[tuple[str, Role]] = [(case.lead_agency, "lead"), *((one, "assist") for one in assistants)]
    given = anew(again, asked, reason, at, jurisdiction, note)
    said = events.CaseRework(
        case_id=case.case_id,
        round=again.round,
        at=at,
        lead_agency=given.state.lead_agency,
        count=again.reworks,
        reason=reason,
    )
    return Decision(given.state, [*out, Out(said, case.case_id), *given.out])
