"""tenants.yaml of an installation: read, replaced whole, with an audit line for every change."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from shared.policy.tenants import Tenants

_HEADER = "# Changed by `nuanliu tenant`, which also tells NATS and keeps audit.jsonl. It holds no secret.\n"


class RegistryBusy(Exception):
    """Somebody else is changing the registry."""


def write(path: Path, tenants: Tenants) -> None:
    """Replace the file in one step, on disk when this returns; the comment at its head stays."""
    old = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    header = "".join(takewhile(lambda line: line.startswith("#"), old)) or _HEADER
    content = tenants.model_dump(mode="json", exclude_defaults=True, exclude={"district"})
    body = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(header + body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def note(path: Path, *, at: datetime, by: str, action: str, tenant: str, details: dict[str, Any]) -> None:
    """Append one line to the audit, on disk when this returns. After a line that was torn it begins a new one."""
    entry = {"at": at.isoformat(), "by": by, "action": action, "tenant": tenant, **details}
    new = not path.exists()
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640), "a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        file.write(b"\n" * torn + json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def noted(path: Path) -> list[dict[str, Any]]:
    """The lines of the audit; of one that cannot be read what is there, as ``unreadable``."""
    if not path.exists():
        return []
    return [_entry(line) for line in path.read_bytes().splitlines() if line]


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"unreadable": line.decode(errors="replace")}


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else changes the registry of ``directory`` meanwhile. Raises RegistryBusy."""
    lock = os.open(directory / "registry.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RegistryBusy(f"{directory}: 另一个命令正在修改 (somebody else is changing it)") from None
        yield
    finally:
        os.close(lock)


def sync_folder(path: Path) -> None:
    """What was put into a folder, or renamed there, is on disk when this returns."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
