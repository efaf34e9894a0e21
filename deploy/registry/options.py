"""What is said on the command line about a tenant, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from deploy.registry.changes import RegistryError
from shared.policy.tenants import Quota, Right

HERE = Path("var/local")
_MOST_DIGITS = 18

Dir = Annotated[Path, typer.Option("--dir", help="the installation, as `make run` or deploy.render made it")]
Id = Annotated[str, typer.Argument(help="2 to 31 of a-z, 0-9 and -, not - at first; once for ever")]
By = Annotated[str, typer.Option("--by", help="who decided it, for the audit")]
Reason = Annotated[str, typer.Option("--reason", help="why, for the audit")]
Serves = Annotated[
    list[str] | None, typer.Option("--serves", help="code of an area, repeatable; * is everywhere")
]
Contact = Annotated[list[str] | None, typer.Option("--contact", help="post:phone or post:e-mail, repeatable")]
Rights = Annotated[
    list[str] | None,
    typer.Option("--right", help=f"{', '.join(get_args(Right))}; repeatable, nats and http by default"),
]
Limits = Annotated[
    list[str] | None,
    typer.Option("--quota", help=f"name=number, repeatable: {', '.join(Quota.model_fields)}"),
]
NoServes = Annotated[bool, typer.Option("--no-serves", help="no area at all")]
NoContact = Annotated[bool, typer.Option("--no-contact", help="nobody to call")]
NoRight = Annotated[bool, typer.Option("--no-right", help="no way in at all")]


def fields(
    serves: list[str] | None = None,
    contact: list[str] | None = None,
    right: list[str] | None = None,
    quota: list[str] | None = None,
    *,
    no_serves: bool = False,
    no_contact: bool = False,
    no_right: bool = False,
) -> dict[str, Any]:
    """Those of a tenant's fields that were given, or are to be empty. Raises RegistryError."""
    given: dict[str, Any] = {
        "serves": _many("serves", serves, no_serves),
        "contacts": _many("contact", [_desk(one) for one in contact or []], no_contact),
        "rights": _many("right", right, no_right),
        "quota": dict(_limit(one) for one in quota or []) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _many(option: str, given: list[Any] | None, none: bool) -> list[Any] | None:
    """What a field that holds many becomes; None when nothing was said about it."""
    if given and none:
        raise RegistryError(f"--no-{option}", f"不能与 --{option} 同用 (not together with --{option})")
    return [] if none else given or None


def _desk(text: str) -> dict[str, str]:
    name, _, reach = text.partition(":")
    if not reach:
        raise RegistryError("contact", "写作 值班室:电话 或 值班室:邮箱 (write post:phone or post:e-mail)")
    return {"name": name, "email" if "@" in reach else "phone": reach}


def _limit(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        raise RegistryError("quota", "写作 名称=数字 (write name=number)")
    return name, int(number)
