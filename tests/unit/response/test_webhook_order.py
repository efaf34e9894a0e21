"""Webhooks: whatever fails and whoever takes over, each case's messages come in order, and everything comes or is
listed.

The machine plays the server, the copies of the service and the receiver, one step at a time in any order. Its controls
are hands that leave one rule out: with each of them it must find an order that is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.hand import Hand, Stand
from services.response.webhooks.domain.outcome import Delivered, Outcome, Refused, Unwell
from services.response.webhooks.domain.terms import AT_ONCE

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
