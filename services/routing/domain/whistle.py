"""The grid blew the whistle (吹哨): who does not report in is watched from then on (DOMAIN 1, 4)."""

from __future__ import annotations

from services.routing.domain.case import Case, noted
from shared.contracts.response import AssignmentReportInMissed
from shared.contracts.routing import CaseSupervised
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

REASON = "吹哨后未在时限内报到"


def not_reported(
    case: Case | None, event: AssignmentReportInMissed, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """A whistled agency did not report in: the case remembers, the agency hears that it is watched, unless it heard so
    for the same silence already."""
    if case is None:
        raise NotYet("case_id", "no such case")
    mine = next((a for a in case.live if a.assignment_id == event.assignment_id), None)
    if mine is None:
        return Decision(case)
    case = case.model_copy(
        update={"history": noted(case, jurisdiction, input.at, "not reported in", mine.agency, REASON)}
    )
    if event.watched:
        return Decision(case)
    told = CaseSupervised(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        assignment_id=mine.assignment_id,
        level=1,
        reason=REASON,
    )
    return Decision(case, [Out(told, case.case_id)])
