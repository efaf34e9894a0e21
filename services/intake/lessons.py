"""What intake learns from: the pack's own examples, and the desk's decisions from the moment they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from services.intake.domain.lesson import Lesson
from services.intake.likeness import Example, Examples
from services.intake.store import LESSONS
from shared.loop.documents import Unreachable
from shared.loop.mongo import Mongo
from shared.policy.categories import CATCH_ALL, Categories
from shared.service import Running

log = structlog.get_logger()

MOST = 2000
EVERY = 5.0
"""Seconds between two looks for something new to learn; a look reads one lesson."""


async def lessons(documents: Mongo, most: int = MOST) -> list[Lesson]:
    """The latest of them, newest first. Raises Unreachable."""
    found = await documents.query(LESSONS, {}, sort=[("state.at", -1), ("_id", 1)], limit=most)
    return [stored.state for stored in found]


def examples(decided: Sequence[Lesson], tree: Categories) -> Iterator[Example]:
    """What may be like the next appeal: what the desk decided before what the pack says. Another resident's words are
    not told; the case is named instead. That something is none of all categories is no example of anything."""
    for lesson in decided:
        if lesson.category.code != CATCH_ALL:
            yield Example(lesson.text, lesson.category.code, f"工单台所定案卷 {lesson.case_id} ")
    for category in tree.categories:
        for sentence in category.examples:
            yield Example(sentence, category.code, f"示例“{sentence}”")


async def learn(running: Running) -> None:
    """Knows the pack's examples and the desk's decisions within seconds, for ever."""
    if running.settings.clock == "replay":
        # What is learnt when is a matter of the wall clock, and two replays must come to the same.
        await asyncio.Event().wait()
    known: object = None
    while True:
        try:
            rules = running.jurisdiction.policy
            newest = (rules.label, await lessons(running.documents, most=1))
            if newest != known:
                found = list(examples(await lessons(running.documents), rules.tree))
                running.live.learnt(await asyncio.to_thread(Examples, found))
                known = newest
        except Unreachable as problem:
            log.warning("cannot read what the desk decided", reason=str(problem))
        await asyncio.sleep(EVERY)
