"""One household's vote: a document of its own, so that a consultation need not know who voted."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from services.routing.domain.case_parts import Value
from shared.contracts.routing_consultations import CastVote, Choice, VoteCounted
from shared.ids import derive
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction


class Vote(Value):
    """``times`` the household has said it; the latest holds."""

    case_id: str
    household: str
    choice: Choice
    how: str
    by: str
    at: datetime
    times: int = 1


def vote_id(case_id: str, household: str) -> str:
    """The id of a household's vote, whatever spaces and letter forms its door is written with."""
    return derive("vote", case_id, "".join(unicodedata.normalize("NFKC", household).split()).casefold())


def cast(vote: Vote | None, word: CastVote, input: Input, _: Jurisdiction) -> Decision:
    """The household's latest word holds. Its words never go back in time: the consultation takes all up to its closing,
    and so, of one household, always the first so many."""
    at = input.at if vote is None else max(input.at, vote.at)
    said = Vote(
        case_id=word.case_id,
        household=word.household,
        choice=word.choice,
        how=word.how,
        by=word.by,
        at=at,
        times=vote.times + 1 if vote else 1,
    )
    counted = VoteCounted(case_id=word.case_id, at=at, was=vote.choice if vote else None, now=word.choice)
    return Decision(said, [Out(counted, word.case_id)])
