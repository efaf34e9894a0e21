"""A tenant's door: what of what it sends wrong is answered, what is only counted, and what it is told of that."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.streams import MAX_PAYLOAD_BYTES
from shared.loop.door import Limits
from shared.loop.seen import SPAN
from tests.support.fakes import START
from tests.support.knocks import AtADoor, knock, size, stored

HOUR = timedelta(hours=1)


def test_the_one_that_reaches_the_limit_is_answered_once_more_and_the_rest_is_counted() -> None:
    desk = AtADoor(Limits(refusals_per_hour=3))

    for place in range(1, 8):
        desk.take(knock(place))
    desk.finish(START + HOUR)

    assert sum(desk.told.values()) == 3
    [closing] = desk.closed
    assert (closing.id, closing.closed.scope, closing.closed.answered) == ("id-3", "hour", 3)  # type: ignore[union-attr]
    assert [error.field for error in closing.errors] == ["word", "closed.until"]
    [notice] = desk.notices
    assert notice.closed is not None
    assert (notice.id, notice.closed.answered, notice.closed.unanswered) == (None, 3, 4)
    assert notice.closed.until == START + HOUR
    assert notice.unanswered == {"said": 4}


def test_one_matter_does_not_close_the_door_for_others() -> None:
    desk = AtADoor(Limits(refusals_per_matter=2))

    for place in range(1, 6):
        desk.take(knock(place, matter="assignment-1"))
    desk.take(knock(6, matter="assignment-2"))
    desk.take(knock(7))
    desk.finish(START + HOUR)

    assert sum(desk.told.values()) == 4
    assert [(r.closed.scope, r.closed.matter) for r in desk.closed if r.closed] == [
        ("matter", "assignment-1")
    ]
    assert [(r.closed.matter, r.closed.unanswered) for r in desk.notices if r.closed] == [("assignment-1", 3)]


def test_no_more_bytes_are_kept_than_may_be() -> None:
    desk = AtADoor(Limits(bytes_per_hour=4 * MAX_PAYLOAD_BYTES))

    for place in range(1, 10):
        desk.take(knock(place, size=MAX_PAYLOAD_BYTES))

    assert sum(desk.told.values()) == 4
    assert [r.closed.scope for r in desk.closed if r.closed] == ["hour"]


def test_behind_the_hour_a_matter_that_was_shut_counts_on_its_own_or_on_the_hour_never_on_both() -> None:
    desk = AtADoor(Limits(refusals_per_hour=3, refusals_per_matter=2))

    for place, matter in enumerate(["a", "a", "a", "b", "a", "b"], 1):
        desk.take(knock(place, matter=matter))
    desk.finish(START + HOUR)

    assert sorted((r.closed.scope, r.closed.unanswered) for r in desk.notices if r.closed) == [
        ("hour", 2),
        ("matter", 1),
    ]


def test_the_count_is_told_by_the_tick_or_by_the_next_refusal_whichever_comes_first() -> None:
    ticked, refused = AtADoor(Limits(refusals_per_hour=1)), AtADoor(Limits(refusals_per_hour=1))
    for desk in (ticked, refused):
        desk.take(knock(1))
        desk.take(knock(2))

    ticked.finish(START + HOUR)
    ticked.take(knock(3, minutes=61))
    refused.take(knock(3, minutes=61))
    refused.finish(START + HOUR)

    for desk in (ticked, refused):
        assert [r.closed.unanswered for r in desk.notices if r.closed] == [1]
        assert sum(desk.told.values()) == 2
    assert ticked.notices[0].cause == refused.notices[0].cause


def test_nothing_is_told_of_a_window_in_which_nothing_was_counted() -> None:
    desk = AtADoor(Limits())
    desk.take(knock(1))
    assert desk.door is not None
    assert desk.door.due is None

    desk.finish(START + HOUR)

    assert desk.notices == []


def test_the_same_sent_again_is_neither_told_nor_counted() -> None:
    desk = AtADoor(Limits(refusals_per_hour=2))

    for place in range(1, 6):
        desk.take(knock(place, body="the same"))
    before = desk.door
    desk.take(knock(6, body="the same"))

    assert desk.door is before
    assert desk.told == {"the same": 1}
    assert set(desk.outcomes.values()) == {"buried", "repeated"}


def test_windows_do_not_overlap_whatever_comes_late() -> None:
    desk = AtADoor(Limits(refusals_per_hour=1))
    desk.take(knock(1, minutes=30))
    desk.finish(START + timedelta(minutes=90))

    desk.take(knock(2, minutes=10))

    assert desk.door is not None
    assert desk.door.window is not None
    assert desk.door.window.until == START + timedelta(minutes=150)


def test_what_lies_too_far_ahead_of_what_is_acknowledged_waits() -> None:
    desk = AtADoor(Limits())
    desk.take(knock(1), acknowledged=False)

    desk.take(knock(SPAN + 1))
    assert (desk.waited, desk.outcomes) == (1, {1: "buried"})

    desk.take(knock(SPAN + 1, floor=1))
    assert desk.outcomes == {1: "buried", SPAN + 1: "buried"}


def test_a_stream_made_anew_begins_anew() -> None:
    desk = AtADoor(Limits())
    for place in range(1, 400):
        desk.take(knock(place, floor=place - 1, body="the same"))
    assert desk.door is not None

    desk.take(knock(7, minutes=10))
    desk.take(knock(8, minutes=10))

    assert desk.told == {"the same": 1, "message 7": 1, "message 8": 1}


@settings(max_examples=300, deadline=None)
@given(
    messages=st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from(["", "", "a", "b"]), st.sampled_from(["", "", "", "x"])
        ),
        min_size=1,
        max_size=40,
    ),
    deliveries=st.lists(st.tuples(st.integers(0, 39), st.booleans()), max_size=150),
    ticks=st.sets(st.integers(0, 150), max_size=6),
    limits=st.builds(
        Limits,
        refusals_per_hour=st.integers(1, 6),
        refusals_per_matter=st.integers(1, 4),
        bytes_per_hour=st.sampled_from([MAX_PAYLOAD_BYTES + 250, 1 << 30]),
    ),
)
def test_every_message_is_told_or_counted_once_in_any_order(
    messages: list[tuple[int, str, str]],
    deliveries: list[tuple[int, bool]],
    ticks: set[int],
    limits: Limits,
) -> None:
    minutes, stream = 0, []
    for place, (gap, matter, body) in enumerate(messages, 1):
        minutes += gap
        stream.append((place, minutes, matter, body and f"{body}{matter}"))
    desk = AtADoor(limits)
    every = [*deliveries, *((place - 1, True) for place, *_ in stream)]
    for step, (number, acknowledged) in enumerate(every):
        place, minute, matter, body = stream[number % len(stream)]
        if place not in desk.settled:
            desk.take(knock(place, minute, desk.floor, body, matter=matter), acknowledged)
        if desk.door is not None:
            desk.door = stored(desk.door)
            if step in ticks and desk.door.due is not None:
                desk.finish(desk.door.due)
    if desk.door is not None and desk.door.due is not None:
        desk.finish(desk.door.due)

    became = list(desk.outcomes.values())
    assert sum(desk.told.values()) == became.count("buried")
    assert desk.counted == became.count("counted")
    assert len(became) == len(stream)
    assert max(desk.per_window.values()) <= limits.refusals_per_hour
    assert all(n <= limits.refusals_per_matter for (_, matter), n in desk.per_matter.items() if matter)
    assert len({notice.cause for notice in desk.notices}) == len(desk.notices)
    alone = [cause for cause in desk.told if cause.startswith("message ")]
    assert all(desk.told[cause] == 1 for cause in alone)


def test_the_document_stays_small_for_a_client_that_is_broken_for_ever() -> None:
    """Two days of 40 messages a minute, every second of them refused, about ever other matters and in ever other words;
    what is acknowledged lags behind."""
    desk = AtADoor(Limits())
    largest, place = 0, 1

    for minute in range(2 * 24 * 60):
        for _ in range(20):
            place += 2
            desk.take(knock(place, minute, max(0, place - 3000), matter=f"{'某' * 100}{place}"))
        assert desk.door is not None
        largest = max(largest, size(desk.door))

    assert largest < 48 * 1024
    assert max(desk.per_window.values()) == 300
    assert sum(desk.told.values()) == 48 * 300
    assert desk.door is not None
    assert desk.door.due is not None
    desk.finish(desk.door.due)
    assert sum(desk.told.values()) + desk.counted == 2 * 24 * 60 * 20
