"""Whatever bytes an outsider puts where nats-py reads, a message comes of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.protocol.parser import Parser

from shared.ids import NUANLIU, derive
from shared.loop.hostile_bytes import harden


class Ear:
    """A connection's end: what its parser makes of what arrives."""

    def __init__(self) -> None:
        self.client = Client()
        harden(self.client)
        self.heard: list[Msg] = []
        self.parser = Parser(self)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, header: bytes) -> None:
        changed: Any = self.client
        headers = await changed._process_headers(header)
        self.heard.append(changed._build_message(sid, subject, reply, data, headers))


async def heard(subject: bytes, header: bytes, data: bytes) -> Msg:
    ear = Ear()
    if header:
        first = b"HMSG %s 1 $JS.ACK.a %d %d\r\n" % (subject, len(header), len(header) + len(data))
    else:
        first = b"MSG %s 1 $JS.ACK.a %d\r\n" % (subject, len(data))
    await ear.parser.parse(first + header + data + b"\r\n")
    [message] = ear.heard
    return message


subjects = st.binary(min_size=1, max_size=40).map(
    lambda raw: bytes(b for b in raw if b not in b" \t\r\n") or b"s"
)


@given(subjects, st.binary(max_size=60), st.binary(max_size=20))
@example(b"s", b"X", b"")
@example(b"s", b"NATS/1.0", b"{}")
@example(b"s", b"NATS/1.0 \xff\xff\xff \xff\r\n\r\n", b"{}")
@example(b"s\xff", b"NATS/1.0\r\n\r\n", b"{}")
@example(b"s\x0c7", b"NATS/1.0\r\nce-id: \xff\r\n\xff: 1\r\n:\r\n\r\n", b"{}")
async def test_any_subject_and_header_arrive(subject: bytes, header: bytes, data: bytes) -> None:
    message = await heard(subject, header, data)
    assert (message.data, message.reply) == (data, "$JS.ACK.a")
    assert message.subject == subject.decode(errors="replace")


@given(st.binary(max_size=80))
async def test_any_lines_of_a_header_arrive(lines: bytes) -> None:
    message = await heard(b"s", b"NATS/1.0\r\n" + lines, b"{}")
    assert message.data == b"{}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"NATS/1.0\r\nce-id: 1\r\nce-time:2026\r\n\r\n", {"ce-id": "1", "ce-time": "2026"}),
        ("NATS/1.0\r\nce-id: 暖:气 \r\n\r\n".encode(), {"ce-id": "暖:气"}),
        (b"NATS/1.0\r\nbad name: 1\r\n\xe6: 2\r\nnone\r\n\r\n", None),
        (b"NATS/1.0\r\n\r\n", None),
        (b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n", {"Status": "408"}),
        (b"NATS/1.0 100 Idle Heartbeat\r\n\r\n", {"Status": "100"}),
    ],
)
async def test_headers_and_statuses(header: bytes, expected: dict[str, str] | None) -> None:
    headers = (await heard(b"s", header, b"")).headers
    assert headers == expected if expected is None or "Status" not in expected else headers is not None
    for name, value in (expected or {}).items():
        assert headers is not None
        assert headers[name] == value


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_derived_id_is_a_uuid5(parts: list[str]) -> None:
    try:
        name = "\x1f".join(parts)
        name.encode()
    except UnicodeEncodeError:
        return
    assert derive(*parts) == str(uuid5(NUANLIU, name))
