"""What all parts of the pack share: closed and frozen models, durations, the error that names the file."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class PolicyError(Exception):
    """A file of the pack cannot be used: which file, where in it, and what is the matter."""

    def __init__(self, file: str, problems: list[str]) -> None:
        super().__init__(f"{file}: " + "; ".join(problems))
        self.file = file
        self.problems = problems


class PackModel(BaseModel):
    """A part of the pack: a key nobody knows is a spelling mistake and refused; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration is a number with m, h or d, for example "30m", "24h" or "7d"')
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time, written "30m", "24h" or "7d"."""
