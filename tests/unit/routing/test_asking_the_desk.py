"""Given an appeal nobody can be sure of, then the desk is asked; given its word, then the case goes its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain.case import Closed, Deferred, Dispatched, OnDesk, Resolved
from services.routing.store import CASES
from shared.contracts import intake, routing, routing_orders
from shared.contracts.base import Event
from shared.contracts.values import Contact, Location, Place, Proposal
from shared.policy.places import UNPLACED
from tests.support.cases import Life, appeal, category, jurisdiction, leak, merged

SMELL = {"category": category("gas.leak"), "text": "楼道里一股煤气味"}


def place(code: str = "c007") -> Place:
    found = jurisdiction().places.place(code)
    assert found is not None
    return found


def word(**changes: Any) -> routing_orders.Dispatch:
    values = {"case_id": "case-1", "lead": "heating-zy", "reason": "电话核实", "by": "值班长"}
    return routing_orders.Dispatch(**values | changes)


def opened(**changes: Any) -> Life:
    life = Life()
    life.tell(appeal(**changes))
    return life


def without_agencies(life: Life) -> Life:
    """A district in which every agency is suspended."""
    tenants = tuple(
        t.model_copy(update={"state": "suspended"}) if t.kind == "agency" else t
        for t in jurisdiction().tenants.tenants
    )
    registry = jurisdiction().tenants.model_copy(update={"tenants": tenants})
    life.jurisdiction = replace(jurisdiction(), tenants=type(registry)(**dict(registry)))
    return life


# --- what the desk is asked ---------------------------------------------------------------------------------------


def test_the_desk_is_told_what_the_appeal_may_be_about() -> None:
    likely = Proposal(category=category("property.lift"), likeness=0.4, because="与示例“电梯停运”相似")

    life = opened(confidence=0.1, proposals=[likely])

    assert isinstance(life.case, OnDesk)
    assert life.case.question is not None
    assert life.case.question.proposals == [likely]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"confidence": 0.74}, ["category_unclear"]),
        ({"place": UNPLACED}, ["place_unknown"]),
        ({"confidence": 0.1, "place": UNPLACED}, ["category_unclear", "place_unknown"]),
    ],
)
def test_what_is_not_sure_waits_for_the_desk_and_for_no_agency(
    changes: dict[str, Any], reasons: list[str]
) -> None:
    life = opened(**changes)

    assert isinstance(life.case, OnDesk)
    assert life.kinds() == ["CaseOnDesk"]
    assert life.only(routing.CaseOnDesk).reasons == reasons
    assert life.only(routing.CaseOnDesk).due == life.at + timedelta(hours=2)
    assert (life.case.lead_agency, life.case.assignments) == ("", [])
    assert life.case.question.lead == "heating-zy"


AS_WRITTEN = "地名册中没有“河边路12号院3单元501 电话13812345678”"


@pytest.mark.parametrize("confidential", [True, False])
def test_what_anybody_may_read_does_not_quote_how_the_resident_wrote_the_place(confidential: bool) -> None:
    life = opened(place=UNPLACED, because=AS_WRITTEN, confidential=confidential)
    due = life.case.question.due
    life.tell(routing_orders.CaseDeskDue(case_id="case-1", due=due))

    assert [entry.what for entry in life.case.history] == ["on the desk", "desk overdue"]
    assert not [entry for entry in life.case.history if "河边路" in entry.why or "501" in entry.why]


def test_the_desk_reads_why_without_phone_and_door_and_nothing_of_who_must_not_be_known() -> None:
    told = opened(place=UNPLACED, because=AS_WRITTEN).case.question.why
    in_short = opened(place=UNPLACED, because="地名册中没有“河边路12号院3-2-501”").case.question.why
    hidden = opened(place=UNPLACED, because=AS_WRITTEN, confidential=True).case.question.why

    assert "河边路12号院3单元*** 电话138****5678" in told
    assert "河边路12号院3-2-”" in in_short
    assert hidden.startswith("地点不明")
    assert "河边路" not in hidden


def test_what_is_sure_enough_is_dispatched_and_asks_nobody() -> None:
    life = opened(confidence=0.75)

    assert isinstance(life.case, Dispatched)
    assert life.case.question is None


def test_where_nobody_answers_the_desk_is_asked_and_nobody_is_proposed() -> None:
    life = without_agencies(Life())
    life.tell(appeal())

    assert isinstance(life.case, OnDesk)
    assert life.case.question.reasons == ["nobody_responsible"]
    assert life.case.question.lead == ""
    assert life.case.urgency == "urgent"


def test_danger_is_dispatched_at_once_and_the_desk_looks_at_it_meanwhile() -> None:
    life = opened(**SMELL, place=UNPLACED)

    assert isinstance(life.case, Dispatched)
    assert life.case.lead_agency == "gas-zy"
    asked = life.only(routing.CaseOnDesk)
    assert (asked.dispatched, asked.due) == (True, life.at + timedelta(minutes=15))


def test_danger_that_nobody_can_be_sent_to_waits_with_the_short_clock() -> None:
    life = without_agencies(Life())
    life.tell(appeal(**SMELL))

    assert isinstance(life.case, OnDesk)
    assert life.only(routing.CaseOnDesk).due == life.at + timedelta(minutes=15)


def test_what_everybody_gave_back_is_a_question_with_a_clock() -> None:
    life = Life()
    life.tell(leak())
    while not isinstance(life.case, OnDesk):
        life.give_back()

    assert life.case.question.reasons == ["nobody_left"]
    assert life.only(routing.CaseOnDesk).due == life.at + timedelta(hours=2)


def test_a_case_that_came_to_the_desk_before_it_had_a_clock_has_waited_long_enough() -> None:
    life = opened(confidence=0.1)
    stored = life.case.model_dump(exclude={"question"}) | {"why": "没有可再派遣的单位"}

    old = CASES.states.validate_python(stored)

    assert old.question.reasons == ["nobody_left"]
    assert old.question.due == life.at


# --- what it decides ----------------------------------------------------------------------------------------------


def test_the_desk_s_word_dispatches_the_case_with_clocks_from_now() -> None:
    life = opened(confidence=0.1)
    before = life.case.resolve_by

    life.tell(word(), after=timedelta(hours=1))

    dispatched = life.only(routing.CaseDispatched)
    assert isinstance(life.case, Dispatched)
    assert life.case.question is None
    assert dispatched.lead_agency == life.only(routing.CaseAssigned).agency == "heating-zy"
    assert dispatched.resolve_by == life.case.resolve_by == before + timedelta(hours=1)
    assert [line.what for line in life.case.history] == ["on the desk", "desk decided", "dispatched"]


def test_the_desk_may_say_everything_otherwise() -> None:
    life = opened(confidence=0.1, place=UNPLACED)
    other = category("property.lift")

    life.tell(
        word(
            lead="property-anju",
            assistants=["housing-zy", "property-anju", "housing-zy"],
            mode="joint",
            urgency="normal",
            category=other,
            place=place(),
        )
    )

    lead, assist = (e for e in life.out if isinstance(e, routing.CaseAssigned))
    assert (lead.agency, lead.role, assist.agency, assist.role) == (
        "property-anju",
        "lead",
        "housing-zy",
        "assist",
    )
    assert (lead.category, lead.place, lead.mode, lead.urgency) == (other, place(), "joint", "normal")
    assert lead.summary.startswith(f"{other.path[-1]}（{place().name}）")
    assert lead.location.compound == place().name
    decided = life.only(routing.CaseDeskDecided)
    assert (decided.category, decided.place, decided.moved) == (other, place(), True)
    assert (decided.lead_agency, decided.assist_agencies) == ("property-anju", ["housing-zy"])


def test_what_the_desk_leaves_out_is_judged_anew_under_the_other_category() -> None:
    life = opened(confidence=0.1, category=category("other"), text="楼道里一股怪味，家家都关窗")

    life.tell(word(lead="gas-zy", category=category("gas.leak")))

    dispatched = life.only(routing.CaseDispatched)
    assert (dispatched.urgency, dispatched.mode) == ("emergency", "whistle")
    assert life.case.candidates[0] == "gas-zy"


def test_what_was_held_to_be_pressing_is_taken_back_only_by_saying_so() -> None:
    stays, taken_back = opened(confidence=0.1), opened(confidence=0.1)
    assert stays.case.urgency == "urgent"

    stays.tell(word(lead="property-anju", category=category("property.cleaning")))
    taken_back.tell(word(lead="property-anju", category=category("property.cleaning"), urgency="normal"))

    assert stays.only(routing.CaseDispatched).urgency == "urgent"
    assert taken_back.only(routing.CaseDispatched).urgency == "normal"


def test_the_desk_s_word_is_an_example_without_door_phone_and_name() -> None:
    life = opened(
        confidence=0.1,
        text="我是王秀英，301不热，电话13812345678",
        contact=Contact(name="王秀英", phone="13812345678"),
        location=Location(room="301"),
    )

    life.tell(word())

    assert life.only(routing.CaseDeskDecided).text == "我是群众，***不热，电话138****5678"


def test_of_a_caller_who_must_not_be_known_no_word_is_an_example() -> None:
    life = opened(confidence=0.1, confidential=True, nature="report_of_wrongdoing")

    life.tell(word())

    assert life.only(routing.CaseDeskDecided).text is None


def test_a_key_household_that_joins_on_the_desk_makes_it_urgent() -> None:
    life = opened(confidence=0.1, category=category("property.cleaning"), text="楼道没人打扫")
    life.tell(merged(2, key_household=True))

    life.tell(word(lead="property-anju"))

    assert life.only(routing.CaseDispatched).urgency == "urgent"
    assert life.only(routing.CaseAssigned).appeals == 2


def test_the_desk_s_second_word_changes_nothing() -> None:
    life = opened(confidence=0.1)
    life.tell(word())
    decided = life.case

    assert life.tell(word(lead="housing-zy")) == []
    assert life.case is decided


def test_an_order_to_redispatch_is_a_word_of_the_desk() -> None:
    life = opened(confidence=0.1)

    life.redispatch("housing-zy")

    assert life.only(routing.CaseDispatched).lead_agency == "housing-zy"
    assert life.only(routing.CaseDeskDecided).by == "centre"


# --- an emergency that is at work already ---------------------------------------------------------------------------


def test_an_emergency_that_the_desk_confirms_goes_on() -> None:
    life = opened(**SMELL, confidence=0.1)
    at_work = life.case.live

    life.tell(word(lead=life.case.lead_agency))

    assert life.kinds() == ["CaseDeskDecided"]
    assert life.case.live == at_work
    assert life.case.question is None


def test_an_emergency_whose_place_the_desk_finds_is_assigned_anew_with_the_place() -> None:
    life = opened(**SMELL, place=UNPLACED, location=Location())
    before = life.assignment()

    life.tell(word(lead="gas-zy", place=place()))

    assert life.only(routing.CaseAssignmentWithdrawn).assignment_id == before.assignment_id
    orders = [e for e in life.out if isinstance(e, routing.CaseAssigned)]
    assert {(o.role, o.agency) for o in orders} >= {("lead", "gas-zy")}
    assert {o.location.compound for o in orders} == {place().name}
    assert "CaseDispatched" not in life.kinds()


def test_an_emergency_that_is_another_s_is_led_by_that_one() -> None:
    life = opened(**SMELL, confidence=0.1)

    life.tell(word(lead="police-zy"))

    assert life.only(routing.CaseRedispatched).to_agency == "police-zy"
    assert [a.agency for a in life.case.live if a.role == "lead"] == ["police-zy"]


def test_a_deferred_emergency_that_the_desk_confirms_stays_on_the_list() -> None:
    life = opened(**SMELL, confidence=0.1)
    order = {"kind": "engineering", "reason": "已关阀，无泄漏", "plan": "换管", "by": "值班长"}
    life.tell(routing_orders.Defer(case_id="case-1", review_at=life.at + timedelta(days=60), **order))
    assert isinstance(life.case, Deferred)

    life.tell(word(lead=life.case.lead_agency))

    assert isinstance(life.case, Deferred)
    assert life.kinds() == ["CaseDeskDecided"]


def test_an_assistant_the_desk_sends_home_was_the_last_one_at_it() -> None:
    life = opened(**SMELL, confidence=0.1)
    if not any(a.role == "assist" for a in life.case.live):
        life = opened(category=category("heating.leak"), text="暖气管爆了，有人触电", confidence=0.1)
    lead = life.assignment()
    life.resolve("lead")
    assert isinstance(life.case, Dispatched)

    life.tell(word(lead=lead.agency, assistants=[]))

    assert isinstance(life.case, Resolved)
    assert life.only(routing.CaseResolved).lead_agency == lead.agency


# --- the clock ------------------------------------------------------------------------------------------------------


def due(life: Life) -> routing_orders.CaseDeskDue:
    return routing_orders.CaseDeskDue(case_id="case-1", due=life.case.question.due)


def test_a_desk_that_is_late_is_told_once_and_it_is_written_down() -> None:
    life = opened(confidence=0.1)
    late = due(life)

    life.tell(late, after=timedelta(hours=3))
    assert life.only(routing.CaseDeskOverdue).due == late.due
    assert life.case.history[-1].what == "desk overdue"

    assert life.tell(late) == []


@pytest.mark.parametrize("answered", [True, False])
def test_a_clock_that_was_answered_or_set_anew_says_nothing(answered: bool) -> None:
    life = opened(**SMELL, confidence=0.1)
    late = due(life)
    if answered:
        life.tell(word(lead=life.case.lead_agency))
    else:
        while not isinstance(life.case, OnDesk):
            life.give_back()

    assert life.tell(late) == []


# --- residents ------------------------------------------------------------------------------------------------------


def said(kind: type[Event], **more: Any) -> Event:
    return kind(appeal_id="a1", channel="c", case_id="case-1", **more)


def test_the_last_appeal_withdrawn_on_the_desk_ends_the_case() -> None:
    life = opened(confidence=0.1)

    life.tell(said(intake.AppealWithdrawn, households=1, reason="好了"))

    assert isinstance(life.case, Closed)
    assert life.case.question is None
    assert life.kinds() == ["CaseClosed"]
    assert life.tell(word()) == []


def test_urging_and_adding_on_the_desk_reach_nobody_and_are_kept() -> None:
    life = opened(confidence=0.1)

    assert life.tell(said(intake.AppealUrged)) == []
    assert life.tell(said(intake.AppealSupplemented, text="在三号楼")) == []
    assert life.tell(routing_orders.Supervise(case_id="case-1", reason="区里关注", by="centre")) == []

    assert life.case.urged == 1
    assert {line.what for line in life.case.history} >= {"urged", "supplemented", "supervised"}
