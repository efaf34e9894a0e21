"""The composition root of routing: the only place that builds things."""

from __future__ import annotations

from fastapi import FastAPI

from services.routing import (
    api,
    consultation_api,
    desk_api,
    join_api,
    missing_year,
    more_time_api,
    plan_api,
    split_api,
    unwatched,
)
from services.routing.handlers import handlers
from services.routing.store import COLLECTIONS
from services.routing.sweep import sweep
from shared.access import Centre, for_the_centre
from shared.service import Running, Service


def routes(app: FastAPI, running: Running) -> None:
    """All of HTTP, which is the centre's: cases, the desk, joining and splitting, more time, plans, consultations."""
    for_the_centre(app, Centre(lambda: running.jurisdiction.tenants, running.settings.http_tokens))
    for front in (api, desk_api, join_api, split_api, more_time_api, plan_api, consultation_api):
        front.routes(app, running)


SERVICE = Service(
    "routing",
    handlers,
    COLLECTIONS,
    sweep=sweep,
    routes=routes,
    background=(missing_year.watch, unwatched.watch),
)
