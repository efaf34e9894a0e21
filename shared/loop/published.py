"""Has a document's outbox been published? (DESIGN 3, rule 5)"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from sys import maxsize

from shared.loop.documents import Stored

REMEMBERED = 20_000
ASK_EVERY = 1.0


class Published:
    """Knows because this process published it, or because the inputs behind it are at or below the ack floor.

    The floor is asked at most once a second per stream.
    """

    def __init__(
        self, floor: Callable[[str], Awaitable[int]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._floor = floor
        self._clock = clock
        self._versions: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._floors: dict[str, tuple[float, int]] = {}

    def remember(self, stored: Stored) -> None:
        """This process has published the outbox of this version."""
        self._versions[stored.name] = stored.version
        self._versions.move_to_end(stored.name)
        if len(self._versions) > REMEMBERED:
            self._versions.popitem(last=False)

    async def known(self, stored: Stored) -> bool:
        """Whether every output in the outbox is certainly in its stream."""
        if not stored.outbox.out or self._versions.get(stored.name) == stored.version:
            return True
        for stream, sequence in stored.outbox.inputs:
            if sequence > await self._floor_of(stream, sequence):
                return False
        return True

    async def floor(self, stream: str) -> int:
        """Up to which sequence the service has acknowledged everything, as of a second ago at most."""
        return await self._floor_of(stream, maxsize)

    async def _floor_of(self, stream: str, sequence: int) -> int:
        asked, floor = self._floors.get(stream, (float("-inf"), 0))
        if floor < sequence and self._clock() - asked >= ASK_EVERY:
            floor = await self._floor(stream)
            self._floors[stream] = (self._clock(), floor)
        return floor
