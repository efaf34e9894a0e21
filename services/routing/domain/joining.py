"""A case that waits for the desk is about the problem of another: the desk joins the two (docs/decisions/0044)."""

from __future__ import annotations

from typing import TypeGuard

from services.routing.domain.case import Case, Closed, OnDesk, noted
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


def joinable(case: Case | None) -> TypeGuard[OnDesk]:
    """Whether it waits for the desk and nobody was ever asked to work on it: what agencies were told is not undone."""
    return isinstance(case, OnDesk) and not case.assigned


def join(case: Case | None, order: routing_orders.Join, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The case is over and takes no more appeals; intake moves those it has to the other one."""
    if not joinable(case) or order.into == case.case_id:
        return Decision(case)
    why = f"并入案卷 {order.into_no}：{order.reason}"
    over = Closed(
        **case.carried(
            question=None, history=noted(case, jurisdiction, input.at, "joined to another", order.by, why)
        ),
        outcome="joined",
        closed_at=input.at,
        joined_to=order.into,
    )
    joined = events.CaseJoined(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        matter=case.matter,
        into=order.into,
        into_no=order.into_no,
        appeals=order.appeals + case.appeals,
        reason=order.reason,
        by=order.by,
    )
    return Decision(over, [Out(joined, case.case_id)])
