"""Examples of what outsiders say and hear: `<type>.json` has all fields of an event, `refused.json` what is refused.

They are published as test vectors and serve as golden samples (tests/contract): once there, an example is never
edited. A field that is added later gets a further one, `<type>.<what>.json`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _all() -> dict[str, Any]:
    found = (file for file in files(__name__).iterdir() if file.name.endswith(".json"))
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    }


def examples(type: str) -> dict[str, dict[str, Any]]:
    """What an event of this type may say, by the example's name; `full` is the one with all fields it began with."""
    return {
        name.removeprefix(type).removeprefix(".") or "full": data
        for name, data in _all().items()
        if name == type or name.startswith(f"{type}.")
    }


def refusals(type: str) -> list[dict[str, Any]]:
    """What is refused of this type: `data` or the whole `body`, the `field`, and words found in the `problem`."""
    return [refusal for refusal in _all()["refused"] if refusal["type"] == type]
