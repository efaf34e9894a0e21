"""Given the loop over intake's handlers, when a channel repeats itself or errs, then it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.intake.domain.receive import appeal_id
from services.intake.handlers import handlers
from services.intake.store import APPEALS
from shared.loop.answers import NOT_YET_TRIES
from shared.loop.bus import Delivery
from shared.loop.loop import Loop
from tests.support.appeals import CHANNEL, compound, sample
from tests.support.fakes import FakeBus, FakeDocuments
from tests.support.messages import binary, structured


class World:
    """Intake's loop over engines in memory."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.documents = FakeDocuments()
        self.loop = Loop(handlers, self.documents, self.bus, context=lambda _at: sample())
        self._read: dict[str, int] = {}

    def say(self, verb: str, body: Any, id: str, **attributes: str) -> Delivery:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        headers = binary(f"nuanliu.intake.{verb}.v1", id, **attributes)
        return self.bus.put(f"intake.{CHANNEL}.{verb}.v1", headers, data)

    async def settle(self, *deliveries: Delivery) -> None:
        """The given messages, and all the inner steps that follow."""
        await self.loop.settle(deliveries)
        while steps := self._new("INNER"):
            await self.loop.settle(steps)

    def _new(self, stream: str) -> list[Delivery]:
        have = len(self.bus.ids(stream))
        first, self._read[stream] = self._read.get(stream, 0) + 1, have
        return [self.bus.deliver(stream, sequence) for sequence in range(first, have + 1)]

    def appeal(self, id: str) -> Any:
        return self.documents.state(APPEALS, appeal_id(CHANNEL, id))

    def notices(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bus.bodies(f"notice.{CHANNEL}.{kind}.v1")]

    def subjects(self, kind: str) -> list[str | None]:
        """`ce-subject` of the notices of this kind."""
        stream = self.bus.streams["NOTICE"]
        wanted = f"notice.{CHANNEL}.{kind}.v1"
        return [headers.get("ce-subject") for subject, headers, *_ in stream.messages if subject == wanted]

    def counted(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bus.bodies(f"appeal.{kind}.v1")]


def cold(at: int = 0, **more: Any) -> dict[str, Any]:
    return {"text": "家里暖气不热", "location": {"compound": compound(at).name}} | more


async def test_a_repeat_with_an_equal_body_is_answered_with_nothing_new() -> None:
    world = World()
    await world.settle(world.say("submitted", cold(reported_at="2026-11-15T08:00:00+08:00"), "e1"))
    again = dict(reversed(list(cold(reported_at="2026-11-15T00:00:00Z").items())))
    await world.settle(world.say("submitted", again, "e1"))
    assert len(world.notices("registered")) == len(world.counted("registered")) == 1
    assert world.notices("rejected") == world.bus.buried == []


async def test_the_same_id_with_a_different_body_is_refused_by_the_field_id() -> None:
    world = World()
    await world.settle(world.say("submitted", cold(), "e1"))
    await world.settle(world.say("submitted", cold(text="电梯坏了"), "e1"))
    [notice] = world.notices("rejected")
    assert [error["field"] for error in notice["errors"]] == ["id"]
    assert (notice["in_reply_to"], notice["appeal_id"]) == ("e1", appeal_id(CHANNEL, "e1"))
    assert len(world.bus.buried) == 1
    assert len(world.counted("rejected")) == 1
    assert world.appeal("e1").text == "家里暖气不热"


async def test_bad_messages_are_answered_by_name_and_the_good_ones_around_them_processed() -> None:
    world = World()
    bad = {
        "not-json": (b"{", "data"),
        "unknown": (cold(flavour=1), "flavour"),
        "deep": (cold(location={"compund": "x"}), "location.compund"),
        "type": (cold(indoor_temperature="14"), "indoor_temperature"),
        "offset": (cold(reported_at="2026-11-15T08:00:00"), "reported_at"),
        "ahead": (cold(reported_at="2026-11-15T09:00:00Z"), "reported_at"),
        "large": (cold(text="冷" * 30_000), "data"),
        "empty": (cold(text="  "), "text"),
    }
    first = world.say("submitted", cold(external_ref="H-1"), "first")
    wrong = [world.say("submitted", body, id) for id, (body, _) in bad.items()]
    last = world.say("submitted", cold(1), "last")
    await world.settle(first, *wrong, last)
    assert {n["in_reply_to"]: n["errors"][0]["field"] for n in world.notices("rejected")} == {
        id: field for id, (_, field) in bad.items()
    }
    assert len(world.bus.buried) == len(world.counted("rejected")) == len(bad)
    assert (world.appeal("first").state, world.appeal("last").state) == ("registered", "registered")


async def test_a_structured_submission_is_taken_as_well() -> None:
    world = World()
    body = structured("nuanliu.intake.submitted.v1", cold(), "e1")
    headers = {"content-type": "application/cloudevents+json"}
    await world.settle(world.bus.put(f"intake.{CHANNEL}.submitted.v1", headers, body))
    assert world.appeal("e1").state == "registered"


async def test_the_channels_own_number_finds_the_appeal() -> None:
    world = World()
    await world.settle(world.say("submitted", cold(external_ref="H-1"), "e1"))
    await world.settle(
        world.say("urged", {"external_ref": "H-1"}, "u1"),
        world.say("withdrawn", {"external_ref": "H-1", "reason": "已好"}, "w1"),
    )
    assert len(world.counted("urged")) == 1
    assert world.appeal("e1").state == "withdrawn"


async def test_an_unknown_number_is_tried_for_a_while_and_then_refused() -> None:
    world = World()
    urged = world.say("urged", {"external_ref": "H-1"}, "u1")
    for _ in range(NOT_YET_TRIES - 1):
        await world.settle(urged)
        assert world.notices("rejected") == []
        urged = world.bus.again(urged)
    await world.settle(urged)
    [notice] = world.notices("rejected")
    assert (notice["external_ref"], notice["errors"][0]["field"]) == ("H-1", "external_ref")
    assert world.counted("rejected") == []


@pytest.mark.parametrize("named", ["appeal_id", "external_ref"])
@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("contested", {"reason": "没修好"}),
        ("withdrawn", {}),
        ("urged", {"flavour": 1}),
        ("supplemented", {"text": ""}),
    ],
    ids=["too early", "without a field", "unknown field", "empty"],
)
async def test_a_rejected_word_names_the_appeal_it_was_about(
    verb: str, said: dict[str, Any], named: str
) -> None:
    """CONTRACTS 1: whether it could not be read or not be applied, what is known of the appeal is in the answer."""
    world = World()
    await world.settle(world.say("submitted", cold(external_ref="H-1"), "e1"))
    known = {"appeal_id": appeal_id(CHANNEL, "e1"), "external_ref": "H-1"}

    await world.settle(world.say(verb, said | {named: known[named]}, "w1"))

    [notice] = world.notices("rejected")
    assert known | {"in_reply_to": "w1"} == {name: notice[name] for name in (*known, "in_reply_to")}
    assert world.subjects("rejected") == [known["appeal_id"]]
    assert world.appeal("e1").state == "registered"


async def test_an_appeal_nobody_knows_is_not_named() -> None:
    world = World()
    urged = world.say("urged", {"appeal_id": "A-1"}, "u1")
    unread = world.say("urged", {"appeal_id": "A-1", "flavour": 1}, "u2")
    nameless = world.say("urged", {"appeal_id": 7}, "u3")
    for _ in range(NOT_YET_TRIES):
        await world.settle(urged)
        urged = world.bus.again(urged)
    await world.settle(unread, nameless)

    assert [notice.keys() for notice in world.notices("rejected")] == [{"in_reply_to", "errors"}] * 3
    assert world.subjects("rejected") == [None] * 3


async def test_a_number_that_was_on_its_way_is_found_when_it_is_there() -> None:
    world = World()
    urged = world.say("urged", {"external_ref": "H-1"}, "u1")
    await world.settle(urged)
    await world.settle(world.say("submitted", cold(external_ref="H-1"), "e1"))
    await world.settle(world.bus.again(urged))
    assert len(world.counted("urged")) == 1


async def test_a_word_delivered_again_stays_with_the_appeal_it_was_applied_to() -> None:
    world = World()
    await world.settle(world.say("submitted", cold(external_ref="H-1"), "e1"))
    urged = world.say("urged", {"external_ref": "H-1"}, "u1")
    await world.settle(urged)
    world.bus.pass_time(world.bus.window)
    await world.settle(world.say("submitted", cold(1, external_ref="H-1"), "e2"))
    await world.settle(world.bus.again(urged))
    assert (world.appeal("e1").urged, world.appeal("e2").urged) == (1, 0)


async def test_an_id_used_for_another_word_is_refused() -> None:
    world = World()
    await world.settle(world.say("submitted", cold(external_ref="H-1"), "e1"))
    await world.settle(world.say("urged", {"external_ref": "H-1"}, "u1"))
    await world.settle(world.say("urged", {"external_ref": "H-1", "text": "还没来"}, "u1"))
    [notice] = world.notices("rejected")
    assert [error["field"] for error in notice["errors"]] == ["id"]
    assert world.appeal("e1").urged == 1
