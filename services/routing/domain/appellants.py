"""What residents add to an open case: more appeals, urging, supplements, withdrawals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.after_done import doubted
from services.routing.domain.assigning import call_back
from services.routing.domain.behind import came, nobody, went
from services.routing.domain.case import (
    MOST_ATTACHMENTS,
    MOST_PLACES,
    MOST_SUPPLEMENTS,
    MOST_WORDS,
    C,
    Case,
    CaseData,
    Closed,
    OpenCase,
    Resolved,
    noted,
)
from services.routing.domain.case_parts import Assignment
from services.routing.domain.danger import alarm, alarming, graver, judged
from services.routing.domain.incident import joined, put_off
from services.routing.judge import Judgement
from shared.contracts import routing as events
from shared.contracts import routing_orders
from shared.contracts.intake import (
    AppealLeft,
    AppealMerged,
    AppealSupplemented,
    AppealUrged,
    AppealWithdrawn,
)
from shared.contracts.routing_splits import CaseSplit
from shared.contracts.values import Attachment, Location, Place
from shared.loop.decision import Decision, Input, NotYet, Out
from shared.policy import Jurisdiction
from shared.veil import veiled, without_room


def merged(case: Case | None, appeal: AppealMerged, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """One appeal more stands behind the case. A closed one refuses it: intake registers it anew, and until that is said
    it counts here, so that whoever came is counted off when they leave, whatever is heard of first."""
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
        return Decision(_more(case, appeal, jurisdiction), [Out(refused, case.case_id)])
    before, case = case, _more(case, appeal, jurisdiction)
    case = case.model_copy(
        update={
            "confided": case.confided or appeal.confidential,
            "key_household": case.key_household or appeal.key_household,
            "upstream_due": min(
                (due for due in (case.upstream_due, appeal.upstream_due) if due), default=None
            ),
        }
    )
    case = joined(case, appeal, input.at, jurisdiction)
    if sent := _sent_after(case, appeal, input.at):
        return _told(before, case, input.at, jurisdiction, sent)
    verdict = judged(case, appeal.text, appeal.nature, appeal.indoor_temperature, input.at, jurisdiction)
    if alarming(case, verdict, jurisdiction):
        said = veiled(appeal.text, appeal.contact, appeal.location.room)
        words = _to_agencies(case, said, appeal.confidential)
        return _alarmed(_kept(case, words), verdict, words, input.at, jurisdiction)
    case = graver(case, verdict)
    if isinstance(case, Resolved):
        place = _written(case, appeal.location, appeal.place, appeal.confidential)
        case, said_on = doubted(case, input.at, place, appeal.households, appeal.key_household)
        return Decision(case, [said_on])
    return _told(before, case, input.at, jurisdiction)


def _told(
    before: OpenCase, case: OpenCase, at: datetime, jurisdiction: Jurisdiction, more: Sequence[Out] = ()
) -> Decision:
    """The agencies hear that one more has come, now or with the next sum."""
    waits = put_off(before, case, at, jurisdiction)
    return Decision(case, [*_updates(case, at), *more]) if waits is None else Decision(waits, list(more))


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


def sum_due(case: Case | None, due: routing_orders.CaseSumDue, input: Input, _: Jurisdiction) -> Decision:
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
    """A resident takes an appeal back; when nobody stands behind the case any more it is closed as withdrawn."""
    if case is None:
        raise NotYet("case_id", "no such case")
    if isinstance(case, Closed):
        return Decision(went(case, appeal, jurisdiction))
    history = noted(case, jurisdiction, input.at, "appeal withdrawn", appeal.channel, "群众撤回诉求")
    case = went(case, appeal, jurisdiction).model_copy(update={"history": history})
    if not nobody(case):
        return Decision(case, _updates(case, input.at))
    reason = in_their_words(case, f"群众撤回诉求：{appeal.reason}", "群众撤回诉求。")
    return nobody_left(case, reason, "诉求已全部撤回。", input.at, jurisdiction)


def _more(case: C, appeal: AppealMerged, jurisdiction: Jurisdiction) -> C:
    """The case with one appeal more, and its home among the places."""
    case = came(case, appeal, jurisdiction)
    place = _written(case, appeal.location, appeal.place, appeal.confidential)
    if place in case.places or place == Location():
        return case
    return case.model_copy(update={"places": [*case.places, place][:MOST_PLACES]})


def fewer(case: C, gone: AppealLeft, jurisdiction: Jurisdiction) -> C:
    """The case with one appeal less, and its home off the places. Raises NotYet as `went` does."""
    was = _written(case, gone.location, gone.place, gone.confidential)
    places = [place for place in case.places if place != was]
    return went(case, gone, jurisdiction).model_copy(update={"places": places})


def nobody_left(
    case: OpenCase, reason: str, reply: str, at: datetime, jurisdiction: Jurisdiction
) -> Decision:
    """The case is closed as withdrawn: nobody stands behind it. ``reason`` is told to agencies."""
    case, told = call_back(case, case.current, at, reason)
    over = Closed(
        **case.carried(history=noted(case, jurisdiction, at, "closed", "", "withdrawn"), question=None),
        outcome="withdrawn",
        closed_at=at,
    )
    closed = events.CaseClosed(
        case_id=case.case_id,
        round=case.round,
        at=at,
        matter=case.matter,
        outcome="withdrawn",
        reply=reply,
        reworks=case.reworks,
        on_time=at <= case.resolve_by,
    )
    return Decision(over, [*told, Out(closed, case.case_id)])


def _written(case: CaseData, location: Location, place: Place, confidential: bool) -> Location:
    """Where one more home is, as agencies read it: the door of a confidential caller is not shown, and another compound
    than the case's is named."""
    shown = without_room(location) if confidential else location
    if shown.compound is None and place.known and place.code != case.place.code:
        return shown.model_copy(update={"compound": place.name})
    return shown


def _sent_after(case: CaseData, appeal: AppealMerged, at: datetime) -> list[Out]:
    """An appeal that was on its way here when its compound was split off goes after the others, and is judged where
    they are; one that the desk has moved here stays: it was said of just this one."""
    if appeal.moved_from is not None:
        return []
    found = [one for one in case.splits if appeal.place.code in one.compounds]
    if not found or found[-1].into == appeal.declined:
        return []
    after = CaseSplit(
        case_id=case.case_id,
        round=case.round,
        at=at,
        matter=case.matter,
        into=found[-1].into,
        appeal_ids=[appeal.appeal_id],
        keeps=case.first_appeal,
    )
    return [Out(after, case.case_id, key="after")]


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
                appeals=max(0, case.appeals),
                households=max(0, case.households),
                places=case.places if len(case.places) > 1 or case.splits else None,
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
