"""A consultation: one vote per household, quorum and threshold in whole numbers, the same result in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.domain import consultation, vote
from services.routing.domain.consultation import Closed, Counts, Open, result
from services.routing.domain.vote import Vote, vote_id
from shared.contracts import routing
from shared.contracts import routing_consultations as events
from shared.contracts.routing_consultations import Ballot, Choice, Ratio
from shared.loop.decision import Decision, Input, NotYet
from tests.support.cases import START, Life, appeal, jurisdiction

TWO_THIRDS = Ratio(numerator=2, denominator=3)
CHOICES: tuple[Choice, ...] = ("yes", "no", "abstain")


def ballot(**changes: Any) -> Ballot:
    values = {"households": 240, "quorum": TWO_THIRDS, "threshold": TWO_THIRDS, "of": "households"}
    return Ballot(**values | changes)


class Table:
    """A consultation under test, with its households' votes; ``on_the_way`` are words not counted yet."""

    def __init__(self, **changes: Any) -> None:
        self.state: Any = None
        self.votes: dict[str, Vote] = {}
        self.on_the_way: list[tuple[events.VoteCounted, Input]] = []
        self.said: list[Any] = []
        self._count = 0
        opened: dict[str, Any] = {
            "case_id": "case-1",
            "question": "是否按户改造",
            "parties": [events.Party(role="committee", name="社区居委会")],
            "ballot": ballot(),
            "reason": "意见不一",
            "by": "centre",
        }
        self.tell(consultation.open_, events.OpenConsultation(**opened | changes))

    def tell(self, decide: Any, event: Any, minutes: int = 0) -> None:
        self._count += 1
        input = Input(f"input-{self._count}", START + timedelta(minutes=minutes))
        decision: Decision = decide(self.state, event, input, jurisdiction())
        self.state = decision.state
        self.said += [out.event for out in decision.out]

    def vote(self, household: str, choice: Choice, minutes: int = 1) -> None:
        word = events.CastVote(
            case_id="case-1",
            vote_id=vote_id("case-1", household),
            household=household,
            choice=choice,
            how="door_to_door",
            by="网格员",
        )
        self._count += 1
        input = Input(f"input-{self._count}", START + timedelta(minutes=minutes))
        decision = vote.cast(self.votes.get(word.vote_id), word, input, jurisdiction())
        self.votes[word.vote_id] = decision.state
        self.on_the_way += [(out.event, input) for out in decision.out]  # type: ignore[misc]

    def count(self, number: int = 0) -> None:
        word, input = self.on_the_way.pop(number)
        self.tell(consultation.count, word, int((input.at - START).total_seconds() // 60))

    def count_all(self) -> None:
        while self.on_the_way:
            self.count()

    def close(self, minutes: int = 100) -> None:
        order = events.CloseConsultation(case_id="case-1", reason="表决期满", by="centre")
        self.tell(consultation.close, order, minutes)


def test_205_of_240_households_are_85_point_4_percent() -> None:
    table = Table()
    for number in range(240):
        table.vote(f"{number}", "yes" if number < 205 else "no")
    table.count_all()

    table.close()

    found = table.state.result
    assert (found.outcome, found.consent, found.of_all, found.percent) == ("adopted", 205, 240, "85.4")


def test_a_later_word_of_a_household_takes_the_place_of_the_earlier() -> None:
    table = Table()

    table.vote("3-2-401", "no", minutes=1)
    table.vote("３-2-401 ", "yes", minutes=2)
    table.count_all()

    assert table.state.counts == Counts(yes=1)


def test_the_same_words_in_another_order_count_the_same() -> None:
    table = Table()
    table.vote("1", "no", minutes=1)
    table.vote("1", "yes", minutes=2)

    table.count(1)
    table.count(0)

    assert table.state.counts == Counts(yes=1)


def test_a_vote_cast_before_the_closing_counts_though_it_is_heard_of_after_it() -> None:
    table = Table(ballot=ballot(households=3))
    table.vote("1", "yes", minutes=1)
    table.vote("2", "yes", minutes=2)
    table.count()
    table.close(minutes=10)
    assert table.state.result.outcome == "no_quorum"

    table.count()

    assert table.state.result.outcome == "adopted"
    assert table.said[-2].result == table.state.result


def test_a_closing_that_a_later_vote_overtook_closes_at_that_vote() -> None:
    table = Table(ballot=ballot(households=2))
    table.vote("1", "yes", minutes=20)
    table.count_all()

    table.close(minutes=10)
    table.vote("2", "yes", minutes=15)
    table.count_all()

    assert table.state.closed_at == START + timedelta(minutes=20)
    assert table.state.counts == Counts(yes=2)


def test_a_vote_after_the_closing_counts_no_more() -> None:
    table = Table(ballot=ballot(households=1))
    table.vote("1", "yes", minutes=1)
    table.count_all()
    table.close(minutes=10)

    table.vote("1", "no", minutes=11)
    table.count_all()

    assert table.state.counts == Counts(yes=1)


@pytest.mark.parametrize(
    ("rule", "counts", "outcome"),
    [
        ({"households": 3}, Counts(yes=2), "adopted"),
        ({"households": 3, "more_than": True}, Counts(yes=2), "rejected"),
        ({"households": 3}, Counts(yes=1), "no_quorum"),
        ({"households": 3, "of": "cast"}, Counts(yes=1, no=1), "rejected"),
        ({"households": 4, "of": "cast"}, Counts(yes=2, no=1), "adopted"),
        ({"households": 2}, Counts(yes=3), "void"),
        ({"households": 3, "quorum": Ratio(numerator=0, denominator=1), "of": "cast"}, Counts(), "rejected"),
    ],
)
def test_quorum_and_threshold_are_compared_in_whole_numbers(
    rule: dict[str, Any], counts: Counts, outcome: str
) -> None:
    assert result(ballot(**rule), counts).outcome == outcome


def test_nothing_of_nothing_is_no_percentage() -> None:
    assert result(ballot(of="cast"), Counts()).percent is None


def test_what_was_tried_before_and_the_result_are_the_cases_to_know() -> None:
    life = Life()
    life.tell(appeal())
    lawsuit = events.Proceeding(kind="lawsuit", outcome="撤诉")
    opened = events.Consulted(case_id="case-1", question="是否改造", prior=[lawsuit])

    for _ in range(2):
        decision = consultation.consulted(life.case, opened, Input("x", START), jurisdiction())
        life.case = decision.state

    assert life.case.prior == [lawsuit]
    assert life.case.history[-1].what == "consultation opened"


def test_the_agencies_called_to_a_meeting_hear_when_and_where() -> None:
    life = Life()
    life.tell(appeal())
    table = Table()
    call = events.CallMeeting(
        case_id="case-1",
        when=START + timedelta(hours=3),
        where="换热站",
        agenda="商定停水时段",
        agencies=[life.case.lead_agency],
        by="centre",
    )
    table.tell(consultation.call, call)

    decision = consultation.meeting_called(life.case, table.said[-1], Input("x", START), jurisdiction())

    (told,) = [out.event for out in decision.out]
    assert isinstance(told, routing.CaseUpdated)
    assert told.assignment_id == life.assignment().assignment_id
    assert told.meeting is not None
    assert (told.meeting.where, told.meeting.when) == ("换热站", START + timedelta(hours=3))


def test_minutes_say_who_was_there_and_what_was_agreed() -> None:
    table = Table()
    where = {"when": START, "where": "议事室", "agenda": "方案"}
    table.tell(consultation.call, events.CallMeeting(case_id="case-1", agencies=[], by="centre", **where))
    minutes = events.RecordMeeting(
        case_id="case-1",
        meeting=1,
        present=[events.Party(role="lawyer", name="社区法律顾问")],
        agreed="逐单元施工",
        by="centre",
    )

    table.tell(consultation.record, minutes)

    (held,) = table.state.meetings
    assert (held.agreed, held.present[0].role) == ("逐单元施工", "lawyer")
    with pytest.raises(NotYet):
        table.tell(consultation.record, minutes.model_copy(update={"meeting": 2}))


def test_without_a_ballot_there_is_no_result() -> None:
    table = Table(ballot=None)

    table.close()

    assert isinstance(table.state, Closed)
    assert table.state.result is None


WORDS = st.tuples(st.integers(0, 5), st.sampled_from(CHOICES), st.integers(1, 20))


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=25), st.integers(1, 20), st.data())
def test_in_whatever_order_words_arrive_the_result_is_that_of_each_households_last_before_the_closing(
    words: list[tuple[int, Choice, int]], closing: int, data: st.DataObject
) -> None:
    table = Table(ballot=ballot(households=6))
    for household, choice, minutes in sorted(words, key=lambda word: word[2]):
        table.vote(f"{household}", choice, minutes)
    before = [pair for pair in table.on_the_way if pair[0].at <= START + timedelta(minutes=closing)]
    counted_first = data.draw(st.integers(0, len(before)))
    after = [pair for pair in table.on_the_way if pair not in before]
    shuffled = data.draw(st.permutations(before))
    table.on_the_way = list(shuffled[:counted_first])
    table.count_all()
    table.close(minutes=closing)
    table.on_the_way = data.draw(st.permutations([*shuffled[counted_first:], *after]))
    table.count_all()

    last = {
        household: choice
        for household, choice, minutes in sorted(words, key=lambda word: word[2])
        if minutes <= closing
    }
    expected = Counts(**{choice: list(last.values()).count(choice) for choice in CHOICES})
    assert table.state.counts == expected
    assert table.state.result == result(ballot(households=6), expected)


def test_a_case_has_one_consultation() -> None:
    table = Table()
    table.vote("1", "yes")
    table.count_all()
    again = events.OpenConsultation(
        case_id="case-1", question="另一件事", parties=[], reason="又一次", by="centre"
    )

    table.tell(consultation.open_, again)

    assert isinstance(table.state, Open)
    assert (table.state.question, table.state.counts) == ("是否按户改造", Counts(yes=1))
