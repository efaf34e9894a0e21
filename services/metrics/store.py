"""Metrics' documents: facts, written by the loop; rollups, a cache the keeper writes (DESIGN 3, rule 6)."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from services.metrics.domain.facts import AppealFact, CaseFact
from services.metrics.domain.rollups import Rollup
from shared.loop.documents import Collection

_FACT_INDEXES: tuple[tuple[tuple[tuple[str, int], ...], dict[str, Any]], ...] = (
    ((("state.buckets", 1),), {}),
    ((("state.dirty", 1),), {"sparse": True}),
)

CASE_FACTS = Collection("case_facts", TypeAdapter(CaseFact), indexes=_FACT_INDEXES)
APPEAL_FACTS = Collection("appeal_facts", TypeAdapter(AppealFact), indexes=_FACT_INDEXES)
ROLLUPS = Collection(
    "rollups",
    TypeAdapter(Rollup),
    indexes=(((("state.day", 1),), {}), ((("state.computed_at", 1),), {})),
)
COLLECTIONS = (CASE_FACTS, APPEAL_FACTS, ROLLUPS)
