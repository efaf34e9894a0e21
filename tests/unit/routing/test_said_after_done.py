"""Given a resolved case, when somebody says more, then whoever goes back hears of it, and danger does not wait."""

from __future__ import annotations

from typing import Any

import pytest

from services.routing.domain.case import Closed, Dispatched, Resolved
from shared.contracts import intake, revisit, routing
from shared.contracts.values import Location
from tests.support.cases import Life, appeal, leak, merged

DANGER = "修完还是不热，老人冻得昏迷了"
WHERE = Location(compound="c001", building="9号楼", room="901")


def resolved(first: intake.AppealRegistered | None = None) -> Life:
    life = Life()
    life.tell(first or appeal())
    life.resolve_all()
    assert isinstance(life.case, Resolved)
    return life


def urge(life: Life, **changes: Any) -> list[Any]:
    return life.tell(intake.AppealUrged(appeal_id="a1", channel="c", case_id="case-1", **changes))


def test_who_joins_is_told_to_whoever_goes_back() -> None:
    life = resolved()

    life.tell(merged(2, households=3, key_household=True, text="修完还是不热"))

    told = life.only(routing.CaseDoubted)
    assert (told.round, told.households, told.key_household) == (0, 3, True)
    assert (told.location.building, told.location.room) == ("2号楼", "101")
    assert isinstance(life.case, Resolved)


def test_the_door_of_a_confidential_caller_is_told_to_nobody() -> None:
    life = resolved()

    life.tell(merged(2, confidential=True))

    assert life.only(routing.CaseDoubted).location.room is None


def test_who_urges_is_told_as_nobody_new() -> None:
    life = resolved()

    urge(life, location=WHERE)

    told = life.only(routing.CaseDoubted)
    assert (told.households, told.location) == (0, WHERE)


def test_a_verdict_that_knew_of_who_joined_closes() -> None:
    life = resolved()
    life.tell(merged(2))

    life.verify(revisit.VerificationHeld, solved=2, satisfied=2, asked=2, doubts=1)

    assert isinstance(life.case, Closed)


@pytest.mark.parametrize(
    "verdict",
    [(revisit.VerificationHeld, {"solved": 1}), (revisit.VerificationUnverified, {"reason": "declined"})],
)
def test_a_verdict_that_did_not_ask_who_joined_ends_nothing(verdict: tuple[Any, dict[str, Any]]) -> None:
    life = resolved(leak())
    life.tell(merged(2))
    before = life.case
    kind, more = verdict

    life.verify(kind, **more)

    assert isinstance(life.case, Dispatched)
    assert (life.case.round, life.only(routing.CaseRework).round) == (1, 1)
    again = [event for event in life.out if isinstance(event, routing.CaseAssigned)]
    assert [(one.agency, one.role) for one in again] == [(one.agency, one.role) for one in before.current]
    assert again[0].rework.previous == before.lead.assignment_id


def test_an_urging_that_no_verdict_knew_of_keeps_nothing_open() -> None:
    life = resolved()
    urge(life)

    life.hold()

    assert isinstance(life.case, Closed)


@pytest.mark.parametrize("how", ["joins", "urges", "adds"])
def test_danger_sends_everybody_back_to_work_as_an_emergency(how: str) -> None:
    life = resolved(leak())
    lead = life.case.lead
    about = {"appeal_id": "a1", "channel": "c", "case_id": "case-1", "text": DANGER}

    if how == "joins":
        life.tell(merged(2, text=DANGER))
    else:
        life.tell((intake.AppealUrged if how == "urges" else intake.AppealSupplemented)(**about))

    assert isinstance(life.case, Dispatched)
    assert life.only(routing.CaseRework).round == life.case.round == 1
    again = [event for event in life.out if isinstance(event, routing.CaseAssigned)]
    assert {one.urgency for one in again} == {"emergency"}
    assert again[0].rework.previous == lead.assignment_id
    assert again[0].supplements == [DANGER]
    assert life.case.reworks == 1


def test_the_verdict_on_the_round_that_danger_ended_changes_nothing() -> None:
    life = resolved()
    life.tell(merged(2, text=DANGER))

    life.verify(revisit.VerificationHeld, round=0, solved=1)

    assert isinstance(life.case, Dispatched)
    assert life.out == []
