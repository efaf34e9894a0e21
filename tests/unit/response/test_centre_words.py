"""What the centre says about an assignment, and what its agency hears."""

from __future__ import annotations

from typing import Any

import pytest

from services.response.domain.assignment import MOST_PLACES, MOST_WORDS, Concluded, Deferred, Withdrawn
from shared.contracts import routing
from shared.contracts.response import DispatchAssigned
from shared.contracts.values import Attachment, Location
from shared.loop.decision import NotYet
from tests.support.assignments import (
    AGENCY,
    CASE,
    START,
    STATES,
    after,
    centre,
    decide,
    given,
    in_state,
    kinds,
    order,
    word,
)

PHOTO = Attachment(id="f-1", media_type="image/jpeg", sha256="a" * 64)
WORDS: dict[str, tuple[type[routing.CaseEvent], dict[str, Any]]] = {
    "updated": (routing.CaseUpdated, {"appeals": 3, "households": 7}),
    "supervised": (routing.CaseSupervised, {"level": 2, "reason": "多次催办"}),
    "extension_decided": (
        routing.CaseExtensionDecided,
        {"agency": AGENCY, "granted": True, "resolve_by": after(72 * 60), "reason": "同意"},
    ),
    "deferral_decided": (
        routing.CaseDeferralDecided,
        {"granted": True, "kind": "season", "review_at": after(90 * 24 * 60), "reason": "同意"},
    ),
    "withdrawn": (routing.CaseAssignmentWithdrawn, {"reason": "群众撤回"}),
    "verified": (routing.CaseConcluded, {"held": True, "closed": True, "satisfaction": "satisfied"}),
}


def say(name: str, at: Any = START, **changes: Any) -> routing.CaseEvent:
    event, values = WORDS[name]
    return centre(event, at, **values | changes)


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("state", STATES)
def test_every_word_in_every_state(state: str, name: str) -> None:
    before = in_state(state)

    if state == "absent":
        with pytest.raises(NotYet):
            decide(before, say(name), after(20))
        return
    decision = decide(before, say(name), after(20))

    if state in ("returned", "withdrawn", "concluded"):
        assert decision.state is before
        assert decision.out == ()
    else:
        assert kinds(decision) == [f">{name}"]
        assert (decision.out[0].about, decision.out[0].tenant) == (CASE, AGENCY)


def test_what_is_sent_is_what_is_stored() -> None:
    decision = decide(None, order(attachments=[PHOTO]), START)

    assert kinds(decision) == [">assigned"]
    event = decision.out[0].event
    assert isinstance(event, DispatchAssigned)
    assert decision.state.assignment_id == event.assignment_id
    assert (event.accept_by, event.contact_by, event.arrive_by, event.resolve_by) == (
        after(30),
        after(120),
        after(24 * 60),
        after(48 * 60),
    )
    assert event.attachments == [PHOTO]


def test_an_assignment_is_made_once() -> None:
    state = given(word("accepted", after(1)))

    again = decide(state, order(summary="另一份"), after(2))

    assert again.state is state
    assert again.out == ()


def test_every_update_is_passed_on_and_the_later_count_kept() -> None:
    state = given(say("updated", after(3), appeals=5, households=9, urged=2))

    decision = decide(state, say("updated", after(2), appeals=4, households=8, urged=1), after(4))

    assert decision.out[0].event.appeals == 4
    assert (decision.state.appeals, decision.state.households, decision.state.urged) == (5, 9, 2)


def test_counts_may_fall_when_residents_withdraw() -> None:
    state = given(say("updated", after(2), appeals=5), say("updated", after(3), appeals=4))

    assert state.appeals == 4


def test_places_are_those_said_last_files_are_joined_and_both_bounded() -> None:
    places = [Location(building=str(number)) for number in range(MOST_PLACES + 10)]
    state = given(
        say("updated", places=places[:2], attachments=[PHOTO]),
        say("updated", places=places[1:], attachments=[PHOTO]),
    )

    assert state.places == places[1 : MOST_PLACES + 1]
    assert state.attachments == [PHOTO]


def test_homes_that_were_split_off_are_forgotten_also_if_an_older_word_comes_later() -> None:
    here, gone = Location(building="1"), Location(building="2", room="201")

    state = given(
        say("updated", after(2), appeals=2, places=[here, gone]),
        say("updated", after(9), appeals=1, places=[here]),
        say("updated", after(3), appeals=2, places=[here, gone]),
    )

    assert (state.appeals, state.places) == (1, [here])


def test_what_residents_add_is_told_and_the_last_few_kept() -> None:
    state = given(say("updated", text="阀门在漏"), supplements=["一", "二", "三", "四"])

    decision = decide(state, say("updated", text="还" * 2 * MOST_WORDS), after(2))

    assert decision.out[0].event.text == "还" * 2 * MOST_WORDS
    assert decision.state.order.supplements == ["二", "三", "四", "阀门在漏", "还" * MOST_WORDS]
    assert decide(None, order(supplements=["一"]), START).out[0].event.supplements == ["一"]


@pytest.mark.parametrize("withheld", [{"confidential": True}, {"disclose": "never"}])
def test_who_may_read_no_words_reads_none_that_are_added(withheld: dict[str, Any]) -> None:
    made = decide(None, order(supplements=["阀门在漏"], **withheld), START)

    decision = decide(made.state, say("updated", text="还在漏"), after(2))

    assert (made.out[0].event.supplements, decision.out[0].event.text) == (None, None)
    assert decision.state.order.supplements is None


def test_more_time_moves_the_deadline() -> None:
    granted = given(word("extension_requested", after(5)), say("extension_decided"))
    refused = given(
        word("extension_requested", after(5)),
        say("extension_decided", granted=False, resolve_by=after(48 * 60)),
    )

    assert (granted.clocks["resolve"].due, granted.extension) == (after(72 * 60), None)
    assert (refused.clocks["resolve"].due, refused.extension) == (after(48 * 60), None)
    in_time = decide(granted, word("resolved", after(70 * 60)), after(70 * 60), AGENCY)
    assert in_time.state.taken["resolve"].on_time is True


def test_what_was_resolved_late_stays_late() -> None:
    late = given(word("resolved", after(50 * 60)), say("extension_decided"))

    assert late.taken["resolve"].on_time is False
    assert late.clocks["resolve"].due == after(48 * 60)


def test_a_deferral_that_is_granted_defers() -> None:
    asked = word("deferral_requested", after(5))

    granted, refused = (
        given(asked, say("deferral_decided")),
        given(asked, say("deferral_decided", granted=False)),
    )

    assert isinstance(granted, Deferred)
    assert (granted.kind, granted.review_at, granted.deferral) == ("season", after(90 * 24 * 60), None)
    assert (refused.state, refused.deferral) == ("assigned", None)


def test_a_deferral_cannot_undo_a_resolution() -> None:
    assert given(word("resolved", after(5)), say("deferral_decided")).state == "resolved"


@pytest.mark.parametrize("state", ["assigned", "accepted", "arrived", "deferred", "resolved"])
def test_what_is_withdrawn_is_over(state: str) -> None:
    over = decide(in_state(state), say("withdrawn"), after(20)).state

    assert isinstance(over, Withdrawn)


@pytest.mark.parametrize(
    ("held", "closed", "over"),
    [(True, True, True), (False, True, True), (False, False, True), (True, False, False)],
)
def test_rework_is_an_assignment_of_its_own(held: bool, closed: bool, over: bool) -> None:
    decision = decide(in_state("resolved"), say("verified", held=held, closed=closed), after(60))

    assert isinstance(decision.state, Concluded) is over
    assert decision.out[0].event.held is held


def test_the_highest_supervision_is_kept() -> None:
    assert given(say("supervised", level=2), say("supervised", level=1)).level == 2
