"""One case becomes two: the desk names what is another problem, and that leaves (docs/decisions/0043)."""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.appellants import fewer, nobody_left
from services.routing.domain.behind import nobody
from services.routing.domain.case import MOST_SPLITS, C, Case, Closed, Deferred, Dispatched, OnDesk, noted
from services.routing.domain.case_parts import SplitOff, Unsaid
from shared.contracts.intake import AppealLeft
from shared.contracts.routing_splits import CaseSplit, Split
from shared.ids import derive
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

EMPTIED = "诉求已全部转入其他案卷或撤回。"


def split(case: Case | None, order: Split, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """What the desk names leaves a case that is at work. What opened it stays, and where that is: agencies were told.

    What leaves is a matter of its own, so that it is one new case, with a lead and clocks of its own from then on.
    """
    if not isinstance(case, OnDesk | Dispatched | Deferred) or len(case.splits) >= MOST_SPLITS:
        return Decision(case)
    compounds = [code for code in dict.fromkeys(order.compounds) if code != case.place.code]
    appeals = [id for id in dict.fromkeys(order.appeal_ids) if id != case.first_appeal]
    if not compounds and not appeals:
        return Decision(case)
    into = f"{case.matter}|{derive('split', case.case_id, len(case.splits))}"
    what = f"{order.reason}（拆出小区{len(compounds)}个、诉求{len(appeals)}件）"
    after = case.model_copy(
        update={
            "splits": [*case.splits, SplitOff(at=input.at, into=into, compounds=compounds)],
            "unsaid": Unsaid(due=input.at),
            "history": noted(case, jurisdiction, input.at, "split", order.by, what),
        }
    )
    said = CaseSplit(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        matter=case.matter,
        into=into,
        compounds=compounds,
        appeal_ids=appeals,
        keeps=case.first_appeal,
        reason=order.reason,
        by=order.by,
    )
    return Decision(after, [Out(said, case.case_id)])


def left(case: Case | None, gone: AppealLeft, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """One appeal fewer stands behind the case. Agencies hear the sum with the next tick: many leave at once."""
    if case is None:
        raise NotYet("case_id", "no such case")
    after = fewer(case, gone, jurisdiction)
    if isinstance(after, Closed):
        return Decision(after)
    if nobody(after):
        return nobody_left(after, EMPTIED, EMPTIED, input.at, jurisdiction)
    return Decision(after if after.unsaid is not None else _to_be_said(after, input.at))


def _to_be_said(case: C, at: datetime) -> C:
    return case.model_copy(update={"unsaid": Unsaid(due=at)})
