"""Webhooks: whatever fails and whoever takes over, each case's messages come in order, and everything comes or is
listed.

The machine plays the server, the copies of the service and the receiver, one step at a time in any order. Its controls
are hands that leave one rule out: with each of them it must find an order that is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.hand import Hand, Stand
from services.response.webhooks.domain.outcome import Delivered, Outcome, Refused, Unwell
from services.response.webhooks.domain.terms import AT_ONCE, GIVE_UP_AFTER, REFUSED_TRIES

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
CASES = ("c1", "c2", "c3")
DOWN = Unwell("503")
CAREFUL = settings(
    max_examples=100, stateful_step_count=70, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass
class Server:
    """The stream and its consumer. ``pending``: delivered and not acknowledged."""

    lanes: dict[int, str] = field(default_factory=dict)
    delivered: int = 0
    place: int = 0
    pending: set[int] = field(default_factory=set)


class Deliveries(RuleBasedStateMachine):
    """``ghosts``: requests of copies that are gone, which may still reach the receiver."""

    kind: type[Hand] = Hand

    @initialize()
    def begin(self) -> None:
        self.server = Server()
        self.circuit = Circuit()
        self.hand = self.kind(self.circuit)
        self.clock = 0.0
        self.sending: list[int] = []
        self.acking: list[int] = []
        self.asked: tuple[Stand | None, int] | None = None
        self.ghosts: list[int] = []
        self.reached: list[int] = []
        self.listed: list[int] = []
        self.poison: set[int] = set()

    @rule(case=st.sampled_from(CASES), poison=st.booleans())
    def response_says_something(self, case: str, poison: bool) -> None:
        sequence = len(self.server.lanes) + 1
        self.server.lanes[sequence] = case
        if poison and sequence % 5 == 0:
            self.poison.add(sequence)

    def deliver(self, sequence: int, *, lost: bool = False) -> None:
        self.server.place += 1
        self.server.pending.add(sequence)
        if not lost:
            self.hand.take(sequence, self.server.place, self.server.lanes[sequence], START)

    @rule(lost=st.sampled_from([False, False, False, True]))
    def the_server_delivers_the_next(self, lost: bool) -> None:
        if self.server.delivered < len(self.server.lanes):
            self.server.delivered += 1
            self.deliver(self.server.delivered, lost=lost)

    @precondition(lambda self: self.server.pending)
    @rule(data=st.data())
    def the_server_delivers_again(self, data: st.DataObject) -> None:
        self.deliver(data.draw(st.sampled_from(sorted(self.server.pending))))

    @rule()
    def the_copy_asks(self) -> None:
        stand = self.hand.stand()
        self.asked = (stand, len(self.server.pending))

    @precondition(lambda self: self.asked)
    @rule()
    def it_is_answered(self) -> None:
        assert self.asked is not None
        stand, number = self.asked
        self.hand.outstanding(number, stand)
        self.asked = None

    @rule(seconds=st.sampled_from([0.0, 1.0, 20.0, 400.0]))
    def the_copy_sends(self, seconds: float) -> None:
        self.clock += seconds
        if (sequence := self.hand.next(self.clock)) is not None:
            self.sending.append(sequence)

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), reached=st.booleans(), answered=st.booleans())
    def a_try_comes_out(self, data: st.DataObject, reached: bool, answered: bool) -> None:
        sequence = data.draw(st.sampled_from(self.sending))
        outcome: Outcome = DOWN
        if reached and sequence in self.poison:
            outcome = Refused("422")
        elif reached:
            self.reached.append(sequence)
            outcome = Delivered() if answered else DOWN
        self.come_out(sequence, outcome)

    def come_out(self, sequence: int, outcome: Outcome) -> None:
        self.sending.remove(sequence)
        verdict = self.hand.came_out(sequence, outcome, self.clock, START, 0.5)
        if verdict == "given_up":
            self.listed.append(sequence)
        if verdict != "later":
            self.acking.append(sequence)

    @precondition(lambda self: self.acking)
    @rule()
    def an_acknowledgement_is_stored(self) -> None:
        self.server.pending.discard(self.acking[0])

    @precondition(lambda self: self.acking)
    @rule()
    def an_acknowledgement_is_confirmed(self) -> None:
        sequence = self.acking.pop(0)
        self.server.pending.discard(sequence)
        self.hand.acknowledged(sequence)

    @rule()
    def another_copy_takes_over(self) -> None:
        """Killed, or too slow: what it has on its way may yet arrive, its acknowledgements have or never do."""
        self.ghosts += self.sending
        self.sending, self.acking, self.asked = [], [], None
        self.circuit = Circuit()
        self.hand = self.kind(self.circuit)

    @rule()
    def the_address_becomes_another_one(self) -> None:
        self.hand.begin_anew(self.clock)

    @precondition(lambda self: self.ghosts)
    @rule()
    def a_request_of_a_dead_copy_arrives(self) -> None:
        sequence = self.ghosts.pop(0)
        if sequence not in self.poison:
            self.reached.append(sequence)

    @invariant()
    def every_case_came_in_order(self) -> None:
        for case in CASES:
            firsts = [s for s in dict.fromkeys(self.reached) if self.server.lanes[s] == case]
            assert firsts == sorted(firsts)
            for last in firsts[-1:]:
                before = {s for s, lane in self.server.lanes.items() if lane == case and s < last}
                assert before <= set(self.reached) | set(self.listed)

    @invariant()
    def no_case_is_sent_twice_at_a_time(self) -> None:
        lanes = [self.server.lanes[sequence] for sequence in self.sending]
        assert len(lanes) == len(set(lanes)) <= AT_ONCE

    def teardown(self) -> None:
        """In the end all is well: everything comes, or is listed."""
        for _ in range(40 * (len(self.server.lanes) + 5)):
            if self.server.delivered == len(self.server.lanes) and not self.server.pending:
                break
            for sequence in sorted(self.server.pending - set(self.hand.sequences())):
                self.deliver(sequence)
            if self.server.delivered < len(self.server.lanes):
                self.the_server_delivers_the_next(lost=False)
            while self.acking:
                self.an_acknowledgement_is_confirmed()
            self.the_copy_asks()
            self.it_is_answered()
            self.the_copy_sends(400.0)
            while self.sending:
                sequence = self.sending[0]
                poisoned = sequence in self.poison
                if not poisoned:
                    self.reached.append(sequence)
                self.come_out(sequence, Refused("422") if poisoned else Delivered())
            self.every_case_came_in_order()
        assert set(self.reached) | set(self.listed) == set(self.server.lanes)
        assert set(self.listed) <= self.poison


def test_whatever_happens_the_order_is_kept_and_nothing_is_lost() -> None:
    run(Deliveries, settings=CAREFUL)


class TooSure(Hand):
    """Sends what it has, whoever may have what came before."""

    def take(self, sequence: int, place: int, lane: str, stored: datetime) -> bool:
        new = super().take(sequence, place, lane, stored)
        self.sure = True
        return new


class AsItCame(Hand):
    """Does not sort what comes again."""

    def take(self, sequence: int, place: int, lane: str, stored: datetime) -> bool:
        new = super().take(sequence, place, lane, stored)
        if new:
            queue = self._lanes[lane]
            queue.remove(sequence)
            queue.append(sequence)
        return new


@pytest.mark.parametrize("kind", [TooSure, AsItCame])
def test_a_hand_that_leaves_a_rule_out_is_found_out(kind: type[Hand]) -> None:
    machine = type("Broken", (Deliveries,), {"kind": kind})

    with pytest.raises(AssertionError):
        run(
            machine,
            settings=settings(
                CAREFUL,
                max_examples=2000,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                database=None,
            ),
        )


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
