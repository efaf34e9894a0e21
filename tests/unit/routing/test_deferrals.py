"""Given a case that waits on the list, when one of its agencies or the desk acts, then its review is not forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain.case import Deferred, Dispatched, OnDesk, Resolved
from shared.contracts import routing, routing_orders
from tests.support.cases import Life, leak


@pytest.fixture
def life() -> Life:
    """A case with a lead and an assistant, deferred for its lead."""
    life = Life()
    life.tell(leak())
    life.ask_for_deferral()
    assert isinstance(life.case, Deferred)
    return life


@pytest.mark.parametrize("word", [Life.resolve, Life.give_back])
def test_an_assistants_last_word_leaves_the_deferral_as_it_is(life: Life, word: Any) -> None:
    review = life.case.review_at

    assert word(life, "assist") == []

    assert isinstance(life.case, Deferred)
    assert life.case.review_at == review
    assert [a.role for a in life.case.live] == ["lead"]
    life.tell(routing_orders.CaseReviewDue(case_id="case-1", review_at=review))
    assert isinstance(life.case, Dispatched)


def test_the_leads_resolution_takes_the_case_off_the_list(life: Life) -> None:
    life.resolve("assist")

    life.resolve("lead")

    assert life.only(routing.CaseCleared)
    assert isinstance(life.case, Resolved)


def test_a_lead_that_gives_a_deferred_case_back_takes_it_off_the_list(life: Life) -> None:
    life.give_back()

    assert life.only(routing.CaseCleared)
    assert isinstance(life.case, Dispatched)


def test_a_review_moves_the_promise_to_the_leads_new_clock(life: Life) -> None:
    life.tell(
        routing_orders.CaseReviewDue(case_id="case-1", review_at=life.case.review_at), timedelta(days=60)
    )

    promised = life.assignment().resolve_by
    assert promised > life.at
    assert life.case.resolve_by == life.only(routing.CaseCleared).resolve_by == promised
    life.resolve_all()
    life.hold()
    assert life.only(routing.CaseClosed).on_time


@pytest.mark.parametrize("another", [Life.give_back, Life.redispatch])
def test_another_lead_of_a_deferred_case_moves_the_promise_too(life: Life, another: Any) -> None:
    life.at += timedelta(days=60)

    another(life)

    assert life.case.resolve_by == life.only(routing.CaseCleared).resolve_by == life.assignment().resolve_by


def test_without_a_new_clock_the_promise_stays(life: Life) -> None:
    promised = life.case.resolve_by

    life.resolve("lead")

    assert life.only(routing.CaseCleared).resolve_by is None
    assert life.case.resolve_by == promised


def test_a_deferred_case_that_nobody_takes_leaves_the_list_for_the_desk(life: Life) -> None:
    for _ in range(20):
        if isinstance(life.case, OnDesk):
            break
        life.give_back()
        if isinstance(life.case, Dispatched):
            life.ask_for_deferral()
    assert isinstance(life.case, OnDesk)

    assert life.only(routing.CaseCleared)


def test_a_deferred_case_given_to_another_lead_leaves_the_list(life: Life) -> None:
    life.redispatch()

    assert life.only(routing.CaseCleared)
    assert isinstance(life.case, Dispatched)


def test_a_case_that_is_not_on_the_list_is_not_cleared() -> None:
    life = Life()
    life.tell(leak())

    life.give_back()
    life.redispatch()

    assert not [event for event in life.said if isinstance(event, routing.CaseCleared)]


def test_an_assistant_of_a_deferred_case_is_answered_when_it_asks(life: Life) -> None:
    life.ask_for_time("assist")

    assert life.only(routing.CaseExtensionDecided).granted
    assert isinstance(life.case, Deferred)

    life.ask_for_deferral("assist")

    assert not life.only(routing.CaseDeferralDecided).granted
    assert isinstance(life.case, Deferred)


def test_with_the_last_assistant_done_a_case_deferred_by_hand_is_resolved() -> None:
    life = Life()
    life.tell(leak())
    life.resolve("lead")
    review = life.at + timedelta(days=60)
    order = {"kind": "funding", "reason": "资金未到位", "plan": "到位后更换", "by": "centre"}
    life.tell(routing_orders.Defer(case_id="case-1", review_at=review, **order))

    life.resolve("assist")

    assert life.only(routing.CaseCleared)
    assert isinstance(life.case, Resolved)


def test_an_emergency_is_put_off_by_a_person_and_by_no_policy() -> None:
    life = Life()
    life.tell(leak(text="暖气管爆了，热水往外喷"))
    assert life.case.urgency == "emergency"

    life.ask_for_deferral()

    decided = life.only(routing.CaseDeferralDecided)
    assert (decided.granted, decided.reason) == (False, "危急事项须先处置，确需缓办由中心人工决定")
    assert isinstance(life.case, Dispatched)

    review = life.at + timedelta(days=60)
    order = {"kind": "engineering", "reason": "已关阀止水", "plan": "春季更换", "by": "值班长"}
    life.tell(routing_orders.Defer(case_id="case-1", review_at=review, **order))
    assert isinstance(life.case, Deferred)
    assert life.case.approver == "值班长"
