"""`nuanliu tenant ...`: who is connected, and by which keys. Secrets go to standard output, once; words to standard
error."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

import typer
from rich.console import Console

from deploy.keys import new_seed, new_token, public_key, tenant_key, write_secret
from deploy.registry import changes, options, showing
from deploy.registry.changes import RegistryError
from deploy.registry.installation import Installation
from deploy.registry.options import (
    HERE,
    By,
    Contact,
    Dir,
    Id,
    Limits,
    NoContact,
    NoRight,
    NoServes,
    Reason,
    Rights,
    Serves,
)
from deploy.registry.rollout import HalfDone, change, clear_away, complete
from deploy.registry.servers import NotRolledOut
from deploy.topology import SetupError
from services.response.webhooks.domain.signature import new_secret
from shared.loop.envelope import now
from shared.policy.tenants import AgencyKind, TenantKind
from shared.sealing import Seal, SealError

app = typer.Typer(
    no_args_is_help=True, help="租户：渠道、承办单位、网格队伍 Tenants: channels, agencies, field teams"
)
app.command("list")(showing.list_tenants)
app.command()(showing.show)
_words = Console(stderr=True, soft_wrap=True)

PROBLEMS = (RegistryError, HalfDone, NotRolledOut, SetupError, SealError)
"""What a person can mend."""


@app.command()
def add(
    id: Id,
    kind: Annotated[str, typer.Option(help=", ".join(get_args(TenantKind)))],
    name_zh: Annotated[str, typer.Option(help="中文名称")],
    name_en: Annotated[str, typer.Option(help="name in English")],
    agency_kind: Annotated[str | None, typer.Option(help=", ".join(get_args(AgencyKind)))] = None,
    serves: Serves = None,
    contact: Contact = None,
    right: Rights = None,
    quota: Limits = None,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """登记一个租户，密钥种子只在标准输出给出一次。 Register one; its seed goes to standard output, once."""
    seed = new_seed()
    fields: dict[str, Any] = {
        "id": id,
        "kind": kind,
        "agency_kind": agency_kind,
        "name_zh": name_zh,
        "name_en": name_en,
        "keys": [{"public": public_key(seed), "since": now()}],
        **options.fields(serves, contact, right, quota),
    }
    tenant = changes.described(fields)
    change(
        *(Installation(directory), "add", id, lambda tenants: changes.add(tenants, tenant), by),
        details={"kind": kind},
        hand_out=seed,
    )
    _words.print(f"{id} 已登记；上面的种子不再给出 (registered; the seed above is not given again)")


@app.command("set")
def set_fields(
    id: Id,
    name_zh: Annotated[str | None, typer.Option(help="中文名称")] = None,
    name_en: Annotated[str | None, typer.Option(help="name in English")] = None,
    serves: Serves = None,
    no_serves: NoServes = False,
    contact: Contact = None,
    no_contact: NoContact = False,
    right: Rights = None,
    no_right: NoRight = False,
    quota: Limits = None,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """修改名称、区域、联系方式、权限或限额；给出的各项整体替换。 Change what is given; each replaces what was there."""
    names = {"name_zh": name_zh, "name_en": name_en}
    fields = {name: value for name, value in names.items() if value}
    fields |= options.fields(
        *(serves, contact, right, quota), no_serves=no_serves, no_contact=no_contact, no_right=no_right
    )
    if not fields:
        raise RegistryError("set", "没有给出要修改的内容 (nothing to change was given)")
    change(
        *(Installation(directory), "set", id, lambda tenants: changes.change(tenants, id, fields), by),
        details={"fields": fields},
    )
    _words.print(f"{id} 已修改 (changed)")


@app.command()
def rotate(
    id: Id,
    at_once: Annotated[bool, typer.Option("--now", help="stolen: every other key ends now")] = False,
    end: Annotated[bool, typer.Option("--end", help="the new key is in use: the old one ends")] = False,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """更换密钥：先发新种子，新旧并用；--end 结束旧的。 A new key beside the old one; --end ends the old one."""
    if end and at_once:
        raise RegistryError("--end", "不能与 --now 同用 (not together with --now)")
    installation = Installation(directory)
    if end:
        change(installation, "rotation_ended", id, lambda tenants: changes.end_rotation(tenants, id), by)
        _words.print(f"{id} 旧密钥已失效 (the old key has ended)")
        return
    seed, at = new_seed(), now()
    public = public_key(seed)
    try:
        change(
            *(installation, "rotate", id),
            lambda tenants: changes.rotate(tenants, id, public, at, at_once=at_once),
            by,
            details={"public": public, "at_once": at_once},
            hand_out=seed,
        )
    except HalfDone:
        _keep(installation, id, seed)
        raise
    _keep(installation, id, seed)
    _words.print(
        f"{id} 新密钥已生效；上面的种子不再给出 (the new key is valid; the seed above is not given again)"
    )


@app.command()
def suspend(id: Id, reason: Reason, directory: Dir = HERE, by: By = "") -> None:
    """暂停：断开连接，不再派新单。 Keep it out and give it nothing new."""
    change(
        *(Installation(directory), "suspend", id, lambda tenants: changes.suspend(tenants, id), by),
        details={"reason": reason},
    )
    _words.print(f"{id} 已暂停 (suspended)")


@app.command()
def resume(id: Id, directory: Dir = HERE, by: By = "") -> None:
    """恢复。 Let it in again."""
    change(Installation(directory), "resume", id, lambda tenants: changes.resume(tenants, id), by)
    _words.print(f"{id} 已恢复 (resumed)")


@app.command()
def remove(id: Id, reason: Reason, directory: Dir = HERE, by: By = "") -> None:
    """注销：先暂停，消息处理完后才能注销，标识不再使用；中断后可再次运行。 Remove a suspended one for good; may be said
    again."""
    installation = Installation(directory)
    tenants = installation.district().tenants
    before = tenants.get(id)
    if before is not None and before.state == "removed" and _cleared_away(installation, id):
        complete(installation)  # it may have been stopped before the servers knew
        _words.print(f"{id} 已注销 (removed)")
        return
    tenant = changes.known(tenants, id)
    if left := asyncio.run(installation.unheard(tenant)):
        raise RegistryError("state", f"{id} 还有 {left} 条消息未处理 (messages still wait to be worked off)")
    change(
        *(installation, "remove", id, lambda tenants: changes.remove(tenants, id), by),
        details={"reason": reason},
    )
    _cleared_away(installation, id)
    _words.print(f"{id} 已注销 (removed)")


@app.command()
def token(
    id: Id,
    revoke: Annotated[str | None, typer.Option(help="the id of a token that is not taken any more")] = None,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """HTTP 令牌，只给出一次。 A bearer token for HTTP, given once; or one taken back."""
    installation = Installation(directory)
    if revoke:
        old: str = revoke
        change(
            *(installation, "token_revoked", id, lambda tenants: changes.without_token(tenants, id, old), by),
            details={"token": old},
        )
        _words.print(f"{id} 令牌 {revoke} 已作废 (revoked)")
        return
    secret, held = new_token(id)
    change(
        *(installation, "token", id, lambda tenants: changes.with_token(tenants, id, held), by),
        details={"token": held.id},
        hand_out=secret,
    )
    _words.print(f"{id} 令牌 {held.id}；上面的令牌不再给出 (the token above is not given again)")


@app.command()
def webhook(
    id: Id,
    url: Annotated[str | None, typer.Option(help="https://..., where deliveries are POSTed to")] = None,
    at_once: Annotated[bool, typer.Option("--now", help="leaked: every older secret ends now")] = False,
    off: Annotated[bool, typer.Option("--off", help="deliver nowhere any more")] = False,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """推送地址与签名密钥，密钥只给出一次；再次运行即更换密钥，新旧并用；--now 旧的即刻作废。 Where an agency's orders
    are delivered over HTTP, and a new signing secret, given once; the one before stays, or with --now ends."""
    installation = Installation(directory)
    if off:
        if url or at_once:
            raise RegistryError("--off", "不能与 --url、--now 同用 (not together with --url or --now)")
        change(installation, "webhook_off", id, lambda tenants: changes.unhook(tenants, id), by)
        _cleared_away(installation, id)
        _words.print(f"{id} 不再推送 (nothing is delivered to it over HTTP any more)")
        return
    before = changes.known(installation.district().tenants, id).webhook
    address = url or (before.url if before else "")
    if not address:
        raise RegistryError("url", "须给出 --url (is needed)")
    if problem := installation.webhook_problem(address):
        raise RegistryError("url", problem)
    secret, at = new_secret(), now()
    sealed = Seal.of(installation.keys.webhook_key_path()).close(secret)
    change(
        *(installation, "webhook", id),
        lambda tenants: changes.hook(tenants, id, address, sealed, at, at_once=at_once),
        by,
        details={"host": urlsplit(address).hostname, "at_once": at_once},
        hand_out=secret,
    )
    _words.print(
        f"{id} 推送已设置；上面的密钥不再给出 (deliveries are set up; the secret above is not given again)"
    )


@app.command("apply")
def apply_registry(directory: Dir = HERE) -> None:
    """按登记重新下发：流、消费者、NATS 配置。 Roll the registry out once more, whatever was left half done."""
    done = complete(Installation(directory))
    _words.print("\n".join(done) or "已是最新 (nothing to do)", highlight=False)


def _keep(installation: Installation, id: str, seed: str) -> None:
    """A stack that plays everybody outside goes on with the new key."""
    kept = installation.keys.directory / f"{tenant_key(id)}.seed"
    if kept.exists():
        write_secret(kept, seed)


def _cleared_away(installation: Installation, id: str) -> bool:
    """Whether a tenant had anything that it no longer needs."""
    done = clear_away(installation, id)
    for line in done:
        _words.print(line, highlight=False)
    return bool(done)
