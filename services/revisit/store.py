"""Revisit's documents: one per task, one per hazard, one per patrol."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.revisit.domain.findings import Hazard, Patrol
from services.revisit.domain.task import Task
from shared.loop.documents import Collection

TASKS = Collection(
    "tasks",
    TypeAdapter(Task),
    indexes=(
        ((("state.state", 1), ("state.overdue", 1), ("state.due_by", 1)), {}),
        ((("state.team", 1), ("state.state", 1), ("_id", 1)), {}),
    ),
)
HAZARDS = Collection("hazards", TypeAdapter(Hazard))
PATROLS = Collection("patrols", TypeAdapter(Patrol))
COLLECTIONS = (TASKS, HAZARDS, PATROLS)
