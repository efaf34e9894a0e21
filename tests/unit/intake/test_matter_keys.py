"""Given where homes hang, when they are cold, then those that can fail together are one matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.receive import matter_key
from services.intake.store import MATTERS
from shared.contracts.intake import NoticeMerged, NoticeRegistered
from shared.contracts.intake_steps import AppealPlaced, CloseMatter
from shared.contracts.values import Location
from shared.policy import Jurisdiction
from shared.policy.places import UNPLACED, Places
from tests.support.appeals import CHANNEL, MINUTE, T0, appeal, cold_flat, desk, hand_in, sample
from tests.support.desk import said

COLD = "heating.no_heat"
SHARING = ("c026", "c027")
"""Two compounds on one secondary network of one station."""
APART = "c001"


def key(compound: str, category: str = COLD, by: Any = None) -> str:
    here = merging(by) if by is not None else sample()
    place = here.places.place(compound)
    assert place is not None
    return matter_key(place, category, "a", here)


def merging(by: dict[str, str]) -> Jurisdiction:
    return replace(sample(), policy=sample().policy.model_copy(update={"merged_by": by}))


def at_home(compound: str, building: str = "1号楼") -> Location:
    return Location(compound=compound, building=building, room="101")


def test_compounds_on_one_shared_loop_are_one_matter_when_they_are_cold() -> None:
    assert len({key(compound) for compound in SHARING}) == 1


def test_of_any_other_category_each_compound_is_a_matter_of_its_own() -> None:
    assert len({key(compound, "heating.leak") for compound in SHARING}) == 2


def test_a_compound_with_a_network_of_its_own_is_a_matter_of_its_own() -> None:
    assert key(APART) == f"{APART}|{COLD}"


def test_without_a_word_in_the_policy_the_compound_is_the_matter() -> None:
    assert [key(compound, by={}) for compound in SHARING] == [f"{compound}|{COLD}" for compound in SHARING]


def test_a_policy_may_merge_by_station_or_only_a_part_of_a_branch() -> None:
    assert key(APART, by={"heating": "station"}) == f"station:s001|{COLD}"
    finer = {"heating": "loop", COLD: "compound"}
    assert len({key(compound, by=finer) for compound in SHARING}) == 2
    assert len({key(compound, "heating.leak", by=finer) for compound in SHARING}) == 1


def test_an_unknown_place_is_nobody_elses() -> None:
    assert matter_key(UNPLACED, COLD, "a", sample()) != matter_key(UNPLACED, COLD, "b", sample())


@pytest.mark.parametrize("by", ["compound", "loop", "station"])
def test_one_compound_and_category_is_one_matter_however_the_policy_merges(by: str) -> None:
    here = merging({"": by})
    for compound in here.places.compounds:
        place = here.places.place(compound.code)
        assert place is not None
        assert len({matter_key(place, COLD, appeal, here) for appeal in ("a", "b")}) == 1


def test_a_building_on_another_station_stays_with_its_compound() -> None:
    written = sample().places.model_dump(mode="json", by_alias=True)
    [compound] = [one for one in written["compounds"] if one["code"] == SHARING[0]]
    compound["listed_buildings"] = [{"number": "9", "station": "s001"}]
    at = desk()
    at.jurisdiction = replace(sample(), places=Places.model_validate(written))
    assert at.jurisdiction.places.station_of(SHARING[0], "9号楼") != at.jurisdiction.places.station_of(
        SHARING[0]
    )

    first = hand_in(at, cold_flat(location=at_home(SHARING[0], "1号楼")), "a")
    other = hand_in(at, cold_flat(location=at_home(SHARING[0], "9号楼")), "b")

    assert first.case_id == other.case_id


def test_homes_of_two_compounds_on_one_loop_are_one_case_and_both_hear_it() -> None:
    at = desk()
    first = hand_in(at, cold_flat(location=at_home(SHARING[0])), "a")
    second = hand_in(at, cold_flat(location=at_home(SHARING[1])), "b")
    assert (first.state, second.state, second.case_id) == ("registered", "merged", first.case_id)
    assert [notice.appeals for notice in said(at.out, NoticeMerged)] == [2]
    assert (first.place.code, second.place.code) == SHARING


def test_an_appeal_keeps_its_matter_when_the_policy_changes_on_its_way() -> None:
    at = desk()
    first = hand_in(at, cold_flat(location=at_home(SHARING[0])), "a")
    out = at.take(cold_flat(location=at_home(SHARING[1])), T0, CHANNEL, "b")
    at.jurisdiction = merging({})
    for event in (one.event for one in out):
        at.settle(event, T0 + MINUTE)
    second = appeal(at, "b")
    assert (second.matter, second.case_id) == (first.matter, first.case_id)
    at.settle(CloseMatter(matter=second.matter, case_id=second.case_id), T0 + MINUTE)
    assert not at.state(MATTERS, first.matter).open


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from((*SHARING, APART, "c039", "c040"))),
        min_size=1,
        max_size=24,
    )
)
def test_in_any_order_and_said_again_every_appeal_is_on_one_case_and_counted_once(
    arrivals: list[tuple[int, str]],
) -> None:
    at = desk()
    compounds: dict[int, str] = {}
    for number, compound in arrivals:
        home = compounds.setdefault(number, compound)
        if appeal(at, str(number)) is None:
            hand_in(at, cold_flat(location=at_home(home)), str(number))
    of = {number: appeal(at, str(number)) for number in compounds}
    assert all(one.case_id for one in of.values())
    for one in of.values():
        together = [other for other in of.values() if other.case_id == one.case_id]
        assert {other.matter for other in together} == {one.matter}
        assert at.state(MATTERS, one.matter).appeals == len(together)
        assert [other.state for other in together].count("registered") == 1
    told = [*said(at.out, NoticeRegistered), *said(at.out, NoticeMerged)]
    assert sorted(notice.appeal_id for notice in told) == sorted(one.appeal_id for one in of.values())
    assert len(said(at.out, AppealPlaced)) == len(of)
