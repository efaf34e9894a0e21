"""Who learns a phone, a room, a name, and when (CONTRACTS 2)."""

from __future__ import annotations

from typing import Any

import pytest

from services.response.domain.disclosure import as_seen
from shared.contracts.response import DispatchAssigned, DispatchUpdated
from shared.contracts.routing import CaseAssignmentWithdrawn, CaseUpdated
from shared.contracts.values import Contact, Location, Place
from tests.support.assignments import (
    CONTACT,
    ID,
    LOCATION,
    START,
    after,
    centre,
    decide,
    given,
    hear,
    kinds,
    order,
    word,
)

NEIGHBOUR = Location(compound="nh-01-03", building="3", room="602")
SECRETS = ("502", "602", "13812345678", "王秀英")


def sent(**ordered: Any) -> DispatchAssigned:
    event = decide(None, order(**ordered), START).out[0].event
    assert isinstance(event, DispatchAssigned)
    return event


def test_an_agency_that_may_know_at_once_knows_at_once() -> None:
    event = sent(disclose="at_once")

    assert (event.location, event.contact, event.text) == (LOCATION, CONTACT, order().text)
    assert kinds(hear(given(disclose="at_once"), word("accepted", after(5)))) == ["accepted"]


def test_before_acceptance_the_door_and_the_caller_stay_unsaid() -> None:
    event = sent()

    written = event.model_dump_json()
    assert not [secret for secret in SECRETS if secret in written]
    assert event.contact == Contact(phone_masked="138****5678")
    assert event.location == Location(compound="nh-01-03", building="3", entrance="2")
    assert event.text is not None
    assert "12度" in event.text


@pytest.mark.parametrize("verb", ["accepted", "contacted", "arrived", "resolved"])
def test_acceptance_discloses_however_it_comes(verb: str) -> None:
    state = given(centre(CaseUpdated, appeals=2, households=3, places=[LOCATION, NEIGHBOUR]))

    decision = hear(state, word(verb, after(5)))

    update = decision.out[-1].event
    assert isinstance(update, DispatchUpdated)
    assert update == DispatchUpdated(
        assignment_id=ID,
        appeals=2,
        households=3,
        places=[LOCATION, NEIGHBOUR],
        contact=Contact(name="王秀英", phone="13812345678"),
    )
    assert not [o for o in hear(decision.state, word("accepted", after(3)), after(6)).out if o.tenant]


def test_with_one_place_its_door_is_disclosed() -> None:
    update = hear(given(), word("accepted", after(5))).out[-1].event

    assert update.places == [LOCATION]


def test_places_that_come_later_are_shown_as_the_agency_may_see_them() -> None:
    more = centre(CaseUpdated, appeals=2, households=2, places=[LOCATION, NEIGHBOUR])

    before = decide(given(), more, after(1)).out[0].event
    behind = decide(given(word("accepted", after(1))), more, after(2)).out[0].event

    assert [p.room for p in before.places] == [None, None]
    assert [p.room for p in behind.places] == ["502", "602"]


@pytest.mark.parametrize(
    "ordered",
    [{"disclose": "never"}, {"confidential": True, "disclose": "at_once"}, {"confidential": True}],
)
def test_what_is_never_disclosed_is_never_stored(ordered: dict[str, Any]) -> None:
    event = sent(**ordered)
    state = given(
        centre(CaseUpdated, appeals=2, households=2, places=[LOCATION, NEIGHBOUR]),
        word("resolved", after(5)),
        **ordered,
    )

    assert (event.text, event.location.room, event.contact) == (None, None, None)
    for written in (event.model_dump_json(), state.model_dump_json(), str(as_seen(state))):
        assert not [secret for secret in SECRETS if secret in written]


def test_the_summary_of_a_confidential_case_says_what_and_where() -> None:
    assert sent(confidential=True).summary == "室温不热（暖河里小区）"
    somewhere = Place(code="unplaced", name="王秀英家502", known=False)
    assert sent(confidential=True, place=somewhere).summary == "室温不热（地点待核实）"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("幸福路12号院7号楼1单元301室", "幸福路12号院7号楼"),
        ("幸福路12号院7-1-301", "幸福路12号院7-1-"),
        ("幸福路12号院", "幸福路12号院"),
        ("301室", None),
    ],
)
def test_an_address_is_all_there_is_and_loses_its_door(address: str, shown: str | None) -> None:
    assert sent(location=Location(address=address)).location.address == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("我是138 1234 5678", "我是138****5678"),
        ("打13987654321找我", "打139****4321找我"),
        ("订单213812345678号", "订单213812345678号"),
        ("12室，12度", "**室，12度"),
        ("锦绣花园3号楼1单元502不热，只有15度", "锦绣花园3号楼1单元***不热，只有15度"),
        ("1502室漏水，修了200块", "***室漏水，修了200块"),
    ],
)
def test_free_text_is_veiled(text: str, shown: str) -> None:
    location = Location(compound="nh-01-03", room="12")

    assert sent(text=text, location=location, contact=None).text == shown


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86*******5678"),
        ("6789012", "*****12"),
        ("1", "1"),
    ],
)
def test_a_phone_is_masked(phone: str, masked: str) -> None:
    contact = sent(contact=Contact(phone=phone), text=None).contact

    assert contact is not None
    assert contact.phone_masked == masked


def test_what_waited_is_forgotten_when_it_is_over() -> None:
    waiting = given(centre(CaseUpdated, appeals=2, households=2, places=[LOCATION, NEIGHBOUR]))

    over = decide(waiting, centre(CaseAssignmentWithdrawn, reason="撤回"), after(5)).state

    written = over.model_dump_json()
    assert not [secret for secret in SECRETS if secret in written]


def test_the_agency_sees_in_http_what_it_was_sent() -> None:
    waiting, known = as_seen(given()), as_seen(given(word("accepted", after(5))))

    assert not [secret for secret in SECRETS if secret in str(waiting)]
    assert known["contact"] == {"name": "王秀英", "phone": "13812345678"}
    assert known["location"]["room"] == "502"
    assert (known["state"], known["accept_by"], known["agency"]) == (
        "accepted",
        "2026-11-20T08:30:00Z",
        "heating-zy",
    )
    assert known["taken"]["accept"]["on_time"] is True
