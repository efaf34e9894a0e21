"""A burst of appeals on one case is a mass incident: raised once, and from then on told in sums, not one by one."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from services.routing.domain.behind import home
from services.routing.domain.case import C, CaseData, noted
from services.routing.domain.case_parts import Arrival, Unsaid
from shared.contracts.intake import AppealMerged
from shared.contracts.values import Urgency
from shared.policy import Jurisdiction

GRAVEST_FIRST: tuple[Urgency, ...] = get_args(Urgency)


def raised(urgency: Urgency, to: Urgency) -> Urgency:
    """The graver of two urgencies."""
    return min(urgency, to, key=GRAVEST_FIRST.index)


def joined(case: C, appeal: AppealMerged, at: datetime, jurisdiction: Jurisdiction) -> C:
    """The case with one arrival more, and a mass incident if that makes it one by the policy (docs/decisions/0040).

    Deadlines that were promised stay; urgency holds for what is ordered from now on, and is told. An appeal that was
    moved or split off from another case came when it first came: that many change together is no burst.
    """
    if appeal.key_household:
        case = case.model_copy(update={"urgency": raised(case.urgency, "urgent")})
    came = appeal.counted_at or (appeal.reported_at if appeal.moved_from is not None else at)
    rule = jurisdiction.policy.mass_incident(case.category.code)
    if rule is None or case.mass_incident_since is not None:
        return case
    arrival = Arrival(at=came, place=home(case, appeal.place, jurisdiction))
    recent = sorted((*case.recent, arrival), key=lambda one: one.at)[-rule.appeals :]
    case = case.model_copy(update={"recent": recent})
    burst = [one for one in recent if abs(came - one.at) <= rule.within]
    if len(burst) < rule.appeals and len({one.place for one in burst}) < rule.compounds:
        return case
    why = f"短时间内{case.appeals}件诉求，涉及{case.compounds}个小区"
    return case.model_copy(
        update={
            "recent": [],
            "mass_incident_since": at,
            "urgency": raised(case.urgency, rule.urgency),
            "history": noted(case, jurisdiction, at, "mass incident", "", why),
        }
    )


def put_off(before: CaseData, case: C, at: datetime, jurisdiction: Jurisdiction) -> C | None:
    """The case with what its agencies are not told yet, because the sum will be; None where they hear it at once.

    At once they hear of what is news besides the count: that it is a mass incident, the first key household, or that
    it has become more pressing.
    """
    rule = jurisdiction.policy.mass_incident(case.category.code)
    if rule is None or before.mass_incident_since is None or case.key_household != before.key_household:
        return None
    if case.urgency != before.urgency:
        return None
    if case.unsaid is not None:
        return case
    return case.model_copy(update={"unsaid": Unsaid(due=at + rule.tell_every)})
