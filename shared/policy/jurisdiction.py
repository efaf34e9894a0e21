"""Loading the pack: tenants.yaml, places.yaml and policy/{policy,categories,words}.yaml of one directory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.policy.model import PolicyError
from shared.policy.places import Places
from shared.policy.rules import Policy
from shared.policy.tenants import EVERYWHERE, Tenants

M = TypeVar("M", bound=BaseModel)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Jurisdiction:
    """Everything that differs from one district to the next."""

    tenants: Tenants
    places: Places
    policy: Policy


def load(directory: Path | str) -> Jurisdiction:
    """Read and check a pack. Raises PolicyError with the file, the keys and what is wrong there."""
    root = Path(directory)
    places: Places = _checked(Places, root / "places.yaml", _read(root / "places.yaml"))
    registry = {"district": places.district.code, "tenants": _read(root / "tenants.yaml").get("tenants", [])}
    tenants: Tenants = _checked(Tenants, root / "tenants.yaml", registry)
    tree = _read(root / "policy" / "categories.yaml") | {"signals": _read(root / "policy" / "words.yaml")}
    rules = _read(root / "policy" / "policy.yaml") | {"tree": tree}
    policy: Policy = _checked(Policy, root / "policy", rules)
    _check_together(root, tenants, places, policy)
    return Jurisdiction(tenants, places, policy)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, Loader=_Loader)
    except OSError as problem:
        raise PolicyError(str(path), [problem.strerror or "cannot be read"]) from None
    except yaml.YAMLError as problem:
        raise PolicyError(str(path), [" ".join(str(problem).split())]) from None
    if not isinstance(content, dict):
        raise PolicyError(str(path), ["a mapping is expected"])
    return content


def _checked(model: type[M], path: Path, content: dict[str, Any]) -> M:
    try:
        return model.model_validate(content)
    except ValidationError as problem:
        raise PolicyError(str(path), list(_problems(problem))) from None


def _problems(problem: ValidationError) -> Iterable[str]:
    for error in problem.errors(include_url=False):
        where = ".".join(str(part) for part in error["loc"])
        yield f"{where}: {error['msg']}" if where else error["msg"]


def _check_together(root: Path, tenants: Tenants, places: Places, policy: Policy) -> None:
    unknown = [
        f"{tenant.id}: serves {area!r}, which is no place"
        for tenant in tenants.tenants
        for area in tenant.serves
        if area != EVERYWHERE and places.place(area) is None
    ]
    if unknown:
        raise PolicyError(str(root / "tenants.yaml"), unknown)
    if not any(
        EVERYWHERE in tenant.serves and tenant.agency_kind in policy.fallback_kinds
        for tenant in tenants.tenants
    ):
        problem = 'no agency of the fallback kinds serves "*": an appeal without a place would reach nobody'
        raise PolicyError(str(root / "tenants.yaml"), [problem])
