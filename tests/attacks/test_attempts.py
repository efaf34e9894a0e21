"""One tenant against the others, tried on a real server: the shipped configuration withstands, careless ones do not.

The careless servers are the controls: each attempt must come to something on the one it names, or it would prove
nothing about the shipped one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.attacks.arena import Arena, arena, pull
from tests.attacks.assault import Assault, Row, assault, controls, tries
from tests.attacks.attempts import GROUPS
from tests.attacks.installed import VICTIM
from tests.attacks.loose import INTRUDER, LOOSE

TRIES = list(tries())
WITH_CONTROL = [one for group in GROUPS.values() for one in group if not one.never]


@pytest.fixture(scope="module")
async def shipped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    async with arena(tmp_path_factory.mktemp("shipped")) as running:
        yield running


@pytest.fixture(scope="module")
async def made(shipped: Arena) -> Assault:
    """All attempts on the shipped configuration, made once."""
    return await assault(shipped)


@pytest.fixture(scope="module")
async def careless() -> dict[str, dict[str, str]]:
    """All attempts on the careless configurations, made once."""
    return await controls()


@pytest.mark.parametrize(
    "number", [one[0] for one in TRIES], ids=[f"{a.words} [{k}]" for _, _, a, k in TRIES]
)
def test_the_shipped_configuration_gives_nothing_away(made: Assault, number: int) -> None:
    (row,) = [row for row in made.rows if row.number == number]

    assert row.gain == ""


def test_what_was_there_before_is_there_after_all_of_them(made: Assault) -> None:
    assert made.changed == ()
    assert [row for row in made.rows if row.number == 0] == []
    assert made.compared["message"] > 0


@pytest.mark.parametrize("attempt", WITH_CONTROL, ids=lambda attempt: f"{attempt.words} [{attempt.on}]")
def test_a_careless_configuration_lets_it_through(
    careless: dict[str, dict[str, str]], attempt: object
) -> None:
    assert careless[attempt.on][attempt.words] != ""  # type: ignore[attr-defined]


def test_there_are_enough_and_no_two_are_the_same() -> None:
    words = [attempt.words for group in GROUPS.values() for attempt in group]

    assert len(WITH_CONTROL) >= 90
    assert len(set(words)) == len(words)
    assert {attempt.on for attempt in WITH_CONTROL} == LOOSE.keys()


def test_a_key_rotated_away_opens_nothing(made: Assault) -> None:
    def refused(row: Row) -> bool:
        return "authorization violation" in row.happened

    with_it = [row for row in made.rows if row.key.endswith("rotated away")]

    assert [row.words for row in with_it if not refused(row) and "let in" not in row.happened] == []


async def test_an_agency_does_its_own_work_undisturbed(shipped: Arena) -> None:
    await shipped.renew()
    intruder = await shipped._client(INTRUDER, shipped.seeds[INTRUDER])
    (order,) = await pull(intruder, INTRUDER, "DISPATCH", INTRUDER)
    await order.ack_sync(timeout=30)
    await intruder.jetstream().publish(f"response.{INTRUDER}.accepted.v1", b"mine")
    await intruder.close()

    js = shipped.admin.jetstream()
    consumer = await js.consumer_info("DISPATCH", INTRUDER)

    assert order.data == b"your own order"
    assert (consumer.num_pending, consumer.num_ack_pending) == (1, 0)
    assert (await js.stream_info(f"RESPONSE_{INTRUDER}")).state.messages == 1


async def test_a_stolen_message_id_swallows_nothing_of_a_neighbours(shipped: Arena) -> None:
    await shipped.renew()
    thief = await shipped.enter(shipped.seeds[INTRUDER])
    await thief.publish(f"response.{INTRUDER}.accepted.v1", "mine", headers={"Nats-Msg-Id": "the-same"})
    await thief.settled()
    await thief.close()

    taken = await shipped.victim.jetstream().publish(
        f"response.{VICTIM}.accepted.v1", b"a word", headers={"Nats-Msg-Id": "the-same"}
    )

    assert not taken.duplicate
