"""A deliverer for every agency whose address the registry holds, as the registry changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from services.response.webhooks.deliverer import Deliverer, Way
from services.response.webhooks.figures import Figures
from services.response.webhooks.outlet import standing
from services.response.webhooks.post import Post
from services.response.webhooks.undelivered import Undelivered
from services.response.webhooks.view import answer_for
from shared.contracts.streams import UNDELIVERED, hook_consumer
from shared.loop.documents import Unreachable
from shared.loop.guard import check
from shared.policy.tenants import Webhook
from shared.sealing import Seal, SealError
from shared.service import Running
from shared.settings import Settings

log = structlog.get_logger()

LOOK_SECONDS = 1.0


async def deliver(running: Running) -> None:
    """Runs until cancelled. Raises Gone when the list of what is given up is missing or altered."""
    client = running.broker.connection
    while True:
        try:
            await check(client, [UNDELIVERED], [])
            break
        except Unreachable as away:
            log.warning("waiting for an engine", reason=str(away))
            await asyncio.sleep(LOOK_SECONDS)
    settings = running.settings
    post = Post(http=settings.webhook_http, networks=settings.webhook_private)
    undelivered = Undelivered(client, running.bus)
    keeper = _Keeper(running, Way(client, post, undelivered, Figures(running.registry), opener(settings)))
    stop_answering = await answer_for(client, keeper.states)
    try:
        await keeper.keep()
    finally:
        await keeper.end()
        await post.close()
        await stop_answering()


def opener(settings: Settings) -> Callable[[str], str]:
    """What opens sealed secrets. Without a key that can be used each try says so, and the rest of the service works."""
    try:
        if settings.webhook_key is not None:
            return Seal.of(settings.webhook_key).open
        why = "NUANLIU_WEBHOOK_KEY is not set"
    except SealError as error:
        why = str(error)
        log.error("webhooks cannot be signed", reason=why)

    def refuse(_sealed: str) -> str:
        raise SealError(why)

    return refuse


class _Keeper:
    def __init__(self, running: Running, way: Way) -> None:
        self._running = running
        self._way = way
        self._deliverers: dict[str, tuple[Deliverer, asyncio.Task[None]]] = {}
        self._missing: set[str] = set()

    async def keep(self) -> None:
        while True:
            wanted = {
                tenant.id for tenant in self._running.jurisdiction.tenants.of_kind("agency") if tenant.hooked
            }
            await self._stop(self._deliverers.keys() - wanted)
            for agency in sorted(wanted):
                await self._see_to(agency)
            await asyncio.sleep(LOOK_SECONDS)

    async def _see_to(self, agency: str) -> None:
        found = self._deliverers.get(agency)
        if found and not found[1].done():
            return
        if found and (error := found[1].exception()):
            log.error("a deliverer ended in a defect; another begins", agency=agency, exc_info=error)
        try:
            if await standing(self._way.client, hook_consumer(agency)) is None:
                if agency not in self._missing:
                    log.warning("a webhook's consumer is not there yet", agency=agency)
                self._missing.add(agency)
                return
        except Unreachable:
            return
        self._missing.discard(agency)
        deliverer = Deliverer(agency, self._way, lambda: self._webhook_of(agency))
        self._deliverers[agency] = deliverer, asyncio.create_task(deliverer.run(), name=f"webhook {agency}")
        log.info("a webhook is served", agency=agency)

    def _webhook_of(self, agency: str) -> Webhook | None:
        tenant = self._running.jurisdiction.tenants.get(agency)
        return tenant.webhook if tenant and tenant.active else None

    def states(self) -> dict[str, object]:
        """What this copy delivers now, and how it stands."""
        found = {agency: deliverer.state() for agency, (deliverer, _) in self._deliverers.items()}
        return {agency: state for agency, state in found.items() if state}

    async def end(self) -> None:
        await self._stop(set(self._deliverers))

    async def _stop(self, agencies: set[str]) -> None:
        ending = [self._deliverers.pop(agency)[1] for agency in agencies]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for agency in agencies:
            log.info("a webhook is not served any more", agency=agency)
