"""Which message is told of which fact: everything about a case goes to its fact, the rest to a fact of its own."""

from __future__ import annotations

from typing import Any

from services.metrics.domain.facts import AppealFact, CaseFact
from services.metrics.domain.learn import CASE_EVENTS, case_of, rejected_id, told_of_appeal, told_of_case
from services.metrics.domain.rollups import marked
from services.metrics.store import APPEAL_FACTS, CASE_FACTS
from shared.contracts import intake
from shared.contracts.base import Event
from shared.loop.decision import Decision, Input
from shared.loop.handlers import Handlers
from shared.policy import Jurisdiction

handlers = Handlers("metrics")


def of_case(fact: CaseFact | None, event: Any, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """What one more event says about a case."""
    zone = jurisdiction.policy.zone
    return Decision(marked(fact, told_of_case(fact, event, input.at, zone), zone))


def of_appeal(fact: AppealFact | None, event: Any, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """An appeal that became no case."""
    return Decision(marked(fact, told_of_appeal(fact, event, input.at), jurisdiction.policy.zone))


for case_event in CASE_EVENTS:
    handlers.on(case_event, CASE_FACTS, lambda e, _: case_of(e))(of_case)
handlers.on(intake.AppealAnswered, APPEAL_FACTS, lambda e, _: str(e.appeal_id))(of_appeal)
handlers.on(intake.AppealNotAccepted, APPEAL_FACTS, lambda e, _: str(e.appeal_id))(of_appeal)
handlers.on(intake.AppealRejected, APPEAL_FACTS, lambda e, i: rejected_id(e.channel, i.at))(of_appeal)


def events() -> list[type[Event]]:
    """Every event metrics consumes."""
    return handlers.events()
