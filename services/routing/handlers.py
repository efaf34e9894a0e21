"""Which message leads to which decision about a case."""

from __future__ import annotations

from typing import Any

from services.routing.domain import appellants, dispatch, ending, more_time, resolution
from services.routing.store import CASES
from shared.contracts import intake, response, revisit, routing
from shared.contracts.base import Event
from shared.loop.decision import Input
from shared.loop.handlers import Handlers

handlers = Handlers("routing")


def _case(event: Any, _: Input) -> str:
    return str(event.case_id)


handlers.on(intake.AppealRegistered, CASES, _case)(dispatch.register)
handlers.on(intake.AppealMerged, CASES, _case)(appellants.merged)
handlers.on(intake.AppealUrged, CASES, _case)(appellants.urged)
handlers.on(intake.AppealSupplemented, CASES, _case)(appellants.supplemented)
handlers.on(intake.AppealWithdrawn, CASES, _case)(appellants.withdrawn)
handlers.on(intake.AppealContested, CASES, _case)(ending.contested)

handlers.on(response.AssignmentReturned, CASES, _case)(dispatch.returned)
handlers.on(response.AssignmentExtensionRequested, CASES, _case)(more_time.extension_requested)
handlers.on(response.AssignmentDeferralRequested, CASES, _case)(more_time.deferral_requested)
handlers.on(response.AssignmentResolved, CASES, _case)(resolution.resolved)

handlers.on(revisit.VerificationHeld, CASES, _case)(ending.held)
handlers.on(revisit.VerificationFailed, CASES, _case)(ending.failed)
handlers.on(revisit.VerificationUnverified, CASES, _case)(ending.unverified)

handlers.on(routing.CaseReviewDue, CASES, _case)(more_time.review_due)
handlers.on(routing.Supervise, CASES, _case)(more_time.supervise)
handlers.on(routing.Redispatch, CASES, _case)(dispatch.by_hand)
handlers.on(routing.Defer, CASES, _case)(more_time.defer_by_hand)


def events() -> list[type[Event]]:
    """Every event routing consumes."""
    return handlers.events()
