"""Given a case, when appeals come in a burst, then it is a mass incident: said once, and told in sums."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.case import MOST_COMPOUNDS
from shared.contracts import routing, routing_orders
from shared.contracts.intake import AppealMerged
from shared.contracts.response import AssignmentResolved
from tests.support.cases import Life, appeal, jurisdiction, merged

RULE = jurisdiction().policy.mass_incident("heating.no_heat")
assert RULE is not None
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def opened(**changes: object) -> Life:
    life = Life()
    life.tell(appeal(**changes))
    return life


def burst(life: Life, appeals: int, first: int = 2) -> list[routing.CaseUpdated]:
    """So many appeals, a second apart; gives what the agencies are told."""
    said = [event for number in range(appeals) for event in life.tell(merged(first + number), after=SECOND)]
    return [event for event in said if isinstance(event, routing.CaseUpdated)]


def elsewhere(number: int, compound: int) -> AppealMerged:
    other = jurisdiction().places.place(jurisdiction().places.compounds[compound].code)
    return merged(number, place=other)


def sum_due(life: Life) -> routing_orders.CaseSumDue:
    return routing_orders.CaseSumDue(case_id="case-1", due=life.case.unsaid.due)


def test_so_many_appeals_in_half_an_hour_are_a_mass_incident() -> None:
    life = opened()
    burst(life, RULE.appeals - 2)
    assert life.case.mass_incident_since is None
    [told] = burst(life, 1, first=RULE.appeals)
    assert life.case.mass_incident_since == life.at
    assert (told.mass_incident, told.appeals, told.households) == (True, RULE.appeals, RULE.appeals)
    assert [entry.what for entry in life.case.history].count("mass incident") == 1


def test_so_many_compounds_are_one_with_fewer_appeals() -> None:
    life = opened()
    life.tell(elsewhere(2, 1), after=MINUTE)
    assert life.case.mass_incident_since is None
    life.tell(elsewhere(3, 2), after=MINUTE)
    told = life.only(routing.CaseUpdated)
    assert (told.mass_incident, told.compounds, told.appeals) == (True, 3, 3)


def test_the_same_number_over_hours_is_none() -> None:
    life = opened()
    for number in range(2, 20):
        life.tell(merged(number), after=RULE.within)
        assert life.only(routing.CaseUpdated).mass_incident is None
    assert life.case.appeals == 19


def test_those_split_off_together_are_one_only_if_they_came_in_a_burst() -> None:
    for apart, burst_of in ((timedelta(hours=5), False), (SECOND, True)):
        came = Life().at - timedelta(days=9)
        life = opened(left_case="case-0", counted_at=came)
        for number in range(2, 20):
            life.tell(merged(number, counted_at=came + number * apart), after=SECOND)
        assert (life.case.mass_incident_since is not None) is burst_of


def test_a_category_that_the_policy_does_not_name_never_is() -> None:
    life = opened(category=jurisdiction().policy.category_ref("heating.fees"))
    told = burst(life, 20)
    assert (len(told), life.case.mass_incident_since, life.case.unsaid) == (20, None, None)


def test_from_then_on_the_agencies_hear_the_sum_and_not_every_appeal() -> None:
    life = opened()
    told = burst(life, 299)
    assert len(told) == RULE.appeals - 1
    assert life.case.unsaid.due - told[-1].at == RULE.tell_every + SECOND
    life.tell(sum_due(life))
    assert life.only(routing.CaseUpdated).appeals == 300
    assert life.case.unsaid is None


def test_a_sum_said_twice_is_said_once() -> None:
    life = opened()
    burst(life, RULE.appeals)
    due = sum_due(life)
    assert life.tell(due)
    assert life.tell(due) == []


def test_nothing_more_is_ordered_and_deadlines_stay() -> None:
    life = opened()
    before = life.case
    burst(life, 50)
    assert life.case.assignments == before.assignments
    assert life.case.resolve_by == before.resolve_by
    assert sum(isinstance(event, routing.CaseAssigned) for event in life.said) == len(before.assignments)


def test_urgency_is_raised_to_the_policys_and_never_lowered() -> None:
    calm, grave = opened(), opened()
    calm.case = calm.case.model_copy(update={"urgency": "normal"})
    grave.case = grave.case.model_copy(update={"urgency": "emergency"})
    for life in (calm, grave):
        burst(life, RULE.appeals)
    assert (calm.case.urgency, grave.case.urgency) == (RULE.urgency, "emergency")


def test_a_key_household_that_joins_raises_urgency_and_is_told_at_once_also_in_a_burst() -> None:
    life = opened()
    life.case = life.case.model_copy(update={"urgency": "normal"})
    life.tell(merged(2, key_household=True))
    told = life.only(routing.CaseUpdated)
    assert (told.key_household, told.urgency, life.case.key_households) == (True, "urgent", 1)

    life = opened()
    burst(life, 20)
    life.tell(merged(99, key_household=True), after=SECOND)
    assert life.only(routing.CaseUpdated).key_household is True
    life.tell(merged(100, key_household=True), after=SECOND)
    assert (life.out, life.case.key_households) == ([], 2)


def test_agencies_read_in_which_compound_a_joined_home_is() -> None:
    life = opened()
    life.tell(
        elsewhere(2, 1).model_copy(
            update={"location": appeal().location.model_copy(update={"compound": None})}
        )
    )
    assert life.case.places[-1].compound == jurisdiction().places.compounds[1].name


def test_a_case_of_many_compounds_stays_bounded() -> None:
    life = opened()
    for number in range(2, 200):
        place = appeal().place.model_copy(update={"code": f"x{number}"})
        life.tell(merged(number, place=place), after=SECOND)
    assert len(life.case.other_compounds) == MOST_COMPOUNDS
    assert len(life.case.recent) <= RULE.appeals
    assert life.case.appeals == 199


@given(st.lists(st.one_of(st.integers(0, 60), st.just("tick")), max_size=60))
def test_however_a_burst_comes_in_the_last_sum_told_is_what_stands_behind_the_case(
    arrivals: list[object],
) -> None:
    life = opened()
    joined, raised = 1, 0
    for arrival in arrivals:
        if arrival == "tick":
            if life.case.unsaid is not None:
                life.tell(sum_due(life), after=MINUTE)
        else:
            joined += 1
            was = life.case.mass_incident_since
            life.tell(merged(joined), after=timedelta(minutes=int(str(arrival))))
            raised += was is None and life.case.mass_incident_since is not None
            assert was in (None, life.case.mass_incident_since)
    if life.case.unsaid is not None:
        life.tell(sum_due(life))
    told = [event for event in life.said if isinstance(event, routing.CaseUpdated)]
    assert life.case.appeals == joined
    assert raised <= 1
    assert [event.appeals for event in told] == sorted(event.appeals for event in told)
    assert not told or told[-1].appeals == joined


def test_a_sum_that_comes_after_the_agencies_are_done_tells_nobody() -> None:
    life = opened()
    burst(life, 20)
    due = sum_due(life)
    for one in life.case.live:
        life.tell(
            AssignmentResolved(
                assignment_id=one.assignment_id,
                case_id="case-1",
                agency=one.agency,
                role=one.role,
                at=life.at,
                outcome="solved",
                measures="",
                on_time=True,
                reply="已修好",
            )
        )
    assert life.tell(due) == []
