"""What becomes of the messages of a batch: given these in the streams, when they are settled, then this is stored."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.loop.loop import RACES
from tests.support.fakes import START
from tests.support.messages import own, said
from tests.support.sample import (
    AGENCY,
    COUNTERS,
    OTHER_AGENCY,
    Added,
    Copied,
    Counter,
    Heard,
    Spread,
    Told,
)
from tests.support.workers import Worker, counted, refusals, saying, total, worker

DISPATCH = f"dispatch.{AGENCY}"


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
