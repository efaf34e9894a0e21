"""endpoints.json: where a running stack is, for those who talk to it (CONTRACTS 8)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.keys import KeyRing, tenant_key
from deploy.nats_config import TenantLike


def describe(
    *,
    nats: str,
    mongo: str,
    http: Mapping[str, str],
    tenants: Sequence[TenantLike],
    keys: KeyRing,
    examples: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Everything in endpoints.json but the pids. ``mongo`` is the administrator's URL, ``http`` service -> URL."""
    seeds = {tenant.id: str(keys.seed_path(tenant_key(tenant.id)).absolute()) for tenant in tenants}
    return {
        "nats": nats,
        "mongo": mongo,
        "http": dict(http),
        "seeds": seeds,
        "tenants": {
            tenant.id: {"kind": tenant.kind, "seed": seeds[tenant.id], "inbox_prefix": f"_INBOX.{tenant.id}"}
            for tenant in tenants
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
