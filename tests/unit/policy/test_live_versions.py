"""A district in use: a new version of its rules holds from an instant on, for every decision about that time."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy import SAMPLE
from deploy.registry.file import write
from services.intake.likeness import Examples
from shared.policy import Live, PolicyError, load
from shared.policy.live import ALWAYS, IN_FORCE, VERSIONS, InForce, Version

TEN = datetime(2026, 1, 10, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FIRST = load(SAMPLE)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.yaml"
    write(path, FIRST.tenants)
    return path


def put(registry: Path, version: str, since: datetime, **rules: object) -> Path:
    """A version beside the registry, as `nuanliu policy install` puts it there."""
    there = registry.parent / VERSIONS / version
    shutil.copytree(SAMPLE, there)
    path = there / "policy" / "policy.yaml"
    said = yaml.safe_load(path.read_text(encoding="utf-8")) | {"version": version} | rules
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    (there / IN_FORCE).write_text(InForce(since=since).model_dump_json(), encoding="utf-8")
    return there


def test_what_was_learnt_is_known_under_every_version(registry: Path) -> None:
    put(registry, "next", TEN)
    live = Live(SAMPLE, registry)
    assert live.at(TEN).likeness is None

    known = Examples([])
    live.learnt(known)

    assert live.at(TEN).likeness is live.at(TEN - SECOND).likeness is known


def test_what_came_before_the_instant_is_decided_by_the_version_before(registry: Path) -> None:
    put(registry, "next", TEN, indoor_standard_celsius=20)

    live = Live(SAMPLE, registry)

    before, after = live.at(TEN - SECOND).policy, live.at(TEN).policy
    assert (before.label, before.indoor_standard_celsius) == (FIRST.policy.label, 18)
    assert (after.version, after.indoor_standard_celsius) == ("next", 20)


def test_a_version_is_taken_up_while_it_is_in_use_and_tenants_stay_the_same(registry: Path) -> None:
    live = Live(SAMPLE, registry)
    assert not live.look()

    put(registry, "next", TEN)

    assert live.look()
    assert not live.look()
    assert live.at(TEN).policy.version == "next"
    assert live.at(TEN).tenants == live.at(ALWAYS).tenants == FIRST.tenants


def test_a_tenant_that_comes_is_there_under_every_version(registry: Path) -> None:
    put(registry, "next", TEN)
    live = Live(SAMPLE, registry)
    gone = FIRST.tenants.tenants[0].id

    write(registry, FIRST.tenants.model_copy(update={"tenants": FIRST.tenants.tenants[1:]}))

    assert live.look()
    assert live.at(TEN).tenants.get(gone) is None
    assert live.at(ALWAYS).tenants.get(gone) is None


def test_a_version_that_cannot_be_used_is_told_once_and_those_before_stay(registry: Path) -> None:
    live = Live(SAMPLE, registry)

    put(registry, "next", TEN, indoor_standard_celsius="warm")

    with pytest.raises(PolicyError, match="indoor_standard_celsius"):
        live.look()
    assert not live.look()
    assert live.at(TEN).policy.label == FIRST.policy.label


def test_a_version_that_is_still_being_put_there_is_left_alone(registry: Path) -> None:
    live = Live(SAMPLE, registry)

    (put(registry, "next", TEN) / IN_FORCE).unlink()

    assert not live.look()


def test_the_rules_of_another_district_are_refused(registry: Path) -> None:
    put(registry, "next", TEN, id="elsewhere")

    with pytest.raises(PolicyError, match="elsewhere@next: not of this district"):
        Live(SAMPLE, registry)


@given(
    instants=st.lists(st.integers(-100, 100), unique=True, max_size=6),
    asked=st.integers(-120, 120),
)
def test_the_latest_version_that_holds_decides(instants: list[int], asked: int) -> None:
    live = Live.__new__(Live)
    named = [
        (TEN + n * SECOND, FIRST.policy.model_copy(update={"version": f"v{n}"})) for n in sorted(instants)
    ]
    live._versions = (
        Version(ALWAYS, FIRST),
        *(Version(at, type(FIRST)(FIRST.tenants, FIRST.places, policy)) for at, policy in named),
    )

    held = live.at(TEN + asked * SECOND).policy.version

    came = [n for n in instants if n <= asked]
    assert held == (f"v{max(came)}" if came else FIRST.policy.version)
