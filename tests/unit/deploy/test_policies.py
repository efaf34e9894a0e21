"""`nuanliu policy install`: what is put in force, and what is refused, by name."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from deploy import SAMPLE
from deploy.registry import policies
from deploy.registry.changes import RegistryError
from deploy.registry.file import write
from deploy.registry.installation import Installation, Shape
from shared.loop.envelope import now
from shared.policy import Live, PolicyError, load
from shared.policy.live import IN_FORCE, NOTICE

HERE = load(SAMPLE)
AT = now()
SOON = AT + timedelta(minutes=1)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    shape = Shape(district=str(SAMPLE), nats_url="nats://127.0.0.1:1", listen="127.0.0.1:1", store="store")
    made = Installation.describe(tmp_path / "installation", shape)
    write(made.registry, HERE.tenants)
    return made


def pack(to: Path, **rules: object) -> Path:
    """The sample with other rules."""
    made = Path(shutil.copytree(SAMPLE, to))
    path = made / "policy" / "policy.yaml"
    said = yaml.safe_load(path.read_text(encoding="utf-8")) | {"version": "2"} | rules
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return made


def install(installation: Installation, path: Path, since: datetime | None = SOON) -> str:
    return policies.install(installation, path, since=since, by="tests", reason="冬季", clock=lambda: AT)


def test_a_version_holds_from_its_instant_on_and_is_on_record(
    installation: Installation, tmp_path: Path
) -> None:
    label = install(installation, pack(tmp_path / "pack", indoor_standard_celsius=20))

    live = Live(SAMPLE, installation.registry)
    assert live.at(AT).policy.label == HERE.policy.label
    assert live.at(SOON).policy.label == label == f"{HERE.policy.id}@2"
    audited = json.loads(installation.audit.read_text(encoding="utf-8").splitlines()[-1])
    assert (audited["action"], audited["version"], audited["by"]) == ("policy install", label, "tests")
    first, second = policies.listed(installation)
    assert first == (HERE.policy.label, None)
    assert second[0] == label
    assert second[1] is not None
    assert (second[1].since, second[1].reason) == (SOON, "冬季")


@pytest.mark.parametrize(
    ("rules", "since", "field"),
    [
        ({"id": "elsewhere"}, SOON, "id"),
        ({"version": HERE.policy.version}, SOON, "version"),
        ({"version": "../2"}, SOON, "version"),
        ({"version": ".2"}, SOON, "version"),
        ({}, AT + timedelta(seconds=9), "from"),
    ],
)
def test_what_cannot_be_put_in_force_is_refused_by_name(
    installation: Installation, tmp_path: Path, rules: dict[str, object], since: datetime, field: str
) -> None:
    with pytest.raises(RegistryError) as refused:
        install(installation, pack(tmp_path / "pack", **rules), since)

    assert refused.value.field == field
    assert len(list(policies.listed(installation))) == 1


def test_without_an_instant_it_holds_as_soon_as_every_service_knows_it(
    installation: Installation, tmp_path: Path
) -> None:
    install(installation, pack(tmp_path / "pack"), None)

    live = Live(SAMPLE, installation.registry)
    assert live.versions[-1].since == AT + NOTICE


def test_a_second_version_holds_after_the_first(installation: Installation, tmp_path: Path) -> None:
    install(installation, pack(tmp_path / "two"), SOON)

    with pytest.raises(RegistryError, match="from"):
        install(installation, pack(tmp_path / "three", version="3"), SOON)
    install(installation, pack(tmp_path / "four", version="4"), SOON + timedelta(seconds=1))

    assert [label.rpartition("@")[2] for label, _ in policies.listed(installation)][1:] == ["2", "4"]


def test_rules_that_do_not_fit_the_tenants_are_refused_and_leave_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    path = pack(tmp_path / "pack", fallback_kinds=["subdistrict"])

    with pytest.raises(PolicyError, match="fallback"):
        install(installation, path)

    assert not policies.versions_of(installation).exists()


def test_what_an_interrupted_installation_left_is_replaced(
    installation: Installation, tmp_path: Path
) -> None:
    left = policies.versions_of(installation) / "2"
    left.mkdir(parents=True)
    (left / "rubbish").touch()

    install(installation, pack(tmp_path / "pack"))

    assert (left / IN_FORCE).exists()
    assert not (left / "rubbish").exists()


def test_a_tenant_must_fit_the_rules_that_are_coming_as_well(
    installation: Installation, tmp_path: Path
) -> None:
    install(installation, pack(tmp_path / "pack", fallback_kinds=["housing"]))
    none_everywhere = [
        tenant.model_copy(update={"serves": ("nh-01",)}) if tenant.agency_kind == "housing" else tenant
        for tenant in HERE.tenants.tenants
    ]

    with pytest.raises(PolicyError, match=r"@2: .*no agency of the fallback kinds"):
        installation.check(HERE.tenants.model_copy(update={"tenants": tuple(none_everywhere)}))
