"""Versions of a district's rules: put in their place while services run, and in force from an instant on.

A version is put there NOTICE ahead; services look once a second, and one that could not look decides nothing before it
has (shared/following.py), so that every copy knows a version by the time it holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from deploy.registry.changes import RegistryError
from deploy.registry.file import alone, note, sync_folder
from deploy.registry.installation import Installation
from shared.loop.envelope import now
from shared.policy.jurisdiction import BASE, based_on, load
from shared.policy.live import IN_FORCE, NOTICE, VERSIONS, InForce, Live, in_force

_SECOND = timedelta(seconds=1)


def versions_of(installation: Installation) -> Path:
    """Where an installation keeps the versions that came after the first."""
    return installation.registry.parent / VERSIONS


def install(
    installation: Installation,
    pack: Path,
    *,
    since: datetime | None,
    by: str,
    reason: str,
    clock: Callable[[], datetime] = now,
) -> str:
    """Put a pack in its place, to hold from ``since`` on or as soon as may be; on disk and audited when this returns.
    Gives its label.

    Raises PolicyError when it cannot be used with this installation's tenants, RegistryError when it is of another
    district, its version is known, or its time would come too early; RegistryBusy.
    """
    with alone(installation.directory):
        new = load(pack, installation.registry).policy
        known = Live(installation.shape.district, installation.registry).versions
        before = known[-1]
        if new.id != before.jurisdiction.policy.id:
            raise RegistryError("id", f"{new.id}: 不是本辖区的政策包 (the pack of another district)")
        if new.label in {version.jurisdiction.policy.label for version in known}:
            why = "该版本已存在，请另编版本号 (known; give it a new one)"
            raise RegistryError("version", f"{new.label}: {why}")
        if not _is_name(new.version):
            raise RegistryError("version", f"{new.version!r}: 仅限字母、数字、.-_ (letters, digits, .-_)")
        to = versions_of(installation) / new.version
        draft = _draft(pack, to)
        at = clock()  # only now, for all of that may have taken a while
        first = max(at + NOTICE, before.since + _SECOND)
        since = since or first
        if since < first:
            shutil.rmtree(draft)
            raise RegistryError("from", f"最早 (at the earliest) {first.isoformat(timespec='seconds')}")
        _put(draft, to, InForce(since=since, by=by, reason=reason, installed_at=at))
        details = {"version": new.label, "from": since.isoformat(), "reason": reason}
        note(installation.audit, at=at, by=by, action="policy install", tenant="", details=details)
    return new.label


def listed(installation: Installation) -> Iterator[tuple[str, InForce | None]]:
    """(label, from when and by whom) of every version, in the order in which they hold; the first holds always."""
    for version in Live(installation.shape.district, installation.registry).versions:
        policy = version.jurisdiction.policy
        path = versions_of(installation) / policy.version
        yield policy.label, in_force(path) if (path / IN_FORCE).exists() else None


def _draft(pack: Path, to: Path) -> Path:
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(to, ignore_errors=True)  # one that was never finished
    copy_of(pack, draft, but=("tenants.yaml", ".*"))
    for path in draft.rglob("*"):
        _sync(path)
    return draft


def copy_of(pack: Path, to: Path, but: Sequence[str] = ()) -> Path:
    """A copy of a pack that is complete in itself, with the language it builds on; ``but``: names to be left out."""
    shutil.copytree(pack, to, ignore=shutil.ignore_patterns(*but))
    base, below = to / "policy" / BASE, based_on(pack / "policy")
    if base.is_file() and below is not None:
        base.unlink()
        shutil.copytree(below, base)
    return to


def _put(draft: Path, to: Path, force: InForce) -> None:
    path = draft / IN_FORCE
    path.write_text(force.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _sync(path)
    _sync(draft)
    draft.replace(to)
    sync_folder(to.parent)


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _is_name(version: str) -> bool:
    return (
        bool(version)
        and version[0] != "."
        and all(c.isascii() and (c.isalnum() or c in ".-_") for c in version)
    )
