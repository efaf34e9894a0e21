"""Given an assignment past its deadline, when a sweep finds it, then it is watched from higher and higher up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from pydantic import ValidationError

from services.routing.domain.case import OnDesk
from services.routing.store import CASES
from services.routing.sweep import late
from services.routing.unwatched import unwatched
from shared.contracts import routing, routing_orders
from shared.contracts.response import AssignmentLate
from shared.contracts.routing import CaseSupervised
from shared.loop.documents import Stored
from shared.policy.rules import Rules, Rung
from shared.service import Running
from tests.support.cases import SAMPLE, Life, appeal, jurisdiction, leak
from tests.support.shelf import Shelf

RUNGS = (
    Rung(overdue_by=timedelta(hours=2), level=1),
    Rung(overdue_by=timedelta(hours=24), level=2),
    Rung(overdue_by=timedelta(days=10), level=2, escalate=True),
)
SECOND = timedelta(seconds=1)


@pytest.fixture
def life() -> Life:
    """A case with a lead and an assistant."""
    life = Life()
    policy = life.jurisdiction.policy.model_copy(update={"supervision": RUNGS})
    life.jurisdiction = replace(life.jurisdiction, policy=policy)
    life.tell(leak())
    return life


def sweep(life: Life, late_by: timedelta, role: str = "lead") -> list[Any]:
    """What a tick says when an assignment is so late."""
    mine = life.assignment(role)
    assert mine.watch_at is not None
    at = mine.resolve_by + late_by
    due = routing_orders.CaseWatchDue(case_id="case-1", assignment_id=mine.assignment_id, due=mine.watch_at)
    return life.tell(due, at - life.at)


def test_each_rung_is_told_once_and_the_next_is_waited_for(life: Life) -> None:
    (first,) = sweep(life, RUNGS[0].overdue_by + SECOND)
    (second,) = sweep(life, RUNGS[1].overdue_by + SECOND)

    assert [(said.level, said.assignment_id) for said in (first, second)] == [
        (1, life.assignment().assignment_id),
        (2, life.assignment().assignment_id),
    ]
    assert "24 小时" in second.reason
    assert life.assignment().watch_at == life.assignment().resolve_by + RUNGS[2].overdue_by


def test_the_same_tick_again_says_nothing(life: Life) -> None:
    mine = life.assignment()
    due = routing_orders.CaseWatchDue(case_id="case-1", assignment_id=mine.assignment_id, due=mine.watch_at)
    life.tell(due, mine.watch_at + SECOND - life.at)

    assert life.tell(due) == []


def test_of_rungs_nobody_swept_only_the_highest_is_told(life: Life) -> None:
    (said,) = sweep(life, timedelta(days=3))

    assert said.level == 2


def test_lead_and_assistant_climb_each_on_its_own_clock(life: Life) -> None:
    life.resolve("assist")

    sweep(life, timedelta(hours=3))

    assert [e.assignment_id for e in life.out if isinstance(e, CaseSupervised)] == [
        life.assignment().assignment_id
    ]


def test_a_lead_late_beyond_the_last_rung_hands_over_to_the_next_step_of_the_ladder(life: Life) -> None:
    old = life.assignment()

    sweep(life, timedelta(days=11))

    raised = life.only(routing.CaseEscalated)
    assert raised.level == life.case.level == 1
    assert life.only(routing.CaseAssignmentWithdrawn).assignment_id == old.assignment_id
    assert life.case.lead_agency == raised.to_agency != old.agency


def test_a_late_assistant_is_watched_and_the_lead_stays(life: Life) -> None:
    sweep(life, timedelta(days=11), "assist")

    assert life.kinds() == ["CaseSupervised"]
    assert life.only(CaseSupervised).assignment_id == life.assignment("assist").assignment_id


def test_where_nobody_is_left_up_the_ladder_it_stays_and_is_watched(life: Life) -> None:
    while not isinstance(life.case, OnDesk) and life.case.level < len(life.jurisdiction.policy.escalation):
        life.tell(routing_orders.Escalate(case_id="case-1", reason="久拖不决", by="centre"))

    sweep(life, timedelta(days=11))

    assert life.kinds() == ["CaseSupervised"]


def test_more_time_moves_the_ladder_with_the_deadline(life: Life) -> None:
    before = life.assignment().watch_at
    life.ask_for_time()

    mine = life.assignment()
    assert mine.watch_at == mine.resolve_by + RUNGS[0].overdue_by > before
    overtaken = routing_orders.CaseWatchDue(case_id="case-1", assignment_id=mine.assignment_id, due=before)
    assert life.tell(overtaken) == []


def test_what_was_resolved_or_deferred_meanwhile_is_left_alone(life: Life) -> None:
    mine = life.assignment()
    due = routing_orders.CaseWatchDue(case_id="case-1", assignment_id=mine.assignment_id, due=mine.watch_at)
    life.ask_for_deferral()
    assert life.tell(due, timedelta(days=30)) == []
    life.resolve_all()
    assert life.tell(due) == []


def test_a_policy_without_a_ladder_watches_nobody() -> None:
    life = Life()
    policy = jurisdiction().policy.model_copy(update={"supervision": ()})
    life.jurisdiction = replace(jurisdiction(), policy=policy)

    life.tell(appeal())

    assert life.assignment().watch_at is None
    assert life.case.next_watch is None


def silent(life: Life, role: str = "lead", **changes: Any) -> list[Any]:
    """What routing is told when an agency has not accepted for half an hour."""
    mine = life.assignment(role)
    values = {
        "assignment_id": mine.assignment_id,
        "case_id": "case-1",
        "agency": mine.agency,
        "role": role,
        "at": life.at,
        "deadline": "accept",
        "due": life.at - timedelta(minutes=31),
        "level": 1,
    }
    return life.tell(AssignmentLate.model_validate(values | changes))


def test_who_does_not_answer_is_watched_and_the_timeline_says_why(life: Life) -> None:
    (said,) = silent(life)

    assert (said.assignment_id, said.level) == (life.assignment().assignment_id, 1)
    assert said.reason == "超期 31 分钟未签收"
    assert (life.case.history[-1].what, life.case.history[-1].who) == ("supervised", life.assignment().agency)


def test_an_assistant_that_does_not_speak_to_the_resident_is_watched_at_the_level_it_has_reached(
    life: Life,
) -> None:
    (said,) = silent(life, "assist", deadline="contact", level=2, due=life.at - timedelta(hours=25))

    assert (said.assignment_id, said.level) == (life.assignment("assist").assignment_id, 2)
    assert said.reason == "超期 25 小时未联系群众"


def test_the_silence_of_who_was_let_off_meanwhile_is_nothing(life: Life) -> None:
    life.ask_for_deferral()
    assert silent(life) == []
    life.resolve_all()
    assert silent(life) == []


def from_before_the_ladder(case: Any) -> Any:
    """As a version without it stored the same."""
    document = CASES.states.dump_python(case, exclude_none=True)
    for mine in document["assignments"]:
        del mine["rungs"]
        mine.pop("watch_at", None)
    return CASES.states.validate_python(document)


@pytest.mark.parametrize(("late_by", "level"), [(timedelta(hours=-1), None), (timedelta(days=2), 2)])
def test_what_was_stored_before_there_was_a_ladder_is_looked_for_and_then_watched(
    life: Life, late_by: timedelta, level: int | None
) -> None:
    life.case = from_before_the_ladder(life.case)
    assert life.case.next_watch is None

    found = list(unwatched(Stored(CASES, "case-1", 3, life.case)))
    for out in found:
        life.tell(out.event, max(timedelta(), life.assignment().resolve_by + late_by - life.at))

    assert len(found) == len({out.id for out in found}) == 2
    assert [e.level for e in life.said if isinstance(e, CaseSupervised)] == [level] * 2 * bool(level)
    assert life.case.next_watch is not None
    assert list(unwatched(Stored(CASES, "case-1", 5, life.case))) == []


def test_one_on_the_list_of_deferrals_is_watched_when_it_is_off_it(life: Life) -> None:
    life.case = from_before_the_ladder(life.case)
    (_, assistant) = unwatched(Stored(CASES, "case-1", 3, life.case))
    life.ask_for_deferral()

    assert life.tell(assistant.event, timedelta(days=9)) == []
    assert life.tell(assistant.event) == []

    life.resolve()
    assert life.case.next_watch == life.assignment("assist").resolve_by + RUNGS[0].overdue_by


def test_whose_ladder_is_at_its_end_is_not_looked_for(life: Life) -> None:
    sweep(life, timedelta(days=11), "assist")

    looked_for = unwatched(Stored(CASES, "case-1", 3, life.case))

    assert [out.event.assignment_id for out in looked_for] == []
    assert life.assignment("assist").rungs == len(RUNGS)


def test_a_ladder_is_of_each_deadline_and_no_case_is_lost_by_silence() -> None:
    sample = yaml.safe_load((SAMPLE / "policy" / "policy.yaml").read_text(encoding="utf-8"))
    accept, resolve = {"deadline": "accept", "overdue_by": "4h"}, {"overdue_by": "2h"}

    both = Rules.model_validate(sample | {"supervision": [accept, resolve]}).supervision
    assert [rung.deadline for rung in both] == ["accept", "resolve"]
    with pytest.raises(ValidationError, match="each rung of accept comes later than the one before it"):
        Rules.model_validate(sample | {"supervision": [accept, accept | {"overdue_by": "1h"}]})
    with pytest.raises(ValidationError, match="only past the resolve deadline, not past accept"):
        Rung.model_validate(accept | {"escalate": True})


async def test_a_sweep_finds_what_is_late_and_says_it_under_one_id(life: Life) -> None:
    documents = Shelf()
    documents.put(Stored(CASES, "case-1", 1, life.case))
    running = cast(Running, SimpleNamespace(documents=documents))
    lead = life.assignment()

    assert await late(running, lead.watch_at) == []
    found = await late(running, lead.watch_at + SECOND)
    again = await late(running, lead.watch_at + timedelta(hours=1))

    assert {out.event.assignment_id for out in found} == {a.assignment_id for a in life.case.live}
    assert [out.id for out in found] == [out.id for out in again]


def test_by_hand_the_case_goes_to_the_next_step_and_the_timeline_says_who_and_why(life: Life) -> None:
    old = life.assignment()

    life.tell(routing_orders.Escalate(case_id="case-1", reason="多方推诿", by="值班长"))

    assert life.only(routing.CaseAssignmentWithdrawn).assignment_id == old.assignment_id
    assert life.only(routing.CaseEscalated).level == 1
    ordered = next(e for e in life.case.history if e.what == "escalation ordered")
    assert (ordered.who, ordered.why) == ("值班长", "多方推诿")


def test_a_deferred_case_that_is_escalated_leaves_the_list(life: Life) -> None:
    life.ask_for_deferral()

    life.tell(routing_orders.Escalate(case_id="case-1", reason="群众等不起", by="centre"))

    assert life.only(routing.CaseCleared)
    assert life.only(routing.CaseEscalated)


def test_a_resolved_case_is_not_escalated(life: Life) -> None:
    life.resolve_all()

    assert life.tell(routing_orders.Escalate(case_id="case-1", reason="r", by="centre")) == []
