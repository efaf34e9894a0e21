"""How webhooks stand: whichever copy of the service delivers to an agency knows, so all are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.streams import HOOKS_ASKED
from shared.loop.documents import Unreachable

ANSWER_SECONDS = 0.5


async def answer_for(
    client: Client, states: Callable[[], Mapping[str, object]]
) -> Callable[[], Awaitable[None]]:
    """Answers for this copy from now on; gives what ends that."""

    async def answer(message: Msg) -> None:
        await message.respond(orjson.dumps(states()))

    subscription = await client.subscribe(HOOKS_ASKED, cb=answer)

    async def stop() -> None:
        if not client.is_closed:
            await subscription.unsubscribe()

    return stop


async def ask(client: Client, agencies: Collection[str]) -> dict[str, dict[str, Any]]:
    """How it stands with those of these agencies that some copy delivers to now. Raises Unreachable."""
    found: dict[str, dict[str, Any]] = {}
    inbox = client.new_inbox()
    try:
        answers = await client.subscribe(inbox)
        try:
            await client.publish(HOOKS_ASKED, b"", reply=inbox)
            async with asyncio.timeout(ANSWER_SECONDS):
                while not found.keys() >= set(agencies):
                    found |= orjson.loads((await answers.next_msg(ANSWER_SECONDS)).data)
        finally:
            await answers.unsubscribe()
    except TimeoutError:
        pass
    except nats.errors.Error as error:
        raise Unreachable(f"nats: {error or type(error).__name__}") from error
    return found
