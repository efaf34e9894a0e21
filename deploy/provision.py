"""`python -m deploy.provision`: the setup job of an installation made by `python -m deploy.render`.

Database users first, then streams, consumers and indexes; run again, it leaves alone what is right.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.keys import ADMIN, KeyRing
from deploy.mongo_users import create_users, user_url
from deploy.setup import set_up
from shared.policy import load


class ProvisionSettings(BaseSettings):
    """``secrets``: the directory that was rendered. ``mongo_address``: host:port. ``ca``: whom to trust, where both
    servers speak TLS. ``replicas``: of every stream."""

    model_config = SettingsConfigDict(env_prefix="NUANLIU_", extra="ignore")

    nats_url: str
    mongo_address: str
    secrets: Path
    policy: Path
    registry: Path | None = None
    ca: Path | None = None
    replicas: int = 1


async def provision(settings: ProvisionSettings) -> list[str]:
    """Returns in words what was done. Raises SetupError, or the driver's own error, when a server refuses."""
    ring = KeyRing(settings.secrets)
    admin = user_url(settings.mongo_address, ADMIN, ring.password(f"mongo/{ADMIN}"), str(settings.ca or ""))
    await create_users(admin, lambda user: ring.password(f"mongo/{user}"))
    return await set_up(
        load(settings.policy, settings.registry).tenants.tenants,
        nats_url=settings.nats_url,
        admin_seed=ring.seed(ADMIN),
        ca=settings.ca,
        mongo_url=admin,
        replicas=settings.replicas,
    )


if __name__ == "__main__":
    print("\n".join(asyncio.run(provision(ProvisionSettings()))))
