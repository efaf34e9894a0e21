"""A matter is one category and one place, a compound or what several hang on; it says which case an appeal belongs to,
one after the other."""

from __future__ import annotations

from datetime import datetime, tzinfo
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict

from shared.contracts.intake import AppealPlaced, CloseMatter, PlaceAppeal, ReopenMatter
from shared.ids import derive
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No I, L, O, U: a case number is read out over the telephone."""


class Matter(BaseModel):
    """The cases of one matter, of which at most the last is open; counts, never lists of members.

    ``closed_round`` and ``reopened_round`` are the latest closing and reopening of the last case heard of.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    matter: str
    category: str
    ordinal: int
    case_id: str
    case_no: str
    opened_at: datetime
    appeals: int
    households: int
    closed_round: int = -1
    reopened_round: int = 0
    open: bool = True


def place(state: Matter | None, event: PlaceAppeal, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The appeal joins the open case, or opens the next one."""
    joins = (
        state is not None
        and state.open
        and state.case_id != event.not_case
        and input.at - state.opened_at <= jurisdiction.policy.merge_window(state.category)
    )
    if joins and state is not None:
        after = state.model_copy(
            update={"appeals": state.appeals + 1, "households": state.households + event.households}
        )
    else:
        after = _next(state, event, input.at, jurisdiction.policy.zone)
    placed = AppealPlaced(
        matter=event.matter,
        appeal_id=event.appeal_id,
        case_id=after.case_id,
        case_no=after.case_no,
        opened=not joins,
        appeals=after.appeals,
    )
    return Decision(after, [Out(placed, event.appeal_id)])


def close(state: Matter | None, event: CloseMatter, _input: Input, _jurisdiction: Jurisdiction) -> Decision:
    """The case takes no more appeals."""
    if state is None or state.case_id != event.case_id or event.round <= state.closed_round:
        return Decision(state)
    return Decision(_with_rounds(state, event.round, state.reopened_round))


def reopen(state: Matter | None, event: ReopenMatter, _input: Input, _jurisdiction: Jurisdiction) -> Decision:
    """The case takes appeals again, unless a newer one was opened since."""
    if state is None or state.case_id != event.case_id or event.round <= state.reopened_round:
        return Decision(state)
    return Decision(_with_rounds(state, state.closed_round, event.round))


def case_no(case_id: str, opened_at: datetime, zone: tzinfo) -> str:
    """The number people use: the day the case was opened, and eight signs made of the case's id (2^40 a day)."""
    number = int.from_bytes(blake2b(case_id.encode(), digest_size=5).digest(), "big")
    signs = "".join(_LETTERS[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{opened_at.astimezone(zone):%Y%m%d}-{signs}"


def _next(state: Matter | None, event: PlaceAppeal, at: datetime, zone: tzinfo) -> Matter:
    ordinal = state.ordinal + 1 if state is not None else 1
    case_id = derive("case", event.matter, ordinal)
    return Matter(
        matter=event.matter,
        category=event.category,
        ordinal=ordinal,
        case_id=case_id,
        case_no=case_no(case_id, at, zone),
        opened_at=at,
        appeals=1,
        households=event.households,
    )


def _with_rounds(state: Matter, closed: int, reopened: int) -> Matter:
    return state.model_copy(
        update={"closed_round": closed, "reopened_round": reopened, "open": reopened > closed}
    )
