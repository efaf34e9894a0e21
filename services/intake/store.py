"""What intake keeps: appeals, and the matter per place and category that serialises who joins which case."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.intake.domain.appeal import Appeal
from services.intake.domain.matter import Matter
from shared.loop.documents import Collection

APPEALS = Collection(
    "appeals",
    TypeAdapter(Appeal),
    indexes=(
        ((("state.case_id", 1),), {}),
        ((("state.ref_key", 1),), {}),
        ((("state.state", 1), ("state.received_at", 1)), {}),
    ),
)
MATTERS = Collection("matters", TypeAdapter(Matter))
COLLECTIONS = (APPEALS, MATTERS)
