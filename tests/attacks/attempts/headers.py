"""Headers that mean something to the server, on messages into its own ingress: nobody else may notice."""

from __future__ import annotations

import re
from uuid import uuid4

from deploy.keys import ADMIN
from tests.attacks.attempts.making import OWN, does, with_header
from tests.attacks.installed import CHANNEL, VICTIM
from tests.attacks.judging import Attempt, Bout
from tests.attacks.loose import INTRUDER, PERMISSIONS, SHARED, UNBOUNDED

_OWN_ONLY = "a stream of one's own: the header finds nobody else there"
_UNKNOWN = "the server takes it for an ordinary header"
_SOON = "@at 2020-01-01T00:00:00Z"


def _expects(header: str, value: str) -> Attempt:
    """The refusal says what the stream's number really is; it may only be the sender's own."""

    async def act(bout: Bout) -> None:
        await bout.line.publish(OWN, "mine", headers={header: value})
        said = await bout.line.message()
        told = re.search(r"wrong last (?:sequence|msg ID): (\S+)", said.data.decode() if said else "")
        if told and bout.arena.loose and bout.arena.loose.shared and told.group(1) not in ("0", "''"):
            bout.loot.append(f"how many others have written: {told.group(1)}")

    return does(f"{header}: {value}", act, on=SHARED)


async def _shadows(bout: Bout) -> None:
    """The same id first under its own name: the neighbour's message must be taken all the same."""
    id = str(uuid4())
    await bout.line.publish(OWN, "mine", headers={"Nats-Msg-Id": id})
    await bout.line.message()
    taken = await bout.arena.victim.jetstream().publish(
        f"response.{VICTIM}.accepted.v1", b"the victim's word", headers={"Nats-Msg-Id": id}
    )
    await bout.rebase()
    if taken.duplicate:
        bout.loot.append("the victim's message was taken for a repeat")


async def _expects_foreign_subject(bout: Bout) -> None:
    headers = {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": f"response.{VICTIM}.accepted.v1",
    }
    await bout.line.publish(OWN, "mine", headers=headers)
    said = await bout.line.message()
    told = re.search(r"wrong last sequence: (\d+)", said.data.decode() if said else "")
    if told and told.group(1) != "0":
        bout.loot.append(f"when the victim wrote last: {told.group(1)}")


def _traces(words: str, headers: dict[str, str], to: str | None = None, *, on: str = UNBOUNDED) -> Attempt:
    """A trace tells which accounts and streams a message passed."""

    async def act(bout: Bout) -> None:
        await bout.line.listen(f"{bout.line.inbox}.>", bout.line.inbox)
        target = to or f"{bout.line.inbox}.trace"
        await bout.line.publish(OWN, "mine", headers=headers | {"Nats-Trace-Dest": target})
        await bout.line.message(0.3, skip=1)

    return does(words, act, on=on)


async def _batch(bout: Bout) -> None:
    """A batch that is never committed, and one that names the victim's stream."""
    for number in ("1", "2"):
        await bout.line.publish(OWN, "mine", headers={"Nats-Batch-Id": "b", "Nats-Batch-Sequence": number})


def _ordinary(words: str, headers: dict[str, str] | str, never: str = _UNKNOWN) -> Attempt:
    return with_header(words, headers, on=SHARED, never=never)


def _schedule(words: str, **headers: str) -> Attempt:
    said = {"Nats-Schedule": _SOON} | {f"Nats-Schedule-{name}": value for name, value in headers.items()}
    body = f"forged in the name of {VICTIM}"

    async def act(bout: Bout) -> None:
        await bout.line.publish(f"response.{INTRUDER}.schedule", body, headers=said)
        await bout.line.message()

    return does(words, act, on=SHARED)


HEADERS = (
    with_header("Nats-Rollup: all", {"Nats-Rollup": "all"}, on=SHARED),
    _ordinary("Nats-Rollup: sub", {"Nats-Rollup": "sub"}, _OWN_ONLY),
    _schedule("schedules a message in the victim's name", Target=f"response.{VICTIM}.accepted.v1"),
    _schedule("schedules one with a life of its own", Target=f"response.{VICTIM}.resolved.v1", TTL="1h"),
    _schedule(
        "schedules a copy of what the victim said",
        Target=f"response.{VICTIM}.accepted.v1",
        Source=f"response.{VICTIM}.resolved.v1",
    ),
    _ordinary("Nats-TTL: 1s", {"Nats-TTL": "1s"}, _OWN_ONLY),
    _ordinary("Nats-Marker-Reason: Purge", {"Nats-Marker-Reason": "Purge"}, _OWN_ONLY),
    _ordinary("Nats-Incr: +100", {"Nats-Incr": "+100"}, _OWN_ONLY),
    _ordinary(
        "Nats-Expected-Stream: the victim's", {"Nats-Expected-Stream": f"RESPONSE_{VICTIM}"}, _OWN_ONLY
    ),
    _expects("Nats-Expected-Last-Sequence", "99999"),
    _expects("Nats-Expected-Last-Msg-Id", "another"),
    does("Nats-Expected-Last-Subject-Sequence of the victim's subject", _expects_foreign_subject, on=SHARED),
    does("Nats-Msg-Id that the victim will use", _shadows, on=SHARED),
    _traces("Nats-Trace-Dest: its own inbox", {}),
    _traces("Nats-Trace-Dest: its own inbox, the message itself held back", {"Nats-Trace-Only": "true"}),
    _traces("Nats-Trace-Dest: the victim's inbox", {}, f"_INBOX.{VICTIM}.private"),
    _traces("Nats-Trace-Dest: the victim's ingress", {}, f"response.{VICTIM}.accepted.v1"),
    with_header(
        "traceparent: traced by the account's default",
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        on=SHARED,
        never="no account has a destination for traces",
    ),
    does("Nats-Batch-Id: a batch left open", _batch, on=SHARED, never=_OWN_ONLY),
    _ordinary(
        "Nats-Batch-Commit: a batch of one",
        {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
        _OWN_ONLY,
    ),
    _ordinary("Nats-Stream-Source: the victim's stream", {"Nats-Stream-Source": f"RESPONSE_{VICTIM} 1 > >"}),
    _ordinary("Nats-Sequence, Nats-Last-Sequence: 1", {"Nats-Sequence": "1", "Nats-Last-Sequence": "1"}),
    _ordinary(
        "Nats-Request-Info: the administrator", {"Nats-Request-Info": f'{{"acc":"CORE","user":"{ADMIN}"}}'}
    ),
    _ordinary("Nats-Required-Api-Level: 99", {"Nats-Required-Api-Level": "99"}),
    _ordinary("Nats-Pin-Id: somebody's", {"Nats-Pin-Id": "x"}),
    _ordinary("a status line of its own (503)", "NATS/1.0 503\r\n\r\n"),
    with_header(
        "a header with a line break and a second message behind it",
        f"NATS/1.0\r\nA: b\r\nPUB response.{VICTIM}.accepted.v1 6\r\nforged\r\n\r\n",
        on=PERMISSIONS,
        never="the length says where headers end",
    ),
    _ordinary("a header without a colon, bytes that are no text", "NATS/1.0\r\n\x01\x02\x03\r\n\r\n"),
    _ordinary(
        "Nats-Subject and Nats-Stream of somebody else",
        {"Nats-Subject": f"response.{VICTIM}.accepted.v1", "Nats-Stream": "DISPATCH"},
    ),
    with_header(
        "ce-source and ce-subject of the victim",
        {"ce-source": f"/agency/{VICTIM}", "ce-subject": CHANNEL, "ce-type": "nuanliu.case.closed.v1"},
        on=SHARED,
        never="the service goes by the subject, and that names the sender",
    ),
)
