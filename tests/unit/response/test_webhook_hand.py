"""Webhooks, rule by rule: what the hand that holds a receiver's messages sends, lets wait and gives up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.hand import Hand
from services.response.webhooks.domain.outcome import Delivered, Outcome, Refused, Unwell
from services.response.webhooks.domain.terms import AT_ONCE, GIVE_UP_AFTER, REFUSED_TRIES

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
DOWN = Unwell("503")


def hand(*lanes: str, now_sure: bool = True) -> Hand:
    """With messages 1, 2, ... of these lanes."""
    made = Hand(Circuit())
    for number, lane in enumerate(lanes, 1):
        made.take(number, number, lane, START)
    if now_sure:
        made.outstanding(len(lanes), made.stand())
    return made


def test_nothing_is_sent_before_it_is_sure_that_nobody_else_has_something() -> None:
    one = hand("a", now_sure=False)
    assert one.next(0) is None

    one.outstanding(2, one.stand())
    assert one.next(0) is None

    one.outstanding(1, one.stand())
    assert one.next(0) == 1


def test_a_gap_in_what_the_consumer_delivered_is_somebody_elses_or_lost() -> None:
    one = hand("a")
    one.next(0)
    one.came_out(1, Delivered(), 0, START, 0)
    one.acknowledged(1)

    one.take(3, 3, "a", START)
    assert one.next(0) is None
    one.outstanding(2, one.stand())
    assert one.next(0) is None

    one.take(2, 4, "a", START)
    one.outstanding(2, one.stand())
    assert one.next(0) == 2


def test_an_answer_says_nothing_about_what_came_after_the_question() -> None:
    one = hand("a", now_sure=False)
    asked = one.stand()

    one.take(3, 3, "a", START)
    one.outstanding(2, asked)

    assert one.next(0) is None


def test_an_answer_says_nothing_if_something_was_missing_meanwhile() -> None:
    one = Hand(Circuit())
    asked = one.stand()

    one.take(2, 2, "a", START)
    one.outstanding(0, asked)

    assert one.next(0) is None


def test_an_answer_says_nothing_if_something_was_acknowledged_meanwhile() -> None:
    one = hand("a", "b")
    one.next(0)
    one.take(4, 4, "b", START)
    asked = one.stand()
    one.came_out(1, Delivered(), 0, START, 0)
    assert one.stand() is None
    one.outstanding(3, asked)
    one.acknowledged(1)
    one.outstanding(3, asked)

    assert one.next(0) is None


def test_lanes_go_side_by_side_and_within_one_in_turn() -> None:
    one = hand("a", "a", "b")
    assert [one.next(0), one.next(0), one.next(0)] == [1, 3, None]

    one.came_out(1, Delivered(), 0, START, 0)
    assert one.next(0) is None
    one.acknowledged(1)

    assert one.next(0) == 2


def test_a_message_that_fails_delays_its_own_lane_only() -> None:
    one = hand("a", "a", "b")
    assert one.next(0) == 1
    assert one.came_out(1, DOWN, 0, START, 0) == "later"

    assert one.next(0.5) == 3
    assert one.next(0.5) is None
    assert one.wakes() == 1.0
    assert one.next(1.0) == 1


def test_no_more_than_so_many_are_on_their_way() -> None:
    one = hand(*(f"case {number}" for number in range(AT_ONCE + 3)))

    assert [one.next(0) for _ in range(AT_ONCE + 1)][AT_ONCE] is None


def test_what_is_refused_often_enough_is_given_up() -> None:
    one, now, verdicts = hand("a"), 0.0, []
    for _ in range(REFUSED_TRIES):
        now += 400
        assert one.next(now) == 1
        verdicts.append(one.came_out(1, Refused("422"), now, START, 0))

    assert verdicts == ["later"] * (REFUSED_TRIES - 1) + ["given_up"]


DAY = GIVE_UP_AFTER.total_seconds()


def test_what_has_failed_for_a_day_is_given_up() -> None:
    one = hand("a")
    verdicts = []
    for hours in (0, 23, 24):
        assert one.next(hours * 3600.0) == 1
        verdicts.append(one.came_out(1, DOWN, hours * 3600.0, START + timedelta(hours=hours), 0))

    assert verdicts == ["later", "later", "given_up"]


def test_an_old_message_that_fails_for_the_first_time_is_kept() -> None:
    one = hand("a")
    one.next(0)

    assert one.came_out(1, DOWN, 0, START + 30 * GIVE_UP_AFTER, 0) == "later"


def test_a_young_message_is_kept_however_long_the_receiver_has_been_away() -> None:
    one = hand("a")
    one.circuit.failed(1, Unwell("429", wait=60.0), 0)

    assert one.outdated(9 * DAY, START + GIVE_UP_AFTER - timedelta(seconds=1)) == []


def test_a_backlog_survives_the_first_hiccup_of_a_receiver_that_is_new() -> None:
    """Whose webhook was just given, or switched on again, has 30 days of messages waiting."""
    one, later = hand("a", "b", "b"), START + 30 * GIVE_UP_AFTER
    assert one.next(0) == 1
    assert one.came_out(1, Unwell("503", wait=1.0), 0, later, 0) == "later"

    assert one.outdated(1.0, later) == []
    assert one.next(1.0) == 2


def test_while_the_circuit_is_open_for_a_day_what_is_as_old_does_not_wait_for_a_try() -> None:
    one = hand("a", "b", "b")
    late = START + 2 * GIVE_UP_AFTER
    assert one.outdated(2 * DAY, late) == []
    one.circuit.failed(1, Unwell("429", wait=60.0), 7.0)

    assert one.outdated(6.0 + DAY, late) == []
    assert one.outdated(7.0 + DAY, late) == [1, 2]
    assert one.outdated(7.0 + DAY, late) == []


def test_another_receiver_has_a_day_of_its_own() -> None:
    one, late = hand("a", "b"), START + 30 * GIVE_UP_AFTER
    assert one.next(0) == 1
    one.came_out(1, Unwell("503", wait=1.0), 0, START, 0)
    one.begin_anew(DAY)

    assert one.outdated(DAY, late) == []
    assert [one.next(DAY), one.next(DAY)] == [2, 1]
    assert one.came_out(1, DOWN, DAY, late, 0) == "later"
    assert one.came_out(2, DOWN, DAY, late, 0) == "later"


def failed_by_a_receiver_that_is_away(times: int) -> tuple[Hand, float]:
    """A hand with one message, and the time."""
    one, now = hand("a"), 0.0
    for _ in range(times):
        now = one.wakes() or now
        assert one.next(now) == 1
        one.came_out(1, DOWN, now, START, 0)
    return one, now


def waits(one: Hand, now: float, outcome: Outcome, times: int) -> list[float]:
    """How long it waits after each of so many tries that end so."""
    found = []
    for _ in range(times):
        assert one.next(now) == 1
        assert one.came_out(1, outcome, now, START, 0) == "later"
        due = one.wakes()
        assert due is not None
        found.append(due - now)
        now = due
    return found


@pytest.mark.parametrize("outcome", [Refused("400"), DOWN])
def test_another_receiver_is_asked_again_as_soon_as_any_however_long_the_one_before_was_away(
    outcome: Outcome,
) -> None:
    one, now = failed_by_a_receiver_that_is_away(times=8)
    one.begin_anew(now)

    assert waits(one, now, outcome, 4) == pytest.approx([1, 2, 4, 8])


def test_what_is_refused_waits_by_its_refusals_and_not_by_how_often_the_receiver_was_away() -> None:
    one, now = failed_by_a_receiver_that_is_away(times=4)

    assert waits(one, one.wakes() or now, Refused("400"), 4) == pytest.approx([1, 2, 4, 8])


def test_a_hand_that_takes_over_counts_anew_whatever_its_circuit_remembers() -> None:
    circuit = Circuit()
    circuit.failed(1, Unwell("429", wait=60.0), 0)
    one = Hand(circuit, began=DAY)
    one.take(1, 1, "a", START)
    one.outstanding(1, one.stand())

    assert one.outdated(2 * DAY - 1, START + 9 * GIVE_UP_AFTER) == []
    assert one.outdated(2 * DAY, START + 9 * GIVE_UP_AFTER) == [1]


def test_when_the_receiver_is_back_nobody_waits_for_delays_of_the_outage() -> None:
    one, now = hand("a", "b"), 0.0
    while one.circuit.opened is None or now < 60:
        now = max(now, one.wakes() or now)
        while (sequence := one.next(now)) is not None:
            one.came_out(sequence, DOWN, now, START, 0)
        now += 0.1

    probe = one.wakes()
    assert probe is not None
    assert probe - now < 12
    first = one.next(probe)
    assert first is not None
    one.came_out(first, Delivered(), probe, START, 0)

    assert one.next(probe) == 3 - first


def test_with_an_open_circuit_it_is_anothers_turn_each_time() -> None:
    one, turns = hand("a", "b", "c"), []
    one.circuit.failed(1, Unwell("429", wait=5.0), 0)
    now = 0.0
    for _ in range(6):
        now = one.circuit.probe_at or now
        sequence = one.next(now)
        assert sequence is not None
        turns.append(sequence)
        one.came_out(sequence, DOWN, now, START, 0)

    assert sorted(turns[:3]) == sorted(turns[3:]) == [1, 2, 3]
