"""Given a case that is none of danger, when a later appellant says that it is, then its agencies work as for danger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain import steps
from services.routing.domain.case import Deferred, Dispatched, OnDesk
from shared.contracts import intake, routing, routing_orders
from shared.contracts.routing_plans import OpenStep
from shared.contracts.values import PlanStep
from shared.loop.decision import Input
from shared.policy.places import UNPLACED
from tests.support.cases import Life, appeal, category, jurisdiction, leak, merged

WORDS = "暖气片冰凉，老人冻得昏迷了，快来人"
SECOND = timedelta(seconds=1)
FEES = category("heating.fees")


def opened(first: intake.AppealRegistered | None = None) -> Life:
    life = Life()
    life.tell(first or appeal())
    assert life.case.urgency != "emergency"
    return life


def danger(number: int = 2, **changes: Any) -> intake.AppealMerged:
    return merged(number, **{"text": WORDS} | changes)


def orders(life: Life) -> list[routing.CaseAssigned]:
    return [event for event in life.out if isinstance(event, routing.CaseAssigned)]


def test_agencies_are_called_back_and_ordered_anew_with_the_clocks_of_an_emergency() -> None:
    life = opened(leak(text="暖气管有点渗"))
    before = life.case
    assert len(before.live) == 2

    life.tell(danger())

    assert (life.case.urgency, life.case.mode) == ("emergency", "whistle")
    withdrawn = [e.assignment_id for e in life.out if isinstance(e, routing.CaseAssignmentWithdrawn)]
    assert withdrawn == [one.assignment_id for one in before.live]
    again = orders(life)
    assert [(one.agency, one.role) for one in again][:2] == [(one.agency, one.role) for one in before.live]
    spans = jurisdiction().policy.deadlines("heating.leak", "emergency", "complaint")
    for one in again:
        assert (one.urgency, one.appeals) == ("emergency", 2)
        assert one.resolve_by == life.at + spans.resolve
        assert one.report_in_by == life.at + jurisdiction().policy.report_in("emergency")
    assert life.case.resolve_by == before.resolve_by, "what was promised stays promised"
    assert life.case.history[-1].what == "danger heard of"
    assert life.case.lead_agency == before.lead_agency


def test_it_is_ordered_anew_once_however_many_say_so() -> None:
    life = opened()
    life.tell(danger())

    life.tell(danger(3))

    assert orders(life) == []
    assert life.only(routing.CaseUpdated).urgency == "emergency"


def test_a_deferred_case_comes_off_the_list() -> None:
    life = opened()
    life.ask_for_deferral()
    assert isinstance(life.case, Deferred)

    life.tell(danger())

    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseCleared)
    assert [one.role for one in life.case.live].count("lead") == 1
    assert all(one.urgency == "emergency" for one in orders(life))


def test_on_the_desk_it_waits_for_no_word_and_the_desk_has_less_time() -> None:
    life = opened(appeal(confidence=0.1))
    assert isinstance(life.case, OnDesk)
    asked = life.case.question

    life.tell(danger())

    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseDispatched).urgency == "emergency"
    told = life.only(routing.CaseOnDesk)
    assert told.dispatched
    assert told.due == life.case.question.due == life.at + jurisdiction().policy.desk.emergency < asked.due
    life.tell(routing_orders.Dispatch(case_id="case-1", lead="heating-zy", reason="经核实", by="值班长"))
    assert life.case.question is None


def test_where_nobody_can_be_asked_the_desk_has_less_time() -> None:
    life = opened(appeal(place=UNPLACED))

    life.tell(danger(place=UNPLACED))

    assert life.case.urgency == "emergency"
    assert life.case.question.due == life.only(routing.CaseOnDesk).due
    assert life.case.question.due == life.at + jurisdiction().policy.desk.emergency


def test_who_gave_it_back_is_not_asked_for_it_another_is() -> None:
    life = opened()
    while not isinstance(life.case, OnDesk):
        life.give_back()
    spare = "property-anju"
    assert spare not in life.case.tried
    life.case = life.case.model_copy(update={"candidates": [*life.case.candidates, spare]})

    life.tell(danger())

    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseRedispatched).to_agency == spare
    assert life.only(routing.CaseOnDesk).dispatched


def test_in_a_mass_incident_it_is_told_at_once() -> None:
    life = opened()
    for number in range(2, 12):
        life.tell(merged(number), after=SECOND)
    assert life.case.unsaid is not None

    life.tell(danger(12), after=SECOND)

    assert orders(life)[0].appeals == 12
    assert life.case.unsaid is None


def test_a_step_of_a_plan_goes_on_and_hears_of_it() -> None:
    life = opened()
    step = PlanStep(number=1, of=2, task="核对户号")
    life.case = life.case.model_copy(update={"mode": "taskforce"})
    order = OpenStep(
        case_id="case-1",
        plan=1,
        step=step,
        attempt=1,
        agency="city-management-zy",
        due=life.at + timedelta(days=5),
    )
    life.case = steps.open_step(life.case, order, Input("step", life.at), jurisdiction()).state
    mine = next(one for one in life.case.live if one.step is not None)

    life.tell(danger())

    assert mine in life.case.live
    assert life.only(routing.CaseUpdated).assignment_id == mine.assignment_id
    assert life.case.mode == "taskforce"


@pytest.mark.parametrize("text", ["家里暖气不热", "谢谢你们"])
def test_words_without_danger_order_nothing(text: str) -> None:
    life = opened()

    life.tell(merged(2, text=text))

    assert life.kinds() == ["CaseUpdated"]


def test_a_wish_that_a_cold_home_joins_is_a_wish_no_more() -> None:
    life = opened(appeal(text="想再热一点", indoor_temperature=21))
    assert life.case.urgency == "normal"

    life.tell(merged(2, text="家里只有十二度", indoor_temperature=12))

    assert life.only(routing.CaseUpdated).urgency == "urgent"
    assert orders(life) == []


def test_what_the_desk_has_called_no_danger_is_none_until_words_say_more() -> None:
    life = Life()
    life.tell(appeal(category=category("gas.leak"), text="好像有点味道", confidence=0.1))
    life.tell(
        routing_orders.Dispatch(
            case_id="case-1", lead="gas-zy", urgency="normal", reason="下水道味", by="值班长"
        )
    )
    assert life.case.urgency == "normal"

    life.tell(merged(2, text="楼道里有味道", category=category("gas.leak")))

    assert (life.case.urgency, orders(life)) == ("normal", [])


def test_an_earlier_promise_of_the_platform_that_joins_holds_for_the_next_lead() -> None:
    life = opened(appeal(category=FEES))
    soon = life.at + timedelta(hours=5)
    life.tell(merged(2, upstream_due=soon, category=FEES, text="多收了费"))
    life.tell(merged(3, upstream_due=soon + timedelta(days=1), category=FEES, text="多收了费"))
    assert life.case.upstream_due == soon

    life.give_back()

    assert life.only(routing.CaseAssigned).resolve_by == soon


def test_a_promise_of_the_platform_that_is_past_binds_nobody() -> None:
    life = opened(appeal(category=FEES, upstream_due=Life().at + timedelta(hours=1)))
    life.tell(merged(2, text="多收了费", category=FEES), after=timedelta(hours=2))

    life.give_back()

    assert life.only(routing.CaseAssigned).resolve_by > life.at
