"""What an agency says over HTTP, the same way for its programs and for its page: read as strictly as from NATS, held
against the stored state, stored on the agency's own ingress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.response.domain.agency import UNKNOWN
from services.response.handlers import handlers
from services.response.store import ASSIGNMENTS
from shared.contracts import agency as said
from shared.contracts.values import FieldError
from shared.front import check, hand_in, read, used_elsewhere
from shared.http import Problem
from shared.loop.decision import Input
from shared.loop.documents import Stored
from shared.loop.envelope import digest, now
from shared.policy.tenants import Tenant
from shared.service import Running

VERBS: dict[str, type[said.AgencyEvent]] = {event.pattern.split(".")[2]: event for event in said.EVENTS}


async def known(running: Running, assignment_id: str, asks: Tenant | None) -> Stored:
    """The assignment, for who may see it; None is a person at their own machine. What is not there and what is
    another's are told apart by nobody who shows a token. Raises Problem 404."""
    found = await running.documents.find(ASSIGNMENTS, "_id", [assignment_id])
    if not found or (asks is not None and asks.id != found[0].state.agency):
        wrong = FieldError(field="assignment_id", problem=UNKNOWN)
        raise Problem(404, UNKNOWN, [wrong], retry_after=1)
    return found[0]


async def speak(
    running: Running,
    assignment_id: str,
    event: type[said.AgencyEvent],
    data: Mapping[str, Any],
    id: str,
    asks: Tenant | None,
) -> None:
    """Says ``data`` about the assignment under ``id``; when this returns, it is durable. The same once more changes
    nothing. Raises Problem 404, 409 or 422 where the stored state already shows an error, 503 when an engine is away.
    """
    stored = await known(running, assignment_id, asks)
    agency = stored.state.agency
    word = read(event, data, now())
    input = Input(id, now(), agency, digest(word))
    await used_elsewhere(running.documents, stored, input)
    check(handlers, stored, word, input, running.jurisdiction, "assignment_id", running.receipts)
    await hand_in(running.bus, word, agency, "response", id)
