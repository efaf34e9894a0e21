"""Given these events, when this arrives, then these: the life of a case in routing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.routing.domain.case import Closed, Deferred, Dispatched, OnDesk, Resolved
from shared.contracts import intake, revisit, routing, routing_orders
from shared.contracts.values import Location, Reading
from shared.loop.decision import Input, NotYet
from tests.support.cases import DECIDES, START, Life, appeal, gone, jurisdiction, leak, merged


@pytest.fixture
def life() -> Life:
    """A case with its first appeal."""
    life = Life()
    life.tell(appeal())
    return life


def reading(celsius: float) -> Reading:
    return Reading(celsius=celsius, room="living_room", at=START)


def test_an_appeal_opens_a_case_with_one_lead_and_clocks(life: Life) -> None:
    dispatched = life.only(routing.CaseDispatched)
    ordered = [event for event in life.out if isinstance(event, routing.CaseAssigned)]
    assert isinstance(life.case, Dispatched)
    assert [o.role for o in ordered].count("lead") == 1
    assert ordered[0].agency == dispatched.lead_agency == "heating-zy"
    assert {o.agency for o in ordered} == {dispatched.lead_agency, *dispatched.assist_agencies}
    assert all(life.at < o.accept_by <= o.resolve_by for o in ordered)
    assert dispatched.policy == jurisdiction().policy.label


def test_the_same_opening_again_changes_nothing(life: Life) -> None:
    before = life.case
    assert life.tell(appeal()) == []
    assert life.case is before


def test_what_the_upstream_platform_promised_comes_first() -> None:
    life = Life()
    due = START + timedelta(hours=5)
    life.tell(appeal(upstream_due=due))
    assert life.only(routing.CaseDispatched).resolve_by == due


def test_a_key_household_is_never_just_normal() -> None:
    plain, key = Life(), Life()
    other = {"category": jurisdiction().policy.category_ref("property.cleaning"), "text": "楼道没人打扫"}
    plain.tell(appeal(**other))
    key.tell(appeal(**other, key_household=True))
    assert plain.only(routing.CaseDispatched).urgency == "normal"
    assert key.only(routing.CaseDispatched).urgency == "urgent"


def test_a_confidential_case_names_nobody() -> None:
    life = Life()
    life.tell(appeal(confidential=True, nature="report_of_wrongdoing"))
    for order in (event for event in life.out if isinstance(event, routing.CaseAssigned)):
        assert order.text is None
        assert order.contact is None
        assert order.location.room is None
        assert order.disclose == "never"
        assert appeal().text[:6] not in order.summary


def test_no_address_tells_the_door_of_a_confidential_caller() -> None:
    life = Life()
    life.tell(appeal(confidential=True, location=Location(address="幸福路12号院7号楼1单元301室")))
    life.tell(merged(2, confidential=True, location=Location(address="幸福路12号院7号楼2单元602室")))

    assert life.case.location.address == "幸福路12号院7号楼"
    assert {place.address for place in life.case.places} == {"幸福路12号院7号楼"}


def test_further_appeals_are_counted_and_every_agency_hears(life: Life) -> None:
    out = life.tell(merged(2, households=3))
    assert life.case.appeals == 2
    assert life.case.households == 4
    assert {event.assignment_id for event in out} == {a.assignment_id for a in life.case.live}  # type: ignore[attr-defined]


def test_a_closed_case_refuses_further_appeals(life: Life) -> None:
    life.resolve_all()
    life.hold()
    life.tell(merged(2))
    refused = life.only(routing.CaseJoinRefused)
    assert refused.appeal_id == "a2"
    assert life.tell(gone(merged(2))) == []  # intake says that it has left
    assert life.case.appeals == 1


@pytest.mark.parametrize(
    "kind", [k for k in DECIDES if k.__module__.endswith(("intake", "response", "revisit"))]
)
def test_news_of_a_case_that_is_not_here_yet_waits(kind: type) -> None:
    if kind is intake.AppealRegistered:
        return
    with pytest.raises(NotYet):
        DECIDES[kind](None, object(), Input("x", START), jurisdiction())


def test_resolved_only_when_lead_and_assistants_are() -> None:
    life = Life()
    life.tell(leak())
    assert [a.role for a in life.case.live] == ["lead", "assist"]
    life.resolve("lead")
    assert isinstance(life.case, Dispatched)
    life.resolve("assist")
    assert isinstance(life.case, Resolved)
    assert life.only(routing.CaseResolved).reply == "已修好"


def test_who_goes_back_learns_the_leads_excuse_and_its_end(life: Life) -> None:
    until = START + timedelta(days=9)
    life.resolve_all(excuse="arrears", excuse_until=until)
    told = life.only(routing.CaseResolved)
    assert (told.excuse, told.excuse_until) == ("arrears", until)


def test_held_closes_and_tells_every_agency(life: Life) -> None:
    life.resolve_all()
    life.hold()
    closed = life.only(routing.CaseClosed)
    assert isinstance(life.case, Closed)
    assert (closed.outcome, closed.solved, closed.satisfaction) == ("verified", True, "satisfied")
    concluded = [event for event in life.out if isinstance(event, routing.CaseConcluded)]
    assert concluded
    assert all(event.held and event.closed for event in concluded)


def test_nobody_reached_is_closed_but_never_satisfied(life: Life) -> None:
    life.resolve_all()
    life.verify(revisit.VerificationUnverified, reason="unreachable", asked=0)
    closed = life.only(routing.CaseClosed)
    assert (closed.outcome, closed.solved, closed.satisfaction) == ("not_verified", None, None)
    concluded = [event for event in life.out if isinstance(event, routing.CaseConcluded)]
    assert concluded
    assert all(event.closed and not event.held for event in concluded)


def test_failed_goes_back_to_the_same_lead_with_the_reason(life: Life) -> None:
    first = life.assignment()
    life.resolve_all()
    life.fail(readings=[reading(15.5)], cold=True)
    order = next(e for e in life.out if isinstance(e, routing.CaseAssigned) and e.role == "lead")
    assert order.agency == first.agency
    assert order.assignment_id != first.assignment_id
    assert order.rework is not None
    assert (order.rework.previous, order.rework.count) == (first.assignment_id, 1)
    assert order.rework.readings == [reading(15.5)]
    assert life.only(routing.CaseRework).round == 1
    assert isinstance(life.case, Dispatched)


def test_a_verdict_on_a_round_that_is_over_changes_nothing(life: Life) -> None:
    life.resolve_all()
    life.fail()
    life.resolve_all()
    before = life.case
    assert life.verify(revisit.VerificationHeld, round=0, solved=1) == []
    assert life.case is before


def test_reworks_end_with_somebody_who_can_end_it(life: Life) -> None:
    limit = jurisdiction().policy.rework_limit
    for _ in range(limit):
        life.resolve_all()
        life.fail()
        assert life.case.level == 0
    life.resolve_all()
    life.fail()
    escalated = life.only(routing.CaseEscalated)
    assert escalated.level == 1
    assert escalated.to_agency.startswith("subdistrict-")
    assert life.case.lead_agency == escalated.to_agency


def test_twenty_degrees_but_wants_twenty_four_gets_an_explanation_and_an_end(life: Life) -> None:
    for _ in range(jurisdiction().policy.rework_limit + 1):
        life.resolve_all()
        life.fail(readings=[reading(20.0)])
    life.resolve_all(outcome="explained", reply="室温20度达到标准，已当面说明")
    life.fail(readings=[reading(20.0)], satisfaction="dissatisfied")
    closed = life.only(routing.CaseClosed)
    assert (closed.outcome, closed.solved, closed.satisfaction) == ("verified", False, "dissatisfied")


def test_a_cold_flat_is_never_explained_away(life: Life) -> None:
    for _ in range(jurisdiction().policy.rework_limit + 1):
        life.resolve_all()
        life.fail(readings=[reading(15.0)], cold=True)
    life.resolve_all(outcome="explained")
    life.fail(readings=[reading(15.0)], cold=True)
    assert not isinstance(life.case, Closed)


def test_returned_goes_to_the_next_and_no_agency_twice(life: Life) -> None:
    asked = [life.case.lead_agency]
    while not isinstance(life.case, OnDesk) and life.case.level == 0:
        life.give_back()
        asked.append(life.case.lead_agency)
    before_ladder = asked[:-1]
    assert len(before_ladder) == len(set(before_ladder))
    assert life.only(routing.CaseEscalated)
    assert life.case.returns <= jurisdiction().policy.return_limit


def test_the_ladder_leaves_out_who_returned_it_already(life: Life) -> None:
    subdistrict = jurisdiction().tenants.agencies_for("subdistrict", life.place)[0]
    life.give_back(suggested_agency=subdistrict)
    life.give_back(suggested_agency="water-zy")

    life.give_back()

    escalated = life.only(routing.CaseEscalated)
    assert (escalated.level, escalated.to_agency) == (2, "housing-zy")
    assert life.case.level == 2


def test_when_all_of_the_ladder_returned_it_the_desk_decides(life: Life) -> None:
    life.give_back(suggested_agency=jurisdiction().tenants.agencies_for("subdistrict", life.place)[0])
    life.give_back(suggested_agency="housing-zy")

    life.give_back()

    assert isinstance(life.case, OnDesk)
    assert life.only(routing.CaseEscalated).level == len(jurisdiction().policy.escalation) + 1


def test_a_suggested_agency_is_asked_next_if_it_exists(life: Life) -> None:
    life.give_back(suggested_agency="water-zy")
    assert life.case.lead_agency == "water-zy"
    life.give_back(suggested_agency="hotline-12345")
    assert life.case.lead_agency != "hotline-12345"


def test_past_the_ladder_the_desk_decides_by_hand(life: Life) -> None:
    for _ in range(20):
        if isinstance(life.case, OnDesk):
            break
        life.give_back()
    assert isinstance(life.case, OnDesk)
    assert life.case.live == [] or all(a.role == "assist" for a in life.case.live)
    life.tell(
        routing_orders.Redispatch(case_id="case-1", agency="housing-zy", reason="区里指定", by="centre")
    )
    assert isinstance(life.case, Dispatched)
    assert life.case.lead_agency == "housing-zy"


def test_the_last_appeal_withdrawn_ends_the_case(life: Life) -> None:
    life.tell(merged(2))
    back = intake.AppealWithdrawn(appeal_id="a1", channel="c", case_id="case-1", households=1, reason="好了")
    life.tell(back)
    assert isinstance(life.case, Dispatched)
    assert life.case.appeals == 1
    life.tell(back.model_copy(update={"appeal_id": "a2"}))
    assert life.only(routing.CaseClosed).outcome == "withdrawn"
    assert life.case.live == []


def test_one_extension_is_granted_the_next_is_not(life: Life) -> None:
    until = life.assignment().resolve_by + timedelta(hours=1)
    life.ask_for_time()
    assert life.only(routing.CaseExtensionDecided).granted
    assert life.assignment().resolve_by == life.case.resolve_by == until
    life.ask_for_time()
    decided = life.only(routing.CaseExtensionDecided)
    assert (decided.granted, decided.resolve_by) == (False, until)


def test_a_deferral_is_listed_reviewed_and_taken_up_again(life: Life) -> None:
    mine = life.assignment()
    review = life.at + timedelta(days=60)
    life.ask_for_deferral()
    assert isinstance(life.case, Deferred)
    assert life.only(routing.CaseDeferralDecided).granted
    life.tell(routing_orders.CaseReviewDue(case_id="case-1", review_at=review - timedelta(days=1)))
    assert isinstance(life.case, Deferred), "another date's review is not this one's"
    life.tell(routing_orders.CaseReviewDue(case_id="case-1", review_at=review))
    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseCleared)
    assert life.assignment().agency == mine.agency


def test_contested_opens_a_closed_case_again_with_the_same_lead(life: Life) -> None:
    lead = life.case.lead_agency
    life.resolve_all()
    life.hold()
    life.tell(intake.AppealContested(appeal_id="a1", channel="c", case_id="case-1", reason="又不热了"))
    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseReopened).lead_agency == lead
    life.resolve_all()
    life.hold()
    assert isinstance(life.case, Closed)


def test_every_change_records_when_and_under_which_policy(life: Life) -> None:
    life.resolve_all()
    life.hold()
    assert [e.at for e in life.case.history] == sorted(e.at for e in life.case.history)
    assert {e.policy for e in life.case.history} == {jurisdiction().policy.label}


def test_clocks_of_a_later_policy_carry_its_label(life: Life) -> None:
    later = jurisdiction().policy.model_copy(update={"version": "2099"})
    life.jurisdiction = replace(jurisdiction(), policy=later)

    life.give_back()

    assert life.only(routing.CaseAssigned).policy == later.label
    assert life.case.policy == life.case.history[-1].policy == later.label


def test_an_entry_says_the_version_in_force_at_that_decision_not_the_one_that_set_the_clocks() -> None:
    life = Life()
    life.tell(appeal())
    before = life.jurisdiction.policy
    newer = before.model_copy(update={"version": "2026.2"})
    life.jurisdiction = replace(life.jurisdiction, policy=newer)

    life.tell(routing_orders.Supervise(case_id="case-1", reason="区里关注", by="centre"))
    life.resolve_all()
    life.hold()

    assert life.case.policy == before.label
    labels = {entry.what: entry.policy for entry in life.case.history}
    assert labels == {"dispatched": before.label} | dict.fromkeys(
        ("supervised", "lead resolved", "resolved", "closed"), newer.label
    )
