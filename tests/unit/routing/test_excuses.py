"""Given an excuse for a cold flat that the policy does not approve by itself, when the centre does, then it counts."""

from __future__ import annotations

from typing import Any

import pytest

from services.routing.domain.case import Resolved
from shared.contracts import routing, routing_orders
from tests.support.cases import Life, appeal, merged

BY = {"case_id": "case-1", "reason": "入户核实，用户自行拆改暖气片", "by": "值班长"}


def done(excuse: str | None = "user_alteration", households: int = 1) -> Life:
    life = Life()
    life.tell(appeal())
    if households > 1:
        life.tell(merged(2, households=households - 1))
    life.resolve_all(excuse=excuse)
    assert isinstance(life.case, Resolved)
    return life


def approve(life: Life, **changes: Any) -> None:
    values = {"round": life.case.round, "excuse": "user_alteration"} | BY | changes
    life.tell(routing_orders.ApproveExcuse(**values))


def test_who_goes_back_hears_who_approved_it_and_the_timeline_says_why() -> None:
    life = done()

    approve(life)

    told = life.only(routing.CaseExcuseApproved)
    assert (told.round, told.excuse, told.approver) == (0, "user_alteration", "值班长")
    entry = life.case.history[-1]
    assert (entry.what, entry.who, entry.why) == ("excuse approved", "值班长", BY["reason"])


@pytest.mark.parametrize("excuse", ["user_alteration", "not_a_dwelling", "other", "户主自拆暖气"])
def test_it_waits_for_an_approver_until_it_has_one(excuse: str) -> None:
    life = done(excuse)
    assert life.case.excuse_asked == excuse

    approve(life, excuse=excuse)

    assert life.case.excuse_asked is None


def test_the_same_excuse_is_approved_once() -> None:
    life = done()
    approve(life)

    approve(life)

    assert life.out == []


@pytest.mark.parametrize("other", [{"round": 1}, {"excuse": "not_a_dwelling"}])
def test_another_rounds_or_another_excuse_is_left_alone(other: dict[str, Any]) -> None:
    life = done()

    approve(life, **other)

    assert life.out == []
    assert life.case.excuse_asked == "user_alteration"


def test_each_round_asks_anew() -> None:
    life = done()
    approve(life)
    life.fail(reason="群众不满意")
    approve(life)
    assert life.out == []

    life.resolve_all(excuse="user_alteration")

    assert life.case.excuse_asked == "user_alteration"


@pytest.mark.parametrize(
    ("excuse", "households", "asked"),
    [
        (None, 1, None),
        ("arrears", 1, None),  # the policy approves it by itself
        ("user_alteration", 2, None),  # about one flat, and several are asked
        ("trial_period", 2, None),
    ],
)
def test_what_needs_no_approver_or_excuses_nobody_is_not_asked(
    excuse: str | None, households: int, asked: str | None
) -> None:
    assert done(excuse, households).case.excuse_asked == asked


def test_a_case_that_was_resolved_under_an_older_version_asks_nothing() -> None:
    life = done()
    older = life.case.model_dump(mode="json", exclude={"excuse_asked"})

    assert Resolved.model_validate(older).excuse_asked is None


def test_a_case_at_work_has_nothing_to_approve() -> None:
    life = Life()
    life.tell(appeal())

    approve(life)

    assert life.out == []
