"""How most attempts are made: a subscription, a message, a message whose answer goes elsewhere."""

from __future__ import annotations

import json
from typing import Any

from tests.attacks.judging import Act, Attempt, Bout
from tests.attacks.loose import INTRUDER, PERMISSIONS, UNBOUNDED

OWN = f"response.{INTRUDER}.accepted.v1"
OWN_PULL = f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{INTRUDER}"
ONE = '{"batch": 1}'


def listens(subject: str, group: str = "", *, on: str = UNBOUNDED, never: str = "") -> Attempt:
    async def act(bout: Bout) -> None:
        await bout.line.listen(subject, group=group)

    return Attempt(
        f"listens on {subject}{' in group ' + group if group else ''}", act, on, never, listens=True
    )


def says(
    subject: str,
    body: str | dict[str, Any] = "forged",
    *,
    words: str = "",
    reply: str | None = None,
    headers: dict[str, str] | str | None = None,
    on: str = UNBOUNDED,
    never: str = "",
) -> Attempt:
    """Publishes; the answer comes back to the attacker's own inbox unless ``reply`` says otherwise."""
    text = body if isinstance(body, str) else json.dumps(body)

    async def act(bout: Bout) -> None:
        await bout.line.publish(subject, text, reply=reply, headers=headers)

    return Attempt(words or f"publishes {subject}", act, on, never)


def asks(call: str, body: str | dict[str, Any] = "", *, on: str = UNBOUNDED, never: str = "") -> Attempt:
    """A request to JetStream's API, in the name of its words."""
    told = "" if not body else f" {body if isinstance(body, str) else json.dumps(body)}"
    words = f"{call}{told}"
    return says(
        f"$JS.API.{call}", body, words=words if len(words) < 110 else words[:107] + "...", on=on, never=never
    )


def receipt_to(reply: str, *, on: str = PERMISSIONS, never: str = "") -> Attempt:
    """An allowed publish; the stream's receipt goes wherever the publisher says."""
    return says(OWN, "mine", words=f"has its receipt sent to {reply}", reply=reply, on=on, never=never)


def order_to(reply: str, *, on: str = PERMISSIONS, never: str = "") -> Attempt:
    """An allowed pull; the order goes wherever the puller says, so its body can be forged beforehand."""
    return says(OWN_PULL, ONE, words=f"has its order sent to {reply}", reply=reply, on=on, never=never)


def does(words: str, act: Act, *, on: str = UNBOUNDED, never: str = "", outside: bool = False) -> Attempt:
    return Attempt(words, act, on, never, outside=outside)


def with_header(
    words: str, headers: dict[str, str] | str, *, on: str, never: str = "", body: str = "mine"
) -> Attempt:
    """A header on a message into its own ingress."""
    return says(OWN, body, words=words, headers=headers, on=on, never=never)
