"""A matter is one category and one place, a compound or what several hang on; it says which case an appeal belongs to,
one after the other."""

from __future__ import annotations

from datetime import datetime, tzinfo
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict

from shared.contracts.intake_steps import (
    AppealPlaced,
    CloseMatter,
    LeaveMatter,
    PlaceAppeal,
    ReopenMatter,
    SplitMatter,
)
from shared.ids import derive
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No I, L, O, U: a case number is read out over the telephone."""


class SplitOff(BaseModel):
    """Appeals from ``place`` go to the matter ``into`` while that has an open case."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    place: str
    into: str


class Matter(BaseModel):
    """The cases of one matter, of which at most the last is open; counts, never lists of members.

    ``closed_round`` and ``reopened_round`` are the latest closing and reopening of the last case heard of.
    ``split_off`` is kept when that case is over: what was split off may be open longer, or again.
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
    split_off: tuple[SplitOff, ...] = ()


def place(state: Matter | None, event: PlaceAppeal, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """The appeal joins the open case, or opens the next one.

    Where its place was split off it is sent there, and comes back if no case is open there (any more).
    """
    elsewhere = _split_off(state, event.place)
    if elsewhere is not None and elsewhere != event.declined:
        on = event.model_copy(update={"matter": elsewhere, "via": [*event.via, event.matter]})
        return Decision(state, [Out(on, event.appeal_id)])
    joins = (
        state is not None
        and state.open
        and state.case_id != event.not_case
        and input.at - state.opened_at <= jurisdiction.policy.merge_window(state.category)
    )
    if event.via and state is not None and not joins:
        back = {"matter": event.via[-1], "via": event.via[:-1], "declined": event.matter}
        return Decision(state, [Out(event.model_copy(update=back), event.appeal_id)])
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
        declined=event.declined,
    )
    return Decision(after, [Out(placed, event.appeal_id)])


def split(state: Matter | None, event: SplitMatter, _input: Input, _jurisdiction: Jurisdiction) -> Decision:
    """These compounds leave its case; a case before its last one concerns it no more."""
    if state is None or state.case_id != event.case_id:
        return Decision(state)
    stay = [one for one in state.split_off if one.place not in event.compounds]
    left = [SplitOff(place=place, into=event.into) for place in event.compounds]
    return Decision(state.model_copy(update={"split_off": (*stay, *left)}))


def leave(state: Matter | None, event: LeaveMatter, _input: Input, _jurisdiction: Jurisdiction) -> Decision:
    """One appeal fewer is of its case."""
    if state is None or state.case_id != event.case_id:
        return Decision(state)
    changes = {"appeals": state.appeals - 1, "households": state.households - event.households}
    return Decision(state.model_copy(update=changes))


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
        split_off=state.split_off if state is not None else (),
    )


def _split_off(state: Matter | None, place: str | None) -> str | None:
    """The matter that a place was split off to."""
    found = () if state is None else state.split_off
    return next((one.into for one in found if one.place == place), None)


def _with_rounds(state: Matter, closed: int, reopened: int) -> Matter:
    return state.model_copy(
        update={"closed_round": closed, "reopened_round": reopened, "open": reopened > closed}
    )
