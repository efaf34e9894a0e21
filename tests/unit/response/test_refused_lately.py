"""What an agency was refused lately: each once, the latest, never more than so much."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.response.domain.refusals import LONGEST_PROBLEM, MOST, MOST_ERRORS, Refusals, note, noted
from services.response.store import REFUSALS
from shared.contracts.response import RefusalNoted
from shared.contracts.values import FieldError
from shared.loop.decision import Input, Refusal
from tests.support.assignments import AGENCY, SAMPLE, START
from tests.support.messages import said
from tests.unit.response.test_response_loop import Running


def listed(*numbers: int) -> Refusals | None:
    """The list after these refusals; a number is its id and its minute."""
    known: Refusals | None = None
    for number in numbers:
        event = RefusalNoted(agency=AGENCY, verb="accepted", errors=[])
        input = Input(f"r-{number:03}", START + timedelta(minutes=number))
        known = note(known, event, input, SAMPLE).state
    return known


@given(st.lists(st.integers(0, 2 * MOST), min_size=1, max_size=4 * MOST))
def test_in_any_order_and_however_often_it_is_the_latest_each_once(numbers: list[int]) -> None:
    known = listed(*numbers)

    assert known is not None
    assert [one.id for one in known.latest] == [f"r-{n:03}" for n in sorted(set(numbers))[-MOST:]]


def test_a_message_with_thousands_of_faults_takes_no_more_room_than_another() -> None:
    errors = [FieldError(field="x" * 9000, problem="y" * 9000) for _ in range(5000)]
    refusal = Refusal("id", errors, AGENCY, f"response.{AGENCY}.accepted.v1", b"not json")

    event = noted(refusal)

    assert (event.verb, event.assignment_id, len(event.errors)) == ("accepted", None, MOST_ERRORS)
    assert len(event.errors[0].problem) == LONGEST_PROBLEM


async def test_what_a_program_was_refused_is_on_the_agencys_list() -> None:
    running = await Running().started()
    await running.settle(
        said(running.bus, {"assignment_id": "no-such", "at": START.isoformat()}, id="a1", verb="accepted")
    )

    for sequence in running.bus.unsettled("INNER") or range(1, len(running.bus.ids("INNER")) + 1):
        await running.settle(running.bus.deliver("INNER", sequence))

    known = running.documents.state(REFUSALS, AGENCY)
    assert [(one.in_reply_to, one.assignment_id, one.errors[0].field) for one in known.latest] == [
        ("a1", "no-such", "assignment_id")
    ]
