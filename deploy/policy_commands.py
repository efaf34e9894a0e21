"""`nuanliu policy ...`: the rules of a district, checked, put in force, listed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy import policy_check
from deploy.registry import policies
from deploy.registry.changes import RegistryError
from deploy.registry.installation import Installation
from deploy.registry.options import HERE, By, Dir, Reason

app = typer.Typer(
    no_args_is_help=True, help="政策包：规则、类别、责任、时限 Policy packs: rules, categories, clocks"
)
app.command()(policy_check.check)
_words = Console(stderr=True, soft_wrap=True)

Pack = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="a pack: places.yaml and policy/")]
From = Annotated[
    str | None,
    typer.Option("--from", help="RFC 3339 with an offset; without it in ten seconds"),
]


@app.command()
def install(
    pack: Pack, dir: Dir = HERE, since: From = None, by: By = "operator", reason: Reason = ""
) -> None:
    """让新版本自某时刻起生效，服务不停。 Put a new version in force from an instant on, while services run."""
    label = policies.install(Installation(dir), pack, since=_instant(since), by=by, reason=reason)
    force = dict(policies.listed(Installation(dir)))[label]
    assert force is not None  # it was put there a moment ago
    _words.print(
        f"{label}: 自 {force.since.astimezone().isoformat(timespec='seconds')} 起生效 (in force from then on)"
    )


@app.command("list")
def list_versions(dir: Dir = HERE) -> None:
    """各版本及其生效时间。 Every version, and from when it holds."""
    table = Table("版本 version", "生效 from", "由 by", "原因 reason")
    for label, force in policies.listed(Installation(dir)):
        since = force.since.astimezone().isoformat(timespec="seconds") if force else "始终 always"
        table.add_row(label, since, force.by if force else "", force.reason if force else "")
    Console().print(table)


def _instant(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        instant = datetime.fromisoformat(said)
    except ValueError:
        raise RegistryError("from", f"{said!r}: 写作 2026-11-15T00:00:00+08:00 (write it so)") from None
    if instant.tzinfo is None:
        raise RegistryError("from", f"{said}: 缺少时区 (an offset is missing)")
    return instant.astimezone(UTC)
