"""Given a case that needs another lead, when assistants or the desk act, then it still comes to an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.routing.domain.case import Dispatched, OnDesk, Resolved
from shared.contracts import routing
from tests.support.cases import Life, appeal, category, leak


@pytest.fixture
def life() -> Life:
    """A case on the desk, with an assistant still at it."""
    life = Life()
    life.tell(leak())
    for _ in range(20):
        if isinstance(life.case, OnDesk):
            break
        life.give_back()
    assert isinstance(life.case, OnDesk)
    assert [a.role for a in life.case.live] == ["assist"]
    return life


@pytest.mark.parametrize(("word", "stands"), [(Life.resolve, "resolved"), (Life.give_back, "returned")])
def test_an_assistants_last_word_is_recorded_and_the_next_lead_ends_the_case(
    life: Life, word: Any, stands: str
) -> None:
    assert word(life, "assist") == []
    assert isinstance(life.case, OnDesk)
    assert life.assignment("assist").standing == stands

    life.redispatch()
    assert isinstance(life.case, Dispatched)
    life.resolve("lead")

    assert isinstance(life.case, Resolved)
    assert life.only(routing.CaseResolved).lead_agency == "housing-zy"


def test_an_assistant_is_answered_while_the_case_waits_for_a_lead(life: Life) -> None:
    life.ask_for_time("assist")

    assert life.only(routing.CaseExtensionDecided).granted
    assert isinstance(life.case, OnDesk)


def test_a_resolved_case_is_not_given_to_another_lead() -> None:
    life = Life()
    life.tell(leak())
    life.resolve_all()
    resolved = life.case

    assert life.redispatch() == []

    assert life.case is resolved


def by_return(life: Life, agency: str) -> None:
    life.give_back(suggested_agency=agency)


def by_hand(life: Life, agency: str) -> None:
    life.redispatch(agency)


def by_escalation(life: Life, agency: str) -> None:
    for other in ("water-zy", "gas-zy", None):
        life.give_back(suggested_agency=other)
    assert life.only(routing.CaseEscalated).to_agency == agency


@pytest.mark.parametrize("give", [by_return, by_hand, by_escalation])
def test_an_assistant_that_becomes_the_lead_assists_no_longer(give: Callable[[Life, str], None]) -> None:
    life = Life()
    life.tell(appeal(category=category("city.illegal_building"), text="楼顶违建"))
    assist = life.assignment("assist")

    give(life, assist.agency)

    assert assist.assignment_id in {
        event.assignment_id for event in life.out if isinstance(event, routing.CaseAssignmentWithdrawn)
    }
    assert [(a.role, a.agency) for a in life.case.live] == [("lead", assist.agency)]
    assert life.case.assist_agencies == []
    life.resolve("lead")
    assert isinstance(life.case, Resolved)
