"""What residents add to an open case: more appeals, urging, supplements, withdrawals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.after_done import doubted
from services.routing.domain.assigning import call_back
from services.routing.domain.behind import came, nobody, short, went
from services.routing.domain.case import (
    MOST_ATTACHMENTS,
    MOST_PLACES,
    MOST_SUPPLEMENTS,
    MOST_WORDS,
    Assignment,
    C,
    Case,
    CaseData,
    Closed,
    OpenCase,
    Resolved,
    noted,
)
from services.routing.domain.danger import alarm, alarming, graver, judged
from services.routing.domain.incident import joined, put_off
from services.routing.judge import Judgement
from shared.contracts import routing as events
from shared.contracts.intake import AppealMerged, AppealSupplemented, AppealUrged, AppealWithdrawn
from shared.contracts.values import Attachment, Location
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.veil import veiled, without_room


def merged(case: Case | None, appeal: AppealMerged, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """One appeal more stands behind the case; a closed one refuses it, and intake registers it anew."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if isinstance(case, Closed):
        refused = events.CaseJoinRefused(
            case_id=case.case_id,
            round=case.round,
            at=input.at,
            appeal_id=appeal.appeal_id,
            channel=appeal.channel,
            matter=appeal.matter,
        )
        # The case itself stays as it is, but that it refused is recorded with it: told once, told the same again.
        return Decision(case, [Out(refused, case.case_id)])
    before = case
    place = without_room(appeal.location) if appeal.confidential else appeal.location
    if place.compound is None and appeal.place.known and appeal.place.code != case.place.code:
        place = place.model_copy(update={"compound": appeal.place.name})
    case = came(case, appeal.appeal_id, appeal.households).model_copy(
        update={
            "confided": case.confided or appeal.confidential,
            "key_household": case.key_household or appeal.key_household,
            "key_households": case.key_households + int(appeal.key_household),
            "places": case.places
            if place in case.places or place == Location()
            else [*case.places, place][:MOST_PLACES],
            "upstream_due": min(
                (due for due in (case.upstream_due, appeal.upstream_due) if due), default=None
            ),
        }
    )
    case = joined(case, appeal, input.at, jurisdiction)
    verdict = judged(case, appeal.text, appeal.nature, appeal.indoor_temperature, input.at, jurisdiction)
    if alarming(case, verdict, jurisdiction):
        said = veiled(appeal.text, appeal.contact, appeal.location.room)
        words = _to_agencies(case, said, appeal.confidential)
        return _alarmed(_kept(case, words), verdict, words, input.at, jurisdiction)
    case = graver(case, verdict)
    if isinstance(case, Resolved):
        case, said_on = doubted(case, input.at, place, appeal.households, appeal.key_household)
        return Decision(case, [said_on])
    waits = put_off(before, case, input.at, jurisdiction)
    return Decision(case, _updates(case, input.at)) if waits is None else Decision(waits)


def _alarmed(
    case: OpenCase,
    verdict: Judgement,
    words: str | None,
    at: datetime,
    jurisdiction: Jurisdiction,
    added: list[Attachment] | None = None,
) -> Decision:
    """Who is ordered anew reads in the order how the case stands; who is not is told."""
    decision = alarm(case, verdict, at, jurisdiction)
    after: OpenCase = decision.state
    known = {one.assignment_id for one in case.assignments}
    stay = [one for one in after.live if one.assignment_id in known]
    return Decision(after, [*decision.out, *_updates(after, at, added, words, stay)])


def sum_due(case: Case | None, due: events.CaseSumDue, input: Input, _: Jurisdiction) -> Decision:
    """The agencies of a mass incident hear how many stand behind it by now."""
    if case is None or case.unsaid is None or case.unsaid.due != due.due:
        return Decision(case)
    case = case.model_copy(update={"unsaid": None})
    return Decision(case, _updates(case, input.at))


def urged(case: Case | None, appeal: AppealUrged, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """A resident asks again: the agencies hear how often."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if isinstance(case, Closed):
        return Decision(case)
    case = case.model_copy(
        update={
            "urged": case.urged + 1,
            "history": noted(case, jurisdiction, input.at, "urged", appeal.channel),
        }
    )
    return _said(case, appeal, [], input.at, jurisdiction)


def supplemented(
    case: Case | None, appeal: AppealSupplemented, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """A resident adds something; files go on to the agencies."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if isinstance(case, Closed):
        return Decision(case)
    added = [a for a in appeal.attachments or () if a not in case.attachments]
    case = case.model_copy(
        update={
            "attachments": [*case.attachments, *added][:MOST_ATTACHMENTS],
            "history": noted(case, jurisdiction, input.at, "supplemented", appeal.channel, "群众补充情况"),
        }
    )
    return _said(case, appeal, added, input.at, jurisdiction)


def _said(
    case: OpenCase,
    appeal: AppealUrged | AppealSupplemented,
    added: list[Attachment],
    at: datetime,
    jurisdiction: Jurisdiction,
) -> Decision:
    """Words are passed on, and judged as those of an appeal are: danger may be said later, too."""
    text = appeal.text or ""
    words = _to_agencies(case, text, appeal.confidential)
    case = _kept(case, words)
    verdict = judged(case, text, case.nature, None, at, jurisdiction)
    if alarming(case, verdict, jurisdiction):
        return _alarmed(case, verdict, words, at, jurisdiction, added)
    case = graver(case, verdict) if text else case
    if isinstance(case, Resolved) and isinstance(appeal, AppealUrged):
        case, asks = doubted(case, at, appeal.location or case.location, 0, False)
        return Decision(case, [asks])
    return Decision(case, _updates(case, at, added, words))


def _to_agencies(case: CaseData, text: str, confidential: bool) -> str | None:
    """What a resident said, as agencies may read it: not at all once a caller must not be known."""
    return None if confidential or not text else in_their_words(case, text, "") or None


def _kept(case: C, words: str | None) -> C:
    """The case with what was said, for whoever is ordered later."""
    if words is None:
        return case
    supplements = [*case.supplements, words[:MOST_WORDS]][-MOST_SUPPLEMENTS:]
    return case.model_copy(update={"supplements": supplements})


def withdrawn(
    case: Case | None, appeal: AppealWithdrawn, input: Input, jurisdiction: Jurisdiction
) -> Decision:
    """A resident takes an appeal back; when nobody stands behind the case any more it is closed as withdrawn.

    Where that overtakes the joining of the same appeal it waits, lest it be taken for another's.
    """
    if case is None:
        raise NotYet("case_id", "no such case")
    if isinstance(case, Closed):
        return Decision(case)
    history = noted(case, jurisdiction, input.at, "appeal withdrawn", appeal.channel, "群众撤回诉求")
    case = went(case, appeal.appeal_id, appeal.households).model_copy(update={"history": history})
    if case.behind is None:
        counts = {"appeals": max(0, case.appeals), "households": max(0, case.households)}
        case = case.model_copy(update=counts)
    elif short(case):
        raise NotYet("appeal_id", "it has not joined the case yet")
    if not nobody(case):
        return Decision(case, _updates(case, input.at))
    reason = in_their_words(case, f"群众撤回诉求：{appeal.reason}", "群众撤回诉求。")
    case, told = call_back(case, case.current, input.at, reason)
    over = Closed(
        **case.carried(history=noted(case, jurisdiction, input.at, "closed", "", "withdrawn"), question=None),
        outcome="withdrawn",
        closed_at=input.at,
    )
    closed = events.CaseClosed(
        case_id=case.case_id,
        round=case.round,
        at=input.at,
        matter=case.matter,
        outcome="withdrawn",
        reply="诉求已全部撤回。",
        reworks=case.reworks,
        on_time=input.at <= case.resolve_by,
    )
    return Decision(over, [*told, Out(closed, case.case_id)])


def in_their_words(case: CaseData, words: str, instead: str) -> str:
    """What agencies are told of a resident's words: veiled; ``instead`` where a caller must not be known."""
    if case.confidential or case.confided:
        return instead
    words = veiled(words, case.contact, case.location.room)
    for place in case.places:
        words = veiled(words, None, place.room)
    return words


def _updates(
    case: CaseData,
    at: datetime,
    attachments: list[Attachment] | None = None,
    words: str | None = None,
    to: Sequence[Assignment] | None = None,
) -> list[Out]:
    return [
        Out(
            events.CaseUpdated(
                case_id=case.case_id,
                round=case.round,
                at=at,
                assignment_id=a.assignment_id,
                appeals=case.appeals,
                households=case.households,
                places=case.places if len(case.places) > 1 else None,
                attachments=attachments or None,
                urged=case.urged or None,
                compounds=case.compounds if case.compounds > 1 else None,
                key_household=case.key_household or None,
                mass_incident=case.mass_incident_since is not None or None,
                urgency=case.urgency,
                text=words,
            ),
            case.case_id,
        )
        for a in (case.live if to is None else to)
    ]
