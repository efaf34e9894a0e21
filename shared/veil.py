"""What a text or a place must not show: phone numbers, the caller's name and the door."""

from __future__ import annotations

import re

from shared.contracts.values import Contact, Location

_MOBILE = re.compile(r"(?<!\d)1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_DOOR = re.compile(r"(?:\d{1,2}\s*单元\s*)?[A-Za-z]?\d{2,4}\s*(?:号房|室|户)|(?<=\d[-－—])\d{3,4}(?!\d)")

_DOOR_IN_TEXT = re.compile(r"(单元\s*)[A-Za-z]?\d{3,4}(?!\d)|(?<!\d)\d{3,4}(?=\s*(?:号房|室|户))")


def without_room(location: Location) -> Location:
    """A place without the door: an address is left out where compound or building say as much, else cut."""
    address = location.address
    if address is not None:
        known = location.compound or location.building
        address = None if known else without_door(address, None, location.room).strip() or None
    return location.model_copy(update={"room": None, "address": address})


def without_door(text: str, contact: Contact | None, room: str | None) -> str:
    """A text that quotes an address, veiled, and without the door also where it is written as in 3-2-501."""
    return veiled(_DOOR.sub("", text), contact, room)


def veiled(text: str, contact: Contact | None, room: str | None) -> str:
    """Text without phone numbers, the caller's name and the room, also where only the text says it."""
    if contact is not None and contact.phone:
        text = text.replace(contact.phone, mask(contact.phone))
    text = _MOBILE.sub(lambda found: mask(re.sub(r"[- ]", "", found[0])), text)
    if contact is not None and contact.name and len(contact.name) > 1:
        text = text.replace(contact.name, "群众")
    if room and any(letter.isdigit() for letter in room):
        # A short number is only taken for the room where a door is meant: 12 may be degrees.
        after = r"(?![0-9A-Za-z])" if len(room) > 2 else r"(?=\s*(?:号房|室|户))"
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(room)}{after}", "*" * len(room), text)
    return _DOOR_IN_TEXT.sub(lambda found: (found[1] or "") + "***", text)


def mask(phone: str) -> str:
    """138****5678; of a short number only the end."""
    head, tail = (3, 4) if len(phone) >= 11 else (0, 2)
    return phone[:head] + "*" * (len(phone) - head - tail) + phone[-tail:]
