"""The import contracts of pyproject.toml are not only written down: each is broken on purpose and seen to object."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("services", "shared", "deploy")

ONE_DRIVER = "The database driver is imported in one module, and to make users"

VIOLATIONS = {
    "a service imports another": (
        "services/routing/handlers.py",
        "import services.intake.domain",
        "Services do not know each other",
    ),
    "a service imports the deployment": (
        "services/response/store.py",
        "import deploy.topology",
        "Services know no deployment",
    ),
    "what is shared imports a service": (
        "shared/ids.py",
        "import services.metrics.domain",
        "What is shared knows no service and no deployment",
    ),
    "what is shared imports the deployment": (
        "shared/ids.py",
        "import deploy.keys",
        "What is shared knows no service and no deployment",
    ),
    "a domain imports a driver": (
        "services/routing/domain",
        "import pymongo",
        "Decisions know no framework and no driver",
    ),
    "a domain reaches a driver by way of the plumbing": (
        "services/intake/domain",
        "import shared.loop.mongo",
        "Decisions know no framework and no driver",
    ),
    "the judgement of a text imports a framework": (
        "services/intake/understand",
        "import fastapi",
        "Decisions know no framework and no driver",
    ),
    "the judgement of a case logs": (
        "services/routing/judge",
        "import structlog",
        "Decisions know no framework and no driver",
    ),
    "motor outside its module": (
        "services/metrics/store.py",
        "import motor.motor_asyncio",
        ONE_DRIVER,
    ),
    "motor where only users are made": (
        "deploy/mongo_users.py",
        "from motor.motor_asyncio import AsyncIOMotorClient",
        ONE_DRIVER,
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their contracts, free to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, "--no-logo", "--no-cache"], cwd=tree, capture_output=True, text=True)


def module(tree: Path, path: str) -> Path:
    """A module by its path; without a suffix it may be a module or a package."""
    found = [one for one in (tree / path, tree / f"{path}.py", tree / path / "__init__.py") if one.is_file()]
    assert found, f"{path} is not there: the contract guards nothing"
    return found[0]


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    answer = lint(tree)

    assert answer.returncode == 0, answer.stdout
    assert "0 broken" in answer.stdout


@pytest.mark.parametrize(("path", "line", "contract"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_violation_is_refused_by_the_contract_that_forbids_it(
    tree: Path, path: str, line: str, contract: str
) -> None:
    with module(tree, path).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    answer = lint(tree)

    assert answer.returncode == 1
    assert f"{contract} BROKEN" in answer.stdout
