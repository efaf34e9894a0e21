"""What an appeal hears of its case: that it was placed, that it must be placed anew or is split off, how far it is,
how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from services.intake.domain.appeal import (
    Appeal,
    Appealed,
    Closed,
    Contested,
    Counted,
    Merged,
    OnCase,
    Open,
    Received,
    Registered,
    Withdrawn,
    become,
    changed,
)
from services.intake.domain.follow_up import follow_up
from services.intake.domain.receive import place_appeal
from shared.contracts.intake import (
    AppealLeft,
    AppealMerged,
    AppealOnCase,
    AppealRegistered,
    NoticeClosed,
    NoticeMerged,
    NoticeProgressed,
    NoticeRegistered,
    NoticeStage,
)
from shared.contracts.intake_steps import (
    AppealPlaced,
    CloseAppeal,
    CloseMatter,
    LeaveCase,
    LeaveMatter,
    ReopenAppeal,
    ReopenMatter,
    SplitMatter,
)
from shared.contracts.response import AssignmentEvent
from shared.contracts.routing import CaseClosed, CaseEvent, CaseJoinRefused, CaseReopened
from shared.contracts.routing_splits import CaseSplit
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction

CARRIED = sorted(AppealOnCase.model_fields.keys() & Appealed.model_fields.keys())
"""What routing is told of an appeal, under the names the appeal keeps it."""


def placed(state: Appeal | None, event: AppealPlaced, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The appeal has a case: everybody is told, and what the channel said meanwhile is applied."""
    if not isinstance(state, Received):
        return Decision(state)
    case = {"case_id": event.case_id, "case_no": event.case_no}
    told = _told(state) | case | {"instead_of": state.left_case}
    here: dict[str, Any] = {**case, "matter": event.matter}
    on_case = {name: getattr(state, name) for name in CARRIED} | here | {"left_case": state.left_case}
    if state.counted is not None:
        on_case["counted_at"] = state.counted.at
    after: Any
    how: Literal["registered", "merged"] = "registered" if event.opened else "merged"
    here["counted"] = Counted(how=how, at=state.counted.at if state.counted is not None else input.at)
    if event.opened:
        after = become(Registered, state, input.at, how, jurisdiction, **here)
        out = [
            Out(
                AppealRegistered(
                    **on_case,
                    confidence=state.confidence,
                    because=state.because,
                    proposals=list(state.proposals) or None,
                ),
                state.appeal_id,
            ),
            Out(NoticeRegistered(**told), state.appeal_id, state.channel),
        ]
    else:
        after = become(Merged, state, input.at, how, jurisdiction, **here)
        out = [
            Out(AppealMerged(**on_case, declined=event.declined), state.appeal_id),
            Out(NoticeMerged(**told, appeals=event.appeals), state.appeal_id, state.channel),
        ]
    for said in state.waiting:
        decision = follow_up(after, said, jurisdiction)
        after = decision.state
        out.extend(decision.out)
    return Decision(after, out)


def join_refused(
    state: Appeal | None, event: CaseJoinRefused, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The case had closed when the appeal came to it: it is placed anew, even if that closing has reached it."""
    if not isinstance(state, OnCase) or isinstance(state, Withdrawn) or state.case_id != event.case_id:
        return Decision(state)
    counted = counted_of(state)
    anew = become(Received, state, input.at, "placed_anew", jurisdiction, counted=counted)
    on = Out(place_appeal(anew, not_case=event.case_id), state.appeal_id)
    return Decision(anew, [*_left(state, counted), on])


def leave(state: Appeal | None, event: LeaveCase, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The desk has split the appeal off its case while that was open: it goes, even if a closing came first."""
    if not isinstance(state, OnCase) or isinstance(state, Withdrawn) or state.case_id != event.case_id:
        return Decision(state)
    counted = counted_of(state)
    anew = become(
        Received,
        state,
        input.at,
        "split_off",
        jurisdiction,
        matter=event.into,
        left_case=event.case_id,
        counted=counted,
    )
    return Decision(anew, [*_left(state, counted), Out(place_appeal(anew), state.appeal_id)])


def _left(state: OnCase, counted: Counted) -> list[Out]:
    """To those who counted the appeal: its case, the figures, its matter."""
    left = AppealLeft(
        appeal_id=state.appeal_id,
        channel=state.channel,
        case_id=state.case_id,
        households=state.households,
        key_household=state.key_household,
        confidential=state.confidential,
        place=state.place,
        location=state.location,
        counted_as=counted.how,
        counted_at=counted.at,
        counted_in=counted.case_id,
    )
    fewer = LeaveMatter(matter=state.matter, case_id=state.case_id, households=state.households)
    return [Out(left, state.appeal_id), Out(fewer, state.appeal_id)]


def counted_of(state: OnCase) -> Counted:
    """How it was counted; by its history, if it came to its case under a version that kept no account."""
    if state.counted is not None:
        return state.counted
    for step in reversed(state.history):
        if step.what in ("registered", "merged"):
            return Counted(how="merged" if step.what == "merged" else "registered", at=step.at)
    return Counted(how="merged" if isinstance(state, Merged) else "registered", at=state.received_at)


def close(state: Appeal | None, event: CloseAppeal, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The case ended, and the resident is told how; a closing heard of after a later reopening ends nothing."""
    if not isinstance(state, OnCase) or isinstance(state, Withdrawn) or state.case_id != event.case_id:
        return Decision(state)
    how = event.model_dump(include={"outcome", "reply", "solved", "satisfaction"})
    after: OnCase
    if event.round < max(state.closed_round, state.reopened_round):
        after = changed(state, closed_round=max(state.closed_round, event.round))
    else:
        after = become(
            Closed,
            state,
            input.at,
            "closed",
            jurisdiction,
            closed_round=event.round,
            closed_at=input.at,
            **how,
        )
    notice = NoticeClosed(**_told(state), case_id=state.case_id, **how)
    return Decision(after, [Out(notice, state.appeal_id, state.channel)])


def reopen(state: Appeal | None, event: ReopenAppeal, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The case is open again; a reopening heard of after a later closing reopens nothing."""
    if not isinstance(state, OnCase) or isinstance(state, Withdrawn) or state.case_id != event.case_id:
        return Decision(state)
    after: OnCase
    if isinstance(state, Closed | Contested) and event.round > state.closed_round:
        after = become(Registered, state, input.at, "reopened", jurisdiction, reopened_round=event.round)
    else:
        after = changed(state, reopened_round=max(state.reopened_round, event.round))
    return Decision(after, [_progressed(state, "rework", event.at)])


def pass_on_closing(
    states: Sequence[OnCase], event: CaseClosed, _input: Input, _jurisdiction: Jurisdiction
) -> list[Out]:
    """To every appeal of the case, and to its matter."""
    how = event.model_dump(include={"case_id", "round", "outcome", "reply", "solved", "satisfaction"})
    out = [
        Out(CloseAppeal(appeal_id=state.appeal_id, **how), state.appeal_id, key=f"appeal:{state.appeal_id}")
        for state in states
        if not isinstance(state, Withdrawn)
    ]
    matter = CloseMatter(matter=event.matter, case_id=event.case_id, round=event.round)
    return [*out, Out(matter, event.case_id, key="matter")]


def pass_on_split(
    states: Sequence[OnCase], event: CaseSplit, _input: Input, _jurisdiction: Jurisdiction
) -> list[Out]:
    """To every appeal that leaves, and to the matter of the case; the appeal that opened the case stays."""
    named, compounds = set(event.appeal_ids), set(event.compounds)
    out = [
        Out(
            LeaveCase(appeal_id=state.appeal_id, case_id=event.case_id, into=event.into),
            state.appeal_id,
            key=f"appeal:{state.appeal_id}",
        )
        for state in states
        if not isinstance(state, Withdrawn)
        and state.appeal_id != event.keeps
        and (state.appeal_id in named or state.place.code in compounds)
    ]
    if not event.compounds:
        return out
    matter = SplitMatter(
        matter=event.matter, case_id=event.case_id, into=event.into, compounds=event.compounds
    )
    return [*out, Out(matter, event.case_id, key="matter")]


def pass_on_reopening(
    states: Sequence[OnCase], event: CaseReopened, _input: Input, _jurisdiction: Jurisdiction
) -> list[Out]:
    """To every appeal of the case, and to its matter."""
    out = [
        Out(
            ReopenAppeal(appeal_id=state.appeal_id, case_id=event.case_id, round=event.round, at=event.at),
            state.appeal_id,
            key=f"appeal:{state.appeal_id}",
        )
        for state in states
        if not isinstance(state, Withdrawn)
    ]
    matter = ReopenMatter(matter=event.matter, case_id=event.case_id, round=event.round)
    return [*out, Out(matter, event.case_id, key="matter")]


def progress(stage: NoticeStage) -> Callable[[Sequence[OnCase], CaseEvent, Input, Jurisdiction], list[Out]]:
    """A step of the case, told to everybody who was waiting for it when it was taken."""

    def pass_on(
        states: Sequence[OnCase], event: CaseEvent, input: Input, _jurisdiction: Jurisdiction
    ) -> list[Out]:
        return [_progressed(state, stage, event.at) for state in states if _awaits(state, input.at)]

    return pass_on


def lead_progress(
    stage: NoticeStage,
) -> Callable[[Sequence[OnCase], AssignmentEvent, Input, Jurisdiction], list[Out]]:
    """A step of the agency that leads; what assistants do is between the agencies."""

    def pass_on(
        states: Sequence[OnCase], event: AssignmentEvent, input: Input, _jurisdiction: Jurisdiction
    ) -> list[Out]:
        if event.role != "lead":
            return []
        return [_progressed(state, stage, event.at) for state in states if _awaits(state, input.at)]

    return pass_on


def _awaits(state: OnCase, at: datetime) -> bool:
    """Whether somebody was waiting when this was heard: a step from before the appeal is not progress on it."""
    return isinstance(state, Open) and state.received_at <= at


def _progressed(state: OnCase, stage: NoticeStage, at: datetime) -> Out:
    notice = NoticeProgressed(**_told(state), case_id=state.case_id, stage=stage, at=at)
    return Out(notice, state.appeal_id, state.channel, key=f"{stage}:{state.appeal_id}")


def _told(state: Appealed) -> dict[str, Any]:
    return {
        "appeal_id": state.appeal_id,
        "external_ref": state.external_ref,
        "in_reply_to": state.in_reply_to,
    }
