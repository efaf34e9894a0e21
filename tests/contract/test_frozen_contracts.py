"""What was published is held against the code: a contract is broken on purpose, and the check of CI goes red."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import catalogue

ROOT = Path(__file__).resolve().parents[2]
SUBMITTED = "nuanliu.intake.submitted.v1"
CASE_CLOSED = "nuanliu.case.closed.v1"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code and of what is committed of it, free to be spoilt."""
    for package in ("deploy", "shared", "services"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs/contracts", tmp_path / "docs/contracts")
    return tmp_path


def run(tree: Path, *arguments: str) -> tuple[int, str]:
    answer = subprocess.run(
        [sys.executable, "-m", "deploy.catalogue", *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )
    assert not answer.stderr, answer.stderr
    return answer.returncode, answer.stdout


def alter(tree: Path, module: str, old: str, new: str) -> None:
    file = tree / "shared/contracts" / module
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


SPOILT = {
    "a limit that outsiders kept to is lowered": (
        ("channel.py", "max_length=4000", "max_length=3000"),
        f"{SUBMITTED}: text: maxLength is 4000, 3000 is expected (an old message must fit the new reader)",
    ),
    "what agencies always heard is left out": (
        ("response.py", "    confidential: bool\n", "    confidential: bool | None = None\n"),
        "nuanliu.dispatch.assigned.v1: confidential: may be absent, but is required "
        "(a new message must fit the old reader)",
    ),
    "a service needs what lies in no stream": (
        ("routing.py", "    reworks: int = 0\n", "    reworks: int = 0\n    cold: bool\n"),
        f"{CASE_CLOSED}: cold: may be absent, but is required (an old message must fit the new reader)",
    ),
    "an event is gone": (
        ("team.py", "EVENTS = (Revisited, HazardFound, Patrolled)", "EVENTS = (Revisited, HazardFound)"),
        "nuanliu.field.patrolled.v1: is gone; what was published stays",
    ),
}


@pytest.mark.parametrize(("change", "said"), SPOILT.values(), ids=SPOILT.keys())
def test_a_broken_contract_turns_the_check_red_and_is_not_published(
    tree: Path, change: tuple[str, str, str], said: str
) -> None:
    alter(tree, *change)
    frozen = dict(published(tree))

    for argument in ("--check", "--publish"):
        status, out = run(tree, argument)
        assert status == 1
        assert said in out.splitlines()
    run(tree)
    assert run(tree, "--check")[0] == 1, "writing the catalogue anew must not make a breach good"
    assert dict(published(tree)) == frozen


def published(tree: Path) -> Iterator[tuple[str, str]]:
    for file in (tree / "docs/contracts/published").iterdir():
        yield file.name, file.read_text(encoding="utf-8")


def differing(tree: Path) -> int:
    """How many schemas a sound catalogue says differ from what is published."""
    status, out = run(tree, "--check")
    found = re.fullmatch(r"catalogue: up to date and compatible; (\d+) of \d+ schemas differ .*\n", out)
    assert status == 0, out
    assert found is not None, out
    return int(found[1])


def test_a_wider_contract_is_written_anew_and_then_published(tree: Path) -> None:
    assert run(tree, "--publish")[0] == 0
    alter(tree, "channel.py", "max_length=4000", "max_length=5000")

    status, out = run(tree, "--check")
    assert (status, f"docs/contracts/schemas/{SUBMITTED}.json: is stale" in out) == (1, True)
    assert run(tree)[0] == 0
    assert differing(tree) == 1
    assert run(tree, "--publish")[0] == 0
    assert differing(tree) == 0


def test_a_field_outside_that_nobody_explains_is_named(tree: Path) -> None:
    alter(tree, "team.py", "    findings: int", "    puddles: int | None = None\n    findings: int")

    assert run(tree, "--check") == (
        1,
        "catalogue: Patrolled.puddles is not explained in shared/catalogue/words.py\n",
    )


def test_every_event_is_published_and_nothing_was_broken_since() -> None:
    assert catalogue.read_published().keys() <= {event.type for event in catalogue.ALL}
    assert catalogue.incompatible(catalogue.read_published(), catalogue.current()) == []


def test_what_is_frozen_says_all_that_decides() -> None:
    frozen = json.loads((catalogue.ROOT / f"published/{SUBMITTED}.json").read_text(encoding="utf-8"))

    assert frozen["additionalProperties"] is False
    assert frozen["properties"]["text"] == {
        "maxLength": 4000,
        "minLength": 1,
        "pattern": r"\S",
        "type": "string",
    }
