"""What is said under load: appeals that each open a case of their own, from the words of the sample season."""

from __future__ import annotations

from typing import Any

from deploy.replay.season import read_words
from services.intake.domain.receive import matter_key
from services.intake.understand import understand
from shared.contracts.values import Location
from shared.policy import Jurisdiction, load


def appeals(directory: Any, count: int, run: int) -> list[dict[str, Any]]:
    """``count`` bodies of `submitted`, each another matter to intake, none confidential."""
    jurisdiction = load(directory)
    words = read_words()
    compounds = jurisdiction.places.compounds
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for saying in words["sayings"]:
        for text in saying["texts"]:
            for compound in compounds:
                home = f"{compound.name}{run + 1}号楼"
                body = {
                    "text": text.format(home=home, low=16),
                    "category": saying["category"],
                    "location": {"compound": compound.name, "building": f"{run + 1}号楼", "room": "301"},
                    "reporter": {"phone": "10012345678"},
                }
                key = _matter(body, jurisdiction)
                if key not in seen:
                    seen.add(key)
                    found.append(body)
    if len(found) < count:
        raise ValueError(f"the sample gives {len(found)} different appeals, {count} are wanted")
    return found[:count]


def _matter(body: dict[str, Any], jurisdiction: Jurisdiction) -> str:
    location = Location.model_validate(body["location"])
    read = understand(body["text"], None, body["category"], location, jurisdiction)
    return matter_key(read.place, read.category, "", jurisdiction)
