"""Which of many messages may be about one problem, by the rule that shows the centre's desk what is similar."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from services.routing.domain.similar import Told, alike
from shared.policy.places import Places
from shared.policy.rules import Similar


class Pair(NamedTuple):
    """Two messages that may be about one problem, the earlier first; ``likeness``: of their words, 0 to 1."""

    one: str
    other: str
    likeness: float


class Cluster(NamedTuple):
    """Messages that hang together by pairs, in the order of their time; ``least`` and ``most``: the likeness of its
    pairs, 0 to 1."""

    members: tuple[Told, ...]
    pairs: int
    least: float
    most: float


def pairs(
    messages: Iterable[Told], rule: Similar, places: Places, step: Callable[[], object] = lambda: None
) -> Iterator[Pair]:
    """Every pair that the rule lets through, whatever the order of the messages; ``step`` is called once per message.

    Only such are compared as have a spot or one of their rarer shingles in common: of two that are alike by a share of
    their words, as many less one may be left out of the looking (prefix filtering of set-similarity joins).
    """
    ordered = sorted(messages, key=_by_time)
    spread = Counter(shingle for one in ordered for shingle in one.words)
    said: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
    for number, one in enumerate(ordered):
        rarest = sorted(one.words, key=lambda shingle: (spread[shingle], shingle))
        looked_for = rarest[: len(rarest) - ceil(rule.likeness * len(rarest) - 1e-9) + 1]
        near: set[int] = set()
        spots = one.ground.compounds | one.ground.named.spots
        for key in (*(("", word) for word in looked_for), *(("spot", spot) for spot in spots)):
            before = said[key]
            while before and one.at - ordered[before[0]].at > rule.within:
                before.popleft()
            near.update(before)
            before.append(number)
        for earlier in sorted(near):
            found = alike(ordered[earlier], one, rule, places)
            if found is not None:
                yield Pair(ordered[earlier].id, one.id, found)
        step()


def clusters(messages: Iterable[Told], found: Sequence[Pair]) -> list[Cluster]:
    """What hangs together by the pairs found, also over a third; the largest first, of equals the earliest."""
    by_id = {one.id: one for one in messages}
    above: dict[str, str] = {}

    def top(id: str) -> str:
        while (next := above.get(id, id)) != id:
            above[id] = above.get(next, next)
            id = above[id]
        return id

    for pair in found:
        one, other = sorted((top(pair.one), top(pair.other)))
        above[other] = one
    members: defaultdict[str, set[str]] = defaultdict(set)
    inside: defaultdict[str, list[float]] = defaultdict(list)
    for pair in found:
        members[top(pair.one)].update((pair.one, pair.other))
        inside[top(pair.one)].append(pair.likeness)
    made = [
        Cluster(
            tuple(sorted((by_id[id] for id in ids), key=_by_time)),
            len(inside[name]),
            min(inside[name]),
            max(inside[name]),
        )
        for name, ids in members.items()
    ]
    return sorted(made, key=lambda one: (-len(one.members), -one.pairs, _by_time(one.members[0])))


def _by_time(one: Told) -> tuple[object, str]:
    return one.at, one.id
