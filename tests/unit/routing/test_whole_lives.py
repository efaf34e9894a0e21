"""Whole lives of a case, its assignments, its task force's plan and its consultation: whatever is said, in any order,
late or twice, and however seldom a sweep runs, one agency leads, nothing is both closed and open, nobody waits for
nobody, and no deadline passes without a word."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.response.domain.assignment import ANSWERS, Live
from services.routing.domain.case import Closed, Deferred, Dispatched, OnDesk
from services.routing.domain.plan import Open, Running, WithLeader
from shared.contracts import agency as said
from shared.contracts import intake, response, revisit, routing, routing_orders
from shared.contracts import routing_consultations as talks
from shared.contracts import routing_plans as plans
from shared.contracts.base import Event
from shared.contracts.routing_plans import CasePlanProgressed
from tests.support.cases import appeal, category, jurisdiction, leak, left_to_the_centre, merged
from tests.support.town import CASE, Town

OPENINGS = (leak(), leak(confidence=0.1), appeal(), appeal(category=category("gas.leak"), text="一股煤气味"))
AGENCIES = ("housing-zy", "property-anju", "heating-zy")
BY = {"reason": "经核实", "by": "值班长"}
ABOUT = {"appeal_id": "a1", "channel": "c", "case_id": CASE}
STEPS = ("accepted", "contacted", "arrived", "resolved", "returned", "more_time", "not_now")
ORDERS = ("supervise", "redispatch", "escalate", "defer", "clear", "grant", "refuse", "desk")
PLAN_ORDERS = ("redate", "reassign", "give_up")
MODES = ("plan", "plan", "reassign", *PLAN_ORDERS, "consult", "meet", "vote", "conclude")
RESIDENTS = ("held", "failed", "unverified", "merge", "danger", "withdraw", "contest", "urge")
MOVES = st.one_of(
    st.tuples(st.just("deliver"), st.integers(0, 9)),
    st.tuples(st.just("deliver"), st.integers(0, 9)),
    st.tuples(st.just("again"), st.integers(0, 9)),
    st.tuples(st.sampled_from(STEPS), st.integers(0, 5)),
    st.tuples(st.sampled_from(("more_time", "more_time", "not_now", "returned")), st.integers(0, 1)),
    st.tuples(st.sampled_from(ORDERS), st.integers(0, 5)),
    st.tuples(st.sampled_from(RESIDENTS), st.integers(0, 5)),
    st.tuples(st.sampled_from(MODES), st.integers(0, 5)),
    st.tuples(st.sampled_from(("tick", "settle")), st.just(0)),
    st.tuples(st.just("settle"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("finish"), st.integers(0, 3)),
    st.tuples(st.just("sweep"), st.integers(0, 90)),
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(OPENINGS),
    st.booleans(),
    st.booleans(),
    st.lists(MOVES, min_size=12, max_size=60),
    st.sampled_from((-3, 1, 5, 30, 300)),
)
def test_one_lead_never_closed_and_open_and_no_deadline_in_silence(
    opening: intake.AppealRegistered,
    by_centre: bool,
    task_force: bool,
    moves: list[tuple[str, int]],
    later: int,
) -> None:
    town = Town(left_to_the_centre() if by_centre else jurisdiction())
    town.post(opening)
    town.deliver()
    if task_force:
        _make(town, "plan", 2)
    for move, number in moves:
        _make(town, move, number)
        _whole(town)

    town.settle()
    _agree(town)
    for late_by in (-3, later):  # when a sweep comes by shortly before the soonest deadline, and then late
        if town.case.live:
            due = min(mine.resolve_by for mine in town.case.live) + timedelta(hours=late_by)
            town.wait(max(timedelta(), due - town.at))
        _swept(town)
        _whole(town)


def _swept(town: Town) -> None:
    """A sweep comes by: nothing that is late is left unsaid."""
    town.settle()
    town.tick()
    town.settle()
    _agree(town)
    _nothing_in_silence(town)


def _whole(town: Town) -> None:
    case = town.case
    assert sum(a.role == "lead" for a in case.live) <= 1
    if isinstance(case, Dispatched | Deferred):
        assert any(a.role == "lead" and a.standing in ("live", "resolved") for a in case.assignments)
    closings = Counter(type(event) for event in town.said)
    assert closings[routing.CaseClosed] - closings[routing.CaseReopened] == isinstance(case, Closed)
    if isinstance(case, Closed):
        assert not case.live


def _agree(town: Town) -> None:
    """With nothing on its way, both services say the same of who is at work and whose clock stands still."""
    case, known = town.case, town.assignments
    at_work = {id for id, one in known.items() if isinstance(one, Live) or one.state == "deferred"}
    assert at_work == {a.assignment_id for a in case.live}
    still = {id for id in at_work if known[id].state == "deferred"}
    assert still == (set(case.stopped) & at_work if isinstance(case, Deferred) else set())
    for mine in case.live:
        assert known[mine.assignment_id].clocks["resolve"].due == mine.resolve_by
    plan, steps = town.plan, [(a.step.plan, a.step.step.number, a.step.attempt) for a in case.live if a.step]
    opened = plan.current if isinstance(plan, Running) and isinstance(plan.current, Open) else None
    assert steps == ([(plan.number, opened.number, opened.attempt)] if opened else [])
    assert isinstance(plan, Running) or not case.planned
    if isinstance(case, Dispatched | Deferred):  # somebody is at it, or the leader has a step to give out
        assert case.live or (case.planned and isinstance(plan.current, WithLeader))
    ladder = jurisdiction().policy.rungs("resolve")
    for mine in case.beside:
        assert mine.watch_at is not None or mine.rungs == len(ladder), "nobody would look when it is late"


def _nothing_in_silence(town: Town) -> None:
    overdue = Counter(
        (event.assignment_id, event.deadline, event.due)
        for event in town.said
        if isinstance(event, response.DispatchReminded) and event.overdue
    )
    assert set(overdue.values()) <= {1}, "told twice"
    for id, assignment in town.assignments.items():
        for step, clock in assignment.clocks.items() if isinstance(assignment, Live) else ():
            if clock.due < town.at and step not in assignment.taken:
                assert overdue[id, step, clock.due] == 1
    _silence_is_told(town)
    _what_routing_waits_for_is_told(town)
    watched = Counter(e.assignment_id for e in town.said if isinstance(e, routing.CaseSupervised))
    rungs = jurisdiction().policy.rungs("resolve")
    for mine in town.case.beside if isinstance(town.case, OnDesk | Dispatched) else ():
        if mine.resolve_by + rungs[0].overdue_by < town.at:
            assert watched[mine.assignment_id]
            assert mine.rungs == sum(mine.resolve_by + one.overdue_by < town.at for one in rungs)


def _silence_is_told(town: Town) -> None:
    """Who does not report in, accept, contact or arrive is watched by now, as high as the policy says."""
    missed = Counter(e.assignment_id for e in town.said if isinstance(e, response.AssignmentReportInMissed))
    assert set(missed.values()) <= {1}, "told twice"
    late = Counter(
        (e.assignment_id, e.deadline, e.due, e.level)
        for e in town.said
        if isinstance(e, response.AssignmentLate)
    )
    assert set(late.values()) <= {1}, "told twice"
    watched = {(e.assignment_id, e.level) for e in town.said if isinstance(e, routing.CaseSupervised)}
    policy = jurisdiction().policy
    for id, mine in town.assignments.items():
        if not isinstance(mine, Live):
            continue
        if mine.report_in_by is not None and mine.report_in_by < town.at and "accept" not in mine.taken:
            assert missed[id] == 1
        owed = [
            rung.level
            for step in ANSWERS
            if step in mine.clocks and step not in mine.taken
            for rung in policy.rungs(step)
            if mine.clocks[step].due + rung.overdue_by < town.at
        ]
        if owed:
            assert mine.silence >= max(owed)
            assert (id, mine.silence) in watched


def _what_routing_waits_for_is_told(town: Town) -> None:
    """The step that is open, the desk's question, the review of a deferral, the sum of a burst."""
    case, plan = town.case, town.plan
    if isinstance(plan, Running) and isinstance(plan.current, Open) and plan.current.due < town.at:
        assert plan.current.overdue
        assert [
            e
            for e in town.said
            if isinstance(e, CasePlanProgressed)
            and (e.stage, e.plan, e.step, e.due)
            == ("overdue", plan.number, plan.current.number, plan.current.due)
        ]
    asked = Counter(e.due for e in town.said if isinstance(e, routing.CaseDeskOverdue))
    if case.question is not None and case.question.due < town.at:
        assert asked[case.question.due]
    assert not (isinstance(case, Deferred) and case.review_at <= town.at)
    assert case.unsaid is None or case.unsaid.due > town.at


def _make(town: Town, move: str, number: int) -> None:
    if move in ("deliver", "again"):
        town.deliver(number, keep=move == "again")
    elif move == "settle":
        town.settle()
        _agree(town)
    elif move == "tick":
        town.tick()
    elif move == "wait":
        town.wait(timedelta(hours=number))
    elif move == "sweep":
        town.wait(timedelta(hours=number))
        _swept(town)
    elif move == "finish":
        _finish(town, number)
    elif move in STEPS:
        known = list(town.assignments.values())
        if known:
            mine = known[number % len(known)]
            town.post(_word(town, move, mine), tenant=mine.agency)
    else:
        at_work = isinstance(town.case, OnDesk | Dispatched | Deferred) and town.case.lead_agency
        about = {"plan": at_work, "consult": True} | dict.fromkeys(PLAN_ORDERS, town.plan)
        if move not in MODES or about.get(move, town.consultation):  # HTTP has refused it otherwise
            town.post(_mode(town, move, number) if move in MODES else _order(town, move, number))


def _finish(town: Town, number: int) -> None:
    """All that is at work is done, step after step; somebody goes back; or the residents have enough of it."""
    for _ in range(4):
        for mine in town.assignments.values():
            town.post(_word(town, "resolved", mine), tenant=mine.agency)
        town.settle()
    verdict = ("held", "held", "unverified", "failed")[number]
    town.post(_order(town, verdict, number))


def _word(town: Town, verb: str, mine: Any) -> Event:
    about = {"assignment_id": mine.assignment_id, "at": town.at}
    match verb:
        case "accepted":
            return said.Accepted(**about)
        case "contacted":
            return said.Contacted(**about)
        case "arrived":
            return said.Arrived(**about)
        case "resolved":
            return said.Resolved(**about, outcome="explained", measures="说明", reply="已说明")
        case "returned":
            return said.Returned(**about, reason_code="not_ours", reason="不属于我单位")
        case "more_time":
            until = mine.clocks["resolve"].due + timedelta(hours=5)
            return said.ExtensionRequested(**about, until=until, reason="等备件")
        case _:
            review = town.at + timedelta(days=20)
            return said.DeferralRequested(
                **about, kind="season", reason="不能施工", plan="停暖后", review_at=review
            )


def _mode(town: Town, move: str, number: int) -> Event:
    """A task force, a consultation; sensible or not."""
    due = town.at + timedelta(hours=30)
    current = town.plan.current if isinstance(town.plan, Running) else None
    match move:
        case "plan":
            steps = [
                plans.StepAsked(agency=AGENCIES[(number + n) % 3], task="验收", due=due + timedelta(hours=n))
                for n in range(1 + number % 3)
            ]
            lead = town.case.lead_agency if town.case is not None else ""
            return plans.MakePlan(case_id=CASE, leader="主任", lead_agency=lead, steps=steps, **BY)
        case "redate":
            step = current.number if current else 1
            return plans.RedateStep(case_id=CASE, step=step, due=due, approver="区专班", **BY)
        case "reassign":
            step = current.number if current else 1
            agency = AGENCIES[number % 3]
            return plans.ReassignStep(
                case_id=CASE, step=step, agency=agency, due=due, approver="区专班", **BY
            )
        case "give_up":
            return plans.GiveUpPlan(case_id=CASE, **BY)
        case "consult":
            half = talks.Ratio(numerator=1, denominator=2)
            ballot = talks.Ballot(households=9, quorum=half, threshold=half, of="cast")
            party = talks.Party(role="committee", name="居委会")
            return talks.OpenConsultation(
                case_id=CASE, question="改造方案", parties=[party], ballot=ballot, **BY
            )
        case "meet":
            return talks.CallMeeting(
                case_id=CASE,
                when=due,
                where="换热站",
                agenda="看现场",
                agencies=[AGENCIES[number % 3]],
                by="c",
            )
        case "vote":
            return talks.CastVote(
                case_id=CASE, vote_id=f"v{number}", household=f"h{number}", choice="yes", how="phone", by="c"
            )
        case _:
            return talks.CloseConsultation(case_id=CASE, **BY)


def _order(town: Town, move: str, number: int) -> Event:
    case = town.case
    verdict = {"case_id": CASE, "task_id": "t", "round": case.round, "at": town.at, "due_by": town.at}
    match move:
        case "supervise":
            return routing_orders.Supervise(case_id=CASE, **BY)
        case "redispatch":
            return routing_orders.Redispatch(case_id=CASE, agency=AGENCIES[number % 3], **BY)
        case "escalate":
            return routing_orders.Escalate(case_id=CASE, **BY)
        case "defer":
            review = town.at + timedelta(days=10)
            return routing_orders.Defer(case_id=CASE, kind="funding", plan="到位后", review_at=review, **BY)
        case "clear":
            return routing_orders.Clear(case_id=CASE, **BY)
        case "grant" | "refuse":
            asked = case.asked
            return routing_orders.DecideRequest(
                case_id=CASE,
                assignment_id=asked[0].assignment_id if asked else "none",
                about=asked[0].about if asked else "extension",
                granted=move == "grant",
                **BY,
            )
        case "desk":
            return routing_orders.Dispatch(case_id=CASE, lead=AGENCIES[number % 3], **BY)
        case "held":
            return revisit.VerificationHeld(**verdict, asked=1, solved=1, satisfied=1)
        case "failed":
            return revisit.VerificationFailed(**verdict, asked=1, reason="仍未解决", cold=bool(number % 2))
        case "unverified":
            return revisit.VerificationUnverified(**verdict, asked=0, reason="declined")
        case "merge":
            return merged(len(town.said) + len(town.waiting) + 2)
        case "danger":
            return merged(len(town.said) + len(town.waiting) + 2, text="老人冻得昏迷了")
        case "withdraw" if town.behind:
            who = town.behind.pop(number % len(town.behind))
            return intake.AppealWithdrawn(**ABOUT | {"appeal_id": who}, households=1, reason="好了")
        case "contest":
            return intake.AppealContested(**ABOUT, reason="没好")
        case _:
            return intake.AppealUrged(**ABOUT)
