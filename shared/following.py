"""Whose messages a service reads, as the registry of tenants changes while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog
from nats.aio.client import Client

from shared.contracts.streams import OURS, Consumer, ingress, ingress_consumer
from shared.loop.documents import Unreachable
from shared.loop.guard import check
from shared.loop.inlet import Gone
from shared.policy import Live, PolicyError
from shared.policy.tenants import MOST_QUOTA_BYTES, Tenant, TenantKind

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks at the registry's file; CONTRACTS promises a new tenant to be served within ten."""


class Following:
    """The streams and consumers of one service: our own, and the ingress of each tenant it listens to.

    A tenant that comes while the service runs is followed as soon as its stream is there; one that is missing at the
    start, or altered at any time, is a reason to stop.
    """

    def __init__(
        self, live: Live, client: Client, own: Sequence[Consumer], listens_to: TenantKind | None
    ) -> None:
        self._live = live
        self._client = client
        self._own = tuple(own)
        self._kind = listens_to
        self._looked = asyncio.Event()
        self._followed: dict[str, Tenant] = {tenant.id: tenant for tenant in self._wanted()}

    def consumers(self) -> tuple[Consumer, ...]:
        """All durable consumers the service pulls from now."""
        return self._own + tuple(ingress_consumer(t.kind, t.id) for t in self._followed.values())

    async def check(self) -> None:
        """Raises Gone when a stream or consumer is missing or altered, Unreachable when NATS does not say."""
        await self.check_own()
        try:
            await self._check(self._followed.values())
        except Gone:  # perhaps a tenant is being changed or removed at this moment
            await asyncio.sleep(2 * LOOK_EVERY)
            self._look()
            self._keep_wanted()
            await self._check(self._followed.values())

    async def check_own(self) -> None:
        """The same for what is not a tenant's: quick however many tenants there are."""
        await check(self._client, OURS, self._own)

    async def keep(self, follow: Callable[[Sequence[Consumer]], None]) -> None:
        """Looks at the registry again and again, and has the right streams followed; runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await asyncio.to_thread(self._look)  # a new version of the rules takes a while to read
            self._looked.set()
            before = self.consumers()
            await self._take_up()
            if before != self.consumers():
                follow(self.consumers())

    async def certain(self) -> None:
        """Returns when every version of the rules that holds by now is known here: at once, unless looking at the files
        takes very long."""
        while self._live.known_for() < 0:
            self._looked.clear()
            await self._looked.wait()

    def _look(self) -> None:
        try:
            if self._live.look():
                newest = self._live.versions[-1].jurisdiction
                present = len(newest.tenants.present)
                log.info("registry or rules changed", tenants=present, policy=newest.policy.label)
        except PolicyError as error:
            log.error("registry or rules cannot be used; those before stay", reason=str(error))

    async def _take_up(self) -> None:
        wanted = self._keep_wanted()
        for id in wanted.keys() - self._followed.keys():
            try:
                await self._check([wanted[id]])
            except (Gone, Unreachable) as missing:
                log.warning("a new tenant is not served yet", tenant=id, reason=str(missing))
            else:
                self._followed[id] = wanted[id]
                log.info("a new tenant is served", tenant=id)

    def _keep_wanted(self) -> dict[str, Tenant]:
        """Whom the registry knows now; of those followed stay the ones among them, as they are now."""
        wanted = {tenant.id: tenant for tenant in self._wanted()}
        self._followed = {id: wanted[id] for id in self._followed if id in wanted}
        return wanted

    async def _check(self, tenants: Collection[Tenant]) -> None:
        streams = [ingress(t.kind, t.id, t.quota.bytes) for t in tenants]
        consumers = [ingress_consumer(t.kind, t.id) for t in tenants]
        # A quota that is being changed is the stream's before it is the registry's.
        await check(self._client, streams, consumers, MOST_QUOTA_BYTES)

    def _wanted(self) -> Sequence[Tenant]:
        return self._live.now.tenants.of_kind(self._kind) if self._kind else ()
