"""`nuanliu tenant list` and `show`: who is registered, and what was changed about whom."""

from __future__ import annotations

import json
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from deploy.registry.changes import RegistryError
from deploy.registry.file import noted
from deploy.registry.installation import Installation
from deploy.registry.options import HERE, Dir, Id
from shared.policy.tenants import Tenant, TenantKind

_console = Console()
_KINDS = ", ".join(get_args(TenantKind))


def list_tenants(
    kind: Annotated[str | None, typer.Option(help=f"only of this kind: {_KINDS}")] = None,
    every: Annotated[bool, typer.Option("--all", help="removed ones too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object per line")] = False,
    directory: Dir = HERE,
) -> None:
    """列出租户。 Everybody who is registered."""
    if kind is not None and kind not in get_args(TenantKind):
        raise RegistryError("kind", f"没有 {kind!r} 这一类 (no such kind), 只有 (there are): {_KINDS}")
    tenants = Installation(directory).district().tenants
    found = [t for t in (tenants.tenants if every else tenants.present) if kind in (None, t.kind)]
    if as_json:
        for tenant in found:
            print(json.dumps(_shown(tenant), ensure_ascii=False))
        return
    table = Table(
        "标识 id", "类别 kind", "名称 name", "负责区域 serves", "状态 state", "密钥 keys", "权限 rights"
    )
    for tenant in found:
        sort = f"{tenant.kind}/{tenant.agency_kind}" if tenant.agency_kind else tenant.kind
        table.add_row(
            tenant.id,
            sort,
            tenant.name_zh,
            " ".join(tenant.serves),
            tenant.state,
            str(len(tenant.keys)),
            " ".join(tenant.rights),
        )
    _console.print(table)


def show(id: Id, directory: Dir = HERE) -> None:
    """查看一个租户。 One tenant as it is registered, as JSON, and what was changed about it."""
    installation = Installation(directory)
    tenant = installation.district().tenants.get(id)
    if tenant is None:
        raise RegistryError("id", f"没有租户 {id} (no such tenant)")
    about = [one for one in noted(installation.audit) if one.get("tenant", id) == id]
    shown = _shown(tenant) | {"changes": about}
    print(json.dumps(shown, ensure_ascii=False, indent=1))


def _shown(tenant: Tenant) -> dict[str, Any]:
    """A tenant as JSON values; of a webhook's secrets only how many there are."""
    shown = tenant.model_dump(mode="json", exclude_none=True)
    if tenant.webhook is not None:
        shown["webhook"]["secrets"] = len(tenant.webhook.secrets)
    return shown
