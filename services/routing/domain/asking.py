"""What the centre's desk is asked: when it cannot be said surely enough whose problem a case is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.case import CaseData, Dispatched
from services.routing.domain.case_parts import Question
from shared.contracts import routing as events
from shared.contracts.intake import AppealRegistered
from shared.contracts.values import DeskReason, Proposal, Urgency
from shared.loop.decision import Out
from shared.policy.policy import Policy

WHY_ZH: dict[DeskReason, str] = {
    "category_unclear": "类别把握不足",
    "place_unknown": "地点不明",
    "nobody_responsible": "该处没有对应的承办单位",
    "nobody_left": "没有可再派遣的单位",
}


def doubts(appeal: AppealRegistered, answered_for: bool, policy: Policy) -> list[DeskReason]:
    """Why an appeal's case is not dispatched by itself; empty if it is. ``answered_for``: somebody answers for it."""
    found: dict[DeskReason, bool] = {
        "category_unclear": appeal.confidence < policy.confidence.category,
        "place_unknown": not appeal.place.known,
        "nobody_responsible": not answered_for,
    }
    return [reason for reason, holds in found.items() if holds]


def ask(
    reasons: Sequence[DeskReason],
    why: str,
    urgency: Urgency,
    at: datetime,
    policy: Policy,
    lead: str = "",
    assistants: Sequence[str] = (),
    proposals: Sequence[Proposal] = (),
) -> Question:
    """A question with the desk's clock (DOMAIN 4: intake registers within 2 h; danger to life waits for nobody)."""
    span = policy.desk.emergency if urgency == "emergency" else policy.desk.within
    return Question(
        reasons=list(reasons),
        why=in_words(reasons, why),
        since=at,
        due=at + span,
        lead=lead,
        assistants=list(assistants),
        proposals=list(proposals),
    )


def in_words(reasons: Sequence[DeskReason], more: str = "") -> str:
    """The reasons as people say them, and what there is to say besides."""
    said = "、".join(WHY_ZH[reason] for reason in reasons)
    return f"{said}：{more}" if more else said


def told(case: CaseData, at: datetime) -> list[Out]:
    """That the desk is asked, if it is."""
    if case.question is None:
        return []
    asked = events.CaseOnDesk(
        case_id=case.case_id,
        round=case.round,
        at=at,
        case_no=case.case_no,
        reasons=case.question.reasons,
        urgency=case.urgency,
        due=case.question.due,
        dispatched=isinstance(case, Dispatched),
    )
    return [Out(asked, case.case_id)]
