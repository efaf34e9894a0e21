"""Taking up room: connections, subscriptions, bytes. And what is a tenant's own to do, which must harm nobody else."""

from __future__ import annotations

import asyncio

from shared.contracts.streams import MAX_DATA_BYTES, MAX_PAYLOAD_BYTES
from tests.attacks.attempts.making import ONE, OWN, OWN_PULL, does, says
from tests.attacks.judging import Bout
from tests.attacks.loose import INTRUDER, KEYS

_OWN = "its own to do"
_SERVER = "the server's own limit"


async def _many_connections(bout: Bout) -> None:
    limit = bout.arena.tenants.get(INTRUDER)
    assert limit is not None
    lines = await asyncio.gather(*(bout.another() for _ in range(limit.quota.connections + 10)))
    inside = sum(line.let_in for line in lines) + bout.line.let_in
    bout.note = f"{inside} of {len(lines) + 1} let in"
    if inside > limit.quota.connections:
        bout.loot.append(f"{inside} connections of {limit.quota.connections} allowed")


async def _many_subscriptions(bout: Bout) -> None:
    limit = bout.arena.tenants.get(INTRUDER)
    assert limit is not None
    allowed = limit.quota.subscriptions
    await bout.line.raw("".join(f"SUB {bout.line.inbox}.{n} {n}\r\n" for n in range(1, allowed + 101)))
    await bout.line.settled()
    refused = sum(one.kind == "-ERR" for one in bout.line.heard)
    bout.note = f"{allowed + 100 - refused} of {allowed + 100} granted, then closed" if refused else ""
    if bout.line.let_in and not refused and not bout.line.closed.is_set():
        bout.loot.append(f"more than {allowed} subscriptions")


async def _never_reads(bout: Bout) -> None:
    """Pulls its own orders and never reads one: what the server keeps for it is bounded by its own order's size."""
    assert bout.line._reading is not None
    bout.line._reading.cancel()
    await bout.line.raw(f"PUB {OWN_PULL} {bout.line.inbox} {len(ONE)}\r\n{ONE}\r\n" * 200)
    bout.note = "its own orders wait for it"
    bout.line._reading = asyncio.create_task(bout.line._read())


async def _hoards(bout: Bout) -> None:
    """Takes every order it has and acknowledges none."""
    for _ in range(3):
        await bout.line.publish(OWN_PULL, '{"batch": 1000, "no_wait": true}')


async def _naks(bout: Bout) -> None:
    """Its own order back and forth."""
    for n in range(20):
        await bout.line.publish(OWN_PULL, '{"batch": 1, "no_wait": true}')
        if order := await bout.line.message(0.2, skip=n):
            if order.status:
                break
            await bout.line.publish(order.reply, "-NAK", reply="")


async def _thousand_pulls(bout: Bout) -> None:
    await bout.line.listen(bout.line.inbox)
    await bout.line.raw(f"PUB {OWN_PULL} {bout.line.inbox} {len(ONE)}\r\n{ONE}\r\n" * 1000)
    await bout.line.settled()
    bout.note = f"{len(bout.line.messages)} answers, its own"


LIMITS = (
    does("ten connections more than it may have", _many_connections, on=KEYS),
    does("a hundred subscriptions more than it may have", _many_subscriptions, on=KEYS),
    says(OWN, "m" * (MAX_PAYLOAD_BYTES + 1), words="a message of 128 KiB and one byte", never=_SERVER),
    does("never reads what it asked for", _never_reads, never=_OWN),
)

ITS_OWN = (
    says(OWN, "mine", words="says something on its own subject", never=_OWN),
    says(OWN, "mine" + "m" * (MAX_DATA_BYTES - 3), words="a message of 64 KiB and one byte", never=_OWN),
    says(f"response.{INTRUDER}.>", "mine", words="its own subject with a literal >", never=_OWN),
    says(f"response.{INTRUDER}.*", "mine", words="its own subject with a literal *", never=_OWN),
    says(f"response.{INTRUDER}.invented.v9", "mine", words="a verb that does not exist", never=_OWN),
    says(OWN, "", words="an empty message", never=_OWN),
    says(OWN_PULL, ONE, words="takes one of its orders", never=_OWN),
    says(OWN_PULL, "no request at all", words="a pull whose request is no request", never=_OWN),
    says(OWN_PULL, '{"batch": -1, "expires": -1}', words="a pull of minus one", never=_OWN),
    says(
        OWN_PULL,
        '{"batch": 1, "group": "hook", "min_pending": 9}',
        words="a pull for a group it has not",
        never=_OWN,
    ),
    does("takes all its orders and acknowledges none", _hoards, never=_OWN),
    does("gives its own order back again and again", _naks, never=_OWN),
    does("a thousand pulls at once", _thousand_pulls, never=_OWN),
)
