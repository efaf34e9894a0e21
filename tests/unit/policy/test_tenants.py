"""The agency of the smallest area is asked first."""

import pytest

from shared.contracts.values import Place
from shared.policy.places import UNPLACED
from shared.policy.tenants import Tenant, Tenants

PLACE = Place(code="c1", name="某小区", subdistrict="d-1", community="d-1-1", grid="d-1-1-g1")


def agency(tenant_id: str, *serves: str) -> Tenant:
    return Tenant(
        id=tenant_id, kind="agency", agency_kind="property", name_zh="某物业", name_en="P", serves=serves
    )


def team(tenant_id: str, *serves: str) -> Tenant:
    return Tenant(id=tenant_id, kind="team", name_zh="某组", name_en="T", serves=serves)


TENANTS = Tenants(
    district="d",
    tenants=(
        agency("of-all", "*"),
        agency("of-district", "d"),
        agency("of-subdistrict", "d-1"),
        agency("of-community", "d-1-1"),
        agency("of-grid", "d-1-1-g1"),
        agency("of-compound", "c1", "*"),
        agency("of-none"),
        team("team-all", "*"),
        team("team-grid", "d-1-1-g1"),
    ),
)


def test_agencies_come_from_the_smallest_area_to_the_widest_each_once() -> None:
    assert TENANTS.agencies_for("property", PLACE) == [
        "of-compound",
        "of-grid",
        "of-community",
        "of-subdistrict",
        "of-district",
        "of-all",
    ]


def test_an_unknown_place_has_only_those_who_serve_everywhere() -> None:
    assert TENANTS.agencies_for("property", UNPLACED) == ["of-all", "of-compound"]
    assert TENANTS.team_for(UNPLACED) == "team-all"


def test_nobody_of_the_kind_is_an_empty_list() -> None:
    assert TENANTS.agencies_for("gas", PLACE) == []


def test_the_team_of_the_smallest_area_goes() -> None:
    assert TENANTS.team_for(PLACE) == "team-grid"


def test_only_agencies_have_an_agency_kind() -> None:
    with pytest.raises(ValueError, match="agency_kind"):
        Tenant(id="x1", kind="team", agency_kind="gas", name_zh="某", name_en="X")
    with pytest.raises(ValueError, match="agency_kind"):
        Tenant(id="x1", kind="agency", name_zh="某", name_en="X")
