"""places.yaml of a pack: read, and replaced whole once what is to be written has been read back."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shared.policy import PolicyError
from shared.policy.places import Places

_HEADER = "# Gazetteer. Points and outlines are WGS 84 degrees, longitude first.\n"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(path: Path) -> dict[str, Any]:
    """The registry of a pack; empty where there is none yet. Raises PolicyError if it does not load."""
    if not path.exists():
        return {}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise PolicyError(str(path), [" ".join(str(problem).split())]) from None
    checked(path, content)
    return dict(content)


def checked(path: Path, content: Any) -> Places:
    """The registry that a mapping means. Raises PolicyError."""
    try:
        return Places.model_validate(content)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        said = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}".removeprefix(": ") for error in errors]
        raise PolicyError(str(path), said) from None


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, on disk when this returns; the comment at its head stays. Raises PolicyError, and
    leaves what was there, if it would not load."""
    checked(path, content)
    old = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    header = "".join(takewhile(lambda line: line.startswith("#"), old)) or _HEADER
    body = yaml.dump(
        content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110, default_flow_style=None
    )
    checked(path, yaml.load(body, Loader=_Loader))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(header + body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else imports into this pack meanwhile. Raises PolicyError."""
    if not path.parent.is_dir():
        raise PolicyError(str(path.parent), ["没有这个目录 no such directory"])
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PolicyError(str(path), ["另一个命令正在导入 somebody else is importing"]) from None
        yield
    finally:
        os.close(folder)
