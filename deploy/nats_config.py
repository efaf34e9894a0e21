"""The NATS server configuration, generated from the registry: who may connect, say and hear what.

Every outsider is an account of its own (DESIGN 5): the server does not check the reply subject of a client,
so permissions within one account would let an agency write into a neighbour's stream. An account sees only
what the core account exports to it by name: its consumer, the acks of that consumer, and its own ingress
subjects. A tenant that is suspended keeps its account, and nobody is let into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.keys import ADMIN, SYSTEM, service_key
from deploy.nats_permissions import (
    RESERVED,
    Permissions,
    admin_permissions,
    service_permissions,
    system_permissions,
    tenant_permissions,
    tenant_subjects,
)
from shared.contracts.streams import (
    INGRESS_QUOTA_BYTES,
    MAX_PAYLOAD_BYTES,
    SERVICES,
)
from shared.policy.tenants import Tenant

CORE = "CORE"
CLUSTER = "nuanliu"
SYS = "SYS"
"""The account in which the server takes orders: who changes the registry tells it there to read this again."""

OWN_STREAMS_BYTES = 20 * 1024**3
"""Room for the system's own streams beside the tenants' quotas, which the server reserves in full."""

HANDSHAKE_SECONDS = 5
TENANTS_AT_A_TIME = 1000
"""The store's limit is set for so many, so that a reload with a new tenant changes no limit."""

_ACCOUNT_PREFIX = {"agency": "AG_", "channel": "CH_", "team": "TM_"}


@dataclass(frozen=True)
class Tls:
    """Files as the server sees them. ``certificate``: certificate and key in one. ``ca``: who signed the other servers
    of a cluster."""

    certificate: str
    ca: str = ""


@dataclass(frozen=True)
class Cluster:
    """How one server finds the others. ``listen``: host:port for them. ``host``: by which they reach this one;
    ``others``: theirs. ``port``: of all of them for each other. Clients are told of no other server: partners and
    services come by different ports, and each is given all of its own.

    They show each other certificates and a password: an authority that the operator brought may have signed others'.
    """

    host: str
    others: tuple[str, ...]
    listen: str
    port: int
    password: str


def account_name(tenant: Tenant) -> str:
    """The tenant's account in the server configuration."""
    return _ACCOUNT_PREFIX[tenant.kind] + tenant.id


def accounts(tenants: Iterable[Tenant], public: Callable[[str], str]) -> dict[str, Any]:
    """The accounts block. ``public``: name of one of our own keys -> public nkey. ValueError on a reserved or repeated
    id."""
    present = [tenant for tenant in tenants if tenant.state != "removed"]
    ids = [tenant.id for tenant in present]
    if wrong := sorted(RESERVED.intersection(ids)) or sorted({i for i in ids if ids.count(i) > 1}):
        raise ValueError(f"tenant id {wrong[0]} is reserved or given twice")
    users = [_user(public(ADMIN), admin_permissions())]
    users += [_user(public(service_key(s)), service_permissions(s)) for s in SERVICES]
    core = {
        "jetstream": "enabled",
        "users": users,
        "exports": [_export(t, subject, many) for t in present for subject, many in tenant_subjects(t)],
    }
    system = {"users": [_user(public(SYSTEM), system_permissions())]}
    return {SYS: system, CORE: core} | {account_name(t): _tenant_account(t) for t in present}


def server_config(
    tenants: Sequence[Tenant],
    public: Callable[[str], str],
    *,
    listen: str,
    store: Path | str,
    monitor: str | None = None,
    sync: str = "always",
    name: str = "nuanliu",
    tls: Tls | None = None,
    cluster: Cluster | None = None,
    before: str = "",
) -> str:
    """The whole configuration file of one server.

    ``sync`` other than ``always`` loses acknowledged messages when the power goes (DESIGN 3). ``monitor`` is
    the ``host:port`` of the monitoring pages, none when absent. With ``tls`` nobody is let in without. ``before``: the
    file that this one replaces while the server runs.
    """
    top: dict[str, Any] = {"server_name": name, "listen": listen}
    if monitor:
        top["http"] = monitor
    if tls:
        top["tls"] = _tls(tls) | {"handshake_first": "auto"}
    if cluster:
        top["cluster"] = _cluster(cluster, tls)
    top["jetstream"] = {
        "store_dir": str(store),
        "sync_interval": sync,
        "max_file_store": _reserve(tenants, before),
    }
    top["system_account"] = SYS
    top["accounts"] = accounts(tenants, public)
    return "".join(f"{key}: {_block(value)}\n" for key, value in top.items())


def _reserve(tenants: Iterable[Tenant], before: str) -> int:
    """Bytes of the store, in steps. A server refuses to read a file with fewer than it has."""
    quotas = sum(tenant.quota.bytes for tenant in tenants if tenant.state != "removed")
    step = TENANTS_AT_A_TIME * INGRESS_QUOTA_BYTES
    has = re.search(r"\bmax_file_store: (\d+)", before)
    return max(OWN_STREAMS_BYTES + max(1, -(-quotas // step)) * step, int(has[1]) if has else 0)


def _tls(tls: Tls) -> dict[str, Any]:
    """A client may begin with the handshake, which nobody between can talk it out of, or wait for INFO as most do. The
    usual two seconds for a handshake are too few for a slow line, or a busy machine."""
    return {
        "cert_file": tls.certificate,
        "key_file": tls.certificate,
        "min_version": "1.2",
        "timeout": HANDSHAKE_SECONDS,
    }


def _cluster(cluster: Cluster, tls: Tls | None) -> dict[str, Any]:
    user, password = CLUSTER, cluster.password
    block: dict[str, Any] = {
        "name": CLUSTER,
        "listen": cluster.listen,
        "advertise": f"{cluster.host}:{cluster.port}",
        "no_advertise": True,
        "authorization": {"user": user, "password": password},
        "routes": [f"nats-route://{user}:{password}@{host}:{cluster.port}" for host in cluster.others],
    }
    if tls:
        block["tls"] = _tls(tls) | {"ca_file": tls.ca, "verify": True}
    return block


def _user(nkey: str, permissions: Permissions) -> dict[str, Any]:
    granted: dict[str, Any] = {
        "publish": {"allow": list(permissions.publish)},
        "subscribe": {"allow": list(permissions.subscribe)},
    }
    if permissions.responses:
        granted["allow_responses"] = True
    return {"nkey": nkey, "permissions": granted}


def _export(tenant: Tenant, subject: str, many: bool) -> dict[str, Any]:
    shape = {"response_type": "stream"} if many else {}
    return {"service": subject, **shape, "accounts": [account_name(tenant)]}


def _tenant_account(tenant: Tenant) -> dict[str, Any]:
    permissions = tenant_permissions(tenant)
    return {
        "users": [_user(key, permissions) for key in tenant.entry_keys],
        "limits": {
            "max_connections": tenant.quota.connections,
            "max_subscriptions": tenant.quota.subscriptions,
            "max_payload": MAX_PAYLOAD_BYTES,
        },
        "imports": [{"service": {"account": CORE, "subject": subject}} for subject in permissions.publish],
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
