"""What programs send that are right, wrong or hostile, made by hypothesis; and the books that must balance after it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nats.aio.client import Client

STRUCTURED = "application/cloudevents+json"
FIRST_LINE = b"NATS/1.0\r\n"


@dataclass(frozen=True)
class Word:
    """Something a program says: the verb, the data, and whether it must be applied (True), must not (False), or may."""

    verb: str
    data: dict[str, Any]
    good: bool | None = True


@dataclass(frozen=True)
class Message:
    """As it is published: ``header`` bytes as they are, empty for none."""

    verb: str
    header: bytes
    body: bytes
    good: bool | None
    id: str | None = None
    event: str = ""
    again: int = -1
    """The message that this one repeats, by its place."""


def generate(words: st.SearchStrategy[Word], root: str, count: int, again: bool = True) -> list[Message]:
    """So many messages around these words, half of them as they should be, the others wrong in all the ways there are.
    ``again``: whether some are said again, with the same or another body."""
    ways = sorted(WAYS) if again else sorted(WAYS.keys() - {"again", "reused"})
    made: list[Message] = []

    def make(word: Word, way: str, number: int, text: str) -> None:
        if len(made) >= count:
            return
        if way in ("again", "reused"):
            if not made:
                return
            before = made[number % len(made)]
            place = number % len(made)
            if way == "again":
                made.append(replace(before, again=place if before.again < 0 else before.again))
                return
            if before.id is None or not before.good:
                return
            other = replace(word, good=None, data=word.data | {"note": f"another body {number}"})
            made.append(binary(root, other, before.id))
            return
        made.append(WAYS[way](root, word, text, number))

    drawn = given(
        words, st.sampled_from(RIGHT) | st.sampled_from(ways), st.integers(0, 1 << 30), st.text(max_size=30)
    )
    while len(made) < count:
        lacking = settings(
            max_examples=count - len(made),
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        lacking(drawn(make))()
    return made


def binary(root: str, word: Word, id: str, body: bytes | None = None, **changes: str | None) -> Message:
    """In binary mode; an attribute None is left out."""
    type = f"nuanliu.{root}.{word.verb}.v1"
    headers: dict[str, str | None] = {
        "ce-id": id,
        "ce-source": "/boundary",
        "ce-specversion": "1.0",
        "ce-type": type,
        "content-type": "application/json",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    data = json.dumps(word.data, ensure_ascii=False).encode() if body is None else body
    header = FIRST_LINE + "".join(lines).encode() + b"\r\n"
    return Message(word.verb, header, data, word.good, id if headers["ce-id"] else None, type)


def structured(root: str, word: Word, id: str, **changes: Any) -> Message:
    type = f"nuanliu.{root}.{word.verb}.v1"
    event = {"id": id, "source": "/boundary", "specversion": "1.0", "type": type, "data": word.data} | changes
    event = {name: value for name, value in event.items() if value is not None}
    header = FIRST_LINE + f"content-type: {STRUCTURED}\r\n\r\n".encode()
    return Message(
        word.verb, header, json.dumps(event, ensure_ascii=False).encode(), word.good, event.get("id"), type
    )


def _new() -> str:
    return str(uuid4())


def _bad(change: Callable[[str, Word, str, int], Message]) -> Callable[[str, Word, str, int], Message]:
    return lambda root, word, text, number: replace(
        change(root, replace(word, good=False), text, number), good=False
    )


def _data(
    change: Callable[[dict[str, Any], str, int], dict[str, Any]],
) -> Callable[[str, Word, str, int], Message]:
    def make(root: str, word: Word, text: str, number: int) -> Message:
        changed = replace(word, data=change(word.data, text, number))
        return (structured if number % 3 == 0 else binary)(root, changed, _new())

    return _bad(make)


def _bytes(change: Callable[[bytes, str, int], bytes]) -> Callable[[str, Word, str, int], Message]:
    def make(root: str, word: Word, text: str, number: int) -> Message:
        body = change(json.dumps(word.data, ensure_ascii=False).encode(), text, number)
        return binary(root, word, _new(), body)

    return _bad(make)


def _deep(root: str, word: Word, _text: str, number: int) -> Message:
    """Structured, and readable at first: closed again on every level, so many that they cannot be written again."""
    levels = 254 + number % 700
    made = structured(root, replace(word, data=word.data | {"x": "DEEP"}), _new())
    return replace(made, body=made.body.replace(b'"DEEP"', b"[" * levels + b"]" * levels))


def _header(header: Callable[[str, int], bytes]) -> Callable[[str, Word, str, int], Message]:
    def make(root: str, word: Word, text: str, number: int) -> Message:
        body = json.dumps(word.data).encode()
        return Message(word.verb, header(text, number), body, False)

    return make


def _illegible(word: Word, id: str) -> Message:
    header = FIRST_LINE + b"ce-id: \xff%s\r\nce-type: \x00\r\n\r\n" % id.encode()
    return Message(word.verb, header, b"{}", False, f"\ufffd{id}")


def _time(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def _line(text: str) -> str:
    return "".join(c for c in text if c not in "\r\n")


RIGHT = ("binary", "binary, too", "structured", "in other letters")
WAYS: dict[str, Callable[[str, Word, str, int], Message]] = {
    "binary": lambda root, word, _, __: binary(root, word, _new()),
    "binary, too": lambda root, word, _, __: binary(root, word, _new(), ce_time=_time(0)),
    "structured": lambda root, word, _, __: structured(root, word, _new()),
    "in other letters": lambda root, word, _, __: binary(
        root, word, _new(), json.dumps(word.data, indent=3).encode() + b" " * 100
    ),
    "again": lambda root, word, _, __: binary(root, word, _new()),
    "reused": lambda root, word, _, __: binary(root, word, _new()),
    "unknown field": _data(lambda data, text, n: data | {f"x{text}": n}),
    "a field less": _data(lambda data, _, n: {k: v for i, (k, v) in enumerate(data.items()) if i != 0}),
    "another type": _data(lambda data, text, n: data | {sorted(data)[n % len(data)]: [text]}),
    "null": _data(lambda data, _, n: data | {next(iter(data)): None}),
    "ahead": _data(lambda data, _, n: data | {"at": _time(6 + n % 1000), "reported_at": _time(6 + n % 1000)}),
    "without offset": _data(
        lambda data, _, n: data | {"at": "2026-11-20T08:00:00", "reported_at": "2026-11-20"}
    ),
    "cut": _bytes(lambda body, _, n: body[: n % (len(body) - 1)]),
    "garbage": _bytes(lambda _, text, n: b"\x80" + text.encode("utf-16") + n.to_bytes(4, "big")),
    "a byte order mark": _bytes(lambda body, _, __: b"\xef\xbb\xbf" + body),
    "UTF-16": _bytes(lambda body, _, __: body.decode().encode("utf-16")),
    "GBK": _bytes(lambda body, _, __: body[:-1] + ', "note": "不热"}'.encode("gbk")),
    "compressed": _bytes(lambda body, _, __: gzip.compress(body)),
    "oversized": _bytes(lambda body, _, n: body + b" " * (65_537 + n % 1000)),
    "deep": _bytes(lambda _, __, n: b"[" * (2000 + n % 2000)),
    "deep, structured": _bad(_deep),
    "no id": _bad(lambda root, word, _, __: binary(root, word, "", ce_id=None)),
    "a long id": _bad(lambda root, word, _, n: replace(binary(root, word, "i" * (257 + n % 500)), id=None)),
    "no source": _bad(lambda root, word, _, __: binary(root, word, _new(), ce_source=None)),
    "another version": _bad(lambda root, word, _, __: structured(root, word, _new(), specversion="0.3")),
    "another event": _bad(
        lambda root, word, _, __: binary(root, word, _new(), ce_type="nuanliu.case.closed.v1")
    ),
    "plain text": _bad(lambda root, word, _, __: binary(root, word, _new(), content_type="text/plain")),
    "content encoding": _bad(lambda root, word, _, __: binary(root, word, _new(), content_encoding="gzip")),
    "a time of its own": _bad(lambda root, word, text, _: structured(root, word, _new(), time=f"soon{text}")),
    "no such verb": _bad(lambda root, word, _, n: binary(root, replace(word, verb=f"verb{n % 9}"), _new())),
    "no header": _header(lambda _, __: b""),
    "a header of two bytes": _header(lambda _, __: b"\r\n"),
    "a status": _header(lambda _, n: b"NATS/1.0 %d\r\n\r\n" % (100 + n % 500)),
    "no names": _header(lambda text, _: FIRST_LINE + f"{_line(text)}\r\n: x\r\nce-id\r\n\r\n".encode()),
    "no UTF-8 in a header": lambda _, word, __, ___: _illegible(word, _new()),
}
"""How a word becomes a message: as it should be, said again, or wrong in one way."""


async def publish(client: Client, root: str, tenant: str, messages: Sequence[Message]) -> None:
    """Sends them in their order, bytes as they are, without waiting for a receipt."""
    for message in messages:
        subject = f"{root}.{tenant}.{message.verb}.v1".encode()
        if message.header:
            size = b"%d %d" % (len(message.header), len(message.header) + len(message.body))
            await client._send_command(b"HPUB %s %s\r\n" % (subject, size))
        else:
            await client._send_command(b"PUB %s %d\r\n" % (subject, len(message.body)))
        await client._send_command(message.header + message.body + b"\r\n")
    await client.flush()
