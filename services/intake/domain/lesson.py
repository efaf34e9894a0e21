"""What the centre's desk decided about a case, kept as an example to learn from."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.intake_steps import CloseMatter
from shared.contracts.routing import CaseDeskDecided
from shared.contracts.values import CategoryRef, DeskReason, Nature, Place
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


class Lesson(BaseModel):
    """One case: ``text`` as the resident said it, veiled, and what it was about. ``at``: when the desk said so."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    case_id: str
    text: str
    nature: Nature
    category: CategoryRef
    place: Place
    lead_agency: str
    reasons: tuple[DeskReason, ...]
    at: datetime


def keep(
    state: Lesson | None, event: CaseDeskDecided, _input: Input, _jurisdiction: Jurisdiction
) -> Decision:
    """The desk's latest word about a case, if its words may be kept.

    Where the desk has moved a case to another category or place, its matter takes no more appeals for it: the next
    one that reads like it opens a case of its own.
    """
    moved = CloseMatter(matter=event.matter, case_id=event.case_id, round=event.round)
    out = [Out(moved, event.case_id)] if event.moved else []
    if event.text is None or (state is not None and state.at >= event.at):
        return Decision(state, out)
    lesson = Lesson(
        case_id=event.case_id,
        text=event.text,
        nature=event.nature,
        category=event.category,
        place=event.place,
        lead_agency=event.lead_agency,
        reasons=tuple(event.reasons),
        at=event.at,
    )
    return Decision(lesson, out)
