"""What becomes of the messages of a batch: given these in the streams, when they are settled, then this is stored."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.loop import loop
from shared.loop.answers import DELIVERED_TOO_OFTEN, NOT_YET_TRIES, RAISED_TOO_OFTEN
from shared.loop.loop import RACES
from tests.support.fakes import START
from tests.support.messages import own, said
from tests.support.sample import (
    AGENCY,
    COUNTERS,
    OTHER_AGENCY,
    Added,
    Copied,
    Counted,
    Counter,
    Heard,
    NotApplied,
    Spread,
    Told,
)
from tests.support.workers import Worker, worker

DISPATCH = f"dispatch.{AGENCY}"


def total(w: Worker, id: str) -> int:
    counter = w.counter(id)
    return counter.total if counter else 0


def counted(w: Worker) -> list[int]:
    return [json.loads(body)["total"] for body in w.bus.bodies(Counted.subject())]


def refusals(w: Worker, tenant: str = AGENCY) -> list[dict[str, Any]]:
    return [json.loads(body) for body in w.bus.bodies(NotApplied.subject(tenant))]


def saying(**more: Any) -> dict[str, Any]:
    return {"counter": "a", "at": START.isoformat()} | more


# --- the ordinary way ---------------------------------------------------------------------------------------


async def test_many_inputs_of_one_document_are_one_write() -> None:
    w = worker()
    batch = [own(w.bus, Added(counter="a", amount=n)) for n in (1, 2, 3)]
    await w.settle(*batch)
    assert (total(w, "a"), w.documents.writes, w.bus.acks) == (6, 1, batch)
    assert counted(w) == [1, 3, 6]
    assert w.outcomes == {"applied": 3}


async def test_outputs_of_one_input_reach_every_stream_once() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a", tell=5)))
    assert [json.loads(b)["place"] for b in w.bus.bodies(Told.subject())] == [0, 1, 2, 3, 4]
    assert len(set(w.bus.ids("ASSIGNMENT"))) == 5


async def test_no_ack_before_the_outputs_are_stored() -> None:
    w = worker()
    w.bus.trouble.unanswered["publish"] = 1
    delivery = own(w.bus, Added(counter="a"))
    with pytest.raises(Exception, match="no answer to publish"):
        await w.loop.settle([delivery])
    assert w.bus.acks == []
    assert w.outcomes == {}
    await w.settle(delivery)
    assert (total(w, "a"), counted(w), w.bus.acks) == (1, [1], [delivery])
    assert w.outcomes == {"repeated": 1}


async def test_what_changes_nothing_writes_nothing() -> None:
    w = worker()
    delivery = own(w.bus, Added(counter="a", amount=0))
    await w.settle(delivery)
    assert (w.documents.writes, w.bus.acks) == (0, [delivery])


async def test_a_message_is_passed_on_to_every_document_it_concerns() -> None:
    w = worker()
    await w.settle(
        *(own(w.bus, Added(counter=c, group="north")) for c in "abc"), own(w.bus, Added(counter="d"))
    )
    spread = own(w.bus, Spread(group="north"))
    await w.settle(spread)
    await w.settle(w.bus.again(spread))
    assert sorted(json.loads(b)["counter"] for b in w.bus.bodies(Copied.subject())) == ["a", "b", "c"]


async def test_an_event_of_a_newer_publisher_is_left_alone() -> None:
    w = worker()
    delivery = w.bus.put("inner.intake.unheard.v1", own(w.bus, Spread(group="x")).headers, b"{}")
    headers = {**(delivery.headers or {}), "ce-type": "nuanliu.inner.intake.unheard.v1"}
    delivery = w.bus.put("inner.intake.unheard.v1", headers, b"{}")
    await w.settle(delivery)
    assert (w.bus.acks, w.bus.buried) == ([delivery], [])


# --- again --------------------------------------------------------------------------------------------------


async def test_what_comes_again_is_journaled_before_it_is_acknowledged() -> None:
    """The copy that applied it may have died between its write and the journal's."""
    w = worker()
    delivery = own(w.bus, Added(counter="a", amount=2))
    await w.settle(delivery)
    w.bus.acks.clear()
    w.documents.trouble.unanswered["save"] = 1
    with pytest.raises(Exception, match="no answer to save"):
        await w.loop.settle([w.bus.again(delivery)])
    assert w.bus.acks == []


@pytest.mark.parametrize("window", [timedelta(hours=1), timedelta(0)])
async def test_a_redelivery_has_no_second_effect(window: timedelta) -> None:
    w = worker()
    w.bus.window = window
    delivery = own(w.bus, Added(counter="a"))
    await w.settle(delivery)
    await w.settle(w.bus.again(delivery))
    assert (total(w, "a"), counted(w), w.outcomes) == (1, [1], {"applied": 1, "repeated": 1})


async def test_the_same_event_twice_in_the_stream_and_in_one_batch() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a"), id="x"), own(w.bus, Added(counter="a"), id="x"))
    await w.settle(own(w.bus, Added(counter="a"), id="x"))
    assert (total(w, "a"), counted(w), len(w.bus.acks)) == (1, [1], 3)


async def test_an_outsiders_id_again_with_equal_values_tells_nothing_new() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")))
    await w.settle(said(w.bus, saying(word="x"), id="1"))
    again = b'{ "word":"x", "at":"' + START.isoformat().encode() + b'","counter":"\\u0061"}'
    await w.settle(said(w.bus, again, id="1"))
    assert (total(w, "a"), len(w.bus.bodies(Heard.subject(AGENCY))), refusals(w)) == (2, 1, [])


@pytest.mark.parametrize("word", [None, "nothing"])
async def test_an_outsiders_id_with_another_body_is_refused(word: str | None) -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")))
    await w.settle(said(w.bus, saying(word=word), id="1"))
    before = total(w, "a")
    await w.settle(said(w.bus, saying(word=word, amount=7), id="1"))
    assert total(w, "a") == before
    [refusal] = refusals(w)
    assert refusal["in_reply_to"] == "1"
    assert [e["field"] for e in refusal["errors"]] == ["id"]
    assert len(w.bus.buried) == len(w.bus.terms) == 1


async def test_both_bodies_of_one_id_in_one_batch() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")))
    await w.settle(said(w.bus, saying(), id="1"), said(w.bus, saying(amount=7), id="1"))
    assert total(w, "a") == 2
    assert [e["field"] for e in refusals(w)[0]["errors"]] == ["id"]


async def test_two_tenants_may_use_one_id() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")))
    await w.settle(said(w.bus, saying(), id="1"), said(w.bus, saying(amount=2), id="1", tenant=OTHER_AGENCY))
    assert total(w, "a") == 4
    assert len(w.bus.bodies(Heard.subject(AGENCY))) == len(w.bus.bodies(Heard.subject(OTHER_AGENCY))) == 1


async def test_one_id_for_two_documents_swallows_no_output() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")), own(w.bus, Added(counter="b")))
    await w.settle(said(w.bus, saying(), id="1"), said(w.bus, saying(counter="b"), id="1"))
    assert len(w.bus.bodies(Heard.subject(AGENCY))) == 2


# --- refused, not yet, raised -------------------------------------------------------------------------------


async def test_a_refused_message_is_answered_kept_and_ended() -> None:
    w = worker()
    bad = said(w.bus, saying(word="refuse"), id="1")
    await w.settle(bad)
    assert refusals(w) == [{"in_reply_to": "1", "errors": [{"field": "word", "problem": "is not wanted"}]}]
    assert (w.bus.buried, w.bus.terms, w.bus.acks) == ([(bad, "word: is not wanted")], [bad], [])


async def test_the_same_refused_again_is_told_once() -> None:
    w = worker()
    bad = said(w.bus, saying(word="refuse"), id="1")
    await w.settle(bad)
    await w.settle(w.bus.again(bad))
    await w.settle(said(w.bus, saying(word="refuse"), id="1"))
    assert len(refusals(w)) == 1


async def test_what_cannot_be_read_is_answered_by_name_and_its_neighbours_are_applied() -> None:
    w = worker()
    batch = [
        own(w.bus, Added(counter="a")),
        said(w.bus, b"{"),
        own(w.bus, Added(counter="a")),
        said(w.bus, saying(extra=1)),
        own(w.bus, Added(counter="b")),
    ]
    await w.settle(*batch)
    assert (total(w, "a"), total(w, "b")) == (2, 1)
    assert [[e["field"] for e in r["errors"]] for r in refusals(w)] == [["data"], ["extra"]]
    assert w.bus.terms == [batch[1], batch[3]]


async def test_an_event_of_ours_that_cannot_be_read_is_kept_and_told_nobody() -> None:
    w = worker()
    bad = own(w.bus, Added(counter="a"))
    bad = w.bus.put(bad.subject, bad.headers, b'{"counter": 1}')
    await w.settle(bad)
    assert [d for d, _ in w.bus.buried] == [bad]
    assert w.bus.ids("DISPATCH") == []


async def test_not_yet_is_tried_again_ever_later_and_then_refused() -> None:
    w = worker()
    early = said(w.bus, saying(), id="1")
    for _ in range(NOT_YET_TRIES - 1):
        await w.settle(early)
        early = w.bus.again(early)
    delays = [delay for _, delay in w.bus.naks]
    assert delays == sorted(delays)
    assert 5 < sum(delays) < 10
    assert refusals(w) == []
    await w.settle(early)
    assert [e["field"] for e in refusals(w)[0]["errors"]] == ["counter"]


async def test_not_yet_and_then_it_is_there() -> None:
    w = worker()
    early = said(w.bus, saying())
    await w.settle(early)
    await w.settle(own(w.bus, Added(counter="a")), w.bus.again(early))
    assert (total(w, "a"), refusals(w)) == (2, [])


async def test_a_decision_that_raises_is_tried_again_and_kept_at_the_fifth() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")))
    bad = own(w.bus, Added(counter="a", amount=-1))
    for _ in range(RAISED_TOO_OFTEN):
        await w.settle(bad, own(w.bus, Added(counter="a")))
        bad = w.bus.again(bad)
    assert [delay for _, delay in w.bus.naks] == [1, 2, 4, 8]
    [(_, reason)] = w.bus.buried
    assert reason == "raised 5 times: Broken: cannot count backwards"
    assert total(w, "a") == 6


@pytest.mark.parametrize("poison", [Added(counter="no key"), Added(counter="p", amount=-2)])
async def test_a_message_that_breaks_the_loop_itself_stands_alone(poison: Added) -> None:
    w = worker()
    batch = [own(w.bus, Added(counter=f"c{n}")) for n in range(20)]
    bad = own(w.bus, poison)
    batch.insert(7, bad)
    await w.settle(*batch)
    assert [total(w, f"c{n}") for n in range(20)] == [1] * 20
    assert [d for d, _ in w.bus.naks] == [bad]
    assert counted(w) == [1] * 20
    await w.settle(w.bus.again(bad, delivered=RAISED_TOO_OFTEN))
    assert [d.sequence for d, _ in w.bus.buried] == [bad.sequence]


async def test_a_stored_document_nobody_can_read_holds_up_only_its_own_messages() -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a")), own(w.bus, Added(counter="b")))
    w.documents.rows["counters", "a"] = (
        w.documents.rows["counters", "a"].replace(b"total", b"other").replace(b"state", b"statf", 1)
    )
    await w.settle(own(w.bus, Added(counter="a")), own(w.bus, Added(counter="b")))
    assert (total(w, "b"), len(w.bus.naks)) == (2, 1)


async def test_the_hundredth_delivery_is_kept_whatever_it_is() -> None:
    w = worker()
    delivery = own(w.bus, Added(counter="a"))
    last = w.bus.again(delivery, delivered=DELIVERED_TOO_OFTEN)
    await w.settle(last, own(w.bus, Added(counter="b")))
    assert w.bus.buried == [(last, f"delivered {DELIVERED_TOO_OFTEN} times")]
    assert (total(w, "a"), total(w, "b")) == (0, 1)


async def test_an_outsider_cannot_make_a_document_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MOST_SAID", 100)
    w = worker()
    for _ in range(3):  # our own messages do not count
        await w.settle(*(own(w.bus, Added(counter="a")) for _ in range(50)))
    many = [said(w.bus, saying(), id=str(n)) for n in range(102)]
    await w.settle(*many[:40])
    await w.settle(*many[40:])
    assert total(w, "a") == 250
    told = [error["problem"] for refusal in refusals(w) for error in refusal["errors"]]
    assert told == ["too many messages about the same thing"] * 2
    await w.settle(own(w.bus, Added(counter="a")), w.bus.again(many[99]))
    assert total(w, "a") == 251


# --- races --------------------------------------------------------------------------------------------------


def overtaken(w: Worker, times: int) -> None:
    """Before each of the next saves, another copy adds ten to counter a."""

    def write() -> None:
        before = w.documents.stored(COUNTERS, "a")
        counter = before.state or Counter(id="a")
        w.documents.put(before.next(counter.model_copy(update={"total": counter.total + 10}), [], []))

    w.documents.before_save += [write] * times


@pytest.mark.parametrize("exists", [False, True])
async def test_a_lost_race_is_decided_again_alone(exists: bool) -> None:
    w = worker()
    if exists:
        await w.settle(own(w.bus, Added(counter="a")))
    overtaken(w, times=2)
    await w.settle(
        own(w.bus, Added(counter="a")), own(w.bus, Added(counter="b")), own(w.bus, Added(counter="a"))
    )
    assert total(w, "a") == 20 + 2 + exists
    assert total(w, "b") == 1
    assert counted(w)[exists:] == [1, 20 + exists + 1, 20 + exists + 2]
    assert w.outcomes["applied"] == 3 + exists


async def test_races_without_end_are_given_back() -> None:
    w = worker()
    overtaken(w, times=RACES)
    delivery = own(w.bus, Added(counter="a"))
    await w.settle(delivery, own(w.bus, Added(counter="b")))
    assert (total(w, "a"), total(w, "b")) == (10 * RACES, 1)
    assert [d for d, _ in w.bus.naks] == [delivery]
    await w.settle(w.bus.again(delivery))
    assert total(w, "a") == 10 * RACES + 1


# --- engines away -------------------------------------------------------------------------------------------


CALLS = ("load", "save", "publish", "bury", "ack", "find")


@pytest.mark.parametrize("heard", ["unanswered", "unheard"])
@pytest.mark.parametrize("call", CALLS)
async def test_an_engine_that_does_not_answer_changes_nothing_in_the_end(call: str, heard: str) -> None:
    w = worker()
    await w.settle(own(w.bus, Added(counter="a", group="north")))
    for trouble in (w.bus.trouble, w.documents.trouble):
        getattr(trouble, heard)[call] = 3
    await w.settle(
        own(w.bus, Added(counter="a", tell=2)),
        own(w.bus, Added(counter="b", group="north")),
        said(w.bus, saying(amount=5), id="1"),
        said(w.bus, saying(extra=1), id="2"),
        own(w.bus, Spread(group="north")),
    )
    assert (total(w, "a"), total(w, "b")) == (7, 1)
    assert sorted(counted(w)) == [1, 1, 2, 7]
    assert len(w.bus.bodies(Told.subject())) == 2
    assert len(w.bus.bodies(Heard.subject(AGENCY))) == len(refusals(w)) == 1
    assert len(w.bus.bodies(Copied.subject())) == 2
    assert {d.sequence for d, _ in w.bus.buried} == {2}
