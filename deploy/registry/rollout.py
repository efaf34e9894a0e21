"""A change of the registry, from its decision to the servers; and whatever a change left half done."""

from __future__ import annotations

import asyncio
import errno
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import nats.errors

from deploy.registry.changes import RegistryError
from deploy.registry.file import alone, note
from deploy.registry.installation import Installation
from deploy.registry.servers import NotRolledOut
from shared.loop.envelope import now
from shared.policy.tenants import Tenants


class HalfDone(Exception):
    """The registry says it and what could be done was; what could not be, and why."""


def change(
    installation: Installation,
    action: str,
    id: str,
    decide: Callable[[Tenants], Tenants],
    by: str,
    *,
    details: Mapping[str, Any] = MappingProxyType({}),
    hand_out: str = "",
) -> None:
    """Change the registry and roll it out: streams first, then the registry, the configuration, the servers.

    ``hand_out`` is given as soon as the registry knows it. From there on each step is taken whatever became of those
    before: a key that was stolen ends although nobody takes the new one, or the disk is full. Raises HalfDone then.
    """
    with alone(installation.directory):
        after = decide(installation.district().tenants)
        installation.check(after)
        asyncio.run(installation.prepare(after))
        try:
            installation.save(after)
        except OSError as error:
            raise RegistryError("registry", f"{installation.registry}: {error.strerror}") from None
        failed = []
        try:
            _hand_out(hand_out)
        except OSError as error:
            why = "标准输出无人接收，须再换一次 (standard output takes nothing; make another)"
            failed.append(f"{why}: {error.strerror}")
        try:
            who = by or _operator()
            note(installation.audit, at=now(), by=who, action=action, tenant=id, details=dict(details))
        except OSError as error:
            failed.append(f"{installation.audit.name}: {error.strerror}")
        try:
            asyncio.run(installation.admit(after))
        except (OSError, nats.errors.Error, NotRolledOut) as error:
            failed.append(str(error) or type(error).__name__)
        if failed:
            raise HalfDone(f"{action} {id}: " + "; ".join(failed))


def complete(installation: Installation) -> list[str]:
    """Roll the registry out once more, as it is; says what was done."""
    with alone(installation.directory):
        tenants = installation.district().tenants
        done = asyncio.run(installation.prepare(tenants))
        done += asyncio.run(installation.admit(tenants))
        return done + asyncio.run(installation.clear_away(tenants.tenants))


def clear_away(installation: Installation, id: str) -> list[str]:
    """Delete what a tenant no longer needs; says what was done."""
    with alone(installation.directory):
        tenant = installation.district().tenants.get(id)
        return asyncio.run(installation.clear_away([tenant] if tenant else []))


def _operator() -> str:
    """Who runs the command, for the audit."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except KeyError:  # a number without a name
        return str(os.getuid())


def _hand_out(secret: str) -> None:
    """Once, on standard output. Raises OSError when nobody takes it."""
    if not secret:
        return
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        print(secret, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or the interpreter tries again at its end, and complains
        os.close(nowhere)
        raise
