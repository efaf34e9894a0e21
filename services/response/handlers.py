"""Which message leads to which decision about an assignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.response.domain import agency, centre, clocks
from services.response.store import ASSIGNMENTS
from shared.contracts import agency as said
from shared.contracts import response, routing
from shared.contracts.base import Event
from shared.contracts.values import FieldError
from shared.loop.decision import Input, Out
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


@handlers.refusals
def refused(id: str | None, errors: Sequence[FieldError], tenant: str) -> Sequence[Out]:
    """The agency hears why its message was not applied."""
    return [Out(response.DispatchRefused(in_reply_to=id, errors=list(errors)), tenant=tenant)]


def events() -> list[type[Event]]:
    """Every event response consumes."""
    return handlers.events()
