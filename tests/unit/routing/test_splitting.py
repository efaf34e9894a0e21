"""Given a case of several appeals, when the desk splits it, then what it names leaves and the rest stays whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain.case import MOST_SPLITS, Closed, Deferred, OnDesk
from shared.contracts import intake, revisit, routing, routing_orders
from shared.contracts.routing_splits import CaseSplit, Split
from shared.contracts.values import Location, Place
from shared.loop.decision import NotYet
from shared.policy.places import UNPLACED
from tests.support.cases import START, Life, appeal, gone, jurisdiction, leak, merged

HERE, THERE = (jurisdiction().places.place(jurisdiction().places.compounds[n].code) for n in (0, 1))
assert HERE is not None
assert THERE is not None
SECOND = timedelta(seconds=1)
CATEGORY = jurisdiction().policy.category_ref("heating.fees")
"""No burst of it is a mass incident."""


def there(number: int, **changes: Any) -> intake.AppealMerged:
    return merged(number, place=THERE, **changes)


def of_two_compounds(here: int = 2, elsewhere: int = 3, **changes: Any) -> Life:
    """Appeals a1.. from the compound where the case was opened, then the others."""
    life = Life()
    life.tell(appeal(**{"category": CATEGORY} | changes))
    for number in range(2, here + 1):
        life.tell(merged(number), after=SECOND)
    for number in range(here + 1, here + elsewhere + 1):
        life.tell(there(number), after=SECOND)
    return life


def order(**named: Any) -> Split:
    return Split(**{"case_id": "case-1", "reason": "另一根立管漏水", "by": "值班长"} | named)


def sum_due(life: Life) -> list[Any]:
    return life.tell(routing_orders.CaseSumDue(case_id="case-1", due=life.case.unsaid.due), after=SECOND)


def test_what_the_desk_names_is_another_matter_from_then_on_and_history_says_who_and_why() -> None:
    life = of_two_compounds()

    life.tell(order(compounds=[THERE.code]))

    said = life.only(CaseSplit)
    assert (said.compounds, said.keeps) == ([THERE.code], "a1")
    assert said.matter == life.case.matter
    assert said.into.startswith(f"{said.matter}|")
    entry = life.case.history[-1]
    assert (entry.what, entry.who, entry.policy) == ("split", "值班长", jurisdiction().policy.label)
    assert "另一根立管漏水" in entry.why


def test_counts_fall_with_each_that_leaves_and_agencies_hear_the_sum_once() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))

    quiet = [life.tell(gone(there(number)), after=SECOND) for number in (3, 4, 5)]
    [told] = sum_due(life)

    assert quiet == [[], [], []]
    assert (life.case.appeals, life.case.households, life.case.compounds) == (2, 2, 1)
    assert (told.appeals, told.households, told.compounds) == (2, 2, None)
    assert told.places == life.case.places
    assert {place.building for place in life.case.places} == {"3号楼", "2号楼"}


def test_who_leaves_after_the_sum_was_told_is_told_with_the_next() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))
    life.tell(gone(there(3)))
    sum_due(life)

    life.tell(gone(there(4)))

    [told] = sum_due(life)
    assert told.appeals == 3


def test_a_compound_is_gone_when_the_last_of_it_left_by_name() -> None:
    life = of_two_compounds(elsewhere=2)
    life.tell(order(appeal_ids=["a3", "a4"]))

    life.tell(gone(there(3)))
    assert life.case.compounds == 2
    life.tell(gone(there(4)))

    assert life.case.compounds == 1


def test_a_withdrawal_takes_its_compound_along_too() -> None:
    life = of_two_compounds(elsewhere=1)

    life.tell(
        intake.AppealWithdrawn(
            appeal_id="a3", channel="c", case_id="case-1", households=1, place=THERE, reason="好了"
        )
    )

    assert (life.case.appeals, life.case.compounds) == (2, 1)


def test_the_key_households_that_leave_are_visited_for_the_other_case() -> None:
    life = of_two_compounds(elsewhere=1)
    life.tell(there(4, key_household=True))
    life.tell(order(compounds=[THERE.code]))

    life.tell(gone(there(4, key_household=True)))

    assert life.case.key_households == 0
    assert life.case.urgency == "urgent"  # what was said stays


@pytest.mark.parametrize("named", [{"compounds": [HERE.code]}, {"appeal_ids": ["a1"]}, {}])
def test_what_opened_the_case_and_where_that_is_stay_whatever_is_said(named: dict[str, Any]) -> None:
    life = of_two_compounds()
    before = life.case

    assert life.tell(order(**named)) == []
    assert life.case is before


@pytest.mark.parametrize("state", ["resolved", "closed"])
def test_a_case_that_is_not_at_work_is_not_split(state: str) -> None:
    life = of_two_compounds()
    life.resolve_all()
    if state == "closed":
        life.hold()
    before = life.case

    assert life.tell(order(compounds=[THERE.code])) == []
    assert life.case is before


def test_a_case_on_the_desk_and_a_deferred_one_are_split_and_stay_where_they_are() -> None:
    waits, later = of_two_compounds(confidence=0.1), of_two_compounds(category=leak().category)
    later.ask_for_deferral()

    for life, kind in ((waits, OnDesk), (later, Deferred)):
        life.tell(order(compounds=[THERE.code]))
        life.tell(gone(there(3)))
        assert isinstance(life.case, kind)
        assert life.case.appeals == 4
        assert all(isinstance(told, routing.CaseUpdated) for told in sum_due(life))


def test_deadlines_and_assignments_of_what_stays_are_left_as_they_are() -> None:
    life = of_two_compounds()
    before = life.case

    life.tell(order(compounds=[THERE.code]))
    life.tell(gone(there(3)))

    assert life.case.assignments == before.assignments
    assert life.case.resolve_by == before.resolve_by


def test_the_new_case_has_clocks_from_the_split_on_and_says_where_it_comes_from() -> None:
    old, new = Life(), Life()
    old.tell(appeal(upstream_due=old.at + timedelta(days=9)))
    new.at = old.at + timedelta(hours=40)
    new.tell(appeal(left_case="case-0", upstream_due=None))

    assert new.case.resolve_by - new.at == old.case.resolve_by - old.at
    assert new.only(routing.CaseDispatched).reported_at == old.case.reported_at
    assert [entry.what for entry in new.case.history] == ["split off", "dispatched"]
    assert new.case.split_from == "case-0"


def test_what_an_upstream_platform_was_promised_is_promised_still() -> None:
    life = Life()
    due = life.at + timedelta(hours=1)

    life.tell(appeal(left_case="case-0", upstream_due=due))

    assert life.case.resolve_by == due


def test_an_appeal_that_was_on_its_way_when_its_compound_was_split_off_goes_after_the_others() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))
    into = life.only(CaseSplit).into

    life.tell(there(9))

    after = life.only(CaseSplit)
    assert (after.into, after.appeal_ids, after.compounds) == (into, ["a9"], [])
    assert life.case.appeals == 6  # until it has left


def test_what_the_desk_has_joined_to_the_case_stays_also_from_a_compound_that_it_split_off() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))

    life.tell(there(9, moved_from="case-2"))

    assert CaseSplit not in [type(event) for event in life.out]


@pytest.mark.parametrize("resolved", [False, True])
def test_danger_that_was_on_its_way_is_judged_where_the_others_went_and_not_asked_about_here(
    resolved: bool,
) -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))
    into = life.only(CaseSplit).into
    if resolved:
        life.resolve_all()
    danger = there(9, text="老人冻得昏迷了")

    life.tell(danger)
    sent = life.only(CaseSplit)
    assert (sent.appeal_ids, life.case.urgency) == (["a9"], "normal")
    assert not [event for event in life.out if isinstance(event, routing.CaseDoubted)]

    life.tell(gone(danger))
    life.tell(danger.model_copy(update={"declined": into}))
    assert life.case.urgency == "emergency"


@pytest.mark.parametrize("elsewhere", [UNPLACED, jurisdiction().places.place("nh-01")])
def test_who_was_moved_here_from_nobody_knows_where_leaves_from_where_the_case_is(elsewhere: Place) -> None:
    life = of_two_compounds(elsewhere=0)
    one = merged(9, place=elsewhere, location=Location(address="三楼东户"), moved_from="case-2")
    life.tell(one)
    assert (life.case.compounds, len(life.case.places)) == (1, 3)

    life.tell(gone(one))

    assert (life.case.appeals, life.case.compounds, len(life.case.places)) == (2, 1, 2)
    assert [(at.place, at.appeals) for at in life.case.at_places] == [(HERE.code, 2)]


def test_those_who_came_together_are_a_burst_also_when_the_desk_splits_them_off_much_later() -> None:
    rule = jurisdiction().policy.mass_incident("heating.no_heat")
    assert rule is not None
    life, long_ago = Life(), START - 9 * rule.within
    life.tell(appeal(left_case="case-0", counted_at=long_ago))

    for number in range(2, rule.appeals + 1):
        life.tell(merged(number, left_case="case-0", counted_at=long_ago), after=SECOND)

    assert life.case.mass_incident_since is not None


def test_an_appeal_that_the_new_matter_had_no_case_for_joins_again() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))
    into = life.only(CaseSplit).into

    life.tell(there(9, declined=into))

    assert CaseSplit not in [type(event) for event in life.out]


def test_who_leaves_before_it_was_heard_that_they_came_waits_and_is_not_taken_for_another() -> None:
    life = Life()
    life.tell(appeal())

    with pytest.raises(NotYet):
        life.tell(gone(there(2)))
    life.tell(there(2))
    life.tell(gone(there(2)))

    assert (life.case.appeals, life.case.households, life.case.compounds) == (1, 1, 1)


def test_a_case_that_nobody_stands_behind_any_more_is_closed_as_withdrawn() -> None:
    life = of_two_compounds(here=1, elsewhere=1)
    life.tell(
        intake.AppealWithdrawn(
            appeal_id="a1", channel="c", case_id="case-1", households=1, place=HERE, reason="好了"
        )
    )
    life.tell(order(appeal_ids=["a2"]))

    life.tell(gone(there(2)))

    assert isinstance(life.case, Closed)
    assert life.only(routing.CaseClosed).outcome == "withdrawn"
    assert life.only(routing.CaseAssignmentWithdrawn).reason
    assert life.case.live == []


def test_who_leaves_a_case_that_was_closed_meanwhile_is_no_longer_counted_there() -> None:
    life = of_two_compounds()
    life.tell(order(compounds=[THERE.code]))
    life.resolve_all()
    life.verify(revisit.VerificationUnverified, reason="unreachable")

    assert life.tell(gone(there(3))) == []
    assert isinstance(life.case, Closed)
    assert life.case.appeals == 4


def test_a_case_is_not_split_for_ever() -> None:
    life = of_two_compounds()
    for number in range(MOST_SPLITS + 5):
        life.tell(order(appeal_ids=[f"x{number}"]))

    assert len(life.case.splits) == MOST_SPLITS
    assert len({one.into for one in life.case.splits}) == MOST_SPLITS


def test_leaving_a_case_that_is_not_here_yet_waits() -> None:
    with pytest.raises(NotYet):
        Life().tell(gone(there(2)))


def test_a_case_stored_before_there_were_splits_can_be_split() -> None:
    life = of_two_compounds()
    stored = life.case.model_dump(exclude={"at_places", "splits", "first_appeal", "split_from"})
    life.case = type(life.case).model_validate(stored)
    life.tell(order(compounds=[THERE.code]))

    for number in (3, 4, 5):
        life.tell(gone(there(number)))

    assert life.case.appeals == 2


@pytest.mark.parametrize("confidence", [1.0, 0.1], ids=["dispatched", "on the desk"])
def test_a_key_household_that_joins_raises_urgency_the_same_on_the_desk_as_at_work(confidence: float) -> None:
    calm = {"category": jurisdiction().policy.category_ref("property.cleaning"), "text": "楼道没人打扫"}
    life = Life()
    life.tell(appeal(**calm, confidence=confidence))
    assert life.case.urgency == "normal"

    life.tell(merged(2, key_household=True))

    assert (life.case.urgency, life.case.key_household, life.case.key_households) == ("urgent", True, 1)
