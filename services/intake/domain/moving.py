"""The centre's desk joined a case to another: its appeals go over, and their channels are told."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.domain.appeal import Appeal, Merged, OnCase, Open, Withdrawn, become
from services.intake.domain.course import CARRIED, counted_of
from shared.contracts.intake import AppealMerged, NoticeMerged
from shared.contracts.intake_steps import CloseMatter, MoveAppeal
from shared.contracts.routing import CaseJoined
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


def pass_on(
    states: Sequence[OnCase], event: CaseJoined, _input: Input, _jurisdiction: Jurisdiction
) -> list[Out]:
    """To every appeal of the case, and to its matter, which takes no more appeals for it."""
    where = event.model_dump(include={"case_id", "into", "into_no", "appeals"})
    out = [
        Out(MoveAppeal(appeal_id=state.appeal_id, **where), state.appeal_id, key=f"appeal:{state.appeal_id}")
        for state in states
        if not isinstance(state, Withdrawn)
    ]
    matter = CloseMatter(matter=event.matter, case_id=event.case_id, round=event.round)
    return [*out, Out(matter, event.case_id, key="matter")]


def move(state: Appeal | None, event: MoveAppeal, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The appeal belongs to the other case from now on; one that is elsewhere by now, or over, stays as it is."""
    if not isinstance(state, Open) or state.case_id != event.case_id:
        return Decision(state)
    case = {"case_id": event.into, "case_no": event.into_no}
    fresh = {"closed_round": -1, "reopened_round": 0}
    counted = counted_of(state)
    counted = counted.model_copy(update={"case_id": counted.case_id or state.case_id})
    after = become(Merged, state, input.at, "merged", jurisdiction, counted=counted, **case, **fresh)
    carried = {name: getattr(state, name) for name in CARRIED}
    told = {
        "appeal_id": state.appeal_id,
        "external_ref": state.external_ref,
        "in_reply_to": state.in_reply_to,
    }
    return Decision(
        after,
        [
            Out(AppealMerged(**carried | case, moved_from=event.case_id), state.appeal_id),
            Out(NoticeMerged(**told, **case, appeals=event.appeals), state.appeal_id, state.channel),
        ],
    )
