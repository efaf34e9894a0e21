"""In the sample jurisdiction everything that can be said finds somebody who answers, everywhere."""

from pathlib import Path
from typing import get_args

from shared.policy import load
from shared.policy.places import UNPLACED
from shared.policy.responsibility import agencies, within
from shared.policy.tenants import AgencyKind

HERE = load(Path(__file__).parents[3] / "deploy" / "packs" / "nuanhe")


def test_every_agency_kind_has_an_agency() -> None:
    kinds = {tenant.agency_kind for tenant in HERE.tenants.of_kind("agency")}
    assert kinds == set(get_args(AgencyKind))


def test_every_place_has_a_lead_for_every_category_and_a_team() -> None:
    places = [HERE.places.place(compound.code) for compound in HERE.places.compounds]
    for place in [*places, *(HERE.places.place(grid.code) for grid in HERE.places.grids), UNPLACED]:
        assert place is not None
        team = HERE.tenants.get(HERE.tenants.team_for(place))
        assert team is not None
        assert team.kind == "team"
        for category in HERE.policy.tree.categories:
            row = HERE.policy.responsibility.row(category.code, within(place, HERE.tenants), None, "")
            asked = (*row.lead, *HERE.policy.fallback_kinds)
            assert any(agencies(who, place, HERE.tenants) for who in asked), (category.code, place.code)


def test_the_closest_agency_comes_first() -> None:
    place = HERE.places.place("c001")
    assert place is not None
    assert HERE.tenants.agencies_for("subdistrict", place) == ["subdistrict-jinqiao"]
    assert HERE.tenants.agencies_for("property", place) == ["property-anju"]
    assert HERE.tenants.team_for(place) == "team-jinqiao"
    assert HERE.tenants.team_for(UNPLACED) == "team-district"


def test_some_compounds_have_no_property_manager() -> None:
    places = [HERE.places.place(compound.code) for compound in HERE.places.compounds]
    assert any(place is not None and not HERE.tenants.agencies_for("property", place) for place in places)


def test_the_tree_covers_every_agency_kind_as_a_first_lead_or_a_later_one() -> None:
    kinds = {who for row in HERE.policy.responsibility.rows for who in row.lead}
    assert kinds == set(get_args(AgencyKind))


def test_a_fault_category_has_no_ready_answer() -> None:
    for code in (
        "heating.no_heat",
        "heating.leak",
        "gas.leak",
        "water.outage",
        "power.outage",
        "property.lift",
    ):
        assert HERE.policy.category(code).answers == ()
