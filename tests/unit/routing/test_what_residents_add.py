"""Given a case at work, when a resident adds words, then its agencies read them, now or with their order, veiled."""

from __future__ import annotations

from typing import Any

import pytest

from services.routing.domain.case import MOST_SUPPLEMENTS, MOST_WORDS, Deferred, Dispatched
from shared.contracts import intake, routing
from shared.contracts.values import Attachment, Contact
from tests.support.cases import Life, appeal, merged

PHOTO = Attachment(id="f-1", media_type="image/jpeg", sha256="a" * 64)
SAYS = {"supplemented": intake.AppealSupplemented, "urged": intake.AppealUrged}
either = pytest.mark.parametrize("verb", SAYS)


def say(life: Life, text: str | None, verb: str = "supplemented", **changes: Any) -> list[Any]:
    about = {"appeal_id": "a1", "channel": "c", "case_id": "case-1", "text": text}
    return life.tell(SAYS[verb](**about | changes))


def opened(**changes: Any) -> Life:
    life = Life()
    life.tell(appeal(contact=Contact(name="王秀英", phone="13812345678"), **changes))
    return life


@either
def test_words_reach_whoever_is_at_work(verb: str) -> None:
    life = opened()

    say(life, "阀门也在漏水", verb)

    assert life.only(routing.CaseUpdated).text == "阀门也在漏水"


def test_files_without_words_bring_no_words() -> None:
    life = opened()

    say(life, None, attachments=[PHOTO])

    told = life.only(routing.CaseUpdated)
    assert (told.text, told.attachments) == (None, [PHOTO])
    assert life.case.supplements == []


def test_the_next_lead_reads_them_in_its_order() -> None:
    life = opened()
    say(life, "阀门也在漏水")
    say(life, "楼上也在漏")

    life.give_back()

    assert life.only(routing.CaseAssigned).supplements == ["阀门也在漏水", "楼上也在漏"]


def test_only_the_last_few_are_kept_and_of_each_not_all() -> None:
    life = opened()
    for number in range(MOST_SUPPLEMENTS + 3):
        say(life, f"{number}" + "冷" * 2 * MOST_WORDS)

    assert [one[0] for one in life.case.supplements] == [str(n) for n in range(3, MOST_SUPPLEMENTS + 3)]
    assert {len(one) for one in life.case.supplements} == {MOST_WORDS}
    assert len(life.only(routing.CaseUpdated).text) == 2 * MOST_WORDS + 1


@either
def test_they_are_veiled(verb: str) -> None:
    life = opened()

    say(life, "我是王秀英，301，电话13812345678", verb)

    assert life.only(routing.CaseUpdated).text == "我是群众，***，电话138****5678"


@either
@pytest.mark.parametrize("whose", ["this caller", "the first", "another"])
def test_once_a_caller_must_not_be_known_no_words_reach_an_agency(verb: str, whose: str) -> None:
    life = opened(confidential=whose == "the first")
    say(life, "之前的话")
    if whose == "another":
        life.tell(merged(2, confidential=True))

    say(life, "之后的话", verb, confidential=whose == "this caller")

    assert life.only(routing.CaseUpdated).text is None
    life.give_back()
    told = [
        one
        for event in life.out
        if isinstance(event, routing.CaseAssigned)
        for one in event.supplements or []
    ]
    assert told == (["之前的话"] if whose == "this caller" else [])


@either
@pytest.mark.parametrize("listed", [False, True])
def test_danger_that_is_added_is_danger(verb: str, listed: bool) -> None:
    life = opened()
    if listed:
        life.ask_for_deferral()
        assert isinstance(life.case, Deferred)

    say(life, "老人冻得昏迷了", verb)

    assert isinstance(life.case, Dispatched)
    order = life.only(routing.CaseAssigned)
    assert (order.urgency, order.supplements) == ("emergency", ["老人冻得昏迷了"])


def test_danger_that_a_confidential_caller_adds_is_danger_without_the_words() -> None:
    life = opened()

    say(life, "老人冻得昏迷了", confidential=True)

    order = life.only(routing.CaseAssigned)
    assert (order.urgency, order.supplements) == ("emergency", None)


def test_who_joins_with_danger_is_read_by_who_is_ordered_anew() -> None:
    life = opened()
    caller = Contact(name="李大山", phone="13912345678")

    life.tell(merged(2, text="我是李大山，老人昏迷了，电话13912345678", contact=caller))

    assert life.only(routing.CaseAssigned).supplements == ["我是群众，老人昏迷了，电话139****5678"]
