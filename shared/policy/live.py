"""A district while it is in use: tenants come and go, and a new version of its rules holds from an instant on.

Beside an installation's tenants.yaml lie the versions that came after the first:

    policy/VERSION/                 a pack without tenants.yaml
    policy/VERSION/in-force.json   from when it holds, and who decided that

Which version decides is a matter of the input's time, never of the clock of whoever decides: all copies of a service,
and a message that comes once more, decide under the same one.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.contracts.base import Instant
from shared.policy.jurisdiction import Jurisdiction, Likeness, load, with_registry
from shared.policy.model import PolicyError

VERSIONS = "policy"
"""The directory of later versions, beside an installation's registry."""

IN_FORCE = "in-force.json"
"""Written last: a directory without it is a version that is still being put there."""

NOTICE = timedelta(seconds=10)
"""So long ahead a version is put in its place. Whoever looked within it knows every version that holds by now."""

_MARGIN = 2.0
"""Seconds, for a batch to be decided and for clocks of hosts that differ."""

ALWAYS = datetime.min.replace(tzinfo=UTC)
Stamp = tuple[int, int, int]


class InForce(BaseModel):
    """From when a version holds; who put it there, when and why."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    since: Instant
    by: str = ""
    reason: str = ""
    installed_at: Instant | None = None


class Version(NamedTuple):
    """A state of the rules and from when it holds."""

    since: datetime
    jurisdiction: Jurisdiction


class Live:
    """A district whose registry and rules may change while it is in use; what the files say is taken as soon as it is
    right. Raises PolicyError when it cannot be used at the start."""

    _likeness: Likeness | None = None

    def __init__(self, directory: Path | str, registry: Path | None = None) -> None:
        self._directory = Path(directory)
        self._registry = registry or self._directory / "tenants.yaml"
        self._versions_dir = registry.parent / VERSIONS if registry else None
        self._looked = time.monotonic()
        self._seen = self._stamps()
        self._versions = self._load()

    def learnt(self, likeness: Likeness) -> None:
        """From now on the district knows these examples, under whichever rules. They are what one process knows at one
        moment: what was decided with them stands in the document that the decision made."""
        self._likeness = likeness

    @property
    def now(self) -> Jurisdiction:
        """The district under the rules that hold at this moment."""
        return self.at(datetime.now(UTC))

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions known, in the order in which they hold."""
        return self._versions

    def known_for(self) -> float:
        """How long, in seconds, every version that holds by then is known; below zero when the files should be looked
        at first. What was put there and cannot be used does not count."""
        return self._looked + NOTICE.total_seconds() - _MARGIN - time.monotonic()

    def at(self, instant: datetime) -> Jurisdiction:
        """The district under the rules that hold at an instant, with its tenants as they are now."""
        held = bisect_right(self._versions, instant, key=lambda version: version.since)
        found = self._versions[max(held, 1) - 1].jurisdiction
        return found if self._likeness is None else replace(found, likeness=self._likeness)

    def look(self) -> bool:
        """Reads again what was replaced; whether anything changed. Raises PolicyError, once for each state of the
        files, and leaves what was there."""
        began = time.monotonic()
        try:
            return self._look()
        finally:
            self._looked = began

    def _look(self) -> bool:
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        only_tenants = self._seen[1:] == stamps[1:]
        self._seen = stamps
        found = self._with_tenants() if only_tenants else self._load()
        changed = found != self._versions
        self._versions = found
        return changed

    def _load(self) -> tuple[Version, ...]:
        first = Version(ALWAYS, load(self._directory, self._registry))
        later = sorted(self._later(), key=lambda version: version.since)
        for version in later:
            policy = version.jurisdiction.policy
            if policy.id != first.jurisdiction.policy.id:
                raise PolicyError(str(self._versions_dir), [f"{policy.label}: not of this district"])
        return (first, *later)

    def _later(self) -> Iterator[Version]:
        for path in sorted(self._versions_dir.glob(f"*/{IN_FORCE}")) if self._versions_dir else ():
            yield Version(in_force(path.parent).since, load(path.parent, self._registry))

    def _with_tenants(self) -> tuple[Version, ...]:
        return tuple(Version(since, with_registry(one, self._registry)) for since, one in self._versions)

    def _stamps(self) -> tuple[Stamp, ...]:
        versions = sorted(self._versions_dir.glob(f"*/{IN_FORCE}")) if self._versions_dir else ()
        return (_stamp(self._registry), *map(_stamp, versions))


def in_force(directory: Path) -> InForce:
    """From when a version that was put in its place holds. Raises PolicyError."""
    path = directory / IN_FORCE
    try:
        return InForce.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise PolicyError(str(path), [problem.strerror or "cannot be read"]) from None
    except ValidationError as problem:
        raise PolicyError(str(path), [str(error["msg"]) for error in problem.errors()]) from None
    except ValueError as problem:
        raise PolicyError(str(path), [str(problem)]) from None


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
