"""Acknowledging what others have in hand."""

from __future__ import annotations

import json

from tests.attacks.attempts.making import ONE, OWN_PULL, does
from tests.attacks.installed import VICTIM
from tests.attacks.judging import Attempt, Bout
from tests.attacks.loose import EXPORTS, INTRUDER, PERMISSIONS, UNBOUNDED


def _acks(body: str, words: str, *, on: str = PERMISSIONS, never: str = "") -> Attempt:
    async def act(bout: Bout) -> None:
        await bout.line.publish(bout.arena.outstanding, body)

    return does(f"acks the victim's order with {words}", act, on=on, never=never)


def _acks_held(body: str) -> Attempt:
    """The service has it in hand: acknowledged by another, what the victim said would be lost."""

    async def act(bout: Bout) -> None:
        await bout.line.publish(bout.arena.held, body)

    return does(f"acks for the service what the victim said, with {body}", act, on=EXPORTS)


def _reshaped(words: str, form: str, *, on: str = PERMISSIONS, never: str = "") -> Attempt:
    """``form``: ack subject with the numbers of the victim's delivery in braces."""

    async def act(bout: Bout) -> None:
        _, _, stream, consumer, *numbers = bout.arena.outstanding.split(".")
        delivered, sequence, order, at, pending = numbers[-5:] if len(numbers) == 5 else numbers[:5]
        subject = form.format(
            stream=stream,
            consumer=consumer,
            delivered=delivered,
            sequence=sequence,
            order=order,
            at=at,
            pending=pending,
        )
        await bout.line.publish(subject, "+ACK", reply="")

    return does(words, act, on=on, never=never)


async def _own_next(bout: Bout) -> None:
    """An ack that is its own, with as many more as the consumer gives."""
    await bout.line.publish(OWN_PULL, ONE)
    if order := await bout.line.message():
        await bout.line.publish(order.reply, "+NXT " + json.dumps({"batch": 100, "no_wait": True}))


_OTHER = "a consumer acknowledges only what it delivered itself"
_TAIL = "{delivered}.{sequence}.{order}.{at}.{pending}"

ACKS = (
    _acks("+ACK", "+ACK"),
    _acks("", "an empty body"),
    _acks("-NAK", "-NAK"),
    _acks('-NAK {"delay": 3600000000000}', "-NAK and an hour's delay"),
    _acks("+TERM", "+TERM", on=EXPORTS),
    _acks("+TERM because", "+TERM and a reason"),
    _acks("+WPI", "+WPI"),
    _acks("+NXT", "+NXT", on=EXPORTS),
    _acks('+NXT {"batch": 2, "no_wait": true}', "+NXT for two"),
    _acks_held("+ACK"),
    _acks_held("+TERM"),
    _acks_held("+NXT"),
    _reshaped(
        "acks the victim's order in the long form, domain and account given",
        "$JS.ACK._.ABCDEFGH.{stream}.{consumer}." + _TAIL + ".x",
        never="the server listens to the short form of its own account",
    ),
    _reshaped(
        "forges an ack: right numbers, wrong time", "$JS.ACK.{stream}.{consumer}.1.{sequence}.{order}.1.0"
    ),
    _reshaped(
        "acks the victim's order through its own consumer's name",
        f"$JS.ACK.{{stream}}.{INTRUDER}." + _TAIL,
        never=_OTHER,
    ),
    _reshaped(
        "acks with literal stars", f"$JS.ACK.{{stream}}.{VICTIM}.*.*.*.*.*", never="stars are letters here"
    ),
    _reshaped("acks with a literal >", f"$JS.ACK.{{stream}}.{VICTIM}.>", never="an ack has its numbers"),
    _reshaped(
        "acks through its own name with the victim's behind it",
        f"$JS.ACK.{{stream}}.{INTRUDER}.{VICTIM}." + _TAIL,
        on=UNBOUNDED,
        never="an ack has its numbers where they belong",
    ),
    does("acks its own order with +NXT for a hundred", _own_next, never="these are its own"),
)
