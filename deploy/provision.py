"""`python -m deploy.provision`: the setup job. Streams, consumers, database users and indexes, brought to what the code
and the registry say; run again, it changes nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import nats
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.keys import ADMIN, KeyRing
from deploy.mongo_users import collections, create_indexes, create_users, user_url
from deploy.topology import apply, handled_events, topology
from shared.policy.jurisdiction import load


class ProvisionSettings(BaseSettings):
    """``secrets``: the directory that `python -m deploy.render` filled. ``replicas``: of every stream."""

    model_config = SettingsConfigDict(env_prefix="NUANLIU_", extra="ignore")

    nats_url: str
    nats_seed: Path
    mongo_address: str
    secrets: Path
    policy: Path
    replicas: int = 1


async def provision(settings: ProvisionSettings) -> list[str]:
    """Returns what was done, in words. Raises SetupError, or the driver's own error, when a server refuses."""
    ring = KeyRing(settings.secrets)
    wanted = topology(load(settings.policy).tenants.tenants, handled_events())
    connection = await nats.connect(
        settings.nats_url, nkeys_seed=str(settings.nats_seed), inbox_prefix=f"_INBOX.{ADMIN}".encode()
    )
    try:
        done = await apply(connection, wanted, replicas=settings.replicas)
    finally:
        await connection.close()
    admin = user_url(settings.mongo_address, ADMIN, ring.password(f"mongo/{ADMIN}"))
    await create_users(admin, lambda user: ring.password(f"mongo/{user}"))
    asked = await create_indexes(admin, collections())
    return [*done, f"database users set, {asked} indexes in place"]


if __name__ == "__main__":
    print("\n".join(asyncio.run(provision(ProvisionSettings()))))
