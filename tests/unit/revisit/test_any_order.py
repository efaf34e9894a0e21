"""In whatever order the households of an attempt answer, the verdict and the messages are the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.revisit.domain.task import Due, Failed
from shared.loop.decision import Refused
from tests.support.revisits import given, reading, resolved, ruled, said, told, when

ANSWERS = st.one_of(
    st.just({"outcome": "unreachable"}),
    st.just({"outcome": "declined"}),
    st.just({}),
    st.fixed_dictionaries(
        {"solved": st.sampled_from([True, False])},
        optional={
            "satisfaction": st.sampled_from(["satisfied", "basically_satisfied", "dissatisfied"]),
            "readings": st.lists(
                st.builds(
                    reading,
                    st.sampled_from([12.0, 17.9, 18.0, 22.5]),
                    room=st.sampled_from(["living_room", "other"]),
                ),
                max_size=2,
            ),
        },
    ),
    st.fixed_dictionaries({"readings": st.just([reading(19.0)])}),
    st.fixed_dictionaries({"readings": st.just([reading(19.0, room="other")])}),
)
ATTEMPTS = st.lists(ANSWERS, min_size=1, max_size=5)


@for_all(ATTEMPTS, st.randoms(use_true_random=False), st.floats(0, 1), st.sampled_from([1, 3]))
def test_the_verdict_is_the_same(
    answers: list[dict[str, Any]], random: Any, hold_share: float, tries: int
) -> None:
    rules = ruled(hold_share=hold_share, tries=tries)
    other = answers.copy()
    random.shuffle(other)

    one, out = told(given(resolved(households=len(answers))), [said(**a) for a in answers], rules)
    two, other_out = told(given(resolved(households=len(answers))), [said(**a) for a in other], rules)

    assert type(one) is type(two)
    assert [type(event) for event in out] == [type(event) for event in other_out]
    assert len(out) == 1
    counts = {name: count for name, count in one.answers.model_dump().items() if isinstance(count, int)}
    assert counts == {name: getattr(two.answers, name) for name in counts}


@for_all(st.lists(ANSWERS, min_size=1, max_size=20), st.integers(1, 5))
def test_counts_add_up(answers: list[dict[str, Any]], households: int) -> None:
    task: Any = given(resolved(households=households))
    taken = 0
    for answer in answers:
        try:
            task = when(task, said(**answer)).state
        except Refused:
            break
        taken += 1
        found = task.answers
        assert found.answered == found.solved + found.unsolved
        assert found.asked == found.answered + found.silent + found.declined
        assert found.satisfied + found.basically_satisfied + found.dissatisfied <= found.answered
        assert found.accounted <= households
        assert isinstance(task, Due | Failed) or found.accounted == households
    assert taken >= min(len(answers), households)
