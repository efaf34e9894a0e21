"""Routing's documents: one per case, its plan, its consultation, and one per household's vote."""

from __future__ import annotations

from pydantic import TypeAdapter

from services.routing.domain.case import Case
from services.routing.domain.consultation import Consultation
from services.routing.domain.plan import Plan
from services.routing.domain.vote import Vote
from shared.loop.documents import Collection

CASES = Collection(
    "cases",
    TypeAdapter(Case),
    indexes=(
        ((("state.review_at", 1),), {"sparse": True}),  # only deferred cases have one
        ((("state.struck.cleared_at", 1),), {"sparse": True}),  # only what was deferred once
        ((("state.asked_since", 1),), {"sparse": True}),  # only where an agency waits for the centre
        ((("state.excuse_asked", 1),), {"sparse": True}),  # only resolved cases whose excuse has no approver
        ((("state.next_watch", 1),), {"sparse": True}),  # only cases that agencies are at
        ((("state.question.due", 1),), {"sparse": True}),  # only what the desk is asked
        ((("state.why", 1),), {"sparse": True}),  # only what it was asked by a version without questions
        (
            (("state.reported_at", -1),),
            {},
        ),  # the desk is shown what was reported around the time of what waits
        ((("state.unsaid.due", 1),), {"sparse": True}),  # only where agencies are to hear a sum
        ((("state.split_from", 1),), {"sparse": True}),  # only what was split off another case
    ),
)
PLANS = Collection(
    "plans",
    TypeAdapter(Plan),
    indexes=(
        ((("state.next_due", 1),), {"sparse": True}),  # a step that waits for nobody's date has none
    ),
)
CONSULTATIONS = Collection("consultations", TypeAdapter(Consultation))
VOTES = Collection("votes", TypeAdapter(Vote))
COLLECTIONS = (CASES, PLANS, CONSULTATIONS, VOTES)
