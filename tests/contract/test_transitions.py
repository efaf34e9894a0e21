"""Every pair of state and message is decided, none by accident: docs/transitions.md says how, and the code agrees."""

from __future__ import annotations

import pytest

from services.intake.app import SERVICE as INTAKE
from services.metrics.app import SERVICE as METRICS
from services.response.app import SERVICE as RESPONSE
from services.revisit.app import SERVICE as REVISIT
from services.routing.app import SERVICE as ROUTING
from shared.contracts.base import IngressEvent
from tests.transitions.machines import MACHINES
from tests.transitions.table import DOCUMENT, outcomes, rendered, seen
from tests.transitions.walks import NOTHING, Machine

SERVICES = (INTAKE, ROUTING, RESPONSE, REVISIT, METRICS)
each = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
OFTEN = 8


def test_the_page_says_what_the_code_decides() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == rendered(), "make transitions writes it anew"


@each
def test_every_message_was_tried_in_every_state_many_times(machine: Machine) -> None:
    rarely = {
        (state, event.__name__): tried
        for state in machine.states()
        for event in machine.events
        if (tried := seen(machine.name)[state, event].total()) < OFTEN
    }

    assert not rarely


@each
def test_every_state_can_be_reached_from_nothing(machine: Machine) -> None:
    found = {
        outcome.removeprefix("→ ")
        for of in seen(machine.name).values()
        for outcome in of
        if outcome.startswith("→ ")
    }

    assert found >= set(machine.states()) - {NOTHING}


@each
def test_what_an_outsider_says_about_nothing_is_never_lost_without_a_word(machine: Machine) -> None:
    lost = [
        event
        for event in machine.events
        if issubclass(event, IngressEvent) and "ignored" in outcomes(machine, NOTHING, event)
    ]

    assert not lost


def test_every_kind_of_document_with_a_life_has_its_table() -> None:
    with_states = {
        (service.name, collection.name)
        for service in SERVICES
        for collection in service.collections
        if "discriminator" in collection.states.json_schema()
    }

    assert {(machine.handlers.service, machine.collection.name) for machine in MACHINES} >= with_states
