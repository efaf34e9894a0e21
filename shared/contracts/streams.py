"""Streams and consumers, as data. Only the setup step creates or changes them; services check and refuse to start.

Internal streams keep 30 days and deny deletion. An outsider's ingress is a work queue of its own with a quota
(DESIGN 3), so that a full one refuses its tenant and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.contracts.base import Event

SERVICES = ("intake", "routing", "response", "revisit", "metrics")


@dataclass(frozen=True)
class Stream:
    """One JetStream stream. ``window``: how long a `Nats-Msg-Id` is remembered. ``max_bytes``: -1 is no quota.
    ``worked_off``: single messages may be deleted by who works it off."""

    name: str
    subjects: tuple[str, ...]
    retention: Literal["limits", "workqueue"] = "limits"
    max_age: timedelta = timedelta(days=30)
    window: timedelta = timedelta(hours=1)
    max_bytes: int = -1
    max_msg_size: int = -1
    atomic: bool = True
    worked_off: bool = False

    @property
    def deny_delete(self) -> bool:
        return self.retention == "limits" and not self.worked_off


@dataclass(frozen=True)
class Consumer:
    """One durable pull consumer: explicit ack, unlimited deliveries, from the beginning.

    ``pinned``: one of several who pull gets everything, until it has not asked for so long; then another does.
    """

    stream: str
    name: str
    filters: tuple[str, ...]
    max_ack_pending: int = 4096
    pinned: timedelta | None = None


APPEAL = Stream("APPEAL", ("appeal.>",))
CASE = Stream("CASE", ("case.>",))
ASSIGNMENT = Stream("ASSIGNMENT", ("assignment.>",))
VERIFICATION = Stream("VERIFICATION", ("verification.>",))
INNER = Stream("INNER", ("inner.>",))
NOTICE = Stream("NOTICE", ("notice.>",))
DISPATCH = Stream("DISPATCH", ("dispatch.>",))
REVISIT = Stream("REVISIT", ("revisit.>",))
DEAD = Stream("DEAD", ("dead.>",), atomic=False)
OURS = (APPEAL, CASE, ASSIGNMENT, VERIFICATION, INNER, NOTICE, DISPATCH, REVISIT, DEAD)
UNDELIVERED = Stream("UNDELIVERED", ("undelivered.>",), atomic=False, worked_off=True)
"""What could not be delivered to an agency's own address. A list of response's own and no word between services: only
response asks for it."""

_BY_ROOT = {stream.subjects[0].split(".")[0]: stream for stream in OURS}

HOOK_IN_HAND = 256
HOOK_PINNED = timedelta(seconds=10)
HOOKS_ASKED = "webhooks.response"
"""By which the copies of response ask each other how deliveries stand."""

HOOK_GROUP = "hook"
"""The one priority group of a consumer whose reader is pinned."""

INGRESS_QUOTA_BYTES = 256 * 1024 * 1024
MAX_DATA_BYTES = 65_536
MAX_PAYLOAD_BYTES = 131_072

INGRESS = {
    "channel": ("INTAKE_", "intake", "intake"),
    "agency": ("RESPONSE_", "response", "response"),
    "team": ("FIELD_", "field", "revisit"),
}
"""Tenant kind -> (stream prefix, subject root, service that consumes it)."""

EGRESS = {"channel": NOTICE, "agency": DISPATCH, "team": REVISIT}
"""Tenant kind -> the stream on which a tenant has a durable consumer named after itself."""


def stream_of(subject: str) -> str:
    """The name of the stream that stores this subject."""
    root, _, rest = subject.partition(".")
    if root in _BY_ROOT:
        return _BY_ROOT[root].name
    for prefix, ingress_root, _ in INGRESS.values():
        if root == ingress_root:
            return prefix + rest.split(".", 1)[0]
    raise ValueError(f"no stream stores {subject}")


def ingress(kind: str, tenant: str, quota: int = INGRESS_QUOTA_BYTES) -> Stream:
    """The work queue in which what one tenant sends waits for its service."""
    prefix, root, _ = INGRESS[kind]
    return Stream(
        prefix + tenant,
        (f"{root}.{tenant}.>",),
        retention="workqueue",
        window=timedelta(milliseconds=100),
        max_bytes=quota,
        atomic=False,
    )


def ingress_consumer(kind: str, tenant: str) -> Consumer:
    """The service's consumer on a tenant's ingress."""
    prefix, root, service = INGRESS[kind]
    return Consumer(prefix + tenant, service, (f"{root}.{tenant}.>",))


def egress_consumer(kind: str, tenant: str) -> Consumer:
    """The tenant's own consumer, to which it binds (CONTRACTS 0)."""
    stream = EGRESS[kind]
    return Consumer(
        stream.name, tenant, (f"{stream.subjects[0].split('.')[0]}.{tenant}.>",), max_ack_pending=1000
    )


def hook_consumer(agency: str) -> Consumer:
    """What delivers an agency's orders to its own address reads by; no tenant's name has an underscore."""
    return Consumer(
        DISPATCH.name,
        f"hook_{agency}",
        (f"dispatch.{agency}.>",),
        max_ack_pending=HOOK_IN_HAND,
        pinned=HOOK_PINNED,
    )


def service_consumers(service: str, events: Iterable[type[Event]]) -> tuple[Consumer, ...]:
    """One durable consumer per internal stream, named after the service, filtered to the events it handles."""
    filters: dict[str, set[str]] = {}
    for event in events:
        if not event.to_tenant:
            filters.setdefault(stream_of(event.pattern), set()).add(event.pattern)
    return tuple(
        Consumer(stream, service, tuple(sorted(subjects))) for stream, subjects in sorted(filters.items())
    )
