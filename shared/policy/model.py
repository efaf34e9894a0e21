"""What all parts of the pack share: closed and frozen models, durations, the error that names the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, PlainValidator

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Problem(NamedTuple):
    """Something wrong in a pack. ``line``: from 1, 0 where no line can be named; ``key``: the keys down to it."""

    file: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"


class PolicyError(Exception):
    """A file of the pack cannot be used: which file, on which lines of it, and what is the matter."""

    def __init__(self, file: str, problems: Iterable[str | Problem]) -> None:
        self.file = file
        self.problems = [one if isinstance(one, Problem) else Problem(file, 0, "", one) for one in problems]
        super().__init__("; ".join(map(str, self.problems)))


class PackModel(BaseModel):
    """A part of the pack: a key nobody knows is a spelling mistake and refused; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def covers(prefix: str, code: str) -> bool:
    """Whether a category code lies at or under a prefix; "" covers all."""
    return not prefix or code == prefix or code.startswith(prefix + ".")


class Days(timedelta):
    """A span that was written in days: on a working clock these are working days (shared/policy/calendars.py)."""


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration is a number with m, h or d, for example "30m", "24h" or "7d"')
    span = Days if match[2] == "d" else timedelta
    return span(**{_UNITS[match[2]]: float(match[1])})


Duration = Annotated[timedelta, PlainValidator(_duration)]
"""A span of time, written "30m", "24h" or "7d"."""
