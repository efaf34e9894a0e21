"""What intake keeps: appeals, the matter per place and category that serialises who joins which case, what the desk
decided, the doors."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.intake.domain.appeal import Appeal
from services.intake.domain.lesson import Lesson
from services.intake.domain.matter import Matter
from shared.loop.documents import Collection
from shared.loop.door import DOORS

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
LESSONS = Collection("lessons", TypeAdapter(Lesson), indexes=(((("state.at", -1),), {}),))
COLLECTIONS = (APPEALS, MATTERS, LESSONS, DOORS)
