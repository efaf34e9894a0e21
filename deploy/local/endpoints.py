"""endpoints.json: where a running stack is, for those who talk to it (CONTRACTS 8)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.keys import KeyRing, tenant_key
from shared.policy.tenants import Tenant


def describe(
    *,
    nats: str,
    mongo: str,
    http: Mapping[str, str],
    tenants: Sequence[Tenant],
    keys: KeyRing,
    ca: Path | None = None,
    examples: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Everything in endpoints.json but the pids. ``mongo`` is the administrator's URL, ``http`` service -> URL, ``ca``
    whom to trust where NATS and the database speak TLS.

    Of the tenants it names those who are let in and whose seed this stack keeps.
    """
    kept = [tenant for tenant in tenants if keys.holds(tenant_key(tenant.id), tenant.entry_keys)]
    seeds = {tenant.id: str(keys.seed_path(tenant_key(tenant.id)).absolute()) for tenant in kept}
    return {
        "nats": nats,
        "mongo": mongo,
        **({"ca": str(ca)} if ca else {}),
        "http": dict(http),
        "seeds": seeds,
        "tenants": {
            tenant.id: {"kind": tenant.kind, "seed": seeds[tenant.id], "inbox_prefix": f"_INBOX.{tenant.id}"}
            for tenant in kept
        },
        "examples": list(examples),
    }


def write(path: Path, described: Mapping[str, Any], pids: Mapping[str, int]) -> None:
    """Replace the file in one step: a reader sees the old one or the new one. Owner only, for it holds a password."""
    draft = path.with_suffix(".draft")
    text = json.dumps({**described, "pids": dict(pids)}, ensure_ascii=False, indent=1)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
