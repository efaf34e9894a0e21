"""What a channel says about an appeal it handed in before: urged, supplemented, withdrawn, contested."""

from __future__ import annotations

from typing import Any

from services.intake.domain.appeal import (
    MOST_WAITING,
    Appeal,
    Appealed,
    Closed,
    Contested,
    FollowUp,
    Merged,
    Received,
    Registered,
    Verb,
    Withdrawn,
    become,
)
from shared.contracts import channel
from shared.contracts.intake import (
    AppealContested,
    AppealSupplemented,
    AppealUrged,
    AppealWithdrawn,
    NoticeClosed,
)
from shared.loop.decision import Decision, Input, NotYet, Out, Refused
from shared.policy import Jurisdiction
from shared.veil import veiled, without_room

UNKNOWN = "no appeal of this channel has it"
WITHDRAWN_REPLY = "诉求已按您的要求撤回。如仍需反映，可重新提交。"
ENDED = {
    "closed": "the appeal is closed; its outcome can only be contested",
    "contested": "the outcome is contested already",
    "withdrawn": "the appeal is withdrawn",
    "answered": "the appeal was answered without a case",
    "not_accepted": "the appeal was not accepted",
}
VERBS: dict[type[Any], Verb] = {
    channel.Urged: "urged",
    channel.Supplemented: "supplemented",
    channel.Withdrawn: "withdrawn",
    channel.Contested: "contested",
}


def hear(
    state: Appeal | None,
    event: channel.Urged | channel.Supplemented | channel.Withdrawn | channel.Contested,
    input: Input,
    jurisdiction: Jurisdiction,
) -> Decision:
    """Applies a follow-up to the appeal it names. An appeal of another channel is as good as none."""
    field = "appeal_id" if event.appeal_id is not None else "external_ref"
    if state is None:
        raise NotYet(field, UNKNOWN)
    if state.channel != input.tenant:
        raise Refused(field, UNKNOWN)
    if event.appeal_id and event.external_ref and state.external_ref not in (None, event.external_ref):
        raise Refused("external_ref", "is not the number of the appeal named by appeal_id")
    attachments = getattr(event, "attachments", None)
    said = FollowUp(
        verb=VERBS[type(event)],
        field=field,
        in_reply_to=input.id,
        at=input.at,
        text=getattr(event, "text", None),
        reason=getattr(event, "reason", None),
        attachments=tuple(attachments) if attachments else None,
    )
    return follow_up(state, said, jurisdiction)


def follow_up(state: Appeal, said: FollowUp, jurisdiction: Jurisdiction) -> Decision:
    """Raises Refused where the appeal is past it. An appeal still on its way to a case keeps it until it is there."""
    match state, said.verb:
        case Received(), "contested":
            raise Refused(said.field, "the appeal is not closed yet; there is no outcome to contest")
        case Received(), _:
            return _wait(state, said)
        case Registered() | Merged(), "urged":
            return _urged(state, said, jurisdiction)
        case Registered() | Merged(), "supplemented":
            return _supplemented(state, said, jurisdiction)
        case Registered() | Merged(), "withdrawn":
            return _withdrawn(state, said, jurisdiction)
        case Registered() | Merged(), _:
            raise Refused(said.field, "the appeal is not closed yet; there is no outcome to contest")
        case Closed(), "contested":
            return _contested(state, said, jurisdiction)
        case _:
            raise Refused(said.field, ENDED[state.state])


def _wait(state: Received, said: FollowUp) -> Decision:
    if any(before.verb == "withdrawn" for before in state.waiting):
        raise Refused(said.field, ENDED["withdrawn"])
    if len(state.waiting) >= MOST_WAITING:
        raise Refused(said.field, "too much was said before the appeal was registered; say it again later")
    return Decision(state.model_copy(update={"waiting": (*state.waiting, said)}))


def _urged(state: Registered | Merged, said: FollowUp, jurisdiction: Jurisdiction) -> Decision:
    after = become(type(state), state, said.at, "urged", jurisdiction, urged=state.urged + 1)
    again = AppealUrged(
        **_whose(state),
        **_words(state, said),
        location=without_room(state.location) if state.confidential else state.location,
    )
    return Decision(after, [Out(again, state.appeal_id)])


def _supplemented(state: Registered | Merged, said: FollowUp, jurisdiction: Jurisdiction) -> Decision:
    after = become(
        type(state), state, said.at, "supplemented", jurisdiction, supplemented=state.supplemented + 1
    )
    more = AppealSupplemented(
        **_whose(state),
        **_words(state, said),
        attachments=list(said.attachments) if said.attachments else None,
    )
    return Decision(after, [Out(more, state.appeal_id)])


def _withdrawn(state: Registered | Merged, said: FollowUp, jurisdiction: Jurisdiction) -> Decision:
    reason = said.reason or ""
    after = become(Withdrawn, state, said.at, "withdrawn", jurisdiction, reason=reason)
    return Decision(
        after,
        [
            Out(
                AppealWithdrawn(
                    **_whose(state),
                    households=state.households,
                    key_household=state.key_household,
                    place=state.place,
                    reason=reason,
                ),
                state.appeal_id,
            ),
            Out(
                NoticeClosed(
                    appeal_id=state.appeal_id,
                    external_ref=state.external_ref,
                    in_reply_to=said.in_reply_to,
                    case_id=state.case_id,
                    outcome="withdrawn",
                    reply=WITHDRAWN_REPLY,
                ),
                state.appeal_id,
                state.channel,
            ),
        ],
    )


def _contested(state: Closed, said: FollowUp, jurisdiction: Jurisdiction) -> Decision:
    reason = said.reason or ""
    after = become(Contested, state, said.at, "contested", jurisdiction, reason=reason)
    return Decision(after, [Out(AppealContested(**_whose(state), reason=reason), state.appeal_id)])


def _words(state: Registered | Merged, said: FollowUp) -> dict[str, Any]:
    text = said.text and veiled(said.text, state.contact, state.location.room)
    return {"text": text or None, "confidential": state.confidential}


def _whose(state: Appealed) -> dict[str, Any]:
    return {"appeal_id": state.appeal_id, "channel": state.channel, "case_id": getattr(state, "case_id", "")}
