"""Refusals past the limits, through the loop: who is told, what is kept, who goes on; no trouble doubles any."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shared.loop.documents import Stored
from shared.loop.door import DOORS, Door, Limits
from shared.loop.loop import Loop
from tests.support.fakes import START, FakeBus, FakeDocuments
from tests.support.messages import own, said, structured
from tests.support.sample import AGENCY, OTHER_AGENCY, Added, DoorDue
from tests.support.workers import Worker, refusals, saying, total

HOUR = timedelta(hours=1)


def limited(hour: int = 2, matter: int = 20) -> Worker:
    return Worker(FakeBus(), FakeDocuments(), _limited(hour, matter))


def _limited(hour: int, matter: int = 20) -> Callable[..., Loop]:
    limits = Limits(refusals_per_hour=hour, refusals_per_matter=matter)
    return partial(Loop, limits=lambda tenant: limits if tenant == AGENCY else Limits())


def bad(w: Worker, id: str, **more: Any) -> Any:
    return said(w.bus, saying(word="refuse", **more), id=id)


def due(w: Worker) -> Any:
    return own(w.bus, DoorDue(tenant=AGENCY, until=START + HOUR), time=START + HOUR)


def counts(w: Worker) -> list[int]:
    """What the notices say, in their order."""
    return [r["closed"]["unanswered"] for r in refusals(w) if "in_reply_to" not in r]


def answered(w: Worker) -> list[str]:
    return [r["in_reply_to"] for r in refusals(w) if "in_reply_to" in r]


async def test_past_the_limit_it_is_counted_and_hinders_nobody() -> None:
    w = limited()
    await w.settle(own(w.bus, Added(counter="a")))

    await w.settle(
        *(bad(w, f"b{n}") for n in range(3)),
        said(w.bus, saying(), id="good"),
        *(bad(w, f"b{n}") for n in range(3, 6)),
        said(w.bus, saying(word="refuse"), id="other", tenant=OTHER_AGENCY),
    )

    assert total(w, "a") == 2
    assert answered(w) == ["b0", "b1"]
    assert [r.get("closed", {}).get("scope") for r in refusals(w)] == [None, "hour"]
    assert [r["in_reply_to"] for r in refusals(w, OTHER_AGENCY)] == ["other"]
    assert sorted(d.headers["ce-id"] for d, _ in w.bus.buried if d.headers) == ["b0", "b1", "other"]
    assert w.outcomes == {"applied": 2, "buried": 3, "counted": 4}
    await w.settle(due(w))
    assert counts(w) == [4]


async def test_whoever_says_nothing_readable_costs_the_others_no_write_of_their_own() -> None:
    w = limited()
    await w.settle(own(w.bus, Added(counter="a")))
    saved: list[int] = []
    save = w.documents.save

    async def counted(changed: Sequence[Stored]) -> set[tuple[str, str]]:
        saved.append(len(changed))
        return await save(changed)

    w.documents.save = counted  # type: ignore[method-assign]
    unreadable = [w.bus.put(f"response.{AGENCY}.said.v1", {}, b"{") for _ in range(9)]

    await w.settle(*unreadable, said(w.bus, saying(), id="good", tenant=OTHER_AGENCY))

    assert total(w, "a") == 2
    assert saved == [2]
    assert w.outcomes == {"applied": 2, "buried": 2, "counted": 7}


async def test_what_is_nested_too_deeply_is_counted_like_every_other() -> None:
    w = limited()
    await w.settle(own(w.bus, Added(counter="a")))
    header = {"content-type": "application/cloudevents+json"}
    event = structured("nuanliu.response.said.v1", {"x": "DEEP"}, id="deep")
    event = event.replace(b'"DEEP"', b"[" * 300 + b"]" * 300)

    deep = [w.bus.put(f"response.{AGENCY}.said.v1", header, event + b" " * n) for n in range(9)]
    await w.settle(*deep, said(w.bus, saying(), id="good"))

    assert total(w, "a") == 2
    assert w.outcomes == {"applied": 2, "buried": 2, "counted": 7}
    assert {error["problem"] for r in refusals(w) for error in r["errors"] if error["field"] == "data"} == {
        "嵌套过深 (nested too deeply)"
    }


async def test_the_worst_a_batch_can_say_keeps_its_door_within_what_a_database_takes() -> None:
    w = limited(hour=300)
    names = [f"{n}{'🔥' * 100}" for n in range(40)]

    await w.settle(
        *(said(w.bus, saying(counter=f"{'某' * 90}{n}") | dict.fromkeys(names, 1)) for n in range(256))
    )

    assert 200 < len(answered(w)) < 256  # the bytes are the limit here
    assert len(w.documents.rows[DOORS.name, AGENCY]) < 4 * 1024 * 1024


async def test_many_refusals_are_one_write() -> None:
    w = limited()

    await w.settle(*(bad(w, f"b{n}") for n in range(20)))

    assert w.documents.writes == 1


async def test_the_end_is_told_once_also_when_the_tick_comes_again() -> None:
    w = limited(hour=1)
    await w.settle(bad(w, "1"), bad(w, "2"))
    tick = due(w)

    await w.settle(tick)
    await w.settle(w.bus.again(tick), due(w))

    assert counts(w) == [1]


async def test_the_first_refusal_of_the_next_window_tells_it_if_no_tick_did() -> None:
    w = limited(hour=1)
    await w.settle(bad(w, "1"), bad(w, "2"))
    w.bus.pass_time(HOUR)

    await w.settle(bad(w, "3"), bad(w, "4"))
    await w.settle(due(w))

    assert (answered(w), counts(w)) == (["1", "3"], [1])


@pytest.mark.parametrize(
    ("call", "when"),
    [
        *((call, "unanswered") for call in ("load", "floor", "save", "publish", "bury", "ack")),
        *((call, "unheard") for call in ("save", "publish", "bury")),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same copy", "another copy"])
async def test_an_engine_that_does_not_answer_doubles_nothing(call: str, when: str, elsewhere: bool) -> None:
    w = limited()
    batch = [bad(w, f"b{n}") for n in range(5)]
    getattr(w.bus.trouble, when)[call] = getattr(w.documents.trouble, when)[call] = 1
    with pytest.raises(Exception, match="no answer"):
        await w.loop.settle(batch)

    second = Worker(w.bus, w.documents, _limited(2)) if elsewhere else w
    left = [w.bus.again(d) if elsewhere else d for d in batch if d.sequence in w.bus.unsettled(d.stream)]
    await second.settle(*left)
    await second.settle(due(w))

    assert answered(w) == ["b0", "b1"]
    assert counts(w) == [3]
    assert {d.headers["ce-id"] for d, _ in w.bus.buried if d.headers} == {"b0", "b1"}
    assert w.bus.unsettled(batch[0].stream) == []


@pytest.mark.parametrize("call", ["publish", "save"])
async def test_the_notice_of_a_tick_survives_a_death_before_it_was_published(call: str) -> None:
    w = limited(hour=1)
    await w.settle(bad(w, "1"), bad(w, "2"))
    tick = due(w)
    trouble = w.bus.trouble if call == "publish" else w.documents.trouble
    trouble.unanswered[call] = 1
    with pytest.raises(Exception, match="no answer"):
        await w.loop.settle([tick])

    await Worker(w.bus, w.documents, _limited(1)).settle(w.bus.again(tick))

    assert counts(w) == [1]


async def test_what_was_refused_is_not_applied_when_it_comes_again() -> None:
    """Its acknowledgement was lost, and what it was about has come meanwhile: its sender has been told."""
    w = limited()
    early = w.bus.again(said(w.bus, saying(), id="1"), delivered=6)
    w.bus.trouble.unanswered["bury"] = 1
    with pytest.raises(Exception, match="no answer"):
        await w.loop.settle([early])
    second = Worker(w.bus, w.documents, _limited(2))

    await second.settle(own(w.bus, Added(counter="a")), w.bus.again(early))

    assert total(second, "a") == 1
    assert answered(w) == ["1"]
    assert [d.sequence for d, _ in w.bus.buried] == [early.sequence]


async def test_an_agency_is_told_of_a_matter_by_its_name() -> None:
    w = limited(hour=10, matter=1)

    await w.settle(bad(w, "1", counter="a"), bad(w, "2", counter="a"), bad(w, "3", counter="b"))
    await w.settle(due(w))

    closed = [r["closed"] for r in refusals(w)]
    assert [(c["scope"], c["matter"], c["answered"], c["unanswered"]) for c in closed] == [
        ("matter", "a", 1, 0),
        ("matter", "b", 1, 0),
        ("matter", "a", 1, 1),
    ]


async def test_a_malformed_message_is_about_what_it_names() -> None:
    w = limited(hour=10, matter=1)

    await w.settle(
        said(w.bus, {"counter": "a", "colour": "red"}, id="1"),
        said(w.bus, {"counter": "a", "colour": "blue"}, id="2"),
        said(w.bus, b'{"counter"', id="3"),
    )

    assert answered(w) == ["1", "3"]


async def test_in_a_replay_the_sender_s_own_time_counts_and_none_moves_nothing() -> None:
    w = limited(hour=1)
    loop = Loop(
        w.loop._handlers, w.documents, w.bus, clock="replay", limits=lambda _: Limits(refusals_per_hour=1)
    )
    w.bus.now = START + timedelta(days=400)
    timed = START.isoformat()
    messages = [
        said(w.bus, saying(word="refuse"), id="1", time=timed),
        said(w.bus, b"{", id="2"),
        said(w.bus, b"{", id="3", time=timed),
    ]

    await loop.settle(messages)

    door: Door = w.documents.state(DOORS, AGENCY)
    assert door.due == START + HOUR
    assert (answered(w), w.outcomes) == (["1"], {})
    assert json.loads(w.bus.streams["DISPATCH"].messages[0][2])["closed"]["until"].startswith(
        "2026-11-15T09:00"
    )
