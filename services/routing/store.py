"""Routing's documents: one per case."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.routing.domain.case import Case
from shared.loop.documents import Collection

CASES = Collection(
    "cases",
    TypeAdapter(Case),
    indexes=(
        ((("state.review_at", 1),), {"sparse": True}),  # only deferred cases have one
    ),
)
COLLECTIONS = (CASES,)
