"""Revisit's documents: one per task, one per hazard, one per patrol, one per team that sent something wrong."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.revisit.domain.findings import Hazard, Patrol
from services.revisit.domain.task import Task
from shared.loop.documents import SAID, Collection
from shared.loop.door import DOORS

TASKS = Collection(
    "tasks",
    TypeAdapter(Task),
    indexes=(
        ((("state.state", 1), ("state.overdue", 1), ("state.due_by", 1)), {}),
        ((("state.team", 1), ("state.state", 1), ("_id", 1)), {}),
        (((SAID, 1),), {"sparse": True}),
    ),
    ids_once=True,
)
HAZARDS = Collection("hazards", TypeAdapter(Hazard))
PATROLS = Collection("patrols", TypeAdapter(Patrol))
COLLECTIONS = (TASKS, HAZARDS, PATROLS, DOORS)
