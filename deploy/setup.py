"""The setup step: brings streams, consumers and indexes of an installation to what the code and the registry say.

It may run at any time and as often as one likes; what is right is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import nats

from deploy.keys import ADMIN
from deploy.mongo_users import collections, create_indexes
from deploy.topology import ACK_WAIT, apply, handled_events, topology
from shared.contracts.streams import SERVICES
from shared.policy.tenants import Tenant
from shared.trust import over_tls


async def set_up(
    tenants: Sequence[Tenant],
    *,
    nats_url: str,
    admin_seed: str,
    ca: Path | None = None,
    mongo_url: str | None = None,
    services: Iterable[str] = SERVICES,
    replicas: int = 1,
    ack_wait: timedelta = ACK_WAIT,
    window: timedelta | None = None,
) -> list[str]:
    """Create or update everything; returns in words what was changed on NATS, and how many indexes were asked for.

    ``admin_seed`` is the nkey seed of the core account's administrator, ``ca`` whom to trust where NATS speaks TLS
    (the database's URL says that itself), ``mongo_url`` reaches the database as its
    administrator (without it the indexes are left alone). ``window`` replaces the duplicate window of our own
    streams. Raises SetupError when NATS refuses.
    """
    services = tuple(services)
    wanted = topology(tenants, handled_events(services), window)
    client = await nats.connect(
        nats_url.split(","),
        nkeys_seed_str=admin_seed,
        inbox_prefix=f"_INBOX.{ADMIN}".encode(),
        name="setup",
        **over_tls(ca),
    )
    try:
        done = await apply(client, wanted, ack_wait=ack_wait, replicas=replicas)
    finally:
        await client.close()
    if mongo_url:
        asked = await create_indexes(mongo_url, collections(services))
        done.append(f"{asked} indexes in place")
    return done
