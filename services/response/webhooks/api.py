"""HTTP of webhooks: how they stand, and the list of what was given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Path, Query, Request, Response

from services.response.webhooks.outlet import standing
from services.response.webhooks.undelivered import Entry, Undelivered
from services.response.webhooks.view import ask
from shared.access import Access
from shared.contracts.streams import hook_consumer
from shared.contracts.values import FieldError
from shared.http import Problem
from shared.loop.bus import NotStored
from shared.loop.documents import Unreachable
from shared.policy.tenants import Tenant
from shared.service import Running

MOST = 2**63 - 1
"""What a sequence number of a stream can be at most."""

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[int, Query(ge=0, le=MOST)]
Number = Annotated[int, Path(ge=1, le=MOST, description="seq of an entry")]
UNKNOWN_AGENCY = "is no agency of this installation"
NO_WEBHOOK = "has no webhook"
NOT_ON_THE_LIST = "is not on the list"


def routes(app: FastAPI, running: Running) -> None:
    client = running.broker.connection
    undelivered = Undelivered(client, running.bus)
    access = Access(lambda: running.jurisdiction.tenants, "agency", running.settings.http_tokens)

    def agency_of(request: Request, agency: str) -> Tenant:
        """Whose webhook a request is about; every route that names an agency passes here first. To who shows a token
        another's is as if it were not there."""
        asks = access.of(request)
        tenant = running.jurisdiction.tenants.get(agency)
        foreign = asks is not None and asks.id != agency
        if foreign or tenant is None or tenant.kind != "agency" or tenant.state == "removed":
            raise _not_found("agency", UNKNOWN_AGENCY)
        return tenant

    async def entry_of(request: Request, agency: str, sequence: int) -> Entry:
        found = await undelivered.one(agency_of(request, agency).id, sequence)
        if found is None:
            raise _not_found("sequence", NOT_ON_THE_LIST)
        return found

    @app.get("/api/v1/webhooks")
    async def webhooks(request: Request, agency: str | None = None) -> list[dict[str, Any]]:
        """How deliveries stand, of one agency or of all that have a webhook."""
        asks = access.of(request)
        if asks is not None and agency is None:
            agency = asks.id
        if agency is not None:
            asked = [agency_of(request, agency)]
            if not asked[0].hooked:
                raise _not_found("agency", NO_WEBHOOK)
        else:
            asked = [t for t in running.jurisdiction.tenants.of_kind("agency") if t.hooked]
        async with _reached():
            known = await ask(client, [tenant.id for tenant in asked])
            return [await shown(tenant, known.get(tenant.id)) for tenant in asked]

    async def shown(tenant: Tenant, state: dict[str, Any] | None) -> dict[str, Any]:
        assert tenant.webhook is not None
        found = await standing(client, hook_consumer(tenant.id))
        return {
            "agency": tenant.id,
            "host": urlsplit(tenant.webhook.url).hostname,
            "since": tenant.webhook.since.isoformat(),
            "secrets": len(tenant.webhook.secrets),
            "paused": not tenant.active,
            "delivering": state is not None,
            "circuit": {"state": "closed"},
            "waiting": found["num_pending"] + found["num_ack_pending"] if found else 0,
            "undelivered": await undelivered.count(tenant.id),
            **(state or {}),
        }

    @app.get("/api/v1/webhooks/{agency}/undelivered")
    async def listed(
        request: Request, response: Response, agency: str, limit: Limit = 50, after: After = 0
    ) -> list[dict[str, Any]]:
        """What was given up, the oldest first; when there may be more, the header `Link` names the next page."""
        async with _reached():
            found = await undelivered.page(agency_of(request, agency).id, after, limit)
        if len(found) == limit:
            more = request.url.include_query_params(after=found[-1].sequence)
            response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
        return [one.shown() for one in found]

    @app.post("/api/v1/webhooks/{agency}/undelivered/{sequence}/again", status_code=202)
    async def again(request: Request, agency: str, sequence: Number) -> dict[str, Any]:
        """Sends it once more, under the id it had, and takes it off the list."""
        async with _reached():
            entry = await entry_of(request, agency, sequence)
            await undelivered.again(entry)
        return {"event_id": entry.event_id, "status_url": f"/api/v1/webhooks?agency={agency}"}

    @app.delete("/api/v1/webhooks/{agency}/undelivered/{sequence}", status_code=204)
    async def delete(request: Request, agency: str, sequence: Number) -> None:
        """Takes it off the list; it is not delivered any more."""
        async with _reached():
            await undelivered.delete((await entry_of(request, agency, sequence)).sequence)


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        yield
    except (Unreachable, NotStored) as away:
        raise Problem(503, str(away), retry_after=2) from None


def _not_found(field: str, problem: str) -> Problem:
    return Problem(404, f"{field}: {problem}", [FieldError(field=field, problem=problem)])
