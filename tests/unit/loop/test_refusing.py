"""What becomes of messages that are refused, come too early or raise: who is told, what is kept, who goes on."""

from __future__ import annotations

import pytest

from shared.loop import fold
from shared.loop.answers import DELIVERED_TOO_OFTEN, NOT_YET_TRIES, RAISED_TOO_OFTEN
from tests.support.messages import own, said
from tests.support.sample import (
    AGENCY,
    Added,
)
from tests.support.workers import counted, refusals, saying, total, worker

DISPATCH = f"dispatch.{AGENCY}"


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
    monkeypatch.setattr(fold, "MOST_SAID", 100)
    w = worker()
    for _ in range(3):  # our own messages do not count
        await w.settle(*(own(w.bus, Added(counter="a")) for _ in range(50)))
    many = [said(w.bus, saying(), id=str(n)) for n in range(102)]
    await w.settle(*many[:40])
    await w.settle(*many[40:])
    assert total(w, "a") == 250
    told = [error["problem"] for refusal in refusals(w) for error in refusal["errors"]]
    assert told == ["关于同一事项的消息过多 (too many messages about the same thing)"] * 2
    await w.settle(own(w.bus, Added(counter="a")), w.bus.again(many[99]))
    assert total(w, "a") == 251
