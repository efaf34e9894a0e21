"""Careless configurations: what somebody might have set up instead of what ships.

Each must let through the attempts that name it, or those would prove nothing about the shipped one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.keys import ADMIN
from deploy.nats_config import CORE, SYS, accounts
from deploy.registry.installation import Installation
from shared.contracts.streams import INGRESS
from shared.policy.tenants import Tenants

INTRUDER = "housing-zy"
Ask = Callable[..., Awaitable[dict[str, Any]]]
Accounts = dict[str, Any]


@dataclass(frozen=True)
class Loose:
    """``name`` in words. ``change``: the shipped accounts -> the careless ones. ``shared``: all agencies write into one
    stream, RESPONSE, that takes any header. ``entrance``: who comes without a key is taken for this public key."""

    name: str
    change: Callable[[Accounts, LooseInstallation], Accounts]
    shared: bool = False
    entrance: Callable[[LooseInstallation], str] | None = None

    def ingress(self, agency: str) -> str:
        """The stream that takes what an agency says."""
        return "RESPONSE" if self.shared else f"RESPONSE_{agency}"

    async def streams(self, ask: Ask) -> Sequence[tuple[str, dict[str, Any]]]:
        """Calls of the JetStream API that make the streams as careless."""
        dispatch = (await ask("STREAM.INFO.DISPATCH"))["config"] | {"allow_direct": True}
        calls: list[tuple[str, dict[str, Any]]] = [("STREAM.UPDATE.DISPATCH", dispatch)]
        if self.shared:
            names = (await ask("STREAM.NAMES"))["streams"]
            calls += [(f"STREAM.DELETE.{n}", {}) for n in names if n.startswith("RESPONSE_")]
            calls.append(("STREAM.CREATE.RESPONSE", _SHARED))
            consumer = {"name": "response", "durable_name": "response", "ack_policy": "explicit"}
            body = {"stream_name": "RESPONSE", "config": consumer}
            calls.append(("CONSUMER.CREATE.RESPONSE.response", body))
        return calls


_SHARED = {
    "name": "RESPONSE",
    "subjects": ["response.>"],
    "duplicate_window": 3_600_000_000_000,
    "allow_rollup_hdrs": True,
    "allow_msg_ttl": True,
    "allow_msg_schedules": True,
    "allow_atomic": True,
    "storage": "file",
}


class LooseInstallation(Installation):
    """An installation whose configuration is made careless whenever it is made. ``ever``: all keys a tenant had."""

    def __init__(self, directory: Path, loose: Loose) -> None:
        super().__init__(directory)
        self.loose = loose
        self.ever: dict[str, list[str]] = {}

    def write_config(self, tenants: Tenants) -> Path:
        path = super().write_config(tenants)
        text = path.read_text()
        head = text[: text.index("accounts: {")]
        if self.loose.entrance is not None:
            head += f"no_auth_user: {self.loose.entrance(self)}\n"
        shipped = accounts(tenants.tenants, self.keys.public)
        path.write_text(head + "accounts: " + json.dumps(self.loose.change(shipped, self)) + "\n")
        return path


def _one_account(permissions: dict[str, Any] | None) -> Callable[[Accounts, LooseInstallation], Accounts]:
    """Everybody shares one account; the intruder has these permissions there, or nobody has any."""

    def change(shipped: Accounts, _: LooseInstallation) -> Accounts:
        users = []
        for name, account in shipped.items():
            if name == SYS:
                continue
            for user in account["users"]:
                bounds = permissions if name.endswith(f"_{INTRUDER}") else None
                users.append({"nkey": user["nkey"]} | ({"permissions": bounds} if bounds else {}))
        return {SYS: shipped[SYS], CORE: {"jetstream": "enabled", "users": users}}

    return change


def _wide_exports(shipped: Accounts, _: LooseInstallation) -> Accounts:
    """An account per tenant as shipped, but everything exported with wildcards and to nobody in particular."""
    roots = [f"{root}.>" for _, root, _ in INGRESS.values()]
    wide = ["$JS.API.>", "$JS.ACK.>", *roots, "dispatch.>", "case.>"]
    core = shipped[CORE] | {"exports": [{"service": subject, "response_type": "stream"} for subject in wide]}
    changed = {SYS: shipped[SYS], CORE: core}
    for name, account in shipped.items():
        if name in (SYS, CORE):
            continue
        tenant = name.partition("_")[2]
        bounds = {"publish": {"allow": [*wide, "_INBOX.>"]}, "subscribe": {"allow": [f"_INBOX.{tenant}.>"]}}
        users = [{"nkey": user["nkey"], "permissions": bounds} for user in account["users"]]
        imports = [{"service": {"account": CORE, "subject": subject}} for subject in wide]
        changed[name] = account | {"users": users, "imports": imports}
    return changed


def _shared_ingress(shipped: Accounts, _: LooseInstallation) -> Accounts:
    return shipped


def _in_the_system_account(shipped: Accounts, _: LooseInstallation) -> Accounts:
    """The intruder, and without bounds, where the server takes orders."""
    name = next(name for name in shipped if name.endswith(f"_{INTRUDER}"))
    users = [{"nkey": user["nkey"]} for user in shipped[name]["users"]]
    return shipped | {SYS: {"users": shipped[SYS]["users"] + users}, name: {"users": []}}


def _keys_left_in(shipped: Accounts, installation: LooseInstallation) -> Accounts:
    """Who had a key once is still let in, and no account has a limit."""
    changed = dict(shipped)
    for id, publics in installation.ever.items():
        name = next((name for name in shipped if name.partition("_")[2] == id), f"AG_{id}")
        account = changed.get(name, {})
        user: dict[str, Any] = next(iter(account.get("users") or ()), {})
        users = [user | {"nkey": public} for public in dict.fromkeys(publics)]
        now = [one for one in account.get("users") or () if one["nkey"] not in publics]
        changed[name] = {key: value for key, value in account.items() if key != "limits"} | {
            "users": users + now
        }
    return changed


_ALLOWED = {
    "publish": {
        "allow": [f"response.{INTRUDER}.>", f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{INTRUDER}", "$JS.ACK.>"]
    },
    "subscribe": {"allow": [f"_INBOX.{INTRUDER}.>"]},
}

UNBOUNDED, PERMISSIONS, EXPORTS, SHARED, SYSTEM, KEYS = (
    "unbounded",
    "permissions",
    "exports",
    "shared",
    "system",
    "keys",
)
LOOSE = {
    UNBOUNDED: Loose(
        "one account, no permissions, no key needed",
        _one_account(None),
        entrance=lambda installation: installation.keys.public(ADMIN),
    ),
    PERMISSIONS: Loose("one account, held apart by permissions", _one_account(_ALLOWED)),
    EXPORTS: Loose("an account per tenant, exports with wildcards", _wide_exports),
    SHARED: Loose(
        "accounts as shipped, one ingress stream for all that takes any header", _shared_ingress, shared=True
    ),
    SYSTEM: Loose("the tenant's user in the system account", _in_the_system_account),
    KEYS: Loose("old keys left in, no limits", _keys_left_in),
}
