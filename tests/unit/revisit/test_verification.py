"""What a household said, and whether the work held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.revisit.domain.task import Due, Failed, Held, Unverified
from shared.contracts.revisit import VerificationFailed, VerificationHeld, VerificationUnverified
from shared.contracts.values import Reading
from shared.loop.decision import Refused
from tests.support.revisits import (
    DONE,
    HOUR,
    SAMPLE,
    category,
    given,
    reading,
    resolved,
    ruled,
    said,
    told,
    when,
)

GOOD = said(solved=True, satisfaction="satisfied")
BAD = said(solved=False, satisfaction="dissatisfied")


@pytest.mark.parametrize(
    ("answer", "solved"),
    [
        ({"solved": True, "satisfaction": "satisfied"}, 1),
        ({"solved": True, "satisfaction": "basically_satisfied"}, 1),
        ({"solved": True}, 1),
        ({"satisfaction": "basically_satisfied"}, 1),
        ({"readings": [reading(18.0)]}, 1),
    ],
)
def test_it_held(answer: dict[str, Any], solved: int) -> None:
    decision = when(given(), said(**answer))

    assert isinstance(decision.state, Held)
    (out,) = decision.out
    held = out.event
    assert isinstance(held, VerificationHeld)
    assert out.about == "case-1"
    assert (held.round, held.asked, held.answered, held.solved) == (0, 1, 1, solved)
    assert held.satisfaction == answer.get("satisfaction")
    assert (held.at, held.due_by) == (DONE + 2 * HOUR, DONE + 24 * HOUR)


@pytest.mark.parametrize(
    ("answer", "reason", "solved"),
    [
        ({"solved": False}, "居民表示问题未解决", 0),
        ({"solved": False, "satisfaction": "satisfied"}, "居民表示问题未解决", 0),
        ({"satisfaction": "dissatisfied"}, "居民表示问题未解决", 0),
        ({"solved": True, "satisfaction": "dissatisfied"}, "居民对处理结果不满意", 1),
    ],
)
def test_it_did_not_hold(answer: dict[str, Any], reason: str, solved: int) -> None:
    decision = when(given(), said(**answer))

    assert isinstance(decision.state, Failed)
    failed = decision.out[0].event
    assert isinstance(failed, VerificationFailed)
    assert (failed.reason, failed.cold, failed.solved, failed.answered) == (reason, False, solved, 1)


def test_a_single_household_that_is_not_content_fails_under_any_share() -> None:
    assert isinstance(when(given(), BAD, ruled(hold_share=0.0)).state, Failed)


def test_a_valid_reading_under_the_standard_fails_a_content_household() -> None:
    cold = said(
        solved=True,
        satisfaction="satisfied",
        readings=[reading(20.5), reading(16.4, room="bedroom"), reading(9.0, room="other")],
    )

    decision = when(given(), cold)

    failed = decision.out[0].event
    assert isinstance(failed, VerificationFailed)
    assert failed.cold
    assert failed.reason == "回访实测卧室室温16.4℃，低于18℃"
    assert (failed.readings_valid, failed.readings_passed) == (2, 1)
    assert [r.celsius for r in failed.readings] == [16.4, 20.5]
    assert decision.state.answers.invalid == 1


@pytest.mark.parametrize(
    "invalid",
    [
        reading(12.0, room="other"),
        reading(12.0, doors_closed=False),
        reading(12.0, after=-HOUR),
        reading(-3.0),
        reading(45.0),
    ],
    ids=["kitchen", "doors open", "before the done", "frozen", "boiling"],
)
def test_a_reading_that_is_not_valid_is_kept_and_not_used(invalid: Reading) -> None:
    decision = when(given(), said(solved=True, readings=[invalid]))

    held = decision.out[0].event
    assert isinstance(held, VerificationHeld)
    assert (held.readings, held.readings_valid, held.readings_passed) == ([], 0, 0)
    assert decision.state.answers.invalid_readings == [invalid]


@pytest.mark.parametrize("after", [timedelta(), timedelta(microseconds=-400_000), 3 * HOUR])
def test_a_reading_counts_from_the_second_of_the_done_and_while_the_visit_lasts(after: timedelta) -> None:
    done = DONE + timedelta(microseconds=400_000)
    task = given(resolved(at=done, resolved_at=done))

    decision = when(task, said(solved=True, readings=[reading(12.0, after=after + (done - DONE))]))

    assert isinstance(decision.state, Failed)


@pytest.mark.parametrize("doors_closed", [True, None])
def test_doors_of_which_nothing_is_said_count_as_shut(doors_closed: bool | None) -> None:
    assert isinstance(
        when(given(), said(solved=True, readings=[reading(12.0, doors_closed=doors_closed)])).state, Failed
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        resolved(category=category("heating.fees")),
        resolved(at=DONE - timedelta(days=60), resolved_at=DONE - timedelta(days=60)),
    ],
    ids=["not measured", "before the season"],
)
def test_the_standard_holds_for_what_is_measured_in_the_season(elsewhere: Any) -> None:
    after = elsewhere.at - DONE + HOUR

    decision = when(given(elsewhere), said(solved=True, after=after, readings=[reading(12.0, after=after)]))

    assert isinstance(decision.state, Held)


def test_an_approved_excuse_takes_a_cold_reading_out_of_the_rate_and_lists_it() -> None:
    task = given(resolved(excuse="arrears"))

    decision = when(task, said(solved=True, readings=[reading(12.0)]))

    held = decision.out[0].event
    assert isinstance(held, VerificationHeld)
    assert (held.readings, held.readings_valid) == ([], 0)
    assert held.readings_excused == [reading(12.0)]
    assert (held.excuse, held.excuse_approver) == ("arrears", "policy nuanhe-winter@2026.1")


def test_an_excuse_holds_until_it_ends() -> None:
    task = given(resolved(excuse="arrears", excuse_until=DONE + HOUR))

    in_time = when(task, said(solved=True, readings=[reading(12.0, after=HOUR)]))
    too_late = when(task, said(solved=True, readings=[reading(12.0, after=HOUR + timedelta(seconds=1))]))

    assert isinstance(in_time.state, Held)
    assert isinstance(too_late.out[0].event, VerificationFailed)
    assert too_late.out[0].event.readings_excused == []


def test_an_excuse_nobody_approved_excuses_nothing() -> None:
    task = given(resolved(excuse="other"))

    decision = when(task, said(solved=True, readings=[reading(12.0)]))

    failed = decision.out[0].event
    assert isinstance(failed, VerificationFailed)
    assert failed.cold
    assert failed.excuse is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said("declined"), "declined"),
        (said(readings=[reading(20.0, room="other")]), "silent"),
        (said(note="老人耳背"), "silent"),
    ],
)
def test_asked_without_an_answer_verifies_nothing(answer: Any, reason: str) -> None:
    decision = when(given(), answer)

    assert isinstance(decision.state, Unverified)
    unverified = decision.out[0].event
    assert isinstance(unverified, VerificationUnverified)
    assert (unverified.reason, unverified.asked, unverified.answered) == (reason, 1, 0)


def test_a_home_with_excused_readings_only_did_not_decline() -> None:
    decision = when(given(resolved(excuse="arrears")), said(readings=[reading(12.0)]))

    unverified = decision.out[0].event
    assert isinstance(unverified, VerificationUnverified)
    assert (unverified.reason, unverified.readings_excused) == ("silent", [reading(12.0)])


def test_who_was_reached_and_said_nothing_counts_as_no_answer() -> None:
    """Every field is optional (CONTRACTS 4); the others decide."""
    task, out = told(given(resolved(households=2)), [said(), GOOD])

    (held,) = out
    assert isinstance(task, Held)
    assert isinstance(held, VerificationHeld)
    assert (held.asked, held.answered, held.solved) == (2, 1, 1)


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [(5, 0, Held), (4, 1, Held), (3, 2, Held), (2, 3, Failed), (0, 5, Failed)],
)
def test_of_several_households_the_policys_share_must_be_content(good: int, bad: int, state: type) -> None:
    task, out = told(given(resolved(households=5)), [GOOD] * good + [BAD] * bad)

    assert isinstance(task, state)
    assert len(out) == 1


def test_a_failure_that_is_certain_does_not_wait_for_the_other_doors() -> None:
    task, out = told(given(resolved(households=5)), [BAD, BAD, GOOD, BAD])

    (failed,) = out
    assert isinstance(task, Failed)
    assert isinstance(failed, VerificationFailed)
    assert failed.reason == "回访4户，3户未解决或不满意"
    assert (failed.asked, failed.solved, failed.dissatisfied, failed.satisfaction) == (
        4,
        1,
        3,
        "dissatisfied",
    )


def test_one_cold_flat_of_many_fails_at_once() -> None:
    task, out = told(given(resolved(households=5)), [GOOD, said(solved=True, readings=[reading(14.0)])])

    assert isinstance(task, Failed)
    assert len(out) == 1


def test_what_the_rest_of_a_failed_sample_says_is_taken_down_and_changes_nothing() -> None:
    task, _ = told(given(resolved(households=3)), [BAD, BAD])
    assert isinstance(task, Failed)

    decision = when(task, GOOD)

    assert not decision.out
    assert isinstance(decision.state, Failed)
    assert (decision.state.answers.content, decision.state.answers.discontent) == (1, 2)
    with pytest.raises(Refused, match="task_id"):
        when(decision.state, GOOD)


def test_unreachable_households_do_not_put_off_a_certain_failure() -> None:
    task, out = told(given(resolved(households=3)), [said("unreachable"), BAD, BAD])

    assert isinstance(task, Failed)
    assert [type(event) for event in out] == [VerificationFailed]


def test_those_who_declined_do_not_count_against_those_who_answered() -> None:
    task, _ = told(given(resolved(households=5)), [said("declined")] * 4 + [GOOD])

    assert isinstance(task, Held)


@pytest.mark.parametrize("last", [GOOD, BAD, said("declined")])
def test_a_task_that_is_over_takes_no_more(last: Any) -> None:
    over = when(given(), last).state

    with pytest.raises(Refused) as refused:
        when(over, GOOD)

    assert [error.field for error in refused.value.errors] == ["task_id"]


def test_another_teams_task_is_like_none() -> None:
    problems = []
    for task in (given(), None):
        with pytest.raises(Refused) as refused:
            when(task, GOOD, team="team-liuhu")
        problems.append(refused.value.errors)

    assert problems[0] == problems[1]
    assert problems[0][0].field == "task_id"


def test_who_asked_and_what_was_said_is_kept() -> None:
    task = when(given(), said("unreachable", note="敲门无人应答")).state

    assert isinstance(task, Due)
    (visit,) = task.visits
    assert (visit.by.name, visit.attempt, visit.note) == ("网格员", 1, "敲门无人应答")


def test_after_the_last_try_those_who_answered_decide() -> None:
    """Two of three would do, but the third can no longer be reached."""
    answers = [said("unreachable"), GOOD, BAD]

    task, out = told(given(resolved(households=3)), answers, ruled(tries=1))

    assert isinstance(task, Failed)
    assert [type(event) for event in out] == [VerificationFailed]


@pytest.mark.parametrize(
    ("answers", "overall"),
    [
        (["satisfied"], "satisfied"),
        (["satisfied", "basically_satisfied"], "basically_satisfied"),
        (["satisfied", "satisfied", "dissatisfied"], "satisfied"),
        (["satisfied", "basically_satisfied", "dissatisfied"], "basically_satisfied"),
        (["satisfied", "basically_satisfied", "basically_satisfied", "dissatisfied"], "basically_satisfied"),
        ([None, "satisfied"], "satisfied"),
        ([None], None),
    ],
)
def test_overall_satisfaction_is_the_middle_answer(answers: list[Any], overall: str | None) -> None:
    households = [said(solved=True, satisfaction=answer) for answer in answers]

    _, out = told(given(resolved(households=len(answers))), households)

    (held,) = out
    assert isinstance(held, VerificationHeld)
    assert held.satisfaction == overall


def test_what_is_kept_is_bounded_and_what_is_counted_is_not() -> None:
    many = said(solved=True, readings=[reading(20.0)] * 20)

    task, out = told(given(resolved(households=200)), [many] * 25)

    (held,) = out
    assert isinstance(held, VerificationHeld)
    assert held.readings_valid == 500
    assert len(held.readings) == 50
    assert held.asked == 25
    assert len(task.visits) == 20


def test_a_task_says_under_which_version_it_was_settled() -> None:
    newer = replace(SAMPLE, policy=SAMPLE.policy.model_copy(update={"version": "2026.2"}))

    settled = when(given(), GOOD, jurisdiction=newer).state

    assert settled.policy == newer.policy.label != given().policy
