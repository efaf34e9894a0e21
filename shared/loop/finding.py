"""Finds the documents of messages that do not say the id of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.loop.change import meant, value_at
from shared.loop.decision import USED_BEFORE
from shared.loop.documents import SAID, Collection, Documents, Stored
from shared.loop.handlers import Deciding, Passing
from shared.loop.phases import Phase, Phases
from shared.loop.reading import Task


async def look_up(tasks: Sequence[Task], documents: Documents, phases: Phases) -> dict[int, str]:
    """The documents of those messages (by index) that are looked up by a field."""
    wanted: dict[tuple[Collection, str], dict[str, list[int]]] = {}
    for index, task in enumerate(tasks):
        assert isinstance(task.handler, Deciding)
        lookup = task.handler.lookup
        if lookup is not None and not task.handler.key(task.event, task.input):
            values = wanted.setdefault((task.handler.collection, lookup.field), {})
            values.setdefault(lookup.of(task.event, task.input), []).append(index)
    found: dict[int, str] = {}
    for (collection, path), values in wanted.items():
        phases.enter(Phase.LOADING)
        having: dict[str, list[Stored]] = {}
        for stored in await documents.find(collection, path, values):
            having.setdefault(value_at(stored, path), []).append(stored)
        for value, among in having.items():
            for index in values[value]:
                found[index] = meant(tasks[index], among).id
    return found


async def used_elsewhere(named: Sequence[tuple[Task, str]], documents: Documents, phases: Phases) -> None:
    """Marks the messages whose id their sender has used for another document (CONTRACTS 0); ``named``: message and
    document. Two copies that decide at the same moment do not see each other's."""
    asked: dict[Collection, dict[str, list[tuple[Task, str]]]] = {}
    for task, document in named:
        assert isinstance(task.handler, Deciding)
        if task.input.tenant and task.handler.collection.ids_once:
            asked.setdefault(task.handler.collection, {}).setdefault(task.input.key, []).append(
                (task, document)
            )
    for collection, ids in asked.items():
        phases.enter(Phase.LOADING)
        holders: dict[str, set[str]] = {}
        for stored in await documents.find(collection, SAID, ids):
            for key in ids.keys() & stored.applied.keys():
                holders.setdefault(key, set()).add(stored.id)
        for key, group in ids.items():
            first = {group[0][1]}
            for task, document in group:
                if document not in holders.get(key, first) and not task.errors:
                    task.errors = [USED_BEFORE]


async def states_for(tasks: Sequence[Task], documents: Documents, phases: Phases) -> list[Sequence[Any]]:
    """The states of all documents that each message is passed on to."""
    wanted: dict[tuple[str, str], set[str]] = {}
    collections: dict[str, Collection] = {}
    asked: list[tuple[str, str, str]] = []
    for task in tasks:
        handler = task.handler
        assert isinstance(handler, Passing)
        value = handler.of(task.event, task.input)
        asked.append((handler.collection.name, handler.field, value))
        wanted.setdefault((handler.collection.name, handler.field), set()).add(value)
        collections[handler.collection.name] = handler.collection
    found: dict[tuple[str, str, str], list[Any]] = {}
    for (name, path), values in wanted.items():
        phases.enter(Phase.LOADING)
        for stored in await documents.find(collections[name], path, values):
            found.setdefault((name, path, value_at(stored, path)), []).append(stored.state)
    return [found.get(key, []) for key in asked]
