"""What is said on the command line about a tenant is read, or refused by name; nothing is asked of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy import SAMPLE
from deploy.registry.changes import RegistryError
from deploy.registry.commands import app
from deploy.registry.installation import Installation, Shape
from deploy.registry.options import fields
from shared.policy import load


@pytest.mark.parametrize(
    "text", ["bytes", "bytes=", "bytes=²", "bytes=٣", "bytes=-1", "bytes=1.5", "bytes=" + "9" * 5000]
)
def test_a_quota_is_a_name_and_a_number(text: str) -> None:
    with pytest.raises(RegistryError, match="write name=number") as refused:
        fields(quota=[text])

    assert refused.value.field == "quota"


def test_only_what_is_given_is_changed() -> None:
    assert fields() == {}
    assert fields(serves=["nh-01"], quota=["connections=3"]) == {
        "serves": ["nh-01"],
        "quota": {"connections": 3},
    }


def test_a_field_can_be_emptied() -> None:
    assert fields(no_serves=True) == {"serves": []}
    assert fields(no_contact=True, no_right=True) == {"contacts": [], "rights": []}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"serves": ["nh-01"], "no_serves": True}, "--no-serves"),
        ({"contact": ["值班室:0371-1"], "no_contact": True}, "--no-contact"),
        ({"right": ["nats"], "no_right": True}, "--no-right"),
    ],
)
def test_a_field_is_not_given_and_emptied_at_once(given: dict[str, Any], field: str) -> None:
    with pytest.raises(RegistryError, match="not together") as refused:
        fields(**given)

    assert refused.value.field == field


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    installation = Installation.describe(tmp_path, Shape(str(SAMPLE), "nats://127.0.0.1:1", "x:1", "store"))
    installation.save(load(SAMPLE).tenants)
    return tmp_path


@pytest.mark.parametrize("kind", ["nonsense", "agencies", ""])
def test_a_list_of_a_kind_that_there_is_not_is_refused(directory: Path, kind: str) -> None:
    listed = CliRunner().invoke(app, ["list", "--kind", kind, "--dir", str(directory)])

    assert isinstance(listed.exception, RegistryError)
    assert str(listed.exception).startswith("kind: ")
    assert "channel, agency, team" in str(listed.exception)
    assert listed.stdout == ""


def test_a_list_of_one_kind_is_of_that_kind(directory: Path) -> None:
    listed = CliRunner().invoke(app, ["list", "--kind", "team", "--json", "--dir", str(directory)])

    assert listed.exit_code == 0
    assert {'"kind": "team"' in line for line in listed.stdout.splitlines()} == {True}
