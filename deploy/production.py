"""The production shape as data, and what docker-compose.yml and prometheus.yml must say to agree with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.keys import WEBHOOK_KEY
from deploy.provision import ProvisionSettings
from shared.contracts.streams import SERVICES
from shared.settings import Settings

HTTP_PORTS = {name: 8001 + place for place, name in enumerate(SERVICES)}
"""Service -> the port of its HTTP front (CONTRACTS 5)."""

NATS_PORT = 4222
"""Of the server in its container; of the partners' door on its host."""
INNER_PORT = 4223
"""Of the server on its host: for `nuanliu tenant`, and for the services of the other hosts of a cluster."""
DOOR = "door"
DOOR_CONFIG = "deploy/door/nginx.conf"
MONITOR_PORT = 8222
NATS_STORE = "/data"
MONGO_PORT = 27017
MONGO_ADDRESS = f"mongo:{MONGO_PORT}"
REPLICA_SET = "nuanliu"
ROUTES_PORT = 6222
REPLICAS = 3
"""Of every stream, where there are servers for them."""
CERTIFICATE = "/etc/tls/server.pem"
"""Certificate and key of a server, as it sees them."""
CA_FILE = "/etc/trust/ca.pem"
"""Whom to trust, as every container that asks another sees it."""
_PREFIX = "NUANLIU_"
_ALWAYS = {
    "NUANLIU_CLOCK": "wall",
    "NUANLIU_TICK": "internal",
    "NUANLIU_NATS_SEED": "/run/secrets/nats_seed",
    "NUANLIU_HTTP_TOKENS": "required",
    "NUANLIU_NATS_URL": f"tls://nats:{NATS_PORT}",
    "NUANLIU_NATS_CA": CA_FILE,
}
_INSTALLATION = "${NUANLIU_PRODUCTION:-./var/production}/"
_MONGO_TLS = f"--tlsMode requireTLS --tlsCertificateKeyFile /data/configdb/server.pem --tlsCAFile {CA_FILE}"


def service_secrets(service: str) -> dict[str, str]:
    """Secret of one service -> its file below the directory of secrets."""
    own = {f"{service}_seed": f"services/{service}.seed", f"{service}_mongo_url": f"mongo/{service}.url"}
    return own | ({"response_webhook_key": WEBHOOK_KEY} if service == "response" else {})


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
    problems += [f"{DOOR}: {problem}" for problem in _door_problems(parts.get(DOOR, {}))]
    problems += [f"mongo: {problem}" for problem in _mongo_problems(parts.get("mongo", {}))]
    problems += [
        f"{name}: {problem}" for name, part in parts.items() for problem in _part_problems(name, part)
    ]
    problems += _secret_problems(compose.get("secrets", {}))
    return problems


def cluster_problems(compose: Mapping[str, Any]) -> list[str]:
    """Where docker-compose.cluster.yml (parsed), laid over the other, does not make a host one of several."""
    parts = compose["services"]
    problems = []
    for name in SERVICES:
        if parts.get(name, {}).get("environment", {}).get("NUANLIU_NATS_URL") != "${NUANLIU_NATS_URL}":
            problems.append(f"{name}: does not know every NATS server")
    wanted = {
        "NUANLIU_NATS_URL": "${NUANLIU_NATS_URL}",
        "NUANLIU_MONGO_ADDRESS": "${NUANLIU_MONGO_ADDRESS}",
        "NUANLIU_REPLICAS": str(REPLICAS),
    }
    if parts.get("setup", {}).get("environment") != wanted:
        problems.append(f"setup: is not told {wanted}")
    reached = {
        "nats": {f"{INNER_PORT}:{NATS_PORT}", f"{ROUTES_PORT}:{ROUTES_PORT}"},
        "mongo": {f"{MONGO_PORT}:{MONGO_PORT}"},
    }
    for engine, ports in reached.items():
        part = parts.get(engine, {})
        if missing := sorted(ports - set(part.get("ports", []))):
            problems.append(f"{engine}: the others do not reach it at {missing}")
        of_host = f"${{NUANLIU_PRODUCTION}}/tls/${{NUANLIU_HOST}}/{engine}:/etc/tls:ro"
        if of_host not in part.get("volumes", []):
            problems.append(f"{engine}: is not given the certificate of its host")
    nats = parts.get("nats", {}).get("volumes", [])
    for volume in ("nats/${NUANLIU_HOST}:/etc/nats:ro", "tls/trust:/etc/trust:ro"):
        if f"${{NUANLIU_PRODUCTION}}/{volume}" not in nats:
            problems.append(f"nats: is not given {volume}")
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


def door_problems(config: str) -> list[str]:
    """Where the door's configuration does not lead from its port to NATS, at a pace."""
    wanted = {
        rf"listen {NATS_PORT} ": f"does not listen on {NATS_PORT}",
        rf"default nats:{NATS_PORT};": f"does not lead to nats:{NATS_PORT}",
        r"proxy_upload_rate [1-9]\d*k;": "bounds nobody's pace",
        r"limit_conn address \d+;": "bounds nobody's connections",
    }
    return [
        problem for line, problem in wanted.items() if not re.search(rf"^\s*{line}", config, re.MULTILINE)
    ]


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
    if name == "response":
        wanted["NUANLIU_WEBHOOK_KEY"] = "/run/secrets/webhook_key"
    for key, value in wanted.items():
        if settings.get(key) != value:
            yield f"{key} is {settings.get(key)}, not {value}"
    if not any(str(published).endswith(f":{port}") for published in part.get("ports", [])):
        yield f"port {port} is not published"
    if f"127.0.0.1:{port}/health/ready" not in str(part.get("healthcheck", {}).get("test")):
        yield f"its health check does not ask port {port} for /health/ready"
    targets = {one["source"]: one["target"] for one in part.get("secrets", [])}
    names = {secret: secret.removeprefix(f"{name}_") for secret in service_secrets(name)}
    if targets != {**names, f"{name}_seed": "nats_seed"}:
        yield f"is given the secrets {sorted(targets)}, not its own"
    if part.get("depends_on", {}).get("setup", {}).get("condition") != "service_completed_successfully":
        yield "does not wait for the setup"
    yield from _trust_problems(part)


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
    settings = part.get("environment", {})
    for key, value in {"NUANLIU_NATS_URL": _ALWAYS["NUANLIU_NATS_URL"], "NUANLIU_CA": CA_FILE}.items():
        if settings.get(key) != value:
            yield f"{key} is {settings.get(key)}, not {value}"
    yield from _trust_problems(part)


def _nats_problems(part: Mapping[str, Any], version: str) -> Iterator[str]:
    if not str(part.get("image")).startswith(f"nats:{version}"):
        yield f"is {part.get('image')}; what the tests run against is {version}"
    if not any(str(volume).split(":")[1] == NATS_STORE for volume in part.get("volumes", [])):
        yield f"no volume holds {NATS_STORE}"
    if f":{MONITOR_PORT}/healthz" not in str(part.get("healthcheck")):
        yield f"its health check does not ask port {MONITOR_PORT}"
    if part.get("ports") != [f"127.0.0.1:{INNER_PORT}:{NATS_PORT}"]:
        yield f"is reached at {part.get('ports')}, by others than this host"


def _door_problems(part: Mapping[str, Any]) -> Iterator[str]:
    if not str(part.get("image")).startswith("nginx:1."):
        yield f"is {part.get('image')}, not nginx 1"
    if f"{NATS_PORT}:{NATS_PORT}" not in part.get("ports", []):
        yield f"port {NATS_PORT} is not published"
    mounted = dict(str(volume).split(":")[:2] for volume in part.get("volumes", []))
    if mounted.get(f"./{DOOR_CONFIG}", "nothing") not in part.get("entrypoint", []):
        yield f"does not run on {DOOR_CONFIG}"


def _mongo_problems(part: Mapping[str, Any]) -> Iterator[str]:
    if not str(part.get("image")).startswith("mongo:8."):
        yield f"is {part.get('image')}, not MongoDB 8"
    if f"--replSet {REPLICA_SET} --keyFile" not in str(part.get("entrypoint")):
        yield f"is no member of the replica set {REPLICA_SET}, guarded by a key"
    if _MONGO_TLS not in " ".join(str(part.get("entrypoint")).replace("\\n", " ").split()):
        yield f"does not require TLS: {_MONGO_TLS}"
    asks = part.get("healthcheck", {}).get("test", [])
    if not {"--tls", "--tlsCAFile", CA_FILE} <= set(asks):
        yield f"its health check does not ask over TLS, trusting {CA_FILE}"
    yield from _trust_problems(part)


def _trust_problems(part: Mapping[str, Any]) -> Iterator[str]:
    if _mounted(part).get(f"{_INSTALLATION}tls/trust") != CA_FILE.rpartition("/")[0]:
        yield f"does not find whom to trust in {CA_FILE}"


def _certificate_problems(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    """The key of the authority reaches nobody, a server's key that server alone."""
    own = f"{_INSTALLATION}tls/{name}"
    mounted = _mounted(part)
    if name in ("nats", "mongo") and mounted.get(own) != CERTIFICATE.rpartition("/")[0]:
        yield f"does not find its certificate in {CERTIFICATE}"
    for source in mounted:
        inside = f"{_INSTALLATION}tls/".startswith(f"{source.rstrip('/')}/") or source.startswith(
            f"{_INSTALLATION}tls/"
        )
        if inside and source not in (own, f"{_INSTALLATION}tls/trust"):
            yield f"is given {source}, where keys are that are not its own"


def _mounted(part: Mapping[str, Any]) -> dict[str, str]:
    """What of the installation a container sees -> where."""
    found = {}
    for volume in part.get("volumes", []):
        if str(volume).startswith(_INSTALLATION.rstrip("/")):
            source, target, *_ = str(volume).removeprefix(_INSTALLATION.rstrip("/")).split(":")
            found[_INSTALLATION.rstrip("/") + source] = target
    return found


def _part_problems(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    yield from _certificate_problems(name, part)
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
