"""What of the catalogue lies where: the committed files, and what a service serves under /docs/.

Everything is made from the contracts when it is first asked for, so a service never shows a stale page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.catalogue.asyncapi import of_outsiders, of_service
from shared.catalogue.outside import EVENTS
from shared.catalogue.page import page
from shared.catalogue.schemas import schema
from shared.catalogue.vectors import vectors
from shared.contracts.base import CATALOGUE, Event

JSON = "application/json"
SCHEMA = "application/schema+json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Sheet:
    """One thing to read."""

    text: str
    media_type: str


class Sheets:
    """The sheets of one service, by their path below /docs/. ``catalogue``: the address of the schemas in them."""

    def __init__(self, service: str, consumed: Iterable[type[Event]], catalogue: str = CATALOGUE) -> None:
        events = tuple(consumed)
        self._making: dict[str, Callable[[], Sheet]] = {
            "": lambda: Sheet(page(catalogue), HTML),
            "asyncapi.json": lambda: Sheet(as_text(of_service(service, events)), JSON),
            **{_served(path): make for path, make in _outer(catalogue).items()},
        }
        self._made: dict[str, Sheet] = {}

    def get(self, path: str) -> Sheet | None:
        """None where nothing lies."""
        if path not in self._made and path in self._making:
            self._made[path] = self._making[path]()
        return self._made.get(path)


def files() -> dict[str, str]:
    """The files below docs/contracts/, by path: for everybody, hence with the default address."""
    return {path: make().text for path, make in _outer(CATALOGUE).items()}


def as_text(value: Any) -> str:
    """JSON for people and for line-wise comparison."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _outer(catalogue: str) -> dict[str, Callable[[], Sheet]]:
    sheets: dict[str, Callable[[], Sheet]] = {
        "asyncapi.json": lambda: Sheet(as_text(of_outsiders(catalogue)), JSON)
    }
    for event in EVENTS:
        sheets[f"schemas/{event.type}.json"] = partial(_schema, event, catalogue)
        sheets[f"vectors/{event.type}.json"] = partial(_vectors, event, catalogue)
    return sheets


def _schema(event: type[Event], catalogue: str) -> Sheet:
    return Sheet(as_text(schema(event, catalogue)), SCHEMA)


def _vectors(event: type[Event], catalogue: str) -> Sheet:
    return Sheet(as_text(vectors(event, catalogue)), JSON)


def _served(path: str) -> str:
    """A service's own asyncapi.json has had its place before; the outer one lies a step further down."""
    return f"contracts/{path}" if path == "asyncapi.json" else path
