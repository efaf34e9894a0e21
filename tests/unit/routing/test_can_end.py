"""Given a case that nobody holds any more, when the centre's desk has named who can end it, then it can end."""

from __future__ import annotations

import pytest

from services.routing.domain.case import Closed, Dispatched, OnDesk
from shared.contracts import routing, routing_orders
from tests.support.cases import Life, appeal, category, jurisdiction

LADDER = len(jurisdiction().policy.escalation)


@pytest.fixture
def life() -> Life:
    """A case that everybody who could be asked gave back, those of the ladder too; the desk gave it to the bureau."""
    life = Life()
    life.tell(appeal(category=category("housing.quality"), text="阳台裂缝"))
    for _ in range(20):
        if isinstance(life.case, OnDesk):
            break
        subdistrict = jurisdiction().tenants.agencies_for("subdistrict", life.place)[0]
        life.give_back(suggested_agency=subdistrict)
    assert isinstance(life.case, OnDesk)
    order = routing_orders.Dispatch(case_id="case-1", lead="housing-zy", reason="由住建局说明", by="值班长")
    life.tell(order)
    assert isinstance(life.case, Dispatched)
    return life


def test_past_the_ladder_stands_the_desk(life: Life) -> None:
    said = [event for event in life.said if isinstance(event, routing.CaseEscalated)]

    assert said[-1].level == life.case.level == LADDER + 1


def test_who_the_desk_named_ends_it_by_an_explanation(life: Life) -> None:
    life.resolve_all(outcome="explained", reply="裂缝不影响安全，已当面说明")

    life.fail(satisfaction="dissatisfied")

    closed = life.only(routing.CaseClosed)
    assert isinstance(life.case, Closed)
    assert (closed.outcome, closed.solved, closed.satisfaction) == ("verified", False, "dissatisfied")


def test_what_is_not_explained_goes_on(life: Life) -> None:
    life.resolve_all(outcome="solved")

    life.fail(satisfaction="dissatisfied")

    assert isinstance(life.case, Dispatched)
