"""Response's documents: one per assignment, and two per agency that sent something wrong: its door, and what it was
refused lately."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.response.domain.assignment import Assignment
from services.response.domain.refusals import Refusals
from shared.loop.documents import SAID, Collection
from shared.loop.door import DOORS

ASSIGNMENTS = Collection(
    "assignments",
    TypeAdapter(Assignment),
    indexes=(
        ((("state.next_due", 1),), {"sparse": True}),  # what nobody waits for has none
        ((("state.agency", 1), ("state.state", 1), ("_id", 1)), {}),
        ((("state.agency", 1), ("state.assigned_at", 1)), {}),  # an agency's month
        (((SAID, 1),), {"sparse": True}),
    ),
    ids_once=True,
)
REFUSALS = Collection(
    "refusals", TypeAdapter(Refusals), remembers=False
)  # the list itself knows what is on it
COLLECTIONS = (ASSIGNMENTS, DOORS, REFUSALS)
