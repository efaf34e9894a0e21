"""A consultation (共同办, 一起议): parties at one table, meetings, a vote by household, a result (DOMAIN 2).

Votes are documents of their own (vote.py) and come as differences, in any order. Which count is a matter of their time
alone: those up to the closing, also when they are heard of after it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from services.routing.domain.case import MOST_HISTORY, Case, noted
from services.routing.domain.case_parts import Entry, Value
from shared.contracts import routing as case_events
from shared.contracts import routing_consultations as events
from shared.contracts.values import Meeting
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction

MOST_MEETINGS = 50


class Held(Value):
    """A meeting: called, then held, with what was agreed."""

    number: int
    when: datetime
    where: str
    agenda: str
    agencies: tuple[str, ...]
    present: tuple[events.Party, ...] = ()
    agreed: str | None = None


class Counts(Value):
    """Households by their latest word. While words overtake each other one of them may be below nothing for a
    moment; their sum is right."""

    yes: int = 0
    no: int = 0
    abstain: int = 0

    @property
    def cast(self) -> int:
        return self.yes + self.no + self.abstain


class ConsultationData(Value):
    """What a consultation carries through all its states. ``last_vote_at`` is the latest vote counted; ``meetings``
    (at most 50) and ``history`` (the last 100 entries) are bounded."""

    case_id: str
    question: str
    parties: tuple[events.Party, ...]
    ballot: events.Ballot | None = None
    prior: tuple[events.Proceeding, ...] = ()
    meetings: tuple[Held, ...] = ()
    counts: Counts = Counts()
    last_vote_at: datetime | None = None
    opened_at: datetime
    history: list[Entry] = Field(default_factory=list)

    def carried(self, **changes: Any) -> dict[str, Any]:
        """Everything that goes over into the next state, with ``changes``."""
        return {name: getattr(self, name) for name in ConsultationData.model_fields} | changes


class Open(ConsultationData):
    """The parties talk, households vote."""

    state: Literal["open"] = "open"


class Closed(ConsultationData):
    """Over. ``result`` is there where there was a ballot."""

    state: Literal["closed"] = "closed"
    closed_at: datetime
    result: events.Result | None = None


Consultation = Annotated[Open | Closed, Field(discriminator="state")]


def open_(
    known: Consultation | None, order: events.OpenConsultation, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The parties are asked to one table; a case has one consultation."""
    if known is not None:
        return Decision(known)
    opened = Open(
        case_id=order.case_id,
        question=order.question,
        parties=tuple(order.parties),
        ballot=order.ballot,
        prior=tuple(order.prior),
        opened_at=input.at,
        history=_noted(None, input.at, "opened", order.by, order.reason, jurisdiction),
    )
    told = events.Consulted(case_id=order.case_id, question=order.question, prior=order.prior)
    return Decision(opened, [Out(told, order.case_id)])


def call(
    known: Consultation | None, order: events.CallMeeting, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """A meeting is called; its agencies hear of it through the case."""
    if known is None:
        raise NotYet("case_id", "no such consultation")
    if isinstance(known, Closed) or len(known.meetings) >= MOST_MEETINGS:
        return Decision(known)
    meeting = Held(
        number=len(known.meetings) + 1,
        when=order.when,
        where=order.where,
        agenda=order.agenda,
        agencies=tuple(order.agencies),
    )
    called = known.model_copy(
        update={
            "meetings": (*known.meetings, meeting),
            "history": _noted(known, input.at, "meeting called", order.by, order.agenda, jurisdiction),
        }
    )
    told = events.MeetingCalled(
        case_id=known.case_id,
        meeting=meeting.number,
        when=order.when,
        where=order.where,
        agenda=order.agenda,
        agencies=order.agencies,
    )
    return Decision(called, [Out(told, known.case_id)])


def record(
    known: Consultation | None, order: events.RecordMeeting, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """Who was there and what was agreed; minutes once recorded are changed only by recording them again."""
    if known is None:
        raise NotYet("case_id", "no such consultation")
    if not 1 <= order.meeting <= len(known.meetings):
        raise NotYet("meeting", "no such meeting")
    minutes = {"present": tuple(order.present), "agreed": order.agreed}
    meetings = tuple(
        one.model_copy(update=minutes) if one.number == order.meeting else one for one in known.meetings
    )
    history = _noted(known, input.at, f"meeting {order.meeting} held", order.by, order.agreed, jurisdiction)
    return Decision(known.model_copy(update={"meetings": meetings, "history": history}))


def count(known: Consultation | None, vote: events.VoteCounted, _: Input, __: Jurisdiction) -> Decision:
    """One household's word, or another in place of an earlier one; what was said after the closing counts no more."""
    if known is None:
        raise NotYet("case_id", "no such consultation")
    if known.ballot is None or (isinstance(known, Closed) and vote.at > known.closed_at):
        return Decision(known)
    counts = known.counts.model_dump()
    counts[vote.now] += 1
    if vote.was is not None:
        counts[vote.was] -= 1
    latest = vote.at if known.last_vote_at is None else max(vote.at, known.last_vote_at)
    changes = {"counts": Counts(**counts), "last_vote_at": latest}
    if isinstance(known, Open):
        return Decision(known.model_copy(update=changes))
    again = known.model_copy(update=changes | {"result": result(known.ballot, Counts(**counts))})
    return Decision(again, _closed(again) if again.result != known.result else [])


def close(
    known: Consultation | None, order: events.CloseConsultation, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """No more votes: the result of those there are."""
    if known is None:
        raise NotYet("case_id", "no such consultation")
    if isinstance(known, Closed):
        return Decision(known)
    over = Closed(
        **known.carried(history=_noted(known, input.at, "closed", order.by, order.reason, jurisdiction)),
        closed_at=max(input.at, known.last_vote_at or input.at),
        result=result(known.ballot, known.counts) if known.ballot else None,
    )
    return Decision(over, _closed(over))


def result(ballot: events.Ballot, counts: Counts) -> events.Result:
    """Quorum first, then the threshold, both compared in whole numbers. Nothing of nothing is no percentage."""
    cast, households = counts.cast, ballot.households
    of_all = households if ballot.of == "households" else cast
    reached = counts.yes * ballot.threshold.denominator - ballot.threshold.numerator * of_all
    outcome: Literal["adopted", "rejected", "no_quorum", "void"]
    if cast > households:
        outcome = "void"
    elif cast * ballot.quorum.denominator < ballot.quorum.numerator * households:
        outcome = "no_quorum"
    elif of_all and (reached > 0 or (reached == 0 and not ballot.more_than)):
        outcome = "adopted"
    else:
        outcome = "rejected"
    return events.Result(
        outcome=outcome,
        **counts.model_dump(),
        cast=cast,
        households=households,
        consent=counts.yes,
        of_all=of_all,
        percent=_percent(counts.yes, of_all) if of_all else None,
    )


def consulted(
    case: Case | None, event: events.Consulted, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The case knows what was tried before, and what the table decided."""
    if case is None:
        raise NotYet("case_id", "no such case")
    prior = [one for one in event.prior if one not in case.prior]
    why = event.question
    if event.result is not None:
        why = f"{why}：{event.result.outcome}，同意 {event.result.consent}/{event.result.of_all} 户"
    what = "consultation closed" if event.closed else "consultation opened"
    return Decision(
        case.model_copy(
            update={
                "prior": [*case.prior, *prior],
                "history": noted(case, jurisdiction, input.at, what, "", why),
            }
        )
    )


def meeting_called(
    case: Case | None, event: events.MeetingCalled, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """The agencies called that have an assignment of this case hear when and where."""
    if case is None:
        raise NotYet("case_id", "no such case")
    case = case.model_copy(
        update={
            "history": noted(
                case, jurisdiction, input.at, "meeting called", "、".join(event.agencies), event.agenda
            )
        }
    )
    told = [
        case_events.CaseUpdated(
            case_id=case.case_id,
            round=case.round,
            at=input.at,
            assignment_id=one.assignment_id,
            appeals=case.appeals,
            households=case.households,
            meeting=Meeting(when=event.when, where=event.where, agenda=event.agenda),
        )
        for one in case.live
        if one.agency in event.agencies
    ]
    return Decision(case, [Out(one, case.case_id) for one in told])


def _closed(over: Closed) -> list[Out]:
    told = events.CaseConsultationClosed(
        case_id=over.case_id,
        at=over.closed_at,
        question=over.question,
        meetings=len(over.meetings),
        result=over.result,
    )
    noted_by_case = events.Consulted(
        case_id=over.case_id, question=over.question, closed=True, result=over.result
    )
    return [Out(told, over.case_id), Out(noted_by_case, over.case_id)]


def _percent(part: int, whole: int) -> str:
    return str((Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))


def _noted(
    known: ConsultationData | None, at: datetime, what: str, who: str, why: str, jurisdiction: Jurisdiction
) -> list[Entry]:
    before = known.history[-(MOST_HISTORY - 1) :] if known is not None else []
    return [*before, Entry(at=at, what=what, who=who, why=why, policy=jurisdiction.policy.label)]
