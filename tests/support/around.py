"""Services beside a NATS server that somebody else has started: their database, their processes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.keys import service_key
from deploy.local.engines import MONGO, healthy, mongo_part, mongo_url, provision_mongo
from deploy.local.supervisor import Part, Supervisor
from deploy.mongo_users import collections, create_indexes
from deploy.registry.installation import Installation
from tests.support.engines import free_ports

_READY_SECONDS = 60.0


async def start_database(supervisor: Supervisor, installation: Installation, services: Sequence[str]) -> int:
    """The database with the indexes of these services; gives its port."""
    (port,) = free_ports(1)
    await provision_mongo(installation.directory, port, installation.keys)
    await supervisor.start(mongo_part(installation.directory, port))
    await supervisor.until_ready([MONGO], _READY_SECONDS)
    await create_indexes(mongo_url(port, "admin", installation.keys), collections(services))
    return port


def service_part(
    installation: Installation, name: str, mongo_port: int, http_port: int, env: dict[str, str] | None = None
) -> Part:
    """A service as a process, on an installation's NATS, registry and keys. ``env``: further settings."""
    directory: Path = installation.directory
    settings = {
        "NUANLIU_NATS_URL": installation.shape.nats_url,
        "NUANLIU_NATS_SEED": str(installation.keys.seed_path(service_key(name))),
        "NUANLIU_MONGO_URL": mongo_url(mongo_port, name, installation.keys),
        "NUANLIU_MONGO_DATABASE": name,
        "NUANLIU_POLICY": installation.shape.district,
        "NUANLIU_REGISTRY": str(installation.registry),
        "NUANLIU_FILES_DIR": str(directory / "files"),
        "NUANLIU_HTTP_PORT": str(http_port),
        "NUANLIU_LOG_LEVEL": "WARNING",
    }
    if installation.ca is not None:
        settings["NUANLIU_NATS_CA"] = str(installation.ca)
    return Part(
        name,
        [sys.executable, "-m", f"services.{name}"],
        log=directory / "logs" / f"{name}.log",
        lacks=healthy(http_port),
        env=settings | (env or {}),
    )
