"""A resident's words become an appeal: understood, and answered, refused or sent on to its matter."""

from __future__ import annotations

import re
from typing import Any

from services.intake.domain.appeal import Answered, NotAccepted, Received, Step
from services.intake.understand import Understood, understand
from shared.contracts.channel import Submitted
from shared.contracts.intake import AppealAnswered, AppealNotAccepted, NoticeAnswered, NoticeNotAccepted
from shared.contracts.intake_steps import PlaceAppeal
from shared.contracts.values import Contact, Location, Place, Reporter
from shared.ids import derive
from shared.loop.decision import Decision, Input, Out
from shared.policy import Jurisdiction
from shared.policy.phrases import plain
from shared.policy.places import Compound

_NUMBER = re.compile(r"[0-9a-z]+")


def appeal_id(channel: str, event_id: str) -> str:
    """An appeal is named by who handed it in and how they named it, so that a repeat is known for ever."""
    return derive("appeal", channel, event_id)


def ref_key(channel: str, external_ref: str) -> str:
    """A channel's own number, which is unique only within the channel."""
    return f"{channel}|{external_ref}"


def matter_key(place: Place, category: str, appeal: str, jurisdiction: Jurisdiction) -> str:
    """Appeals about one compound and one category are one matter; a wider or unknown place is nobody else's.

    Where the policy merges the category by loop or station, so are those of compounds that share it. What counts is
    what the compound hangs on, not the building: one compound is never two matters (docs/decisions/0040).
    """
    compound = jurisdiction.places.compound(place.code)
    if compound is None:
        return f"{place.code}|{category}|{appeal}"
    return f"{_shared_ground(compound, jurisdiction, category) or compound.code}|{category}"


def _shared_ground(compound: Compound, jurisdiction: Jurisdiction, category: str) -> str | None:
    """What the homes of several compounds have in common that can fail for all of them; None where it is nothing."""
    station = jurisdiction.places.station_of(compound.code)
    if station is None or compound.heating is None:
        return None
    match jurisdiction.policy.merge_by(category):
        case "station":
            return f"station:{station.code}"
        case "loop" if compound.heating.secondary_network == "shared":
            return f"loop:{station.code}"
        case _:
            return None


def receive(_state: None, event: Submitted, input: Input, jurisdiction: Jurisdiction) -> Decision:
    """Takes an appeal in. It has been heard and understood when this returns; a case is the matter's to give."""
    read = understand(event.said, event.nature, event.category, event.location, jurisdiction)
    common = _common(event, read, input, jurisdiction)
    about, channel = common["appeal_id"], input.tenant
    told = {"appeal_id": about, "external_ref": event.external_ref, "in_reply_to": input.id}
    if read.not_accepted is not None:
        code, reason = read.not_accepted
        return Decision(
            _first(NotAccepted, common, jurisdiction, "not_accepted", reason_code=code, reason=reason),
            [
                Out(
                    AppealNotAccepted(
                        appeal_id=about,
                        channel=channel,
                        reason_code=code,
                        reported_at=common["reported_at"],
                    ),
                    about,
                ),
                Out(NoticeNotAccepted(**told, reason_code=code, reason=reason), about, channel),
            ],
        )
    if read.answer is not None:
        answer = read.answer + _whom_to_call(read, event.said, jurisdiction)
        return Decision(
            _first(Answered, common, jurisdiction, "answered", answer=answer),
            [
                Out(
                    AppealAnswered(
                        appeal_id=about,
                        channel=channel,
                        category=common["category"],
                        reported_at=common["reported_at"],
                    ),
                    about,
                ),
                Out(NoticeAnswered(**told, answer=answer), about, channel),
            ],
        )
    received = _first(Received, common, jurisdiction)
    return Decision(received, [Out(place_appeal(received), about)])


def _whom_to_call(read: Understood, text: str, jurisdiction: Jurisdiction) -> str:
    duty = jurisdiction.on_duty(read.category, read.place, plain(text))
    return f"值班电话：{duty.name} {duty.phone}。" if duty else ""


def place_appeal(appeal: Received, not_case: str | None = None) -> PlaceAppeal:
    """Asks the matter which case the appeal belongs to."""
    return PlaceAppeal(
        matter=appeal.matter,
        category=appeal.category.code,
        appeal_id=appeal.appeal_id,
        households=appeal.households,
        not_case=not_case,
        place=appeal.place.code,
    )


def masked(phone: str) -> str:
    """A phone number of which nobody can be called: ``138****1234``."""
    digits = "".join(sign for sign in phone if sign.isascii() and sign.isdigit())
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) > 7 else "****"


def _first(kind: Any, common: dict[str, Any], jurisdiction: Jurisdiction, *what: str, **more: Any) -> Any:
    policy = jurisdiction.policy.label
    steps = tuple(Step(at=common["received_at"], what=name, policy=policy) for name in ("received", *what))
    return kind(**common, **more, history=steps)


def _common(event: Submitted, read: Understood, input: Input, jurisdiction: Jurisdiction) -> dict[str, Any]:
    about = appeal_id(input.tenant, input.id)
    category = jurisdiction.policy.category_ref(read.category)
    reporter = event.reporter or Reporter()
    location = event.location or Location()
    compound = jurisdiction.places.compound(read.place.code)
    return {
        "appeal_id": about,
        "channel": input.tenant,
        "in_reply_to": input.id,
        "external_ref": event.external_ref,
        "ref_key": ref_key(input.tenant, event.external_ref) if event.external_ref else None,
        "received_at": input.at,
        "reported_at": event.reported_at or input.at,
        "nature": read.nature,
        "category": category,
        "place": read.place,
        "matter": matter_key(read.place, category.code, about, jurisdiction),
        "text": event.said,
        "location": location,
        "contact": _contact(reporter),
        "confidential": bool(reporter.confidential) or read.nature == "report_of_wrongdoing",
        "key_household": compound is not None
        and compound.is_key_household(location.building, location.entrance, location.room),
        "households": reporter.represents_households or 1,
        "indoor_temperature": event.indoor_temperature,
        "attachments": event.attachments,
        "found_by": event.found_by or "resident",
        "upstream_due": event.upstream_due,
        "confidence": read.confidence,
        "because": read.because,
        "proposals": read.proposals,
    }


def _contact(reporter: Reporter) -> Contact | None:
    if reporter.anonymous or not (reporter.name or reporter.phone):
        return None
    phone = reporter.phone or None
    return Contact(name=reporter.name, phone=phone, phone_masked=masked(phone) if phone else None)
