"""The production shape as data, and what docker-compose.yml and prometheus.yml must say to agree with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.provision import ProvisionSettings
from shared.contracts.streams import SERVICES
from shared.settings import Settings

HTTP_PORTS = {name: 8001 + place for place, name in enumerate(SERVICES)}
"""Service -> the port of its HTTP front (CONTRACTS 5)."""

NATS_PORT = 4222
MONITOR_PORT = 8222
NATS_STORE = "/data"
MONGO_ADDRESS = "mongo:27017"
REPLICA_SET = "nuanliu"
_PREFIX = "NUANLIU_"
_ALWAYS = {"NUANLIU_CLOCK": "wall", "NUANLIU_TICK": "internal", "NUANLIU_NATS_SEED": "/run/secrets/nats_seed"}


def service_secrets(service: str) -> dict[str, str]:
    """Secret of one service -> its file below the directory of secrets."""
    return {f"{service}_seed": f"services/{service}.seed", f"{service}_mongo_url": f"mongo/{service}.url"}


SECRETS = {
    **{name: file for service in SERVICES for name, file in service_secrets(service).items()},
    "mongo_admin": "mongo/admin.password",
    "mongo_key": "mongo/replica-set.key",
    "grafana_admin": "grafana/admin.password",
}
"""Every secret of the installation that reaches a container as a single file."""


def compose_problems(compose: Mapping[str, Any], nats_version: str) -> list[str]:
    """Where docker-compose.yml (parsed) does not fit the code; each says the service and what is wrong."""
    parts = compose["services"]
    problems = [f"{name}: is missing" for name in SERVICES if name not in parts]
    for name in SERVICES:
        if name in parts:
            problems += [f"{name}: {problem}" for problem in _service_problems(name, parts[name])]
    problems += [f"setup: {problem}" for problem in _setup_problems(parts.get("setup", {}))]
    problems += [f"nats: {problem}" for problem in _nats_problems(parts.get("nats", {}), nats_version)]
    problems += [f"mongo: {problem}" for problem in _mongo_problems(parts.get("mongo", {}))]
    problems += [
        f"{name}: {problem}" for name, part in parts.items() for problem in _part_problems(name, part)
    ]
    problems += _secret_problems(compose.get("secrets", {}))
    return problems


def prometheus_problems(config: Mapping[str, Any]) -> list[str]:
    """Where prometheus.yml (parsed) does not scrape every copy of every service at its port."""
    problems = []
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    for name, port in HTTP_PORTS.items():
        found = [
            (one.get("names"), one.get("type"), one.get("port"))
            for one in jobs.get(name, {}).get("dns_sd_configs", [])
        ]
        if found != [([name], "A", port)]:
            problems.append(f"{name}: is scraped as {found}, not at every address of {name}, port {port}")
    return problems


def dockerfile_problems(dockerfile: str, python: str) -> list[str]:
    """Where the image is not built on ``python`` (major.minor) from the hashed locks, for a user without rights."""
    problems = []
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    if any(not re.match(rf"python:{re.escape(python)}\.\d+-slim", base) for base in bases):
        problems.append(f"bases {bases} are not pinned releases of Python {python}, slim")
    if dockerfile.count("--require-hashes") != dockerfile.count("pip install"):
        problems.append("a pip install goes without --require-hashes")
    if not re.search(r"^USER (?!root|0)", dockerfile, re.MULTILINE):
        problems.append("runs as root")
    return problems


def _service_problems(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    port = HTTP_PORTS[name]
    if part.get("command") != ["python", "-m", f"services.{name}"]:
        yield f"runs {part.get('command')}"
    settings = part.get("environment", {})
    for key in settings:
        if not key.startswith(_PREFIX) or key.removeprefix(_PREFIX).lower() not in Settings.model_fields:
            yield f"{key} is no setting of a service"
    wanted = {**_ALWAYS, "NUANLIU_MONGO_DATABASE": name, "NUANLIU_HTTP_PORT": str(port)}
    for key, value in wanted.items():
        if settings.get(key) != value:
            yield f"{key} is {settings.get(key)}, not {value}"
    if not any(str(published).endswith(f":{port}") for published in part.get("ports", [])):
        yield f"port {port} is not published"
    if f"127.0.0.1:{port}/health/ready" not in str(part.get("healthcheck", {}).get("test")):
        yield f"its health check does not ask port {port} for /health/ready"
    targets = {one["source"]: one["target"] for one in part.get("secrets", [])}
    if targets != {f"{name}_seed": "nats_seed", f"{name}_mongo_url": "mongo_url"}:
        yield f"is given the secrets {sorted(targets)}, not its own two"
    if part.get("depends_on", {}).get("setup", {}).get("condition") != "service_completed_successfully":
        yield "does not wait for the setup"


def _setup_problems(part: Mapping[str, Any]) -> Iterator[str]:
    if part.get("command") != ["python", "-m", "deploy.provision"]:
        yield f"runs {part.get('command')}"
    given = {key.removeprefix(_PREFIX).lower() for key in part.get("environment", {})}
    needed = {name for name, field in ProvisionSettings.model_fields.items() if field.is_required()}
    for name in sorted((needed - given) | (given - ProvisionSettings.model_fields.keys())):
        yield f"{_PREFIX}{name.upper()} is {'not set' if name in needed else 'no setting of the setup'}"
    for engine in ("nats", "mongo"):
        if part.get("depends_on", {}).get(engine, {}).get("condition") != "service_healthy":
            yield f"does not wait for {engine}"


def _nats_problems(part: Mapping[str, Any], version: str) -> Iterator[str]:
    if not str(part.get("image")).startswith(f"nats:{version}"):
        yield f"is {part.get('image')}; what the tests run against is {version}"
    if not any(str(volume).split(":")[1] == NATS_STORE for volume in part.get("volumes", [])):
        yield f"no volume holds {NATS_STORE}"
    if f":{MONITOR_PORT}/healthz" not in str(part.get("healthcheck")):
        yield f"its health check does not ask port {MONITOR_PORT}"


def _mongo_problems(part: Mapping[str, Any]) -> Iterator[str]:
    if not str(part.get("image")).startswith("mongo:8."):
        yield f"is {part.get('image')}, not MongoDB 8"
    if f"--replSet {REPLICA_SET} --keyFile" not in str(part.get("entrypoint")):
        yield f"is no member of the replica set {REPLICA_SET}, guarded by a key"


def _part_problems(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    _, _, tag = str(part.get("image")).rpartition(":")
    if tag in ("", "latest") or ":" not in str(part.get("image")):
        yield f"image {part.get('image')} is not pinned"
    if "restart" not in part:
        yield "is not started again when it dies"
    if name != "setup" and "healthcheck" not in part:
        yield "has no health check"


def _secret_problems(secrets: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name in sorted(SECRETS.keys() ^ secrets.keys()):
        yield f"secret {name}: is {'not declared' if name in SECRETS else 'known to nobody'}"
    for name in sorted(SECRETS.keys() & secrets.keys()):
        if not str(secrets[name].get("file")).endswith(f"/secrets/{SECRETS[name]}"):
            yield f"secret {name}: comes from {secrets[name].get('file')}, not from {SECRETS[name]}"
