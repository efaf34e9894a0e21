"""However joins, splits, withdrawals, closings and reopenings meet, and whatever comes twice: each appeal is in one
case, and every count is what is there to be counted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.appeal import Closed as ClosedAppeal
from services.intake.domain.appeal import Merged, OnCase, Registered
from services.intake.domain.appeal import Withdrawn as WithdrawnAppeal
from services.intake.domain.receive import appeal_id
from services.intake.store import APPEALS, MATTERS
from services.metrics.domain.counting import entries
from services.metrics.store import CASE_FACTS
from services.routing.domain.case import Closed
from services.routing.store import CASES
from shared.contracts import channel, response, revisit, routing_orders
from shared.contracts.intake import NoticeMerged, NoticeRegistered
from shared.contracts.routing_splits import Split
from shared.contracts.values import Reporter
from tests.support.appeals import CHANNEL, T0, cold_flat, sample
from tests.support.together import Together

LOOP = tuple(
    number
    for number, compound in enumerate(sample().places.compounds)
    if compound.name in ("双槐树小区", "铁路家属院")
)
"""Two compounds that one loop of the sample district heats."""

NUMBERS = st.integers(0, 30)
SPLITS = ("split compound", "split appeals")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [*["join"] * 3, *["read"] * 4, *["close"] * 2, "contest", "withdraw", "tick", "again", *SPLITS]
        ),
        NUMBERS,
        NUMBERS,
    ),
    min_size=20,
    max_size=60,
)


class District:
    """Acts of residents, of the desk and of agencies, on what is there at that moment."""

    def __init__(self) -> None:
        self.all = Together(sample(), T0)
        self.households: dict[str, int] = {}

    def act(self, what: str, one: int, other: int) -> None:
        self.all.at += timedelta(seconds=20)
        match what:
            case "join":
                self._join(one, other)
            case "split compound":
                if (case := self._case(one)) is not None:
                    self._split(case, compounds=[sample().places.compounds[LOOP[other % 2]].code])
            case "split appeals":
                if (case := self._case(one)) is not None:
                    named = [appeal_id(CHANNEL, f"e{number}") for number in range(other % 7, other % 7 + 3)]
                    self._split(case, appeal_ids=named)
            case "withdraw":
                if self.households:
                    id = list(self.households)[one % len(self.households)]
                    said = channel.Withdrawn(appeal_id=id, reason="好了")
                    if isinstance(self._appeals().get(id), Registered | Merged):
                        self.all.say(said, CHANNEL)
            case "contest":
                found = [one for one in self._appeals().values() if isinstance(one, ClosedAppeal)]
                if found:
                    said = channel.Contested(appeal_id=found[one % len(found)].appeal_id, reason="又冷了")
                    self.all.say(said, CHANNEL)
            case "close":
                if (case := self._case(one)) is not None:
                    self._close(case)
            case "tick":
                for case in self.all.states("routing", CASES):
                    if case.unsaid is not None:
                        self.all.say(routing_orders.CaseSumDue(case_id=case.case_id, due=case.unsaid.due))
            case "read" | "again":
                for _ in range(1 + other % 4):
                    if what == "again":
                        self.all.read_again(one + other)
                    if self.all.under_way:
                        self.all.read_one(one * 7 + other)

    def _join(self, one: int, other: int) -> None:
        number = len(self.households)
        location = cold_flat(LOOP[one % 2]).location
        reporter = Reporter(represents_households=1 + other % 3)
        said = cold_flat(LOOP[one % 2], location=location, reporter=reporter)
        self.households[appeal_id(CHANNEL, f"e{number}")] = 1 + other % 3
        self.all.say(said, CHANNEL, f"e{number}")

    def _split(self, case: Any, **named: Any) -> None:
        self.all.say(Split(case_id=case.case_id, reason="另一处", by="值班长", **named))

    def _close(self, case: Any) -> None:
        """Agencies say they are done, and somebody went back; what of it comes too soon changes nothing."""
        for mine in case.live:
            self.all.say(
                response.AssignmentResolved(
                    assignment_id=mine.assignment_id,
                    case_id=case.case_id,
                    agency=mine.agency,
                    role=mine.role,
                    at=self.all.at,
                    outcome="solved",
                    measures="排气",
                    reply="已修好",
                    on_time=True,
                )
            )
        self.all.say(
            revisit.VerificationHeld(
                case_id=case.case_id,
                task_id=f"t-{case.case_id}",
                round=case.round,
                at=self.all.at,
                due_by=self.all.at,
                asked=1,
                solved=1,
                satisfied=1,
                satisfaction="satisfied",
            )
        )

    def _case(self, which: int) -> Any:
        cases = self.all.states("routing", CASES)
        return cases[which % len(cases)] if cases else None

    def _appeals(self) -> dict[str, Any]:
        return {appeal.appeal_id: appeal for appeal in self.all.states("intake", APPEALS)}


@settings(max_examples=200, deadline=None)
@given(ACTS)
def test_each_appeal_is_in_one_case_and_every_count_is_what_is_there(acts: list[Any]) -> None:
    district = District()
    for act in acts:
        district.act(*act)
    district.all.settle()

    appeals = {appeal.appeal_id: appeal for appeal in district.all.states("intake", APPEALS)}
    cases = {case.case_id: case for case in district.all.states("routing", CASES)}
    assert appeals.keys() == district.households.keys()
    assert all(isinstance(appeal, OnCase) and appeal.case_id in cases for appeal in appeals.values())
    _counts_of_cases(appeals, cases)
    _counts_of_metrics(district, appeals, cases)
    _what_channels_were_told(district, appeals)


def _counts_of_cases(appeals: dict[str, Any], cases: dict[str, Any]) -> None:
    standing = [appeal for appeal in appeals.values() if not isinstance(appeal, WithdrawnAppeal)]
    for case in cases.values():
        behind = [appeal for appeal in standing if appeal.case_id == case.case_id]
        assert case.appeals == len(behind)
        at_work = [appeal for appeal in behind if isinstance(appeal, Registered | Merged)]
        assert not at_work if isinstance(case, Closed) else behind
        assert case.households == sum(appeal.households for appeal in behind)
        assert case.compounds == len({case.place.code, *(appeal.place.code for appeal in behind)})
        assert {one.place: one.appeals for one in case.at_places} == Counter(
            appeal.place.code for appeal in behind
        )


def _counts_of_metrics(district: District, appeals: dict[str, Any], cases: dict[str, Any]) -> None:
    facts = district.all.states("metrics", CASE_FACTS)
    counted: Counter[str] = Counter()
    for fact in facts:
        here: Counter[str] = Counter()
        for entry in entries(fact, sample().policy.zone):
            here[entry.name] += entry.amount
        members = sum(appeal.case_id == fact.id for appeal in appeals.values())
        assert here["appeals_registered"] + here["appeals_merged"] == members
        counted += here
    assert counted["appeals_registered"] + counted["appeals_merged"] == len(appeals)
    assert {fact.id for fact in facts} == set(cases)


def _what_channels_were_told(district: District, appeals: dict[str, Any]) -> None:
    """The last word on where an appeal is, is where it is; of several, each names the one before it or a refusal."""
    heard: dict[str, set[str]] = {}
    for out in district.all.told.values():
        if isinstance(out.event, NoticeRegistered | NoticeMerged):
            heard.setdefault(str(out.event.appeal_id), set()).add(out.event.case_id)
    assert all(appeal.case_id in heard[id] for id, appeal in appeals.items())
    for matter in district.all.states("intake", MATTERS):
        assert matter.appeals == sum(appeal.case_id == matter.case_id for appeal in appeals.values())
