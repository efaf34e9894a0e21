"""`nuanliu centre ...`: the centre's own seats, who reads and orders over HTTP, and their tokens. A token goes to
standard output, once; words to standard error."""

from __future__ import annotations

import json
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from deploy.keys import new_token
from deploy.registry import changes
from deploy.registry.changes import RegistryError
from deploy.registry.installation import Installation
from deploy.registry.options import HERE, By, Dir, Id, Reason
from deploy.registry.rollout import change
from shared.policy.tenants import SeatRole

app = typer.Typer(
    no_args_is_help=True,
    help="中心的席位：待派席、领导 The centre's seats: the desk, which gives orders; leaders, who read",
)
_words = Console(stderr=True, soft_wrap=True)
_table = Console()
_ROLES = ", ".join(get_args(SeatRole))


@app.command()
def add(
    id: Id,
    role: Annotated[str, typer.Option(help=f"{_ROLES}: 待派席可下令，领导只读 (orders, or only reads)")],
    name_zh: Annotated[str, typer.Option(help="中文名称")],
    name_en: Annotated[str, typer.Option(help="name in English")],
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """登记一个席位；令牌另发。 Register a seat; its tokens are made by `token`."""
    seat = changes.described_seat({"id": id, "role": role, "name_zh": name_zh, "name_en": name_en})
    change(
        *(Installation(directory), "seat_add", id, lambda tenants: changes.add_seat(tenants, seat), by),
        details={"role": role},
    )
    _words.print(f"{id} 已登记 (registered)")


@app.command("list")
def list_seats(
    every: Annotated[bool, typer.Option("--all", help="removed ones too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object per line")] = False,
    directory: Dir = HERE,
) -> None:
    """列出席位和令牌编号。 The seats, and the ids of their tokens."""
    seats = [one for one in Installation(directory).district().tenants.seats if every or not one.removed]
    if as_json:
        for seat in seats:
            print(json.dumps(seat.model_dump(mode="json"), ensure_ascii=False))
        return
    table = Table("席位 id", "角色 role", "名称 name", "令牌 tokens")
    for seat in seats:
        held = "已注销 removed" if seat.removed else " ".join(token.id for token in seat.tokens)
        table.add_row(seat.id, seat.role, seat.name_zh, held)
    _table.print(table)


@app.command()
def token(
    id: Id,
    revoke: Annotated[str | None, typer.Option(help="the id of a token that is not taken any more")] = None,
    at_once: Annotated[bool, typer.Option("--now", help="leaked: every other token ends now")] = False,
    directory: Dir = HERE,
    by: By = "",
) -> None:
    """HTTP 令牌，只给出一次；新旧并用，--revoke 收回一个。 One more bearer token, given once; or one taken back."""
    installation = Installation(directory)
    if revoke:
        if at_once:
            raise RegistryError("--revoke", "不能与 --now 同用 (not together with --now)")
        old: str = revoke
        change(
            *(installation, "seat_token_revoked", id),
            lambda tenants: changes.without_seat_token(tenants, id, old),
            by,
            details={"token": old},
        )
        _words.print(f"{id} 令牌 {revoke} 已作废 (revoked)")
        return
    secret, held = new_token(id)
    change(
        *(installation, "seat_token", id),
        lambda tenants: changes.with_seat_token(tenants, id, held, at_once=at_once),
        by,
        details={"token": held.id, "at_once": at_once},
        hand_out=secret,
    )
    _words.print(f"{id} 令牌 {held.id}；上面的令牌不再给出 (the token above is not given again)")


@app.command()
def remove(id: Id, reason: Reason, directory: Dir = HERE, by: By = "") -> None:
    """注销席位：令牌即刻作废，标识不再使用。 Remove a seat: its tokens end now, its id is not given again."""
    change(
        *(Installation(directory), "seat_remove", id, lambda tenants: changes.remove_seat(tenants, id), by),
        details={"reason": reason},
    )
    _words.print(f"{id} 已注销 (removed)")
