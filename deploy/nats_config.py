"""The NATS server configuration, generated from the registry: who may connect, say and hear what.

Every outsider is an account of its own (DESIGN 5): the server does not check the reply subject of a client,
so permissions within one account would let an agency write into a neighbour's stream. An account sees only
what the core account exports to it by name: its consumer, the acks of that consumer, and its own ingress
subjects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deploy.keys import ADMIN, service_key, tenant_key
from shared.contracts.streams import EGRESS, INGRESS, INGRESS_QUOTA_BYTES, MAX_PAYLOAD_BYTES, SERVICES

CORE = "CORE"
TENANT_CONNECTIONS = 20
TENANT_SUBSCRIPTIONS = 100
OWN_STREAMS_BYTES = 20 * 1024**3
"""Room for the system's own streams beside the tenants' quotas, which the server reserves in full."""

TENANTS_AT_A_TIME = 1000
"""The store's limit is set for so many, so that a reload with a new tenant changes no limit."""

RESERVED = frozenset((*SERVICES, ADMIN))
"""Names a tenant may not have: a consumer of that name would belong to a service."""

_ACCOUNT_PREFIX = {"agency": "AG_", "channel": "CH_", "team": "TM_"}

_SPEAKS: Mapping[str, tuple[str, ...]] = {
    "intake": ("appeal.>", "notice.>", "intake.>"),
    "routing": ("case.>",),
    "response": ("assignment.>", "dispatch.>", "response.>"),
    "revisit": ("verification.>", "revisit.>", "field.>"),
    "metrics": (),
}
"""Service -> what it publishes besides its inner events; the ingress roots are those its HTTP front writes
to."""

_READS_ALL = (
    "$JS.API.CONSUMER.INFO.*.*",
    "$JS.API.CONSUMER.LIST.*",
    "$JS.API.CONSUMER.NAMES.*",
    "$JS.API.STREAM.NAMES",
)
"""What metrics asks in addition, to show lag and dead letters of all."""


class TenantLike(Protocol):
    """What of a registry entry matters here."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Permissions:
    """Subjects a user may publish to and subscribe to; nothing else."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    responses: bool = False


def service_permissions(service: str) -> Permissions:
    """A service speaks its own events and reads through consumers that carry its name."""
    reads = (
        "$JS.API.INFO",
        "$JS.API.STREAM.INFO.*",
        f"$JS.API.CONSUMER.INFO.*.{service}",
        f"$JS.API.CONSUMER.MSG.NEXT.*.{service}",
        f"$JS.ACK.*.{service}.>",
    )
    return Permissions(
        publish=(
            *_SPEAKS[service],
            f"inner.{service}.>",
            f"dead.{service}.>",
            f"tick.{service}",
            *reads,
            *(_READS_ALL if service == "metrics" else ()),
        ),
        subscribe=(f"_INBOX.{service}.>", f"tick.{service}"),
        responses=True,
    )


def admin_permissions() -> Permissions:
    """The setup step and the replay: all of the JetStream API, and publishing anything."""
    return Permissions(publish=(">",), subscribe=(f"_INBOX.{ADMIN}.>",))


def tenant_subjects(tenant: TenantLike) -> tuple[tuple[str, bool], ...]:
    """What is exported to one tenant: (subject, answered by a stream of messages)."""
    stream = EGRESS[tenant.kind].name
    _, root, _ = INGRESS[tenant.kind]
    return (
        (f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{tenant.id}", True),
        (f"$JS.ACK.{stream}.{tenant.id}.>", False),
        (f"{root}.{tenant.id}.>", False),
    )


def account_name(tenant: TenantLike) -> str:
    """The tenant's account in the server configuration."""
    return _ACCOUNT_PREFIX[tenant.kind] + tenant.id


def accounts(tenants: Iterable[TenantLike], public: Callable[[str], str]) -> dict[str, Any]:
    """The accounts block. ``public``: name of a key -> public nkey. ValueError on a reserved or repeated
    id."""
    tenants = tuple(tenants)
    ids = [tenant.id for tenant in tenants]
    if wrong := sorted(RESERVED.intersection(ids)) or sorted({i for i in ids if ids.count(i) > 1}):
        raise ValueError(f"tenant id {wrong[0]} is reserved or given twice")
    users = [_user(public(ADMIN), admin_permissions())]
    users += [_user(public(service_key(s)), service_permissions(s)) for s in SERVICES]
    core = {
        "jetstream": "enabled",
        "users": users,
        "exports": [_export(t, subject, many) for t in tenants for subject, many in tenant_subjects(t)],
    }
    return {CORE: core} | {account_name(t): _tenant_account(t, public(tenant_key(t.id))) for t in tenants}


def server_config(
    tenants: Sequence[TenantLike],
    public: Callable[[str], str],
    *,
    listen: str,
    store: Path | str,
    monitor: str | None = None,
    sync: str = "always",
    name: str = "nuanliu",
) -> str:
    """The whole configuration file of one server.

    ``sync`` other than ``always`` loses acknowledged messages when the power goes (DESIGN 3). ``monitor`` is
    the ``host:port`` of the monitoring pages, none when absent.
    """
    places = -(-len(tenants) // TENANTS_AT_A_TIME) * TENANTS_AT_A_TIME
    reserve = OWN_STREAMS_BYTES + places * INGRESS_QUOTA_BYTES
    top: dict[str, Any] = {"server_name": name, "listen": listen}
    if monitor:
        top["http"] = monitor
    top["jetstream"] = {"store_dir": str(store), "sync_interval": sync, "max_file_store": reserve}
    top["accounts"] = accounts(tenants, public)
    return "".join(f"{key}: {_block(value)}\n" for key, value in top.items())


def _user(nkey: str, permissions: Permissions) -> dict[str, Any]:
    granted: dict[str, Any] = {
        "publish": {"allow": list(permissions.publish)},
        "subscribe": {"allow": list(permissions.subscribe)},
    }
    if permissions.responses:
        granted["allow_responses"] = True
    return {"nkey": nkey, "permissions": granted}


def _export(tenant: TenantLike, subject: str, many: bool) -> dict[str, Any]:
    shape = {"response_type": "stream"} if many else {}
    return {"service": subject, **shape, "accounts": [account_name(tenant)]}


def _tenant_account(tenant: TenantLike, nkey: str) -> dict[str, Any]:
    subjects = [subject for subject, _ in tenant_subjects(tenant)]
    return {
        "users": [_user(nkey, Permissions(tuple(subjects), (f"_INBOX.{tenant.id}.>",)))],
        "limits": {
            "max_connections": TENANT_CONNECTIONS,
            "max_subscriptions": TENANT_SUBSCRIPTIONS,
            "max_payload": MAX_PAYLOAD_BYTES,
        },
        "imports": [{"service": {"account": CORE, "subject": subject}} for subject in subjects],
    }


def _block(value: Any, indent: int = 0) -> str:
    """NATS configuration syntax; strings quoted as JSON does, bare words for numbers and booleans."""
    pad = "  " * (indent + 1)
    end = "  " * indent
    match value:
        case dict():
            lines = [f"{pad}{_key(key)}: {_block(item, indent + 1)}\n" for key, item in value.items()]
            return "{\n" + "".join(lines) + end + "}"
        case list():
            if all(isinstance(item, str) for item in value):
                return "[" + ", ".join(_block(item) for item in value) + "]"
            return "[\n" + "".join(f"{pad}{_block(item, indent + 1)}\n" for item in value) + end + "]"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)
