"""Rendering an installation again, as its renewal wants, changes nothing that was not asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy import SAMPLE
from deploy.registry.installation import DESCRIPTION, Installation, Shape
from deploy.render import ROOT
from shared.policy import load

HOSTS = ("a.example", "b.example", "c.example")


def rendered(out: Path, *flags: str) -> Shape:
    done = command(out, *flags)
    assert done.returncode == 0, done.stderr
    return Installation(out).shape


def command(out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    render = [sys.executable, "-m", "deploy.render", "--out", str(out), *flags]
    return subprocess.run(render, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the operator's own."""
    return Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("district") / "own"))


@pytest.fixture
def out(tmp_path: Path, district: Path) -> Path:
    """A cluster of that district, whose webhooks may go to a network inside."""
    out = tmp_path / "production"
    flags = (
        "--jurisdiction",
        str(district),
        "--cluster",
        ",".join(HOSTS),
        "--webhook-private",
        "10.2.0.0/16",
    )
    rendered(out, *flags)
    return out


def test_without_flags_everything_stays_as_it_was(out: Path) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    rendered(out)

    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_the_pack_that_setup_and_services_read_is_complete_in_itself(tmp_path: Path) -> None:
    out = tmp_path / "production"

    rendered(out, "--jurisdiction", str(SAMPLE.parent / "lanzhou"))

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert load(Path(shutil.move(out / "district", tmp_path / "mounted")), out / "registry/tenants.yaml")
    for part in ("setup", "routing"):
        mounted = [volume for volume in compose["services"][part]["volumes"] if "/district:" in volume]
        assert [volume.split(":")[-2] for volume in mounted] == [
            compose["services"][part]["environment"]["NUANLIU_POLICY"]
        ]


def test_what_a_flag_says_is_changed_and_the_rest_stays(out: Path, district: Path) -> None:
    alone = rendered(out, "--cluster", "")

    assert tuple(alone.cluster) == ()
    assert alone.replicas == 1
    assert alone.district == str(district)
    assert tuple(alone.webhook_private) == ("10.2.0.0/16",)

    elsewhere = rendered(out, "--jurisdiction", str(SAMPLE))

    assert elsewhere.district == str(SAMPLE)
    assert tuple(elsewhere.cluster) == ()


def test_a_registry_that_does_not_fit_is_told_in_a_line_before_anything_is_written(
    out: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(SAMPLE, tmp_path / "other")
    places = (other / "places.yaml").read_text(encoding="utf-8")
    (other / "places.yaml").write_text(places.replace("nh-01", "nh-91"), encoding="utf-8")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    done = command(out, "--jurisdiction", str(other))

    assert done.returncode == 1
    assert "is no place" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_directory_that_is_described_by_something_else_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / DESCRIPTION).write_text(json.dumps({"name": "of another program"}), encoding="utf-8")

    done = command(tmp_path)

    assert done.returncode == 1
    assert DESCRIPTION in done.stderr
    assert "Traceback" not in done.stderr
