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

parser.MSG_RE = re.compile(
    rb"\AMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)\r\n"
)
parser.HMSG_RE = re.compile(
    rb"\AHMSG[ \t]+([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)[ \t]+(\d+)\r\n"
)


def harden(client: Client) -> None:
    """From now on every message that reaches ``client`` reaches its subscription, whatever its header and subject."""
    take_apart = client._process_headers

    async def headers(raw: bytes) -> dict[str, str] | None:
        try:
            return await take_apart(raw)
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
