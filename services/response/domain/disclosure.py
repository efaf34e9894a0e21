"""What an agency may know, and from when (CONTRACTS 2). Phone and room wait for acceptance, or are never shown; free
text and addresses may hold them too and are veiled as long."""

from __future__ import annotations

from typing import Any

from services.response.domain.assignment import AssignmentData, Order, Withheld
from shared.contracts.response import DispatchAssigned, DispatchUpdated
from shared.contracts.routing import CaseAssigned
from shared.contracts.values import Contact, Location
from shared.veil import mask, veiled, without_room


def ordered(event: CaseAssigned) -> tuple[Order, Withheld | None]:
    """What the agency is told at once, and what it learns on acceptance."""
    common = {name: getattr(event, name) for name in _SAME}
    if event.confidential:
        what = event.category.path[-1] if event.category.path else event.category.code
        summary = f"{what}（{event.place.name if event.place.known else '地点待核实'}）"
        hidden = Order(**common, summary=summary, location=without_room(event.location))
        return hidden, None
    if event.disclose == "at_once":
        shown = Order(
            **common,
            summary=event.summary,
            text=event.text,
            supplements=event.supplements,
            location=event.location,
            contact=event.contact,
        )
        return shown, None
    summary = veiled(event.summary, event.contact, event.location.room)
    if event.disclose == "never":
        return Order(**common, summary=summary, location=without_room(event.location)), None
    phone = _masked(event.contact)
    first = Order(
        **common,
        summary=summary,
        text=veiled(event.text, event.contact, event.location.room) if event.text else None,
        supplements=event.supplements,
        location=without_room(event.location),
        contact=Contact(phone_masked=phone) if phone else None,
    )
    return first, Withheld(location=event.location, contact=event.contact)


def on_acceptance(assignment: AssignmentData) -> tuple[dict[str, Any], DispatchUpdated | None]:
    """What changes in an assignment with its acceptance, and what the agency is sent for it."""
    withheld = assignment.withheld
    if withheld is None:
        return {}, None
    known = withheld.contact
    contact = Contact(name=known.name, phone=known.phone) if known else None
    order = assignment.order.model_copy(update={"location": withheld.location, "contact": contact})
    update = DispatchUpdated(
        assignment_id=assignment.assignment_id,
        appeals=assignment.appeals,
        households=assignment.households,
        places=list(assignment.places) or [withheld.location],
        contact=contact,
    )
    return {"order": order, "withheld": None, "rooms": "shown"}, update


def places_shown(assignment: AssignmentData, places: list[Location]) -> list[Location]:
    """Places as the agency may see them by now."""
    return places if assignment.rooms == "shown" else [without_room(place) for place in places]


def words_shown(assignment: AssignmentData, words: str | None) -> str | None:
    """What a resident added, veiled before it came here, as far as this agency may read words at all."""
    return None if assignment.order.confidential or assignment.rooms == "never" else words


def as_assigned(assignment: AssignmentData) -> DispatchAssigned:
    """The assignment in the words of `dispatch.<agency>.assigned`, as the agency may see it by now."""
    due = {step: clock.due for step, clock in assignment.clocks.items()}
    return DispatchAssigned(
        **{name: getattr(assignment.order, name) for name in Order.model_fields},
        assignment_id=assignment.assignment_id,
        case_id=assignment.case_id,
        appeals=assignment.appeals,
        households=assignment.households,
        attachments=list(assignment.attachments) or None,
        accept_by=due["accept"],
        contact_by=due.get("contact"),
        arrive_by=due.get("arrive"),
        report_in_by=assignment.report_in_by,
        resolve_by=due["resolve"],
    )


def as_seen(assignment: AssignmentData) -> dict[str, Any]:
    """The whole assignment for its agency's eyes, as JSON values: what it was sent, where it stands, what it did."""
    own = assignment.model_dump(
        mode="json", exclude_none=True, exclude={"order", "withheld", "rooms", "clocks", "heard", "next_due"}
    )
    own["places"] = [
        place.model_dump(mode="json", exclude_none=True)
        for place in places_shown(assignment, assignment.places)
    ]
    return as_assigned(assignment).model_dump(mode="json", exclude_none=True) | own


_SAME = (
    "case_no",
    "role",
    "lead_agency",
    "mode",
    "nature",
    "category",
    "urgency",
    "reported_at",
    "indoor_temperature",
    "confidential",
    "key_household",
    "policy",
    "rework",
    "step",
)


def _masked(contact: Contact | None) -> str | None:
    if contact is None:
        return None
    return contact.phone_masked or (mask(contact.phone) if contact.phone else None)
