"""The matrix: category x area x what lies in the ground x words; the first row that matches holds."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import SAMPLE
from deploy.policy_check import hidden_rows
from shared.contracts.values import Place
from shared.policy import load
from shared.policy.places import UNPLACED
from shared.policy.responsibility import Ground, Matrix, Row, agencies, ground, kind_of, within

HERE = load(SAMPLE)
LAST = Row(lead=("subdistrict",), because="剩下的归街道")


def matrix(*rows: Row, **more: Any) -> Matrix:
    found = Matrix(rows=(*rows, LAST), **more)
    found.compile({})
    return found


def row(lead: str, **conditions: Any) -> Row:
    return Row(lead=(lead,), because=f"归{lead}", **conditions)


def place(code: str) -> Place:
    found = HERE.places.place(code)
    assert found is not None
    return found


def test_the_first_row_that_matches_holds() -> None:
    rows = matrix(row("water", category=("heating.leak",)), row("heating", category=("heating",)))
    assert rows.row("heating.leak", (), None, "").lead == ("water",)
    assert rows.row("heating.fees", (), None, "").lead == ("heating",)
    assert rows.row("heat", (), None, "") is LAST


def test_who_is_asked_first_is_who_leads_wherever_nothing_more_is_known() -> None:
    rows = matrix(
        row("housing", category=("heating",), area=("nh-01",)),
        row("developer", category=("heating",), when=("保修",)),
        row("property", category=("heating",), compound=Ground(managed=True)),
        Row(category=("transport",), lead=(), because="归工单台"),
        row("heating", category=("heating",)),
    )

    assert [rows.asked_first[code] for code in ("heating.fees", "transport.taxi", "lift")] == [
        "heating",
        "",
        "subdistrict",
    ]


def test_an_area_holds_for_all_places_within_it() -> None:
    rows = matrix(row("heating", area=("nh-01-02",)), row("housing", area=("nh-01",)))
    assert rows.row("x", within(place("c005"), HERE.tenants), None, "").lead == ("heating",)
    assert rows.row("x", within(place("c001"), HERE.tenants), None, "").lead == ("housing",)
    assert rows.row("x", within(place("nh-02"), HERE.tenants), None, "") is LAST
    assert rows.row("x", within(UNPLACED, HERE.tenants), None, "") is LAST


def test_what_lies_in_the_ground_decides_only_where_there_is_a_compound() -> None:
    rows = matrix(row("developer", compound=Ground(in_warranty=True)), row("property", compound=Ground()))
    new, old = HERE.places.named("盛世家园"), HERE.places.named("锦绣花园")
    assert new is not None
    assert old is not None
    leads = []
    for one, on in ((new, date(2027, 9, 30)), (new, date(2027, 10, 1)), (new, None), (old, date(2026, 1, 1))):
        compound = HERE.places.compound(one.code)
        assert compound is not None
        leads.append(
            rows.row("x", (), ground(compound, HERE.places.station_of(compound.code), True, on), "").lead[0]
        )
    assert leads == ["developer", "property", "property", "property"]
    assert rows.row("x", (), None, "") is LAST


def test_a_compound_without_heat_has_no_pipes_to_run() -> None:
    rows = matrix(row("property", compound=Ground(run_by="property_manager")))
    compound = HERE.places.compound("c009")
    assert compound is not None
    assert compound.heating is None
    assert (
        rows.row("heating", (), ground(compound, HERE.places.station_of(compound.code), True, None), "")
        is LAST
    )


def test_words_can_make_a_row_hold() -> None:
    rows = matrix(row("police", when=("走失|走丢", "打~伤")))
    assert rows.row("care.elder", (), None, "老人走丢了").lead == ("police",)
    assert rows.row("care.elder", (), None, "被打成重伤").lead == ("police",)
    assert rows.row("care.elder", (), None, "老人在家") is LAST


def test_a_lead_may_be_one_agency_instead_of_a_kind() -> None:
    assert agencies("property-anju", place("c013"), HERE.tenants) == ["property-anju"]
    assert agencies("property", place("c013"), HERE.tenants) == ["property-hexin"]
    assert kind_of("property-anju", HERE.tenants) == "property"
    assert agencies("team-jinqiao", place("c001"), HERE.tenants) == []


def test_the_smallest_area_is_on_duty_first() -> None:
    duty = [
        {"kind": "heating", "name": "全区值班", "phone": "0000 1"},
        {"kind": "heating", "area": "nh-01", "name": "街道值班", "phone": "0000 2"},
        {"kind": "heating", "area": "c001", "name": "小区值班", "phone": "0000 3"},
    ]
    rows = matrix(duty=duty)
    names = []
    for one in (place("c001"), place("c002"), place("c013"), UNPLACED):
        found = rows.on_duty("heating", within(one, HERE.tenants))
        assert found is not None
        names.append(found.name)
    assert names == ["小区值班", "街道值班", "全区值班", "全区值班"]
    assert rows.on_duty("gas", within(place("c001"), HERE.tenants)) is None


@pytest.mark.parametrize("rows", [[], [{"category": ["heating"], "lead": ["heating"], "because": "归热力"}]])
def test_a_matrix_that_does_not_answer_everything_is_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="rows"):
        Matrix.model_validate({"rows": rows})


@pytest.mark.parametrize(
    ("first", "then", "hidden"),
    [
        ({}, {"category": ("water",)}, True),
        ({"category": ("heating",)}, {"category": ("heating.leak", "heating.fees")}, True),
        ({"category": ("heating.leak",)}, {"category": ("heating.leak", "heating.fees")}, False),
        ({"category": ("heating.leak",)}, {"category": ("heating",)}, False),
        ({"category": ("heating",)}, {}, False),
        ({"area": ("nh-01",)}, {"area": ("nh-01-01-g1", "c005")}, True),
        ({"area": ("nh-01",)}, {"area": ("nh-01-01", "nh-02")}, False),
        ({"area": ("nh",)}, {}, False),
        ({"compound": Ground()}, {"compound": Ground(managed=True)}, True),
        ({"compound": Ground(managed=True)}, {"compound": Ground(managed=False)}, False),
        ({"compound": Ground()}, {}, False),
        ({"when": ("甲", "乙")}, {"when": ("乙",)}, True),
        ({"when": ("甲",)}, {"when": ("甲", "乙")}, False),
        ({"when": ("甲",)}, {}, False),
    ],
)
def test_a_row_is_hidden_when_an_earlier_one_matches_all_that_it_does(
    first: dict[str, Any], then: dict[str, Any], hidden: bool
) -> None:
    rows = (row("heating", **first), row("water", **then))
    assert ((1, 0) in hidden_rows(rows, HERE.places)) is hidden


CATEGORIES = ("heating", "heating.leak", "heating.leak.roof", "water")
AREAS = ("nh", "nh-01", "nh-01-01", "nh-01-01-g1", "c001", "nh-02")
FACTS = st.builds(
    Ground,
    managed=st.booleans(),
    run_by=st.sampled_from(("heating_company", "property_manager")),
    in_warranty=st.booleans(),
)
CONDITIONS = st.builds(
    Ground,
    managed=st.none() | st.booleans(),
    run_by=st.sampled_from((None, "property_manager")),
    in_warranty=st.none() | st.booleans(),
)
ROWS = st.builds(
    Row,
    category=st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
    area=st.lists(st.sampled_from(AREAS), max_size=2).map(tuple),
    compound=st.none() | CONDITIONS,
    when=st.lists(st.sampled_from(("甲", "乙")), max_size=2).map(tuple),
    lead=st.just(("heating",)),
    because=st.just("试一试"),
)


@given(
    st.lists(ROWS, min_size=1, max_size=5),
    st.sampled_from(CATEGORIES),
    st.sampled_from(AREAS),
    st.none() | FACTS,
    st.sampled_from(("", "甲", "乙", "甲乙")),
)
def test_a_row_that_is_called_hidden_never_holds(
    rows: list[Row], category: str, area: str, fact: Ground | None, text: str
) -> None:
    found = matrix(*rows)
    hidden = {number for number, _ in hidden_rows(found.rows, HERE.places)}
    held = found.row(category, within(place(area), HERE.tenants), fact, text)
    assert all(found.rows[number] is not held for number in hidden)
