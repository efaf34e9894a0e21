"""Response in the loop: redelivery, a bad payload, another's assignment, words that overtake each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.response.handlers import handlers
from services.response.store import ASSIGNMENTS
from shared.contracts.response import DispatchAssigned
from shared.contracts.routing import CaseSupervised
from shared.contracts.streams import CASE, INNER, service_consumers
from shared.loop.answers import DELIVERED_TOO_OFTEN
from shared.loop.bus import Delivery
from shared.loop.loop import Loop
from tests.support.assignments import AGENCY, ID, OTHER, SAMPLE, START, centre, order
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.messages import own, said

ACCEPTED = {"assignment_id": ID, "at": START.isoformat()}


class Running:
    """The service with everything in memory, and one assignment made."""

    def __init__(self) -> None:
        self.bus, self.documents = FakeBus(), FakeDocuments()
        self.bus.now = START
        self.loop = Loop(handlers, self.documents, self.bus, context=lambda _at: SAMPLE)

    async def started(self) -> Running:
        await self.settle(own(self.bus, order(), time=START))
        return self

    async def settle(self, *deliveries: Delivery) -> None:
        await self.loop.settle(deliveries)

    @property
    def state(self) -> Any:
        return self.documents.state(ASSIGNMENTS, ID)

    def refusals(self, tenant: str = AGENCY) -> list[Any]:
        return [json.loads(body) for body in self.bus.bodies(f"dispatch.{tenant}.refused.v1")]


async def test_an_assignment_is_saved_and_then_sent_with_the_case_as_its_subject() -> None:
    running = await Running().started()

    ((subject, headers, body, _),) = running.bus.streams["DISPATCH"].messages
    assert running.state.state == "assigned"
    assert subject == f"dispatch.{AGENCY}.assigned.v1"
    assert headers["ce-subject"] == "case-1"
    assert headers["ce-type"] == "nuanliu.dispatch.assigned.v1"
    assert DispatchAssigned.model_validate_json(body).assignment_id == ID


async def test_redelivered_nothing_is_said_twice() -> None:
    running = await Running().started()
    accepted = said(running.bus, ACCEPTED, id="a1", verb="accepted")
    await running.settle(accepted)
    before = [running.bus.ids(stream) for stream in ("DISPATCH", "ASSIGNMENT")]

    await running.settle(running.bus.again(accepted))
    await running.settle(said(running.bus, ACCEPTED, id="a1", verb="accepted"))

    assert [running.bus.ids(stream) for stream in ("DISPATCH", "ASSIGNMENT")] == before
    assert running.refusals() == []


async def test_one_id_with_two_bodies_is_refused() -> None:
    running = await Running().started()
    await running.settle(said(running.bus, ACCEPTED, id="a1", verb="accepted"))

    await running.settle(said(running.bus, ACCEPTED | {"note": "另一份"}, id="a1", verb="accepted"))

    assert [(r["in_reply_to"], r["errors"][0]["field"]) for r in running.refusals()] == [("a1", "id")]


ELSEWHERE = {"assignment_id": "another", "at": START.isoformat()}


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_an_id_is_used_for_one_assignment_only(together: bool) -> None:
    running = await Running().started()
    await running.settle(own(running.bus, order(assignment_id="another", case_id="case-2"), time=START))
    first = said(running.bus, ACCEPTED, id="a1", verb="accepted")
    second = said(running.bus, ELSEWHERE, id="a1", verb="accepted")

    if together:
        await running.settle(first, second)
    else:
        await running.settle(first)
        await running.settle(second)

    assert [(r["in_reply_to"], r["errors"][0]["field"]) for r in running.refusals()] == [("a1", "id")]
    assert running.state.state == "accepted"
    assert running.documents.state(ASSIGNMENTS, "another").state == "assigned"


async def test_who_used_an_id_first_is_told_by_what_came_first_not_by_the_assignment_it_was_about() -> None:
    running = await Running().started()
    await running.settle(own(running.bus, order(assignment_id="another", case_id="case-2"), time=START))

    await running.settle(
        said(running.bus, ELSEWHERE, id="a1", verb="progressed"),
        said(running.bus, ACCEPTED, id="a2", verb="accepted"),
        said(running.bus, ELSEWHERE, id="a2", verb="accepted"),
    )

    assert running.state.state == "accepted"
    assert running.documents.state(ASSIGNMENTS, "another").state == "assigned"
    assert [told["in_reply_to"] for told in running.refusals()] == ["a2"]


async def test_two_agencies_may_use_the_same_id() -> None:
    running = await Running().started()
    theirs = order(assignment_id="another", case_id="case-2", agency=OTHER)
    await running.settle(own(running.bus, theirs, time=START))

    await running.settle(
        said(running.bus, ACCEPTED, id="a1", verb="accepted"),
        said(running.bus, ELSEWHERE, id="a1", tenant=OTHER, verb="accepted"),
    )

    assert running.refusals() == running.refusals(OTHER) == []
    assert running.documents.state(ASSIGNMENTS, "another").state == "accepted"


async def test_bad_messages_are_answered_by_name_and_those_around_them_processed() -> None:
    running = await Running().started()

    await running.settle(
        said(running.bus, b"{", id="b1", verb="accepted"),
        said(running.bus, ACCEPTED | {"colour": "red"}, id="b2", verb="accepted"),
        said(running.bus, ACCEPTED | {"at": "2026-11-20T08:00:00"}, id="b3", verb="accepted"),
        said(running.bus, ACCEPTED | {"assignment_id": "nowhere"}, id="b4", verb="accepted"),
        said(running.bus, ACCEPTED, id="b5", tenant=OTHER, verb="accepted"),
        said(running.bus, ACCEPTED, id="b6", verb="finished"),
        said(running.bus, ACCEPTED, id="good", verb="accepted"),
    )

    told = {r["in_reply_to"]: r["errors"] for tenant in (AGENCY, OTHER) for r in running.refusals(tenant)}
    assert {id: errors[0]["field"] for id, errors in told.items()} == {
        "b1": "data",
        "b2": "colour",
        "b3": "at",
        "b4": "assignment_id",
        "b5": "assignment_id",
        "b6": "type",
    }
    assert told["b4"] == told["b5"]
    assert running.state.state == "accepted"
    assert len(running.bus.buried) == 6
    refused = [h for s, h, *_ in running.bus.streams["DISPATCH"].messages if s.endswith("refused.v1")]
    assert not any("ce-subject" in headers for headers in refused)


async def test_a_word_of_the_centre_that_overtakes_its_assignment_waits_for_it() -> None:
    running = Running()
    early = own(running.bus, centre(CaseSupervised, level=1, reason="督办"), time=START)

    await running.settle(early)
    await running.settle(own(running.bus, order(), time=START))
    await running.settle(running.bus.again(early))

    assert len(running.bus.naks) == 1
    assert running.state.level == 1


async def test_what_is_refused_of_our_own_events_nobody_outside_hears() -> None:
    running = Running()
    early = own(running.bus, centre(CaseSupervised, level=1, reason="督办"), time=START)

    await running.settle(running.bus.again(early, DELIVERED_TOO_OFTEN))

    assert len(running.bus.buried) == 1
    assert "DISPATCH" not in running.bus.streams


def test_it_pulls_from_the_streams_it_handles() -> None:
    by_stream = {c.stream: c.filters for c in service_consumers("response", handlers.events())}

    assert by_stream.keys() == {CASE.name, INNER.name}
    assert by_stream[INNER.name] == (
        "inner.response.assignment_due.v1",
        "inner.response.door_due.v1",
        "inner.response.late_due.v1",
        "inner.response.refusal_noted.v1",
        "inner.response.report_in_due.v1",
    )
    assert "case.assigned.v1" in by_stream[CASE.name]
