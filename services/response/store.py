"""Response's documents: one per assignment."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.response.domain.assignment import Assignment
from shared.loop.documents import Collection

ASSIGNMENTS = Collection(
    "assignments",
    TypeAdapter(Assignment),
    indexes=(
        ((("state.next_due", 1),), {"sparse": True}),  # what nobody waits for has none
        ((("state.agency", 1), ("state.state", 1), ("_id", 1)), {}),
    ),
)
COLLECTIONS = (ASSIGNMENTS,)
