"""Which message leads to which decision."""

from __future__ import annotations

from typing import Any

from services.intake import refusals
from services.intake.domain import course, follow_up, lesson, matter, moving, receive
from services.intake.store import APPEALS, LESSONS, MATTERS
from shared.contracts import channel
from shared.contracts.base import Event
from shared.contracts.intake_steps import (
    AppealPlaced,
    CloseAppeal,
    CloseMatter,
    DoorDue,
    LeaveCase,
    LeaveMatter,
    MoveAppeal,
    PlaceAppeal,
    ReopenAppeal,
    ReopenMatter,
    SplitMatter,
)
from shared.contracts.response import AssignmentAccepted, AssignmentArrived, AssignmentContacted
from shared.contracts.routing import (
    CaseClosed,
    CaseDeferred,
    CaseDeskDecided,
    CaseDispatched,
    CaseEscalated,
    CaseJoined,
    CaseJoinRefused,
    CaseReopened,
    CaseResolved,
    CaseRework,
)
from shared.contracts.routing_splits import CaseSplit
from shared.loop.decision import Input
from shared.loop.handlers import Handlers, Lookup

handlers = Handlers("intake")

handlers.on(channel.Submitted, APPEALS, key=lambda _, i: receive.appeal_id(i.tenant, i.id))(receive.receive)
for said in (channel.Urged, channel.Supplemented, channel.Withdrawn, channel.Contested):
    handlers.on(
        said,
        APPEALS,
        key=lambda e, _: e.appeal_id or "",
        lookup=Lookup(
            "state.ref_key",
            of=lambda e, i: receive.ref_key(i.tenant, e.external_ref or ""),
            order=lambda appeal: (appeal.received_at, appeal.appeal_id),
        ),
    )(follow_up.hear)

handlers.on(PlaceAppeal, MATTERS, key=lambda e, _: e.matter)(matter.place)
handlers.on(CloseMatter, MATTERS, key=lambda e, _: e.matter)(matter.close)
handlers.on(ReopenMatter, MATTERS, key=lambda e, _: e.matter)(matter.reopen)
handlers.on(SplitMatter, MATTERS, key=lambda e, _: e.matter)(matter.split)
handlers.on(LeaveMatter, MATTERS, key=lambda e, _: e.matter)(matter.leave)

handlers.on(AppealPlaced, APPEALS, key=lambda e, _: e.appeal_id)(course.placed)
handlers.on(CaseJoinRefused, APPEALS, key=lambda e, _: e.appeal_id)(course.join_refused)
handlers.on(LeaveCase, APPEALS, key=lambda e, _: e.appeal_id)(course.leave)
handlers.on(CloseAppeal, APPEALS, key=lambda e, _: e.appeal_id)(course.close)
handlers.on(MoveAppeal, APPEALS, key=lambda e, _: e.appeal_id)(moving.move)
handlers.on(ReopenAppeal, APPEALS, key=lambda e, _: e.appeal_id)(course.reopen)


def _case(event: Any, _input: Input) -> str:
    return str(event.case_id)


handlers.on(CaseDeskDecided, LESSONS, _case)(lesson.keep)

handlers.passing(CaseClosed, APPEALS, "state.case_id", _case)(course.pass_on_closing)
handlers.passing(CaseJoined, APPEALS, "state.case_id", _case)(moving.pass_on)
handlers.passing(CaseReopened, APPEALS, "state.case_id", _case)(course.pass_on_reopening)
handlers.passing(CaseSplit, APPEALS, "state.case_id", _case)(course.pass_on_split)
handlers.passing(CaseDispatched, APPEALS, "state.case_id", _case)(course.progress("dispatched"))
handlers.passing(CaseResolved, APPEALS, "state.case_id", _case)(course.progress("resolved"))
handlers.passing(CaseRework, APPEALS, "state.case_id", _case)(course.progress("rework"))
handlers.passing(CaseDeferred, APPEALS, "state.case_id", _case)(course.progress("deferred"))
handlers.passing(CaseEscalated, APPEALS, "state.case_id", _case)(course.progress("escalated"))
handlers.passing(AssignmentAccepted, APPEALS, "state.case_id", _case)(course.lead_progress("accepted"))
handlers.passing(AssignmentContacted, APPEALS, "state.case_id", _case)(course.lead_progress("contacted"))
handlers.passing(AssignmentArrived, APPEALS, "state.case_id", _case)(course.lead_progress("arrived"))

handlers.refusals(DoorDue, about=("appeal_id", "external_ref"))(refusals.tell)


def events() -> list[type[Event]]:
    """Every event intake consumes."""
    return handlers.events()
