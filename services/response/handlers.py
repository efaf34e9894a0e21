"""Which message leads to which decision about an assignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.response.domain import agency, centre, clocks, refusals, silence
from services.response.store import ASSIGNMENTS, REFUSALS
from shared.contracts import agency as said
from shared.contracts import response, routing
from shared.contracts.base import Event
from shared.loop.decision import Input, Out, Refusal
from shared.loop.handlers import Handlers

handlers = Handlers("response")


def _assignment(event: Any, _: Input) -> str:
    return str(event.assignment_id)


handlers.on(routing.CaseAssigned, ASSIGNMENTS, _assignment)(centre.assign)
handlers.on(routing.CaseUpdated, ASSIGNMENTS, _assignment)(centre.update)
handlers.on(routing.CaseSupervised, ASSIGNMENTS, _assignment)(centre.supervise)
handlers.on(routing.CaseExtensionDecided, ASSIGNMENTS, _assignment)(centre.decide_extension)
handlers.on(routing.CaseDeferralDecided, ASSIGNMENTS, _assignment)(centre.decide_deferral)
handlers.on(routing.CaseAssignmentWithdrawn, ASSIGNMENTS, _assignment)(centre.withdraw)
handlers.on(routing.CaseConcluded, ASSIGNMENTS, _assignment)(centre.conclude)

handlers.on(said.Accepted, ASSIGNMENTS, _assignment)(agency.accept)
handlers.on(said.Contacted, ASSIGNMENTS, _assignment)(agency.contact)
handlers.on(said.Arrived, ASSIGNMENTS, _assignment)(agency.arrive)
handlers.on(said.Progressed, ASSIGNMENTS, _assignment)(agency.progress)
handlers.on(said.Returned, ASSIGNMENTS, _assignment)(agency.give_back)
handlers.on(said.ExtensionRequested, ASSIGNMENTS, _assignment)(agency.request_extension)
handlers.on(said.DeferralRequested, ASSIGNMENTS, _assignment)(agency.request_deferral)
handlers.on(said.Resolved, ASSIGNMENTS, _assignment)(agency.resolve)

handlers.on(response.AssignmentDue, ASSIGNMENTS, _assignment)(clocks.remind)
handlers.on(response.ReportInDue, ASSIGNMENTS, _assignment)(silence.not_reported)
handlers.on(response.LateDue, ASSIGNMENTS, _assignment)(silence.late)

handlers.on(response.RefusalNoted, REFUSALS, lambda event, _: str(event.agency))(refusals.note)


@handlers.refusals(response.DoorDue, about=("assignment_id",))
def refused(refusal: Refusal) -> Sequence[Out]:
    """The agency hears why its message was not applied, and finds it among its latest."""
    told = response.DispatchRefused(
        in_reply_to=refusal.id, errors=list(refusal.errors), closed=refusal.closed
    )
    return [Out(told, tenant=refusal.tenant), Out(refusals.noted(refusal))]


def events() -> list[type[Event]]:
    """Every event response consumes."""
    return handlers.events()
