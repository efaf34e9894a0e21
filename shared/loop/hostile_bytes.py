"""Keeps an outsider's bytes from stopping nats-py.

The server stores any bytes as a header and any but blanks as a subject. nats-py (2.16) reads what it is sent
in one task per connection, which ends for good at a header shorter than its first line or a subject that is not
UTF-8, and reconnects, to be sent the same again, at a form feed in a subject: one message of one tenant would stop
a service for all.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.protocol import parser

UNREADABLE = "nuanliu-unreadable-header"
"""Stands for a header that could not be taken apart; its value is the bytes, percent-encoded."""

_KEPT = 1024
_FIRST_LINE = b"NATS/1.0\r\n"

parser.MSG_RE = re.compile(
    rb"\AMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)\r\n"
)
parser.HMSG_RE = re.compile(
    rb"\AHMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)[ \t]+(\d+)\r\n"
)


def harden(client: Client) -> None:
    """From now on every message that reaches ``client`` reaches its subscription, whatever its header and subject."""
    of_status = client._process_headers

    async def headers(raw: bytes | None) -> dict[str, str] | None:
        if not raw:
            return None
        if raw.startswith(_FIRST_LINE):
            return _lines(raw[len(_FIRST_LINE) :].decode(errors="replace")) or None
        try:
            return await of_status(raw)
        except Exception:
            return {UNREADABLE: quote(raw[:_KEPT])}

    def message(sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None) -> Msg:
        return Msg(
            subject=subject.decode(errors="replace"),
            reply=reply.decode(),
            data=data,
            headers=headers,
            _client=client,
            _sid=sid,
        )

    changed: Any = client
    changed._process_headers = headers
    changed._build_message = message


def _lines(text: str) -> dict[str, str]:
    """Name and value of each line; what is no header is left out. (A fifth of nats-py's time for it.)"""
    found: dict[str, str] = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if colon and name.isascii() and name.isprintable() and " " not in name:
            found[name] = value.strip()
    return found
