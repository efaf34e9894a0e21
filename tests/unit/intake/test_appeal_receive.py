"""Given the sample district, when words arrive, then they are answered, refused, or on their way to a case."""

from __future__ import annotations

import pytest

from services.intake.domain.appeal import Answered, NotAccepted, Received
from services.intake.domain.receive import masked
from shared.contracts.channel import Submitted
from shared.contracts.intake import AppealRegistered, NoticeAnswered, NoticeNotAccepted, NoticeRegistered
from shared.contracts.intake_steps import PlaceAppeal
from shared.contracts.values import Location, Reporter
from shared.ids import derive
from tests.support.appeals import CHANNEL, OTHER, T0, appeal, cold_flat, compound, desk, hand_in
from tests.support.desk import names, said


def test_a_cold_flat_is_received_and_sent_to_its_matter() -> None:
    at = desk()
    out = at.take(cold_flat(external_ref="H-1"), T0, CHANNEL, "e1")
    state = appeal(at)
    assert isinstance(state, Received)
    assert state.appeal_id == derive("appeal", CHANNEL, "e1")
    assert state.category.code == "heating.no_heat"
    assert state.place.code == compound().code
    assert state.matter == f"{compound().code}|heating.no_heat"
    assert state.ref_key == f"{CHANNEL}|H-1"
    assert state.received_at == state.reported_at == T0
    assert said(out, PlaceAppeal) == [
        PlaceAppeal(
            matter=state.matter,
            category="heating.no_heat",
            appeal_id=state.appeal_id,
            place=state.place.code,
        )
    ]


def test_a_title_is_read_first_and_kept_as_the_first_line_for_whoever_reads_on() -> None:
    at = desk()
    event = cold_flat(title="电梯困人", text="家里暖气不热，只有14度，老人受不了")

    (registered,) = said(at.settle(event, T0, CHANNEL, "e1"), AppealRegistered)

    assert registered.category.code == "property.lift"
    assert registered.text == "电梯困人\n家里暖气不热，只有14度，老人受不了"


def test_the_registered_appeal_carries_what_routing_needs() -> None:
    at = desk()
    event = cold_flat(
        reporter=Reporter(name="张某", phone="138 0000 1234", represents_households=7),
        indoor_temperature=14.0,
        found_by="patrol",
        reported_at=T0,
        external_ref="H-1",
    )
    out = at.settle(event, T0, CHANNEL, "e1")
    assert names(out) == ["appeal.registered", "notice.registered"]
    [registered] = said(out, AppealRegistered)
    assert registered.contact is not None
    assert (registered.contact.phone, registered.contact.phone_masked) == ("138 0000 1234", "138****1234")
    assert (registered.households, registered.indoor_temperature, registered.found_by) == (7, 14.0, "patrol")
    assert registered.text == event.text
    assert registered.location == event.location
    assert 0 < registered.confidence <= 1
    assert registered.because
    [notice] = said(out, NoticeRegistered)
    assert (notice.external_ref, notice.in_reply_to) == ("H-1", "e1")
    assert notice.case_no == registered.case_no
    assert [one.tenant for one in out] == ["", CHANNEL]
    assert all(one.about == registered.appeal_id for one in out)


def test_a_consultation_is_answered_without_a_case() -> None:
    at = desk()
    event = Submitted(text="请问暖气费怎么交？", nature="consultation", external_ref="H-2")
    out = at.settle(event, T0, CHANNEL, "e1")
    assert names(out) == ["appeal.answered", "notice.answered"]
    state = appeal(at)
    assert isinstance(state, Answered)
    [notice] = said(out, NoticeAnswered)
    assert notice.answer == state.answer
    assert notice.answer.endswith("值班电话：暖河热力抢修值班 0371-0000 101。")
    assert (notice.external_ref, notice.in_reply_to) == ("H-2", "e1")


def test_words_without_content_are_not_accepted_with_a_reason_in_chinese() -> None:
    at = desk()
    out = at.settle(Submitted(text="？？？……"), T0, CHANNEL, "e1")
    assert names(out) == ["appeal.not_accepted", "notice.not_accepted"]
    assert isinstance(appeal(at), NotAccepted)
    [notice] = said(out, NoticeNotAccepted)
    assert notice.reason_code == "no_content"
    assert any("\u4e00" <= sign <= "\u9fff" for sign in notice.reason)


def test_a_hint_of_the_nature_goes_before_the_words() -> None:
    at = desk()
    assert hand_in(at, cold_flat(nature="complaint")).nature == "complaint"


@pytest.mark.parametrize("nature", ["praise", "suggestion"])
def test_praise_and_suggestions_become_cases_too(nature: str) -> None:
    at = desk()
    state = hand_in(at, Submitted(text="建议给锅炉房的师傅发面锦旗，服务真好", nature=nature))
    assert state.state == "registered"
    assert state.nature == nature


def test_a_report_of_wrongdoing_is_confidential_whatever_the_reporter_says() -> None:
    at = desk()
    event = cold_flat(
        nature="report_of_wrongdoing", reporter=Reporter(phone="13800001234", confidential=False)
    )
    [registered] = said(at.settle(event, T0, CHANNEL, "e1"), AppealRegistered)
    assert registered.confidential


def test_an_anonymous_reporter_leaves_no_contact() -> None:
    at = desk()
    event = cold_flat(reporter=Reporter(name="张某", phone="13800001234", anonymous=True))
    [registered] = said(at.settle(event, T0, CHANNEL, "e1"), AppealRegistered)
    assert registered.contact is None


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13800001234", "138****1234"), ("0371-6789 1234", "037****1234"), ("12345", "****"), ("无", "****")],
)
def test_a_masked_phone_cannot_be_called(phone: str, shown: str) -> None:
    assert masked(phone) == shown


def test_a_household_on_the_register_is_recognised_by_building_and_room() -> None:
    registered = compound().key_households[0]
    here = {
        "compound": compound().code,
        "building": f"{registered.building}号楼",
        "room": f"{registered.room}室",
    }
    at = desk()
    assert hand_in(at, cold_flat(location=Location(**here)), "a").key_household
    assert hand_in(
        at, cold_flat(location=Location(**here, entrance=f"{registered.entrance}单元")), "b"
    ).key_household
    assert not hand_in(at, cold_flat(location=Location(**here, entrance="99单元")), "c").key_household
    assert not hand_in(at, cold_flat(location=Location(**here | {"room": "9999"})), "d").key_household
    assert not hand_in(at, cold_flat(location=Location(compound=compound().code)), "e").key_household


def test_two_channels_may_use_the_same_event_id() -> None:
    at = desk()
    one, two = hand_in(at, cold_flat(), "e1", CHANNEL), hand_in(at, cold_flat(), "e1", OTHER)
    assert one.appeal_id != two.appeal_id
    assert (one.state, two.state) == ("registered", "merged")
