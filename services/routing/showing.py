"""A case, and what agencies said of it, as every seat of the centre may see them, a leader's included."""

from __future__ import annotations

from typing import Any

from services.routing.domain.case import CaseData
from shared.veil import veiled, without_room

HIDDEN = {
    "contact",
    "text",
    "candidates",
    "behind",
    "first_appeal",
    "at_places",
    "supplements",
    "history",
    "question",
    "attachments",
    "requests",
    "reason",
    "struck",
    "asked_since",
    "next_watch",
    "recent",
    "unsaid",
    "refused_step",
    "mode_before",
}
PHOTOS: dict[str, Any] = {"assignments": {"__all__": {"done": {"readings": {"__all__": {"photo"}}}}}}
"""Ids of files are for those they were sent to: some are of before an id said whose the file is."""
WORDS = {"summary", "why", "reason", "reply", "plan"}
"""Fields in which somebody writes what he likes, also whom he met behind which door."""


def shown(case: CaseData) -> dict[str, Any]:
    """A case as it stands, without phone, door, and words of the resident."""
    doorless = case.model_copy(
        update={
            "location": without_room(case.location),
            "places": [without_room(place) for place in case.places],
        }
    )
    hidden = HIDDEN if case.lead_agency else HIDDEN | {"lead_agency"}
    found: dict[str, Any] = nameless(
        case,
        doorless.model_dump(mode="json", exclude=dict.fromkeys(hidden, True) | PHOTOS, exclude_none=True),
    )
    return found


def nameless(case: CaseData, value: Any) -> Any:
    """JSON values about a case, in which `WORDS` do not show who called, nor any door that is known of it."""
    match value:
        case dict():
            return {
                key: said_of(case, inner)
                if key in WORDS and isinstance(inner, str)
                else nameless(case, inner)
                for key, inner in value.items()
            }
        case list():
            return [nameless(case, inner) for inner in value]
        case _:
            return value


def said_of(case: CaseData, words: str) -> str:
    """Words about a case without its callers' phones, the first caller's name, and the doors of all of them."""
    words = veiled(words, case.contact, case.location.room)
    for place in case.places:
        words = veiled(words, None, place.room)
    return words
