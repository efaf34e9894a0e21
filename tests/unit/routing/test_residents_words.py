"""Given words of a resident, when agencies or visitors of the front read about the case, then nobody is given away."""

from __future__ import annotations

import pytest

from shared.contracts import intake, routing
from shared.contracts.values import Contact
from tests.support.cases import Life, appeal, merged

WORDS = "我是王秀英，住301，电话13812345678，隔壁602室也不热"
SECRETS = ("王秀英", "301", "602", "13812345678")
CALLER = Contact(name="王秀英", phone="13812345678")


def contest(life: Life) -> routing.CaseAssigned:
    """What the lead is ordered when the closed case is contested."""
    life.resolve_all()
    life.hold()
    life.tell(intake.AppealContested(appeal_id="a1", channel="c", case_id="case-1", reason=WORDS))
    return next(e for e in life.out if isinstance(e, routing.CaseAssigned) and e.role == "lead")


def take_back(life: Life) -> str:
    """What an agency is told when nobody stands behind the case any more."""
    for who in list(life.behind):
        life.tell(
            intake.AppealWithdrawn(appeal_id=who, channel="c", case_id="case-1", households=1, reason=WORDS)
        )
    return next(e for e in life.out if isinstance(e, routing.CaseAssignmentWithdrawn)).reason


@pytest.fixture
def life() -> Life:
    life = Life()
    life.tell(appeal(contact=CALLER))
    return life


def test_a_contest_reaches_agencies_veiled(life: Life) -> None:
    order = contest(life)

    assert order.rework is not None
    assert order.rework.reason == "我是群众，住***，电话138****5678，隔壁***室也不热"
    assert life.only(routing.CaseReopened).reason == order.rework.reason


def test_a_withdrawal_reaches_agencies_veiled(life: Life) -> None:
    assert take_back(life) == "群众撤回诉求：我是群众，住***，电话138****5678，隔壁***室也不热"


def test_doors_of_all_appeals_are_veiled(life: Life) -> None:
    life.tell(merged(2, location=appeal().location.model_copy(update={"room": "1104"})))
    life.resolve_all()
    life.hold()

    life.tell(intake.AppealContested(appeal_id="a2", channel="c", case_id="case-1", reason="1104还是冷"))

    assert life.only(routing.CaseReopened).reason == "****还是冷"


@pytest.mark.parametrize("first", [True, False])
def test_of_a_confidential_caller_no_word_reaches_an_agency(first: bool) -> None:
    life = Life()
    life.tell(appeal(contact=CALLER, confidential=first))
    life.tell(merged(2, confidential=not first))

    order = contest(life)

    assert order.rework is not None
    assert order.rework.reason == life.only(routing.CaseReopened).reason == "群众不认可办理结果。"
    assert take_back(life) == "群众撤回诉求。"
