"""Writes docs/contracts/, says what in it is stale, and holds every schema of v1 against what was published.

python -m deploy.catalogue             write asyncapi.json, schemas/, vectors/
python -m deploy.catalogue --check     exit 1 if they are stale, or if a schema changed incompatibly
python -m deploy.catalogue --publish   move published/ forward; refused where a change is incompatible
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.compatibility import Border, Schema, breaches
from shared.catalogue.asyncapi import PUBLISHERS, published_by
from shared.catalogue.outside import EVENTS
from shared.catalogue.schemas import shape
from shared.catalogue.sheets import as_text, files
from shared.catalogue.words import Unexplained
from shared.contracts.base import Event, IngressEvent

ROOT = Path(__file__).resolve().parent.parent / "docs/contracts"
PUBLISHED = "published"

ALL: tuple[type[Event], ...] = tuple(
    dict.fromkeys((*EVENTS, *(event for service in PUBLISHERS for event in published_by(service))))
)
"""Every event there is, the inner ones too."""


def stale(root: Path = ROOT) -> Iterator[str]:
    """Committed files that are not what the contracts make of them now. Raises :class:`Unexplained`."""
    wanted = files()
    for path, text in wanted.items():
        file = root / path
        if not file.exists():
            yield f"docs/contracts/{path}: is missing"
        elif file.read_text(encoding="utf-8") != text:
            yield f"docs/contracts/{path}: is stale"
    for path in sorted(_written(root) - wanted.keys()):
        yield f"docs/contracts/{path}: is no longer in the contracts"


def write(root: Path = ROOT) -> int:
    """Returns how many files were changed or removed. Raises :class:`Unexplained`."""
    wanted = files()
    return _replace(root, wanted, _written(root) - wanted.keys())


def incompatible(published: Mapping[str, Schema], shapes: Mapping[str, Schema]) -> list[str]:
    """Where the events as they are now break what was published; event, field, problem, direction."""
    found = []
    for type, old in published.items():
        if type not in shapes:
            found.append(f"{type}: is gone; what was published stays")
        else:
            found += [str(breach) for breach in breaches(type, BORDERS[type], old, shapes[type])]
    return found


def publish(root: Path = ROOT) -> list[str]:
    """Freezes the schemas as they are now. Where one has changed incompatibly, says so and writes none."""
    shapes = current()
    found = incompatible(read_published(root), shapes)
    if not found:
        _replace(root / PUBLISHED, {f"{type}.json": as_text(one) for type, one in shapes.items()}, set())
    return found


def current() -> dict[str, Schema]:
    """Type -> shape, of every event there is."""
    return {event.type: shape(event) for event in ALL}


def read_published(root: Path = ROOT) -> dict[str, Schema]:
    """Type -> shape as it was last published."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((root / PUBLISHED).glob("*.json"))
    }


def _border(event: type[Event]) -> Border:
    if issubclass(event, IngressEvent):
        return "ingress"
    return "egress" if event.to_tenant else "inner"


BORDERS: dict[str, Border] = {event.type: _border(event) for event in ALL}


def _written(root: Path) -> set[str]:
    found = {str(file.relative_to(root)) for file in root.rglob("*.json")}
    return {path for path in found if not path.startswith(f"{PUBLISHED}/")}


def _replace(root: Path, wanted: Mapping[str, str], unwanted: set[str]) -> int:
    changed = 0
    for path, text in wanted.items():
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed += 1
    for path in unwanted:
        (root / path).unlink()
    return changed + len(unwanted)


def main() -> int:
    """Exit status: 0, or 1 when something is stale, incompatible or unexplained."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.catalogue", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="say what is stale or incompatible")
    what.add_argument("--publish", action="store_true", help="freeze the schemas as they are now")
    chosen = parser.parse_args()
    try:
        return _do(chosen.check, chosen.publish)
    except Unexplained as error:
        print(f"catalogue: {error}")
        return 1


def _do(check: bool, to_publish: bool) -> int:
    if to_publish:
        found = publish()
        print("\n".join(found) or f"published: {len(current())} schemas")
        return 1 if found else 0
    if not check:
        print(f"docs/contracts: {write()} files written")
        return 0
    published, shapes = read_published(), current()
    broken, old = incompatible(published, shapes), list(stale())
    if not broken and not old:
        ahead = sum(published.get(type) != one for type, one in shapes.items())
        print(
            f"catalogue: up to date and compatible; {ahead} of {len(shapes)} schemas differ from what is published"
        )
        return 0
    print("\n".join([*broken, *old, *(["`make catalogue` writes it anew"] if old else [])]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
