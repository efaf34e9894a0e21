"""`python -m tests.attacks.flooder`: one tenant as loud as it can, a process of its own so that nobody lends it time.

Reads one JSON object from standard input, with "host", "port", "ca", "seed", "tenant", "subject", "headers", "bodies",
"many" and "lines"; publishes the bodies round and round over so many connections at once until standard input closes or
``many`` are said, then prints how many that were.
``{n}`` in a header stands for the message's number.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from shared.trust import trusting
from tests.attacks.wire import Door, Line

_AT_ONCE = 200
_BUFFER = 64 * 1024
_TRIES, _BETWEEN_TRIES = 120, 0.5
_RESET = struct.pack("ii", 1, 0)


async def flood(order: dict[str, Any]) -> int:
    """All that was said, over every line together."""
    ca = Path(order["ca"])
    door = Door(order["host"], order["port"], trusting(ca), ca)
    lines = [await _let_in(door, order) for _ in range(order["lines"])]
    for line in lines:  # its own machine is not to be busy with filling its own buffers
        line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    numbers = itertools.count()
    told = [0] * len(lines)

    async def one(place: int, line: Line) -> None:
        """Whoever is slowed down waits in here, for as long as it takes."""
        while not line.closed.is_set() and (first := next(numbers) * _AT_ONCE) < order["many"]:
            count = min(_AT_ONCE, order["many"] - first)
            line.writer.write(b"".join(_message(order, first + number) for number in range(count)))
            told[place] += count
            with contextlib.suppress(ConnectionError):
                await line.writer.drain()
            await asyncio.sleep(0)

    loud = [asyncio.create_task(one(place, line)) for place, line in enumerate(lines)]
    await ended.wait()
    for task in loud:
        task.cancel()
    await asyncio.gather(*loud, return_exceptions=True)
    for line in lines:  # what waits in the system's buffers goes down with it
        line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        line.writer.transport.abort()
    await asyncio.gather(*(line.close() for line in lines))
    return sum(told)


async def _let_in(door: Door, order: dict[str, Any]) -> Line:
    """A line that the server took: those of a flood before this one may still be going, and so many it lets in only."""
    for _ in range(_TRIES):
        line = await Line.enter(door, order["tenant"], order["seed"])
        if line.let_in:
            return line
        await line.close()
        await asyncio.sleep(_BETWEEN_TRIES)
    raise ConnectionError(f"{order['tenant']} is not let in: {line.heard}")


def _message(order: dict[str, Any], number: int) -> bytes:
    head = "".join(
        f"{name}: {value.replace('{n}', str(number))}\r\n" for name, value in order["headers"].items()
    )
    headers = f"NATS/1.0\r\n{head}\r\n".encode()
    body = order["bodies"][number % len(order["bodies"])].encode()
    return (
        f"HPUB {order['subject']} {len(headers)} {len(headers) + len(body)}\r\n".encode()
        + headers
        + body
        + b"\r\n"
    )


def main() -> None:
    print(asyncio.run(flood(json.loads(sys.stdin.readline()))))


if __name__ == "__main__":
    main()
